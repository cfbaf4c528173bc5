"""What `minimize` is given: a compiled function, one of tensors or plain Python, and its derivatives."""

import math
from dataclasses import dataclass

import numpy as np
from numba.extending import is_jitted

from nbdl.errors import NumericError, UsageError
from nbdl.optim._derivatives import number, numeric_gradient, numeric_hessian, numeric_jacobian, symmetric
from nbdl.tape import Tensor, real, tensor


@dataclass(frozen=True)
class Objective:
    """f as the loops of `minimize` see it.

    `look(x, dx)` returns f(x) and writes its gradient, `source` says how; `compiled` whether a compiled loop
    may call f itself, and the user's `gradient`, or None.
    """

    look: object
    source: str
    compiled: bool = False
    gradient: object = None


def objective_of(f, x, gradient):
    """The `Objective` of f: it is called once at x, where it must be finite."""
    if gradient not in ("tape", "numeric", None) and not callable(gradient):
        text = 'minimize: `gradient` must be a function, "tape" or "numeric", got {!r}'
        raise UsageError(text, gradient)
    if gradient is None:
        gradient = "numeric" if is_jitted(f) or not _takes_tensors(f, x) else "tape"
    value = number(tensor(f(x.copy())) if gradient != "tape" else f(tensor(x)))
    if not math.isfinite(value):
        raise NumericError("minimize: `f` is {} at `x0`. Try another `x0`, where f is finite", value)
    if gradient == "tape":
        return Objective(lambda x, dx: _look_at_tape(f, x, dx), "tape")
    if gradient == "numeric":
        return Objective(lambda x, dx: _look_around(f, x, dx), "central differences", is_jitted(f))
    found = real("minimize: the result of `gradient`", gradient(x.copy()))
    if found.size != x.size:
        text = "minimize: `gradient` must return an array of shape {}, that of `x0`, got {}"
        raise UsageError(text, x.shape, found.shape)
    compiled = is_jitted(f) and is_jitted(gradient) and isinstance(gradient(x.copy()), np.ndarray)
    return Objective(lambda x, dx: _look(f, gradient, x, dx), "given", compiled, gradient)


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


def curvature_of(f, objective, hessian):
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
