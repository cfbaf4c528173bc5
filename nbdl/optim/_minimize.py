"""`minimize`: one method on one function, and the trace of its steps."""

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numba.extending import is_jitted

from nbdl import registry
from nbdl._jit import plain
from nbdl.errors import NumericError, OptionError, UsageError
from nbdl.nn._options import check_options, positive
from nbdl.optim import _descent
from nbdl.optim._line_search import RULES, Stuck, search
from nbdl.optim._objective import curvature_of, objective_of
from nbdl.records import resolve
from nbdl.tape import real

DIRECTIONS = ("gd", "newton", "preconditioned")
NAMES = {"gd": ("sgd", {}), "nesterov": ("momentum", {"nesterov": True})}  # of optimizers, with options


@dataclass(frozen=True, repr=False)
class Trace:
    """The points that `minimize` went through, the first of them x0.

    Attributes
    ----------
    method : str
    x : (K + 1, *shape of x0) float64
    f : (K + 1,) float64
    gradient_norm : (K + 1,) float64
    gradient : str
        Where gradients came from: "given", "tape" or "central differences".
    stopped : str
        Why there are fewer steps than were asked for; "" if all were made.
    """

    method: str
    x: np.ndarray
    f: np.ndarray
    gradient_norm: np.ndarray
    gradient: str
    stopped: str = ""

    @property
    def steps(self):
        """How many steps were made."""
        return len(self.f) - 1

    def __repr__(self):
        ends = f"f {self.f[0]:.6g} -> {self.f[-1]:.6g}"
        at = np.array2string(self.x[-1], precision=6, threshold=10)
        stopped = f", stopped: {self.stopped}" if self.stopped else ""
        return f"Trace({self.method}, {self.steps} steps, {ends} at {at}{stopped})"


def minimize(
    f, x0, method="gd", steps=100, lr=None, *, gradient=None, hessian=None, line_search=None, schedule=None,
    noise=0.0, seed=0, tolerance=None, **options,
):  # fmt: skip
    """Minimize `f` from `x0`, and keep every point.

    Parameters
    ----------
    f : callable
        Of a float64 array of the shape of `x0`; returns one number. Compiled by Numba, the loop of an
        optimizer is compiled with it; a function of tensors has its gradients from the tape; any other
        Python has central differences (`nbdl.optim.numeric_gradient`).
    x0 : array_like
        Where it begins; a number is an array of one element.
    method : str
        "gd"; "newton", with the inverse of the Hessian; "preconditioned", with that of its diagonal;
        "nesterov"; or an optimizer: "momentum", "adam" ... (`nbdl.Optimizer` records, with their kernels).
    steps : int
        How many steps to make.
    lr : float, optional
        The learning rate, of a line search the longest step (of "wolfe" the first). By default that of the
        optimizer's kernel, else 0.1; 1 for "newton", "preconditioned" and line searches.
    gradient, hessian : callable, optional
        Functions of x that return them, compiled if f is. ``gradient="tape"`` and ``"numeric"`` say where
        gradients must come from. Without `hessian` it is of central differences, of the gradient if there is
        an exact one.
    line_search : "armijo" or "wolfe", optional
        For "gd", "newton" and "preconditioned": the length of each step, see `nbdl.optim`.
    schedule : str or callable, optional
        The factor on `lr` at each step: a schedule by name, or a function ``(step, steps)``.
    noise : float
        The standard deviation of normal noise that is added to each element of the gradient, keyed by
        `seed`: stochastic gradient descent.
    tolerance : float, optional
        It ends where the norm of the gradient is at most this.
    **options
        Those of the optimizer (momentum, beta1 ...).

    Returns
    -------
    Trace
        Where f or its gradient is not finite after some steps the trace ends before, with a warning, and
        `Trace.stopped` says so.

    Raises
    ------
    OptionError, UsageError
        For an `x0` that is not finite, or unknown or unfitting arguments.
    NumericError
        If f or its gradient is not finite at `x0`.

    Examples
    --------
    >>> trace = minimize(lambda x: 0.1 * x[0] ** 2 + 2 * x[1] ** 2, [-5.0, -2.0], steps=20, lr=0.4)
    >>> trace.x[-1].round(6)
    array([-9.43467e-01, -7.30000e-05])
    """
    x = np.array(np.atleast_1d(real("minimize: `x0`", x0)), np.float64, order="C")
    if not x.size or not np.isfinite(x).all():
        raise OptionError("minimize: `x0` must be at least one number, and finite, got {}", x)
    positive("minimize: `steps`", steps)
    for name, value in (("noise", noise), ("lr", lr), ("tolerance", tolerance)):
        if value is not None and not 0 <= value < math.inf:
            raise OptionError("minimize: `{}` must be finite and not negative, got {}", name, value)
    trace = np.empty((steps + 1, x.size)), np.empty(steps + 1), np.empty(steps + 1)
    limit = -1.0 if tolerance is None else float(tolerance)
    with np.errstate(all="ignore"):  # where f is not finite, the trace says so
        objective = objective_of(f, x, gradient)
        if line_search is not None or method in ("newton", "preconditioned"):
            _check_directions(method, line_search, noise, options)
            rates = _rates(1.0 if lr is None else lr, schedule, steps)
            curvature = curvature_of(f, objective, hessian)
            found = search(objective.look, curvature, method, line_search, x, rates, limit, trace)
        else:
            if hessian is not None:
                raise UsageError("minimize: `hessian` is for newton and preconditioned, not for `{}`", method)
            given = steps, lr, schedule, noise, seed, limit, options, trace
            found = _optimize(objective, f, x, method, *given)
    return _trace(method, objective.source, found, trace, x.shape)


def _check_directions(method, line_search, noise, options):
    if method not in DIRECTIONS:
        raise UsageError("minimize: `line_search` is for {}, not for `{}`", ", ".join(DIRECTIONS), method)
    if line_search is not None and line_search not in RULES:
        text = "minimize: `line_search` must be {} or None, got {!r}"
        raise UsageError(text, " or ".join(RULES), line_search)
    if noise or options:
        name = next(iter(options), "noise")
        raise UsageError("minimize: `{}` is no option of {} with exact directions", name, method)


def _rates(lr, schedule, steps):
    """The learning rate of each step."""
    if schedule is None:
        return np.full(steps, float(lr))
    if isinstance(schedule, str):
        schedule = resolve(registry.default().get("schedule", schedule).rate)
    return np.array([lr * schedule(k, steps) for k in range(steps)], np.float64)


def _optimize(objective, f, x, method, steps, lr, schedule, noise, seed, limit, options, trace):
    """By the update kernel of an optimizer."""
    name, fixed = NAMES.get(method, (method, {}))
    record, options = registry.default().get("optimizer", name), {**fixed, **options}
    update, known = resolve(record.update), registry.parameters(record.update)
    order = [n for n in known if n not in ("w", "dw", *record.state)]
    check_options(f"minimize with `{method}`", update, options, ("w", "dw", "lr", "step", *record.state))
    if lr is None:
        lr = known["lr"] if isinstance(known["lr"], float) else 0.1
    rates, state = _rates(lr, schedule, steps), tuple(np.zeros_like(x) for _ in record.state)
    shocks = noise * np.random.default_rng(seed).standard_normal((steps if noise else 0, x.size))
    given = (x, np.zeros_like(x), state, rates)
    first = order[: 1 + ("step" in order)]
    if objective.compiled and is_jitted(update) and first == ["lr", "step"][: len(first)]:
        look = _descent.by_differences if objective.gradient is None else _descent.as_given
        move = _descent.move_by_count if "step" in order else _descent.move
        values = tuple(options.get(n, known[n]) for n in order[len(first) :])
        loop = look, f, objective.gradient, move, update, *given, values
        return _descent.descend(*loop, shocks, limit, trace)

    def move(update, w, dw, state, lr, step, options):
        counted = {"lr": lr, "step": step}
        update(w, dw, *state, **{n: v for n, v in counted.items() if n in order}, **options)

    def look(f, gradient, x, p, d):
        return objective.look(x, d.reshape(x.shape))

    return plain(_descent.descend)(look, f, None, move, update, *given, options, shocks, limit, trace)


def _trace(method, source, found, trace, shape):
    """The `Trace` of what was found: how many points, why it ended, and the last f."""
    count, answer, value = found
    stopped = str(answer) if isinstance(answer, Stuck) else ""
    if answer == _descent.NOT_FINITE:
        what = f"f is {value}" if not math.isfinite(value) else "the gradient of f is not finite"
        if count == 0:
            raise NumericError("minimize: {} at `x0`. Try another `x0`", what)
        stopped = f"{what} after {count} steps"
    elif answer == _descent.FLAT:
        stopped = "the norm of the gradient is within the tolerance"
    if answer == _descent.NOT_FINITE or (isinstance(answer, Stuck) and not answer.arrived):
        advice = "a smaller `lr`" if answer == _descent.NOT_FINITE else "another `x0` or method"
        text = f"minimize: {stopped}; the trace ends there. Try {advice}"
        warnings.warn(text, RuntimeWarning, stacklevel=3)
    x, f, norm = (a[:count].copy() for a in trace)
    return Trace(method, x.reshape(-1, *shape), f, norm, source, stopped)
