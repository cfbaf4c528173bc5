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
from nbdl.optim._derivatives import (
    number,
    numeric_gradient,
    numeric_hessian,
    numeric_jacobian,
    symmetric,
)
from nbdl.optim._line_search import RULES, Stuck, search
from nbdl.records import resolve
from nbdl.tape import Tensor, real, tensor

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
    objective = _objective(f, x, gradient)
    trace = np.empty((steps + 1, x.size)), np.empty(steps + 1), np.empty(steps + 1)
    limit = -1.0 if tolerance is None else float(tolerance)
    with np.errstate(all="ignore"):  # where f is not finite, the trace says so
        if line_search is not None or method in ("newton", "preconditioned"):
            _check_directions(method, line_search, noise, options)
            rates = _rates(1.0 if lr is None else lr, schedule, steps)
            curvature = _curvature(f, objective, hessian)
            found = search(objective.look, curvature, method, line_search, x, rates, limit, trace)
        else:
            if hessian is not None:
                raise UsageError("minimize: `hessian` is for newton and preconditioned, not for `{}`", method)
            found = _optimize(
                objective, f, x, method, steps, lr, schedule, noise, seed, limit, options, trace
            )
    return _trace(method, objective.source, found, trace, x.shape)


# --- f and its derivatives ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Objective:
    """`look(x, dx)` returns f(x) and writes its gradient; `gradient` is a user's compiled one, or None."""

    look: object
    source: str
    compiled: bool = False
    gradient: object = None


def _objective(f, x, gradient):
    if gradient not in ("tape", "numeric", None) and not callable(gradient):
        text = 'minimize: `gradient` must be a function, "tape" or "numeric", got {!r}'
        raise UsageError(text, gradient)
    if gradient is None:
        gradient = "numeric" if is_jitted(f) or not _takes_tensors(f, x) else "tape"
    value = number(tensor(f(x.copy())) if gradient != "tape" else f(tensor(x)))
    if not math.isfinite(value):
        raise NumericError("minimize: `f` is {} at `x0`. Try another `x0`, where f is finite", value)
    if gradient == "tape":
        return _Objective(lambda x, dx: _look_at_tape(f, x, dx), "tape")
    if gradient == "numeric":
        return _Objective(lambda x, dx: _look_around(f, x, dx), "central differences", is_jitted(f))
    found = real("minimize: the result of `gradient`", gradient(x.copy()))
    if found.size != x.size:
        text = "minimize: `gradient` must return an array of shape {}, that of `x0`, got {}"
        raise UsageError(text, x.shape, found.shape)
    compiled = is_jitted(f) and is_jitted(gradient) and isinstance(gradient(x.copy()), np.ndarray)
    return _Objective(lambda x, dx: _look(f, gradient, x, dx), "given", compiled, gradient)


def _takes_tensors(f, x):
    """Whether f of a tensor is a tensor that has a gradient."""
    try:
        result = f(tensor(x, requires_grad=True))
    except Exception:
        return False  # of arrays, then; if it fails there too, that is what the user sees
    return isinstance(result, Tensor) and result.requires_grad


def _look_at_tape(f, x, dx):
    variable, dx[...] = tensor(x, requires_grad=True), 0.0
    result = f(variable)
    value = number(result)
    if isinstance(result, Tensor) and result.requires_grad:  # it may be a constant here, NaN for example
        result.backward()
        dx[...] = 0.0 if variable.grad is None else variable.grad
    return value


def _look_around(f, x, dx):
    dx[...] = numeric_gradient(f, x)
    return number(f(x.copy()))


def _look(f, gradient, x, dx):
    dx[...] = np.reshape(gradient(x.copy()), x.shape)
    return number(f(x.copy()))


def _curvature(f, objective, hessian):
    """The Hessian as a function of x."""
    if hessian is not None:
        return lambda x: real("minimize: the result of `hessian`", hessian(x.copy())).astype(np.float64)
    if objective.source == "central differences":
        return lambda x: numeric_hessian(f, x)

    def slope(x):
        dx = np.empty_like(x)
        objective.look(x, dx)
        return dx

    return lambda x: symmetric(numeric_jacobian(slope, x))


# --- methods ------------------------------------------------------------------------------------------------


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

    def look(f, gradient, x, dx):
        return objective.look(x, dx)

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
