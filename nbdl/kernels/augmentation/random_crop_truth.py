"""The truth of `random_crop`: pad, then cut."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels.door.window_truth import sides
from nbdl.kernels.simd.philox_truth import philox


def random_crop(x, size, padding, seed, op, step):
    (P, Q), (top, bottom, left, right) = np.broadcast_to(size, 2), sides(padding)
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    places = [padded.shape[2] - P + 1, padded.shape[3] - Q + 1]
    y = np.empty((*x.shape[:2], P, Q), x.dtype)
    for n, image in enumerate(padded):
        words = philox((0, n, step, op), (seed % 2**32, seed // 2**32))
        row, column = (word * count // 2**32 for word, count in zip(words, places))
        y[n] = image[:, row : row + P, column : column + Q]
    return y


def random_crop_cases(rng):
    x, key = (rng.standard_normal((5, 3, 4, 6)),), {"seed": 3, "op": 1, "step": 2}
    last = {"seed": 2**63 - 1, "op": 2**32 - 1, "step": 2**32 - 1}

    def options(size, padding, key=key):
        return {"size": size, "padding": padding, **key}

    return [
        Case("a shift", x, options((4, 6), 2)),
        Case("a window", x, options((2, 3), 0)),
        Case("sides of their own", x, options((3, 8), (1, 0, 3, 2))),
        Case("mostly padding", (x[0][:, :1, :1, :2],), options(3, (5, 4))),
        Case("the last key", x, options((4, 6), 2, last)),
        Case("planes of 8", (rng.standard_normal((3, 2, 4, 4)),), options(4, 1)),
        Case("infinite", (np.where(x[0] > 0, np.inf, np.nan),), options((4, 6), 2), grad=False),
        Case("no samples", (x[0][:0],), options(2, 0)),
        Case("no channels", (x[0][:, :0],), options(2, 0)),
        Bad("too many rows", x, options((7, 6), 1), OptionError, "size"),
        Bad("too many columns", x, options((4, 7), 0), OptionError, "size"),
        Bad("no rows", x, options((0, 2), 1), OptionError, "size"),
        Bad("size of a fraction", x, options(2.5, 1), DtypeError, "size"),
        Bad("negative padding", x, options(2, (0, 0, -1, 0)), OptionError, "padding"),
        Bad("padding of 32 bits", x, options(2, 2**31), OptionError, "padding"),
        Bad("negative seed", x, options(2, 1, {**key, "seed": -1}), OptionError, "seed"),
        Bad("op of 33 bits", x, options(2, 1, {**key, "op": 2**32}), OptionError, "op"),
        Bad("step of a fraction", x, options(2, 1, {**key, "step": 0.5}), DtypeError, "step"),
        Bad("x of 3 dimensions", (x[0][0],), options(2, 1), ShapeError, "x"),
        Bad("x of integers", (np.zeros((1, 1, 4, 4), int),), options(2, 1), DtypeError, "x"),
    ]
