"""The truth of `unfold2d` and `fold2d`."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels.door.window_truth import pair, sides


def unfold2d(x, kernel, stride=1, padding=0, dilation=1):
    (KH, KW), (sh, sw), (dh, dw) = pair(kernel), pair(stride), pair(dilation)
    top, bottom, left, right = sides(padding)
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    N, C, H, W = x.shape
    P, Q = (H - (KH - 1) * dh - 1) // sh + 1, (W - (KW - 1) * dw - 1) // sw + 1
    y = np.zeros((N, C, KH, KW, P, Q))
    for u, v, i, j in np.ndindex(KH, KW, P, Q):
        y[:, :, u, v, i, j] = x[:, :, i * sh + u * dh, j * sw + v * dw]
    return y.reshape(N, C * KH * KW, P * Q)


def fold2d(x, size, kernel, stride=1, padding=0, dilation=1):
    """By the definition of an adjoint: each element of an image is counted in the windows that have it."""
    taps, (H, W) = np.prod(pair(kernel)), pair(size)
    N, C = x.shape[0], x.shape[1] // taps
    y = np.zeros((N, C, H, W))
    for r, k in np.ndindex(H, W):
        unit = np.zeros((1, 1, H, W))
        unit[0, 0, r, k] = 1
        where = unfold2d(unit, kernel, stride, padding, dilation)[0]
        y[:, :, r, k] = (x.reshape(N, C, taps, x.shape[2]) * where).sum((2, 3))
    return y


OPTIONS = {
    "3 x 2": {"kernel": (3, 2)},
    "that do not overlap": {"kernel": 2, "stride": 2},
    "padding and stride": {"kernel": 3, "stride": (2, 1), "padding": (1, 0, 2, 1)},
    "dilation": {"kernel": 2, "padding": 1, "dilation": (2, 3)},
    "gaps": {"kernel": (1, 2), "stride": (3, 4)},
    "padding alone": {"kernel": 1, "padding": 2, "stride": 2},
}
WRONG = {
    "kernel 0": ({"kernel": 0}, OptionError, "kernel"),
    "kernel of 3": ({"kernel": (2, 2, 2)}, DtypeError, "kernel"),
    "kernel of 34 bits": ({"kernel": 2**33}, OptionError, "kernel"),
    "kernel too large": ({"kernel": 7}, ShapeError, "kernel"),
    "stride 0": ({"kernel": 2, "stride": 0}, OptionError, "stride"),
    "dilation 0": ({"kernel": 2, "dilation": 0}, OptionError, "dilation"),
    "negative padding": ({"kernel": 2, "padding": -1}, OptionError, "padding"),
    "too large": ({"kernel": 1, "padding": 2**31 - 1}, ShapeError, "kernel"),
}


def unfold2d_cases(rng):
    x = rng.standard_normal((2, 3, 5, 6))
    return [
        *(Case(f"windows {name}", (x,), options) for name, options in OPTIONS.items()),
        Case("no samples", (x[:0],), {"kernel": 2}),
        Case("no channels", (x[:, :0],), {"kernel": 2}),
        Case("not finite", (np.where(x > 1, np.inf, x),), {"kernel": 2, "padding": 1}, grad=False),
        *(Bad(name, (x,), options, error, argument) for name, (options, error, argument) in WRONG.items()),
        Bad("x of 3 dimensions", (x[0],), {"kernel": 2}, ShapeError, "x"),
        Bad("x of integers", (np.zeros((1, 1, 4, 4), int),), {"kernel": 2}, DtypeError, "x"),
    ]


def fold2d_cases(rng):
    size, found = {"size": (5, 6)}, []
    for name, options in OPTIONS.items():
        columns = rng.standard_normal(unfold2d(np.zeros((2, 3, 5, 6)), **options).shape)
        found.append(Case(f"windows {name}", (columns,), {**size, **options}))
    x, wide = rng.standard_normal((2, 12, 20)), rng.standard_normal((2, 49, 1))
    return [
        *found,
        Case("no samples", (x[:0],), {**size, "kernel": 2}),
        Case("a square", (rng.standard_normal((1, 4, 9)),), {"size": 4, "kernel": 2}),
        *(
            Bad(name, (x,), {**size, **options}, error, argument)
            for name, (options, error, argument) in WRONG.items()
            if error is not ShapeError
        ),
        Bad("kernel too large", (wide,), {**size, "kernel": 7}, ShapeError, "kernel"),
        Bad("another number of rows", (x[:, 1:],), {**size, "kernel": 2}, ShapeError, "x"),
        Bad("another number of columns", (x[:, :, 1:],), {**size, "kernel": 2}, ShapeError, "x"),
        Bad("a negative size", (x,), {"size": (5, -6), "kernel": 2}, OptionError, "size"),
        Bad("a size of a fraction", (x,), {"size": 0.5, "kernel": 2}, DtypeError, "size"),
        Bad("x of 4 dimensions", (x[None],), {**size, "kernel": 2}, ShapeError, "x"),
    ]
