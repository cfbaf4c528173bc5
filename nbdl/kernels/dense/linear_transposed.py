r"""Affine map by a transposed matrix, that of an embedding as the output layer of a language model.

.. math:: y_{nq} = \sum_d w_{qd} x_{nd} + b_q

x (N, ..., D), w (Q, D), one row for each output as in torch and in a table (V, D) of `embedding`, b (Q,),
y (N, ..., Q). Nothing is transposed in memory, so that both layers can have one matrix, whose gradient is the
sum of both: Press & Wolf 2017, "Using the output embedding to improve language models". All else is as in
`nbdl.kernels.linear`, whose w is (D, Q).
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.dense.linear import _add_rows, _linear_dw, _linear_dx
from nbdl.kernels.door.inputs import AT_LEAST_2, as_float, as_like, as_optional
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat, rows
from nbdl.kernels.simd.few_rows import FEW_ROWS, gemm_few_rows_transposed
from nbdl.kernels.simd.gemm import gemm


@jit
def linear_transposed_shape(x_shape, w_shape):
    """Shape (N, ..., Q) of the result; raises `ShapeError` unless x (N, ..., D) and w (Q, D) fit.

    Call it once before a parallel loop over `linear_transposed`: Numba drops exceptions inside ``prange``.

    Examples
    --------
    >>> linear_transposed_shape((8, 3), (5, 3))
    (8, 5)
    """
    if len(x_shape) < 2 or len(w_shape) != 2:
        raise ShapeError(
            "linear_transposed: `x` (N, ..., D) must have at least 2 dimensions and `w` (Q, D) 2, "
            "got {} and {}",
            len(x_shape),
            len(w_shape),
        )
    if x_shape[-1] != w_shape[1]:
        raise ShapeError(
            "linear_transposed: `w` must have as many columns as `x` ({}), got {}", x_shape[-1], w_shape[1]
        )
    return x_shape[:-1] + (w_shape[0],)


@jit
def linear_transposed(x, w, b=None, out=None):
    r"""Affine map of each row, :math:`y = x w^T + b`.

    Parameters
    ----------
    x : (N, ..., D) float array
    w : (Q, D) float array
        One row for each output.
    b : (Q,) float array, optional
    out : (N, ..., Q) array, optional
        Where the result goes; must not overlap the inputs.

    Returns
    -------
    (N, ..., Q) array of the dtype of `x`. A sum of D products has an error of at most D eps sum abs(x w).

    Raises
    ------
    ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call `linear_transposed_shape` before the loop.

    Examples
    --------
    >>> linear_transposed(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), np.array([0.5]))
    array([[11.5]])
    """
    given = b is not None  # asked first: `as_optional` turns None into an array without elements
    x = as_float("linear_transposed: `x` (N, ..., D)", x, AT_LEAST_2)
    w = as_like("linear_transposed: `w` (Q, D)", w, 2, x)
    b = as_optional("linear_transposed: `b` (Q,)", b, 1, x)
    shape = linear_transposed_shape(x.shape, w.shape)
    if given and b.size != w.shape[0]:
        raise ShapeError(
            "linear_transposed: `b` must have {} elements, one for each row of `w`, got {}",
            w.shape[0],
            b.size,
        )
    y = as_out("linear_transposed: `out`", out, shape, x)
    _linear_transposed(rows(x), w, b, rows(y))
    return y


@jit
def _linear_transposed(x, w, b, y):
    # Packing w for the tiles would cost more than it saves.
    if x.shape[0] <= FEW_ROWS:
        return gemm_few_rows_transposed(x, w, b, y, np.bool_(False))
    # The product is added: y, which may hold any values, begins with the bias and needs no pass afterwards.
    for n in range(y.shape[0]):
        for q in range(y.shape[1]):
            y[n, q] = b[q] if b.size else 0
    _linear_dx(x, w, y)  # adds x times the transposed w


@jit
def linear_transposed_dx(dy, w, dx=None):
    r"""Adds :math:`dx = dy\, w` to `dx` (N, ..., D), new (zeros) if it is not given; returns it."""
    dy = as_float("linear_transposed_dx: `dy` (N, ..., Q)", dy, AT_LEAST_2)
    w = as_like("linear_transposed_dx: `w` (Q, D)", w, 2, dy)
    if dy.shape[-1] != w.shape[0]:
        raise ShapeError(
            "linear_transposed_dx: `dy` must have as many columns as `w` has rows ({}), got {}",
            w.shape[0],
            dy.shape[-1],
        )
    dx = as_grad("linear_transposed_dx: `dx`", dx, dy.shape[:-1] + (w.shape[1],), dy)
    _linear_transposed_dx(rows(dy), w, rows(dx))
    return dx


@jit
def _linear_transposed_dx(dy, w, dx):
    (N, Q), D = dy.shape, dx.shape[1]
    # w as it lies, rows behind each other: here it is forward that has the transposed matrix.
    gemm(np.int64(1), N, D, Q, flat(dy), Q, np.int64(1), flat(w), D, np.int64(1), flat(dx), np.bool_(True))


@jit
def linear_transposed_dw(dy, x, dw=None):
    r"""Adds :math:`dw = \sum dy^T x` to `dw` (Q, D), which is new (zeros) if it is not given; returns it."""
    dy = as_float("linear_transposed_dw: `dy` (N, ..., Q)", dy, AT_LEAST_2)
    x = as_like("linear_transposed_dw: `x` (N, ..., D)", x, AT_LEAST_2, dy)
    if dy.shape[:-1] != x.shape[:-1]:
        raise ShapeError(
            "linear_transposed_dw: `dy` must have as many rows as `x` (all axes but the last {}), got {}",
            x.shape[:-1],
            dy.shape[:-1],
        )
    dw = as_grad("linear_transposed_dw: `dw`", dw, (dy.shape[-1], x.shape[-1]), dy)
    # x and dy exchanged: dy^T x is the transpose of x^T dy, and nothing has to be turned.
    _linear_dw(rows(x), rows(dy), dw)
    return dw


@jit
def linear_transposed_db(dy, db=None):
    r"""Adds :math:`db_q = \sum_n dy_{nq}` to `db` (Q,), new (zeros) if it is not given; returns it."""
    dy = as_float("linear_transposed_db: `dy` (N, ..., Q)", dy, AT_LEAST_2)
    db = as_grad("linear_transposed_db: `db`", db, (dy.shape[-1],), dy)
    _add_rows(rows(dy), db)
    return db


@jit
def linear_transposed_backward(dy, x, w, dx=None, dw=None, db=None):
    """All three gradients, (dx, dw, db), by the kernels above."""
    return linear_transposed_dx(dy, w, dx), linear_transposed_dw(dy, x, dw), linear_transposed_db(dy, db)


linear_transposed_outputs = outputs(linear_transposed)
