"""The same numbers in another arrangement: reshaping, transposing, indexing, joining."""

import numpy as np

from nbdl.errors import ShapeError


def reshape(a, shape):
    return a.reshape(shape)


def reshape_da(dy, da):
    da += dy.reshape(da.shape)


def transpose(a, axes=None):
    if axes is not None and sorted(axes) != list(range(a.ndim)) != sorted(np.mod(axes, a.ndim or 1)):
        raise ShapeError(
            "transpose: `axes` must name each of the {} axes once, got {}; swapaxes exchanges two of them",
            a.ndim,
            tuple(axes),
        )
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
