r"""Gradient, Jacobian and Hessian of a function of one array: by the tape, or by differences.

`x` is a number or an array of any shape; results are float64. The numeric ones take any Python function, one
of Numba too; the others a function of tensors. With :math:`e_i` the i-th unit vector and a step h,

.. math:: \partial_i f \approx \frac{f(x + h e_i) - f(x - h e_i)}{2h} \qquad
          \partial_i \partial_j f \approx \frac{f_{+i+j} - f_{+i-j} - f_{-i+j} + f_{-i-j}}{4h^2}

The error of the first is of order :math:`h^2 f'''` and of :math:`\epsilon f / h` by rounding: `h` is the cube
root of epsilon times max(1, \|x_i\|) unless it is given, for second derivatives the fourth root.
Zhang et al., Dive into Deep Learning, sections 22.3 and 22.4.
"""

import numpy as np

from nbdl.errors import OptionError, UsageError
from nbdl.optim._descent import ROOT
from nbdl.tape import Tensor, real, tensor

FOURTH = np.finfo(np.float64).eps ** 0.25


def numeric_gradient(f, x, h=None, forward=False):
    """The gradient of a function that returns one number, of the shape of `x`.

    With `forward` it is (f(x + h) - f(x)) / h, the definition of the derivative: an error of order h.

    Examples
    --------
    >>> numeric_gradient(lambda x: 3 * x**2 - 4 * x, 1.0, h=0.1, forward=True).round(5)
    np.float64(2.3)
    """
    return numeric_jacobian(lambda p: number(f(p)), x, h, forward)


def numeric_jacobian(f, x, h=None, forward=False):
    """The derivatives of an array by an array: of shape (*shape of f(x), *shape of `x`)."""
    x, columns = _point(x, h), []
    here = np.asarray(f(_given(x)), np.float64) if forward else None
    for at, step in _steps(x, h, ROOT):
        up, down = x.copy(), x.copy()
        up[at] += step
        down[at] -= 0.0 if forward else step
        below = here if forward else np.asarray(f(_given(down)), np.float64)
        columns.append((np.asarray(f(_given(up)), np.float64) - below) / (up[at] - down[at]))
    return _shaped(columns, x)


def numeric_hessian(f, x, h=None):
    """The second derivatives of a function that returns one number: (*shape of `x`, *shape of `x`)."""
    x = _point(x, h)
    steps = list(_steps(x, h, FOURTH))
    found = np.empty((x.size, x.size))

    def moved(*by):
        there = x.copy()
        for at, step in by:
            there[at] += step
        return number(f(_given(there)))

    for i, (at, a) in enumerate(steps):
        for j, (to, b) in enumerate(steps[: i + 1]):
            corners = [s * t * moved((at, s * a), (to, t * b)) for s in (1, -1) for t in (1, -1)]
            found[i, j] = found[j, i] = sum(corners) / (4 * a * b)
    return found.reshape(x.shape * 2)[()]


def gradient(f, x):
    """The gradient of a function of a tensor that returns one number, by the tape: exact up to rounding.

    Examples
    --------
    >>> gradient(lambda x: (x * x).sum(), np.array([1.0, 2.0]))
    array([2., 4.])
    """
    x = _point(x)
    variable = tensor(x, requires_grad=True)
    result = _on_tape(f, variable)
    number(result)
    result.backward()
    return _gradient(variable)[()]


def jacobian(f, x):
    """The derivatives of a tensor by a tensor, one walk over the tape for each element of f(x)."""
    x = _point(x)
    variable = tensor(x, requires_grad=True)
    result, rows = _on_tape(f, variable), []
    for i in range(result.size):
        variable.grad = None
        result.backward(np.eye(1, result.size, i).reshape(result.shape), retain=True)
        rows.append(_gradient(variable))
    return np.reshape(rows, result.shape + x.shape)[()]


def hessian(f, x):
    """The second derivatives: central differences of the gradients that the tape finds, made symmetric.

    The tape is walked once, not differentiated again: expect 1e-9 of the size of the gradients.
    """
    x = _point(x)
    return symmetric(numeric_jacobian(lambda p: gradient(f, p), x), x.shape)


def symmetric(matrix, shape=None):
    """A Hessian (*shape, *shape) without the difference to its transpose."""
    shape = shape if shape is not None else matrix.shape[: matrix.ndim // 2]
    size = int(np.prod(shape))
    flat = np.reshape(matrix, (size, size))
    return ((flat + flat.T) / 2).reshape(shape * 2)[()]


def number(result):
    """The one number that a function has returned, as a float."""
    if np.size(result) != 1:
        raise UsageError("`f` must return one number, got an array of shape {}", np.shape(result))
    return float(real("`f`", result).reshape(-1)[0])


def _on_tape(f, variable):
    result = f(variable)
    if not isinstance(result, Tensor) or not result.requires_grad:
        text = "`f` must return a tensor that it has computed from its argument, got {!r}. Try {}"
        raise UsageError(text, result, "the numeric derivative of the same name")
    return result


def _gradient(variable):
    return np.zeros(variable.shape) if variable.grad is None else variable.grad


def _point(x, h=None):
    x = real("`x`", x).astype(np.float64)
    if not np.isfinite(x).all():
        raise OptionError("`x` must be finite, got {}", x)
    if h is not None and not 0 < h < np.inf:
        raise OptionError("`h` must be finite and above 0, got {}", h)
    return x


def _given(x):
    """What a user's function is called with: a number if x is one."""
    return x if x.ndim else float(x)


def _steps(x, h, root):
    """(index, step) of each element."""
    for at in np.ndindex(x.shape):
        yield at, float(h or root * max(1.0, abs(x[at])))


def _shaped(columns, x):
    if not columns:
        return np.zeros(x.shape)
    return np.stack(columns, axis=-1).reshape(columns[0].shape + x.shape)[()]
