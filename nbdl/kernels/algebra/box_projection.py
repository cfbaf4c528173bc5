r"""Projection onto a box: of each row, the nearest point with every element between two bounds.

.. math:: y_k = \min(\max(x_k, l_k), h_k) \qquad dx_k = [\, l_k \le x_k \le h_k \,]\, dy_k

x and y are (N, ..., D), each row a point; a bound is a number, or (D,). On the tape ``Tensor.clip`` is the
same for numbers. Zhang et al., Dive into Deep Learning, section 12.2.3.3.
"""

import numpy as np
from numba import types
from numba.extending import overload

from nbdl._jit import jit
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels.algebra.vectors import as_rows, check_dy
from nbdl.kernels.door.describe import describe, describe_type, name_in, raiser
from nbdl.kernels.door.inputs import AT_LEAST_1, as_float, as_like
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs

_NOT_BOUND = "{} must be a number or a float array of one dimension, got {}"


def as_bound(where, v, x):
    """A bound of each column of the rows `x`: a number for all, or an array (D,), in the dtype of `x`."""
    if isinstance(v, (int, float, np.integer, np.floating)) and not isinstance(v, bool):
        return np.full(x.shape[-1], v, x.dtype)
    if not isinstance(v, np.ndarray) or v.dtype.kind != "f":
        raise DtypeError(_NOT_BOUND, where, describe(v))
    if v.shape != x.shape[-1:]:
        text = "{} must have shape {}, a bound for each column, got {}"
        raise ShapeError(text, where, x.shape[-1:], v.shape)
    return v.astype(x.dtype)


@overload(as_bound, prefer_literal=True)
def _as_bound(where, v, x):
    name = name_in(where)
    if isinstance(v, (types.Integer, types.Float)):
        return lambda where, v, x: np.full(x.shape[-1], v, x.dtype)
    if not isinstance(v, types.Array) or not isinstance(v.dtype, types.Float) or v.ndim != 1:
        fail = raiser(DtypeError, _NOT_BOUND.format(name, describe_type(v)))

        def refuse(where, v, x):
            fail()
            return np.empty(0, x.dtype)

        return refuse
    message = f"{name} must have shape ({{}},), a bound for each column, got ({{}},)"

    def impl(where, v, x):
        if v.shape[0] != x.shape[-1]:
            raise ShapeError(message, x.shape[-1], v.shape[0])
        return v.astype(x.dtype)

    return impl


@jit
def box_projection(x, low, high, out=None):
    """Each row of `x` (N, ..., D) with its elements moved to between `low` and `high`.

    `low` and `high` are numbers, or arrays (D,), a bound for each column; infinite ones bind nothing. Other
    arguments, the result and errors as in `ball_projection`; `OptionError` where a bound is NaN or `low` is
    above `high`: ``np.clip`` would take it.

    Examples
    --------
    >>> box_projection(np.array([[-3.0, 0.5, 2.0]]), 0.0, 1.0)
    array([[0. , 0.5, 1. ]])
    """
    x = as_float("box_projection: `x` (N, ..., D)", x, AT_LEAST_1)
    low, high = as_bound("box_projection: `low`", low, x), as_bound("box_projection: `high`", high, x)
    y = as_out("box_projection: `out`", out, x.shape, x)
    _check_bounds("box_projection", low, high)
    _box_projection(x.reshape(as_rows(x.shape)), low, high, y.reshape(as_rows(x.shape)))
    return y


@jit
def _check_bounds(kernel, low, high):
    for k in range(low.size):
        if not low[k] <= high[k]:
            text = "{}: `low` must be at most `high`, got {} and {} for column {}"
            raise OptionError(text, kernel, np.float64(low[k]), np.float64(high[k]), k)


@jit
def _box_projection(x, low, high, y):
    for r in range(x.shape[0]):
        row, to = x[r], y[r]
        for k in range(row.size):
            # Of a NaN both comparisons fail: it stays.
            v = low[k] if row[k] < low[k] else row[k]
            to[k] = high[k] if v > high[k] else v


@jit
def box_projection_dx(dy, x, low, high, dx=None):
    """Adds the gradient to `dx`: `dy` where `x` is between the bounds, 0 elsewhere; of the shape of `x`."""
    dy = as_float("box_projection_dx: `dy`", dy, AT_LEAST_1)
    x = as_like("box_projection_dx: `x`", x, AT_LEAST_1, dy)
    check_dy("box_projection_dx", dy.shape, x.shape)
    dx = as_grad("box_projection_dx: `dx`", dx, x.shape, dy)
    low, high = as_bound("box_projection_dx: `low`", low, x), as_bound("box_projection_dx: `high`", high, x)
    _check_bounds("box_projection_dx", low, high)
    view = as_rows(x.shape)
    _box_projection_dx(dy.reshape(view), x.reshape(view), low, high, dx.reshape(view))
    return dx


@jit
def _box_projection_dx(dy, x, low, high, dx):
    for r in range(x.shape[0]):
        for k in range(x.shape[1]):
            if x[r, k] >= low[k] and x[r, k] <= high[k]:
                dx[r, k] += dy[r, k]


box_projection_outputs = outputs(box_projection)
