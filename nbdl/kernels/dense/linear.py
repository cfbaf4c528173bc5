r"""Affine map, the fully connected layer.

.. math:: y_{nq} = \sum_d x_{nd} w_{dq} + b_q

x (N, ..., D), w (D, Q) as in the book (not transposed as in torch or ONNX Gemm), b (Q,), y (N, ..., Q). Axes
between the first and the last, as that of time in (N, T, D), are so many rows more.
Zhang et al., Dive into Deep Learning, section 3.1.

The same as a loop::

    def plain_linear(x, w, b):
        y = np.empty((x.shape[0], w.shape[1]))
        for n, q in np.ndindex(y.shape):
            y[n, q] = b[q] + sum(x[n, d] * w[d, q] for d in range(x.shape[1]))
        return y
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.door.inputs import AT_LEAST_2, as_float, as_like, as_optional
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat, rows
from nbdl.kernels.simd.few_rows import (
    FEW_ROWS,
    FEW_ROWS_BACK,
    add_outer_products,
    gemm_few_rows,
    gemm_few_rows_transposed,
)
from nbdl.kernels.simd.gemm import gemm
from nbdl.kernels.simd.panels import copy


@jit
def linear_shape(x_shape, w_shape):
    """Shape (N, ..., Q) of `linear`'s result; raises `ShapeError` unless x (N, ..., D) and w (D, Q) fit.

    Call it once before a parallel loop over `linear`: Numba drops exceptions raised inside ``prange``.

    Examples
    --------
    >>> linear_shape((8, 3), (3, 5))
    (8, 5)
    """
    if len(x_shape) < 2 or len(w_shape) != 2:
        raise ShapeError(
            "linear: `x` (N, ..., D) must have at least 2 dimensions and `w` (D, Q) 2, got {} and {}",
            len(x_shape),
            len(w_shape),
        )
    if x_shape[-1] != w_shape[0]:
        raise ShapeError(
            "linear: `w` must have as many rows as `x` has columns ({}), got {}", x_shape[-1], w_shape[0]
        )
    return x_shape[:-1] + (w_shape[1],)


@jit
def linear(x, w, b=None, out=None):
    r"""Affine map of each row, :math:`y = x w + b`.

    Parameters
    ----------
    x : (N, ..., D) float array
    w : (D, Q) float array
        One column for each output.
    b : (Q,) float array, optional
    out : (N, ..., Q) array, optional
        Where the result goes; must not overlap the inputs.

    Returns
    -------
    (N, ..., Q) array of the dtype of `x`. A sum of D products has an error of at most D eps sum abs(x w).

    Raises
    ------
    ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call `linear_shape` before the loop.

    Examples
    --------
    >>> linear(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([0.5]))
    array([[11.5]])
    """
    given = b is not None  # asked first: `as_optional` turns None into an array without elements
    x = as_float("linear: `x` (N, ..., D)", x, AT_LEAST_2)
    w = as_like("linear: `w` (D, Q)", w, 2, x)
    b = as_optional("linear: `b` (Q,)", b, 1, x)
    shape = linear_shape(x.shape, w.shape)
    _check_bias(b, given, w.shape[1])
    y = as_out("linear: `out`", out, shape, x)
    _linear(rows(x), w, b, rows(y))
    return y


@jit
def _check_bias(b, given, n):
    if given and b.size != n:
        raise ShapeError("linear: `b` must have {} elements, one for each column of `w`, got {}", n, b.size)


@jit
def _linear(x, w, b, y):
    if x.shape[0] <= FEW_ROWS:
        return gemm_few_rows(x, w, b, y)
    (N, D), Q, out = x.shape, y.shape[1], flat(y)
    # The bias goes into y first, and the products are added to it: one pass over y less.
    for n in range(N if b.size else 0):
        copy(b, 0, Q, out, n * Q)
    # One matrix, strides by row and column. Numba compiles a function once more for each literal that it is
    # called with, which np.int64(1) is not.
    gemm(np.int64(1), N, Q, D, flat(x), D, np.int64(1), flat(w), Q, np.int64(1), out, b.size > 0)


@jit
def linear_dx(dy, w, dx=None):
    r"""Adds :math:`dx = dy\, w^T` to `dx` (N, ..., D), new (zeros) if it is not given; returns it."""
    dy = as_float("linear_dx: `dy` (N, ..., Q)", dy, AT_LEAST_2)
    w = as_like("linear_dx: `w` (D, Q)", w, 2, dy)
    if dy.shape[-1] != w.shape[1]:
        raise ShapeError(
            "linear_dx: `dy` must have as many columns as `w` ({}), got {}", w.shape[1], dy.shape[-1]
        )
    dx = as_grad("linear_dx: `dx`", dx, dy.shape[:-1] + (w.shape[0],), dy)
    _linear_dx(rows(dy), w, rows(dx))
    return dx


@jit
def _linear_dx(dy, w, dx):
    (N, Q), D = dy.shape, dx.shape[1]
    if N <= FEW_ROWS_BACK:
        return gemm_few_rows_transposed(dy, w, flat(dx), dx, np.bool_(True))
    # w transposed is w with its strides exchanged: nothing is copied.
    gemm(np.int64(1), N, D, Q, flat(dy), Q, np.int64(1), flat(w), np.int64(1), Q, flat(dx), np.bool_(True))


@jit
def linear_dw(dy, x, dw=None):
    r"""Adds :math:`dw = \sum x^T dy` to `dw` (D, Q), which is new (zeros) if it is not given; returns it."""
    dy = as_float("linear_dw: `dy` (N, ..., Q)", dy, AT_LEAST_2)
    x = as_like("linear_dw: `x` (N, ..., D)", x, AT_LEAST_2, dy)
    if dy.shape[:-1] != x.shape[:-1]:
        raise ShapeError(
            "linear_dw: `dy` must have as many rows as `x` (all axes but the last {}), got {}",
            x.shape[:-1],
            dy.shape[:-1],
        )
    dw = as_grad("linear_dw: `dw`", dw, (x.shape[-1], dy.shape[-1]), dy)
    _linear_dw(rows(dy), rows(x), dw)
    return dw


@jit
def _linear_dw(dy, x, dw):
    (N, Q), D = dy.shape, x.shape[1]
    if N <= FEW_ROWS_BACK:
        return add_outer_products(x, dy, dw)
    # x transposed: the steps of the sum are the rows of x and dy.
    gemm(np.int64(1), D, Q, N, flat(x), np.int64(1), D, flat(dy), Q, np.int64(1), flat(dw), np.bool_(True))


@jit
def linear_db(dy, db=None):
    r"""Adds :math:`db_q = \sum_n dy_{nq}` to `db` (Q,), new (zeros) if it is not given; returns it."""
    dy = as_float("linear_db: `dy` (N, ..., Q)", dy, AT_LEAST_2)
    db = as_grad("linear_db: `db`", db, (dy.shape[-1],), dy)
    _add_rows(rows(dy), db)
    return db


@jit
def _add_rows(dy, db):
    # Row by row, as memory lies; the inner loop becomes vectors.
    for n in range(dy.shape[0]):
        for q in range(dy.shape[1]):
            db[q] += dy[n, q]


@jit
def linear_backward(dy, x, w, dx=None, dw=None, db=None):
    """All three gradients of `linear`, (dx, dw, db), by the kernels above."""
    return linear_dx(dy, w, dx), linear_dw(dy, x, dw), linear_db(dy, db)


linear_outputs = outputs(linear)
