"""The same numbers in another arrangement: reshaping, cutting, joining, gathering."""

import functools
import math

import numpy as np

from onnx_on_nbdl.arrays import on_tape


def concatenate(*arrays, axis):
    return functools.reduce(lambda a, b: on_tape("concatenate", a, b, axis=axis), arrays)


def reshape(x, shape, *, allowzero=0):
    """A 0 is the size that the axis had, if it does not mean itself."""
    shape = tuple(n if n or allowzero else x.shape[i] for i, n in enumerate(shape.tolist()))
    return on_tape("reshape", x, shape=shape)


def flatten(x, *, axis=1):
    rows = math.prod(x.shape[:axis])
    return on_tape("reshape", x, shape=(rows, x.size // max(rows, 1)))


def squeeze(x, axes):
    gone = {int(a) % x.ndim for a in axes}
    return on_tape("reshape", x, shape=tuple(n for i, n in enumerate(x.shape) if i not in gone))


def unsqueeze(x, axes):
    return on_tape("reshape", x, shape=np.expand_dims(x, tuple(int(a) for a in axes)).shape)


def transpose(x, *, perm=None):
    return on_tape("transpose", x, axes=perm and tuple(perm))


def expand(x, shape):
    return on_tape("mul", x, np.ones(shape, x.dtype))


def cut(x, axis, *limits):
    index = [slice(None)] * x.ndim
    index[axis] = slice(*limits)
    return on_tape("getitem", x, index=tuple(index))


def slices(x, starts, ends, axes=None, steps=None):
    axes = range(len(starts)) if axes is None else axes
    for axis, *limits in zip(axes, starts, ends, [1] * len(starts) if steps is None else steps):
        x = cut(x, int(axis), *map(int, limits))
    return x


def split(x, sizes=None, *, axis=0, split=None, num_outputs=None, outputs=1):
    """Into the sizes given, an input or once an attribute; or into equal ones, but for the last."""
    sizes, each = split if sizes is None else sizes, -(-x.shape[axis] // outputs)
    ends = np.cumsum([each] * outputs if sizes is None else sizes).tolist()
    return tuple(cut(x, axis % x.ndim, start, end) for start, end in zip([0, *ends], ends))


def gather(x, indices, *, axis=0):
    return on_tape("take", x, indices, axis=axis)


def gather_elements(x, indices, *, axis=0):
    """ONNX lets `indices` be shorter than x along other axes: there the first elements count."""
    index = tuple(slice(None) if i == axis % x.ndim else slice(n) for i, n in enumerate(indices.shape))
    return on_tape("take_along_axis", x[index], indices, axis=axis)


def gather_nd(x, indices, *, batch_dims=0):
    """Of each batch the parts that the last axis of `indices` names."""
    places = tuple(np.moveaxis(indices, -1, 0))
    batches = [
        np.arange(n).reshape([-1 if j == i else 1 for j in range(places[0].ndim)])
        for i, n in enumerate(indices.shape[:batch_dims])
    ]
    return on_tape("getitem", x, index=(*batches, *places))


def compress(x, condition, *, axis=None):
    """The parts where `condition` holds; without an axis of the flattened array."""
    x = x.reshape(-1) if axis is None else x
    return on_tape("take", x, np.flatnonzero(condition), axis=axis or 0)


def tile(x, repeats):
    return on_tape("tile", x, reps=tuple(repeats.tolist()))


def triangle(x, k=0, *, upper=1):
    rows, columns = np.arange(x.shape[-2])[:, None], np.arange(x.shape[-1])
    return on_tape("where", columns - rows >= k if upper else columns - rows <= k, x, 0)


def depth_to_space(x, *, blocksize, mode="DCR"):
    (N, C, H, W), b = x.shape, blocksize
    parts = (b, b, C // b**2) if mode == "DCR" else (C // b**2, b, b)
    order = (0, 3, 4, 1, 5, 2) if mode == "DCR" else (0, 1, 4, 2, 5, 3)
    x = on_tape("transpose", on_tape("reshape", x, shape=(N, *parts, H, W)), axes=order)
    return on_tape("reshape", x, shape=(N, C // b**2, H * b, W * b))


def space_to_depth(x, *, blocksize, mode="DCR"):
    (N, C, H, W), b = x.shape, blocksize
    x = on_tape("reshape", x, shape=(N, C, H // b, b, W // b, b))
    x = on_tape("transpose", x, axes=(0, 3, 5, 1, 2, 4) if mode == "DCR" else (0, 1, 3, 5, 2, 4))
    return on_tape("reshape", x, shape=(N, C * b**2, H // b, W // b))


def constant(*, value):
    from onnx import numpy_helper

    return numpy_helper.to_array(value)


OPERATORS = {
    "Compress": compress,
    "Concat": concatenate,
    "Constant": constant,
    "DepthToSpace": depth_to_space,
    "Expand": expand,
    "Flatten": flatten,
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "Identity": lambda x: on_tape("reshape", x, shape=x.shape),
    "Reshape": reshape,
    "Slice": slices,
    "SpaceToDepth": space_to_depth,
    "Split": split,
    "Squeeze": squeeze,
    "Tile": tile,
    "Transpose": transpose,
    "Trilu": triangle,
    "Unsqueeze": unsqueeze,
}
