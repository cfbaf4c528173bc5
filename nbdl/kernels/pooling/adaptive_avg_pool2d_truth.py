"""The truth of `adaptive_avg_pool2d` and `global_avg_pool2d`, and the cases of all adaptive pooling."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels.door.window_truth import pair


def bins(size, count):
    return [
        slice(int(np.floor(i * size / count)), int(np.ceil((i + 1) * size / count))) for i in range(count)
    ]


def adaptive_avg_pool2d(x, size):
    rows, columns = (bins(n, count) for n, count in zip(x.shape[2:], pair(size)))
    return np.stack([np.stack([x[:, :, r, c].mean((2, 3)) for c in columns], 2) for r in rows], 2)


def global_avg_pool2d(x):
    return x.mean((2, 3))


def images(rng, n=2, c=3, h=6, w=7):
    size = n * c * h * w
    return (rng.permutation(size).reshape(n, c, h, w) / max(1, size),)  # all different: no ties


def adaptive_cases(rng):
    ends = np.array([[-np.inf, 1e30, -0.0], [0.0, -1e30, 1.0], [-np.inf, -np.inf, 1e-30]])[None, None]
    x = images(rng)
    return [
        Case("bins that overlap", x, {"size": (4, 3)}),
        Case("windows side by side", images(rng, w=9), {"size": 3}),
        Case("one bin", images(rng, h=7, w=11), {"size": 1}),
        Case("one column", x, {"size": (3, 1)}),
        Case("one row", x, {"size": (1, 7)}),
        Case("more bins than elements", images(rng, h=2, w=3), {"size": (5, 4)}),
        Case("rows longer than a vector", images(rng, 1, 1, 3, 37), {"size": (2, 5)}),
        Case("1x1", images(rng, 1, 1, 1, 1), {"size": 1}),
        Case("no samples", images(rng, n=0), {"size": 2}),
        Case("infinite", (ends,), {"size": (2, 3)}, grad=False),
        Bad("size 0", x, {"size": (2, 0)}, OptionError, "size"),
        Bad("size of 3", x, {"size": (2, 2, 2)}, DtypeError, "size"),
        Bad("size of a fraction", x, {"size": 1.5}, DtypeError, "size"),
        Bad("size of 32 bits", x, {"size": 2**31}, OptionError, "size"),
        Bad("result too large", x, {"size": 2**31 - 1}, OptionError, "size"),
        Bad("no elements", images(rng, h=0), {"size": 1}, ShapeError, "x"),
        Bad("x of 3 dimensions", (x[0][0],), {"size": 1}, ShapeError, "x"),
        Bad("x of integers", (np.zeros((1, 1, 4, 4), int),), {"size": 2}, DtypeError, "x"),
    ]


def global_cases(rng):
    ends = np.array([[-np.inf, 1e30], [0.0, -1e30]])[None, None]
    return [
        Case("images", images(rng)),
        Case("more elements than four vectors", images(rng, 2, 2, 9, 17)),
        Case("1x1", images(rng, h=1, w=1)),
        Case("no samples", images(rng, n=0)),
        Case("infinite", (ends,), grad=False),
        Bad("no elements", images(rng, w=0), {}, ShapeError, "x"),
        Bad("x of 2 dimensions", (np.ones((3, 4)),), {}, ShapeError, "x"),
        Bad("x of integers", (np.zeros((1, 1, 4, 4), int),), {}, DtypeError, "x"),
    ]


adaptive_avg_pool2d_cases, global_avg_pool2d_cases = adaptive_cases, global_cases
