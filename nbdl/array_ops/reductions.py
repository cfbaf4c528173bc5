"""Reductions and running sums over one axis, several (a tuple or a list) or all (None)."""

import numpy as np


def _axes(axis):
    return tuple(axis) if isinstance(axis, list) else axis


def _spread(g, axis, keepdims):
    """`g`, a reduction over `axis`, ready to be broadcast to the shape of what was reduced."""
    return g if axis is None or keepdims else np.expand_dims(g, _axes(axis))


def sum(a, axis=None, keepdims=False):
    return np.sum(a, axis=_axes(axis), keepdims=keepdims)


def sum_da(dy, axis, keepdims, da):
    da += _spread(dy, axis, keepdims)


def mean(a, axis=None, keepdims=False):
    return np.mean(a, axis=_axes(axis), keepdims=keepdims)


def mean_da(dy, axis, keepdims, da):
    if da.size:
        da += _spread(dy, axis, keepdims) * (dy.size / da.size)


def var(a, axis=None, keepdims=False, ddof=0):
    """Mean square distance from the mean; the sum is divided by the number of terms less `ddof`."""
    return np.var(a, axis=_axes(axis), keepdims=keepdims, ddof=ddof)


def var_da(dy, a, axis, keepdims, ddof, da):
    if da.size:
        distance = a - np.mean(a, axis=_axes(axis), keepdims=True)
        terms = da.size // dy.size
        with np.errstate(divide="ignore", invalid="ignore"):
            da += _spread(dy, axis, keepdims) * distance * (np.float64(2) / (terms - ddof))


def std(a, axis=None, keepdims=False, ddof=0):
    return np.std(a, axis=_axes(axis), keepdims=keepdims, ddof=ddof)


def std_da(dy, a, y, axis, keepdims, ddof, da):
    slope = np.divide(dy, 2 * y, out=np.zeros_like(dy), where=y != 0)  # 0 where all are equal, as in torch
    var_da(slope, a, axis, keepdims, ddof, da)


def prod(a, axis=None, keepdims=False):
    return np.prod(a, axis=_axes(axis), keepdims=keepdims)


def prod_da(dy, a, axis, keepdims, da):
    if not da.size:
        return
    # the product of all others: of those before times of those after, so that zeros need no division
    axes = list(range(a.ndim) if axis is None else np.mod(np.atleast_1d(axis), a.ndim))
    order = [i for i in range(a.ndim) if i not in axes] + axes
    moved = a.transpose(order)
    rows = moved.reshape(*moved.shape[: a.ndim - len(axes)], a.size // dy.size)
    ones = np.ones_like(rows[..., :1])
    before = np.cumprod(np.concatenate([ones, rows[..., :-1]], axis=-1), axis=-1)
    after = np.cumprod(np.concatenate([ones, rows[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
    others = (before * after)[..., : rows.shape[-1]].reshape(moved.shape).transpose(np.argsort(order))
    da += _spread(dy, axis, keepdims) * others


def max(a, axis=None, keepdims=False):
    return np.max(a, axis=_axes(axis), keepdims=keepdims)


def max_da(dy, a, y, axis, keepdims, da):
    hit = (a == _spread(y, axis, keepdims)) | (a != a)  # ties share the gradient; a NaN is the maximum
    da += _spread(dy, axis, keepdims) * hit / hit.sum(axis=_axes(axis), keepdims=True)


def min(a, axis=None, keepdims=False):
    return np.min(a, axis=_axes(axis), keepdims=keepdims)


def min_da(dy, a, y, axis, keepdims, da):
    max_da(dy, a, y, axis, keepdims, da)


def argmax(a, axis=None, keepdims=False):
    """The index of the first largest element; of the flattened array if `axis` is None."""
    return np.argmax(a, axis=axis, keepdims=keepdims)


def argmin(a, axis=None, keepdims=False):
    return np.argmin(a, axis=axis, keepdims=keepdims)


def cumsum(a, axis=None):
    """Running sums along `axis`; of the flattened array if it is None."""
    return np.cumsum(a, axis=axis)


def cumsum_da(dy, axis, da):
    along = 0 if axis is None else axis
    da += np.flip(np.cumsum(np.flip(dy, along), axis=along), along).reshape(da.shape)
