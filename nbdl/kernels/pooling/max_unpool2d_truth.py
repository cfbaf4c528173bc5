"""The truth of `max_unpool2d`."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError, LabelError, OptionError, ShapeError
from nbdl.kernels.door.window_truth import pair


def max_unpool2d(x, index, size):
    H, W = pair(size)
    y = np.zeros((*x.shape[:2], H, W))
    for n, c, i, j in np.ndindex(x.shape):
        y[n, c, index[n, c, i, j] // W, index[n, c, i, j] % W] = x[n, c, i, j]
    return y


def max_unpool2d_cases(rng):
    x = rng.standard_normal((3, 2, 2, 3))
    index = np.array([rng.permutation(20)[:6] for _ in range(6)]).reshape(x.shape)
    twice = np.where(index > 12, 3, index)
    size = {"size": (4, 5)}
    return [
        Case("6 of 20", (x, index), size),
        Case("of 32 bits", (x, index.astype(np.int32)), size),
        Case("a place twice", (x, twice), size),
        Case("a square", (x, index % 9), {"size": 3}),
        Case("no samples", (x[:0], index[:0]), size),
        Case("no elements", (x[:, :, :0], index[:, :, :0]), size),
        Case("not finite", (np.where(x > 1, np.nan, x), index), size, grad=False),
        Bad("an index of 20", (x, index + 20), size, LabelError, "index"),
        Bad("a negative index", (x, index - 20), size, LabelError, "index"),
        Bad("an index of floats", (x, index.astype(float)), size, DtypeError, "index"),
        Bad("another shape", (x, index[:, :, :1]), size, ShapeError, "index"),
        Bad("a negative size", (x, index), {"size": (4, -5)}, OptionError, "size"),
        Bad("a large size", (x, index), {"size": 2**31 - 1}, OptionError, "size"),
        Bad("x of 3 dimensions", (x[0], index[0]), size, ShapeError, "x"),
    ]
