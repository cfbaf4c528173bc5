"""The same numbers in another arrangement: reshaping, transposing, indexing, joining, repeating."""

import numpy as np

from nbdl.errors import DtypeError, LabelError, OptionError, ShapeError


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


def tile(a, reps):
    return np.tile(a, reps)


def tile_da(dy, reps, da):
    ndim = max(len(reps), da.ndim)
    times, sizes = (1,) * (ndim - len(reps)) + reps, (1,) * (ndim - da.ndim) + da.shape
    copies = dy.reshape([n for pair in zip(times, sizes) for n in pair])  # of each axis, one axis
    da += copies.sum(axis=tuple(range(0, 2 * ndim, 2))).reshape(da.shape)


# --- elements at places that are data -----------------------------------------------------------------------


def take(a, indices, axis=0):
    _check_indices("take", a, indices, axis)
    return np.take(a, indices, axis)


def take_da(dy, indices, axis, da):
    """An element that is taken more than once gets the sum."""
    axis = axis % da.ndim
    np.add.at(da, (slice(None),) * axis + (indices,), dy)


def take_along_axis(a, indices, axis=-1):
    _check_indices("take_along_axis", a, indices, axis)
    axis = axis % a.ndim
    others = a.shape[:axis] + a.shape[axis + 1 :]
    if indices.ndim != a.ndim or indices.shape[:axis] + indices.shape[axis + 1 :] != others:
        text = "take_along_axis: `indices` must have the shape {} of the tensor but along axis {}, got {}"
        raise ShapeError(text, a.shape, axis, indices.shape)
    return a[_places(indices, axis)]


def take_along_axis_da(dy, indices, axis, da):
    np.add.at(da, _places(indices, axis % da.ndim), dy)


def _places(indices, axis):
    """The index of each element: its own along every axis but this one."""
    own = np.ogrid[tuple(slice(n) for n in indices.shape)]
    return (*own[:axis], indices, *own[axis + 1 :])


def _check_indices(name, a, indices, axis):
    if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)) or not -a.ndim <= axis < a.ndim:
        raise OptionError("{}: `axis` must be from {} to {}, got {!r}", name, -a.ndim, a.ndim - 1, axis)
    if indices is None or indices.dtype.kind not in "iu":
        raise DtypeError("{}: `indices` must be integers, got {}", name, getattr(indices, "dtype", None))
    size = a.shape[axis]
    bad = indices[(indices < -size) | (indices >= size)]
    if bad.size:
        raise LabelError("{}: `indices` must be from {} to {}, got {}", name, -size, size - 1, bad[0])
