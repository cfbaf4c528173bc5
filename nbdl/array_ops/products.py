"""Products of vectors, matrices and stacks of matrices, as ``@`` of NumPy."""

import numpy as np

from nbdl.array_ops._broadcast import add_to


def matmul(a, b):
    return a @ b


def matmul_da(dy, b, da):
    if b.ndim == 1:  # (..., D) . (D,) -> (...)
        add_to(da, dy[..., None] * b)
    elif da.ndim == 1:  # (D,) . (..., D, Q) -> (..., Q)
        add_to(da, (b @ dy[..., None])[..., 0])
    else:
        add_to(da, dy @ np.swapaxes(b, -1, -2))


def matmul_db(dy, a, db):
    if a.ndim == 1 and db.ndim == 1:
        db += dy * a
    elif a.ndim == 1:
        add_to(db, a[:, None] * dy[..., None, :])
    elif db.ndim == 1:
        add_to(db, (np.swapaxes(a, -1, -2) @ dy[..., None])[..., 0])
    else:
        add_to(db, np.swapaxes(a, -1, -2) @ dy)
