r"""Linear equations and inverses that say when a matrix is singular.

.. math:: \hat w = \arg\min_w \lVert A w - b \rVert_2 \qquad A^{-1} A = I

By the singular value decomposition of LAPACK. Values below eps max(M, N) times the largest count as 0, as in
``np.linalg.matrix_rank``. Rank, determinant and eigenvalues need no rule of ours: ``np.linalg`` has them,
and compiled code too (Numba needs SciPy for it).
Zhang et al., Dive into Deep Learning, sections 3.1.1 and 22.1.
"""

import warnings

import numpy as np

from nbdl.errors import DtypeError, NumericError, ShapeError


def lstsq(a, b):
    """The `w` for which ``a @ w`` is nearest to `b`; of several the shortest, and a warning that says so.

    Parameters
    ----------
    a : (M, N) float array
        Rows of a design matrix, or a square matrix of coefficients.
    b : (M,) or (M, Q) float array

    Returns
    -------
    (N,) or (N, Q) array

    Warns
    -----
    RuntimeWarning
        If columns of `a` are linear functions of others, so that more than one `w` is as near.

    Raises
    ------
    ShapeError, DtypeError
    NumericError
        If `a` or `b` holds a NaN or an infinity.

    Examples
    --------
    >>> lstsq(np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]]), np.array([3.0, 5.0, 7.0])).round(6)
    array([1., 2.])
    """
    a, b = _floats("lstsq", "a", a), _floats("lstsq", "b", b)
    if a.ndim != 2 or 0 in a.shape:
        raise ShapeError("lstsq: `a` must have 2 dimensions and not be empty, got shape {}", a.shape)
    if b.ndim not in (1, 2) or len(b) != len(a):
        text = "lstsq: `b` must be ({},) or ({}, Q), as many rows as `a`, got shape {}"
        raise ShapeError(text, len(a), len(a), b.shape)
    w, _, rank, _ = np.linalg.lstsq(a, b, rcond=None)
    if rank < a.shape[1]:
        warnings.warn(
            f"lstsq: `a` has rank {rank} of {a.shape[1]} columns: many solutions are as near, and "
            "this is the one of least norm; drop columns that follow from others, or add rows",
            RuntimeWarning,
            stacklevel=2,
        )
    return w


def inverse(a):
    """The inverse of a matrix or of each of a stack; a singular one is named, not divided by.

    Parameters
    ----------
    a : (..., D, D) float array

    Returns
    -------
    (..., D, D) array of the dtype of `a`

    Raises
    ------
    NumericError
        If a matrix has no inverse, to the precision of its dtype, or is not finite.
    ShapeError, DtypeError

    Examples
    --------
    >>> inverse(np.array([[2.0, 0.0], [0.0, 4.0]]))
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    a = _floats("inverse", "a", a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2] or 0 in a.shape:
        raise ShapeError("inverse: `a` must be square and not empty, (..., D, D), got shape {}", a.shape)
    size = a.shape[-1]
    ranks = np.atleast_1d(np.linalg.matrix_rank(a)).reshape(-1)
    singular = np.flatnonzero(ranks < size)
    if singular.size:
        which = "" if a.ndim == 2 else f" (matrix {singular[0]} of {ranks.size})"
        raise NumericError(
            "inverse: `a` is singular, rank {} of {}{}: np.linalg.pinv and nbdl.algebra.lstsq give "
            "the solution of least norm", ranks[singular[0]], size, which,
        )  # fmt: skip
    return np.linalg.inv(a)


def _floats(where, name, a):
    a = np.asarray(a)
    if a.dtype not in (np.float32, np.float64):
        raise DtypeError("{}: `{}` must be a float32 or float64 array, got {}", where, name, a.dtype)
    if not np.isfinite(a).all():
        raise NumericError("{}: `{}` must be finite, got {}", where, name, a[~np.isfinite(a)][0])
    return a
