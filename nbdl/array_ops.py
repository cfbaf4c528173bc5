"""Array plumbing of the eager tape: NumPy functions under recorded names, each with its gradients.

Arithmetic, products, reductions, indexing and reshaping compile nothing. They follow the kernel law all the
same: forward ``f(*inputs, *constants)``; a gradient is named ``<op>_d<input>``, takes the cotangent first and
adds to its last argument.
"""

import numpy as np


def _add(da, g):
    """da += g, summing g over the axes along which `da` was broadcast."""
    extra = g.ndim - da.ndim
    axes = tuple(range(extra)) + tuple(
        i + extra for i, n in enumerate(da.shape) if n == 1 and g.shape[i + extra] != 1
    )
    g = g.sum(axis=axes, keepdims=True) if axes else g
    da += g.reshape(da.shape)


# --- arithmetic, with broadcasting ------------------------------------------------------------------------


def add(a, b):
    return a + b


def add_da(dy, da):
    _add(da, dy)


def add_db(dy, db):
    _add(db, dy)


def sub(a, b):
    return a - b


def sub_da(dy, da):
    _add(da, dy)


def sub_db(dy, db):
    _add(db, -dy)


def mul(a, b):
    return a * b


def mul_da(dy, b, da):
    _add(da, dy * b)


def mul_db(dy, a, db):
    _add(db, dy * a)


def div(a, b):
    return a / b


def div_da(dy, b, da):
    _add(da, dy / b)


def div_db(dy, b, y, db):
    _add(db, -dy * y / b)


def power(a, b):
    return a**b


def power_da(dy, a, b, da):
    # b a^(b-1), with 0 where b = 0 whatever a is
    _add(da, dy * np.where(b == 0, 0, b * a ** np.where(b == 0, 1, b - 1)))


def power_db(dy, a, y, db):
    # a^b log a, with its limit 0 at a = 0
    _add(db, dy * y * np.log(np.where(a == 0, 1, a)))


def maximum(a, b):
    return np.maximum(a, b)


def maximum_da(dy, a, b, da):
    _add(da, dy * ((a > b) + 0.5 * (a == b)))  # a tie shares the gradient


def maximum_db(dy, a, b, db):
    _add(db, dy * ((b > a) + 0.5 * (a == b)))


# --- elementwise ------------------------------------------------------------------------------------------


def neg(a):
    return -a


def neg_da(dy, da):
    da -= dy


def exp(a):
    return np.exp(a)


def exp_da(dy, y, da):
    da += dy * y


def log(a):
    return np.log(a)


def log_da(dy, a, da):
    da += dy / a


def sqrt(a):
    return np.sqrt(a)


def sqrt_da(dy, y, da):
    da += dy / (2 * y)


def absolute(a):
    return np.abs(a)


def absolute_da(dy, a, da):
    da += dy * np.sign(a)  # the subgradient 0 at 0


# --- products ---------------------------------------------------------------------------------------------


def matmul(a, b):
    return a @ b


def matmul_da(dy, b, da):
    if b.ndim == 1:  # (..., D) . (D,) -> (...)
        _add(da, dy[..., None] * b)
    elif da.ndim == 1:  # (D,) . (..., D, Q) -> (..., Q)
        _add(da, (b @ dy[..., None])[..., 0])
    else:
        _add(da, dy @ np.swapaxes(b, -1, -2))


def matmul_db(dy, a, db):
    if a.ndim == 1 and db.ndim == 1:
        db += dy * a
    elif a.ndim == 1:
        _add(db, a[:, None] * dy[..., None, :])
    elif db.ndim == 1:
        _add(db, (np.swapaxes(a, -1, -2) @ dy[..., None])[..., 0])
    else:
        _add(db, np.swapaxes(a, -1, -2) @ dy)


# --- reductions -------------------------------------------------------------------------------------------


def _spread(g, axis, keepdims):
    """`g`, a reduction over `axis`, ready to be broadcast to the shape of what was reduced."""
    return g if axis is None or keepdims else np.expand_dims(g, axis)


def sum(a, axis=None, keepdims=False):
    return np.sum(a, axis=axis, keepdims=keepdims)


def sum_da(dy, axis, keepdims, da):
    da += _spread(dy, axis, keepdims)


def mean(a, axis=None, keepdims=False):
    return np.mean(a, axis=axis, keepdims=keepdims)


def mean_da(dy, axis, keepdims, da):
    if da.size:
        da += _spread(dy, axis, keepdims) * (dy.size / da.size)


def max(a, axis=None, keepdims=False):
    return np.max(a, axis=axis, keepdims=keepdims)


def max_da(dy, a, y, axis, keepdims, da):
    hit = a == _spread(y, axis, keepdims)  # ties share the gradient
    da += _spread(dy, axis, keepdims) * hit / hit.sum(axis=axis, keepdims=True)


# --- shape ------------------------------------------------------------------------------------------------


def reshape(a, shape):
    return a.reshape(shape)


def reshape_da(dy, da):
    da += dy.reshape(da.shape)


def transpose(a, axes=None):
    return a.transpose(axes)


def transpose_da(dy, axes, da):
    da += dy.transpose(None if axes is None else np.argsort(np.mod(axes, da.ndim)))


def getitem(a, index):
    return a[index]


def getitem_da(dy, index, da):
    parts = index if isinstance(index, tuple) else (index,)
    if all(p is None or p is Ellipsis or isinstance(p, (int, np.integer, slice)) for p in parts):
        da[index] += dy
    else:
        np.add.at(da, index, dy)  # an element may be taken more than once


def concatenate(a, b, axis=0):
    return np.concatenate([a, b], axis=axis)


def concatenate_da(dy, axis, da):
    da += np.split(dy, [da.shape[axis]], axis=axis)[0]


def concatenate_db(dy, axis, db):
    db += np.split(dy, [dy.shape[axis] - db.shape[axis]], axis=axis)[1]
