r"""Products of matrices, one or a batch.

.. math:: y_{ij} = \sum_k a_{ik} b_{kj}

`matmul`: a (M, K), b (K, N), y (M, N). `bmm`: the same for each of B pairs, a (B, M, K), b (B, K, N),
y (B, M, N). Zhang et al., Dive into Deep Learning, sections 2.3 and 11.3.

The work is that of `linear` without a bias.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.dense.linear import _linear, _linear_dw, _linear_dx
from nbdl.kernels.door.inputs import as_float, as_like
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.simd.few_rows import FEW_ROWS, gemm_few_rows
from nbdl.kernels.simd.gemm import gemm
from nbdl.kernels.simd.registers import pointer
from nbdl.kernels.simd.shuffle import lanes
from nbdl.kernels.simd.unpacked import are_small, small_products


@jit
def matmul_shape(a_shape, b_shape):
    """Shape (M, N) of `matmul`'s result; raises `ShapeError` unless a (M, K) and b (K, N) fit.

    Call it once before a parallel loop over `matmul`: Numba drops exceptions raised inside ``prange``.
    """
    if len(a_shape) != 2 or len(b_shape) != 2:
        raise ShapeError(
            "matmul: `a` (M, K) and `b` (K, N) must have 2 dimensions, got {} and {}",
            len(a_shape),
            len(b_shape),
        )
    if a_shape[1] != b_shape[0]:
        raise ShapeError(
            "matmul: `b` must have as many rows as `a` has columns ({}), got {}", a_shape[1], b_shape[0]
        )
    return a_shape[0], b_shape[1]


@jit
def matmul(a, b, out=None):
    """The product of two matrices.

    Parameters
    ----------
    a : (M, K) float array
    b : (K, N) float array
    out : (M, N) array, optional
        Where the result goes; must not overlap the inputs.

    Returns
    -------
    (M, N) array of the dtype of `a`. A sum of K products has an error of at most K eps sum abs(a b).

    Raises
    ------
    ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call `matmul_shape` before the loop.

    Examples
    --------
    >>> matmul(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    array([[11.]])
    """
    a = as_float("matmul: `a` (M, K)", a, 2)
    b = as_like("matmul: `b` (K, N)", b, 2, a)
    y = as_out("matmul: `out`", out, matmul_shape(a.shape, b.shape), a)
    # A matrix product is a linear layer without bias: an empty one stands for none.
    _linear(a, b, flat(a)[:0], y)
    return y


@jit
def matmul_da(dy, b, da=None):
    r"""Adds :math:`da = dy\, b^T` to `da` (M, K), which is new (zeros) if it is not given; returns it."""
    dy = as_float("matmul_da: `dy` (M, N)", dy, 2)
    b = as_like("matmul_da: `b` (K, N)", b, 2, dy)
    if dy.shape[1] != b.shape[1]:
        raise ShapeError(
            "matmul_da: `dy` must have as many columns as `b` ({}), got {}", b.shape[1], dy.shape[1]
        )
    da = as_grad("matmul_da: `da`", da, (dy.shape[0], b.shape[0]), dy)
    # As for the layer whose weights are b; the products are added to da, which is zeros if it is new.
    _linear_dx(dy, b, da)
    return da


@jit
def matmul_db(dy, a, db=None):
    r"""Adds :math:`db = a^T dy` to `db` (K, N), which is new (zeros) if it is not given; returns it."""
    dy = as_float("matmul_db: `dy` (M, N)", dy, 2)
    a = as_like("matmul_db: `a` (M, K)", a, 2, dy)
    if dy.shape[0] != a.shape[0]:
        raise ShapeError(
            "matmul_db: `dy` must have as many rows as `a` ({}), got {}", a.shape[0], dy.shape[0]
        )
    db = as_grad("matmul_db: `db`", db, (a.shape[1], dy.shape[1]), dy)
    _linear_dw(dy, a, db)
    return db


@jit
def bmm_shape(a_shape, b_shape):
    """Shape (B, M, N) of `bmm`'s result; raises `ShapeError` unless a (B, M, K) and b (B, K, N) fit.

    Call it once before a parallel loop over `bmm`: Numba drops exceptions raised inside ``prange``.
    """
    if len(a_shape) != 3 or len(b_shape) != 3:
        raise ShapeError(
            "bmm: `a` (B, M, K) and `b` (B, K, N) must have 3 dimensions, got {} and {}",
            len(a_shape),
            len(b_shape),
        )
    if a_shape[0] != b_shape[0]:
        raise ShapeError("bmm: `b` must have as many matrices as `a` ({}), got {}", a_shape[0], b_shape[0])
    if a_shape[2] != b_shape[1]:
        raise ShapeError(
            "bmm: the matrices of `b` must have as many rows as those of `a` have columns ({}), got {}",
            a_shape[2],
            b_shape[1],
        )
    return a_shape[0], a_shape[1], b_shape[2]


@jit
def bmm(a, b, out=None):
    """The products of pairs of matrices.

    Parameters
    ----------
    a : (B, M, K) float array
    b : (B, K, N) float array
    out : (B, M, N) array, optional
        Where the result goes; must not overlap the inputs.

    Returns
    -------
    (B, M, N) array of the dtype of `a`. A sum of K products has an error of at most K eps sum abs(a b).

    Raises
    ------
    ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call `bmm_shape` before the loop.

    Examples
    --------
    >>> bmm(np.ones((2, 1, 3)), np.ones((2, 3, 1)))[:, 0, 0]
    array([3., 3.])
    """
    a = as_float("bmm: `a` (B, M, K)", a, 3)
    b = as_like("bmm: `b` (B, K, N)", b, 3, a)
    y = as_out("bmm: `out`", out, bmm_shape(a.shape, b.shape), a)
    (B, M, K), N = a.shape, b.shape[2]
    # Packing panels pays from some rows on: below, and where a row is a part of a vector, nothing is packed.
    if M <= FEW_ROWS or max(M, N) < lanes(pointer(y)):
        for i in range(B):
            gemm_few_rows(a[i], b[i], flat(a)[:0], y[i])
    elif are_small(M, N, K, y, np.bool_(False)):
        small_products(B, M, N, K, flat(a), K, np.int64(1), flat(b), flat(y), np.bool_(False))
    else:
        # All pairs in one call: they share the scratch. y may hold any values: it is written, not added to.
        gemm(B, M, N, K, flat(a), K, np.int64(1), flat(b), N, np.int64(1), flat(y), np.bool_(False))
    return y


@jit
def bmm_da(dy, b, da=None):
    r"""Adds :math:`da_i = dy_i\, b_i^T` to `da` (B, M, K), new (zeros) if it is not given; returns it."""
    dy = as_float("bmm_da: `dy` (B, M, N)", dy, 3)
    b = as_like("bmm_da: `b` (B, K, N)", b, 3, dy)
    if dy.shape[0] != b.shape[0] or dy.shape[2] != b.shape[2]:
        raise ShapeError(
            "bmm_da: `dy` must have as many matrices and columns as `b`, {}, got {}",
            (b.shape[0], b.shape[2]),
            (dy.shape[0], dy.shape[2]),
        )
    da = as_grad("bmm_da: `da`", da, (dy.shape[0], dy.shape[1], b.shape[1]), dy)
    (B, M, N), K = dy.shape, b.shape[1]
    # b transposed is b with its strides exchanged.
    gemm(B, M, K, N, flat(dy), N, np.int64(1), flat(b), np.int64(1), N, flat(da), np.bool_(True))
    return da


@jit
def bmm_db(dy, a, db=None):
    r"""Adds :math:`db_i = a_i^T dy_i` to `db` (B, K, N), new (zeros) if it is not given; returns it."""
    dy = as_float("bmm_db: `dy` (B, M, N)", dy, 3)
    a = as_like("bmm_db: `a` (B, M, K)", a, 3, dy)
    if dy.shape[0] != a.shape[0] or dy.shape[1] != a.shape[1]:
        raise ShapeError(
            "bmm_db: `dy` must have as many matrices and rows as `a`, {}, got {}",
            (a.shape[0], a.shape[1]),
            (dy.shape[0], dy.shape[1]),
        )
    db = as_grad("bmm_db: `db`", db, (dy.shape[0], a.shape[2], dy.shape[2]), dy)
    (B, M, N), K = dy.shape, a.shape[2]
    if are_small(K, N, M, db, np.bool_(True)):
        small_products(B, K, N, M, flat(a), np.int64(1), K, flat(dy), flat(db), np.bool_(True))
        return db
    # a transposed is a with its strides exchanged; np.int64(1) is no literal (see `_linear`).
    gemm(B, K, N, M, flat(a), np.int64(1), K, flat(dy), N, np.int64(1), flat(db), np.bool_(True))
    return db


matmul_outputs, bmm_outputs = outputs(matmul), outputs(bmm)
