"""The truth of `dropout` and `masked_scale`."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels.simd.philox_truth import philox


def dropout(x, p, seed, op, step):
    return masked_scale(x, dropout_mask(x, p, seed, op, step), p)


def dropout_mask(x, p, seed, op, step):
    samples = np.atleast_1d(x)
    samples = samples.reshape(len(samples), np.prod(samples.shape[1:], dtype=int))
    mask = np.zeros(samples.shape, bool)
    for sample, element in np.ndindex(samples.shape):
        words = philox((element // 4, sample, step, op), (seed % 2**32, seed // 2**32))
        mask[sample, element] = words[element % 4] / 2**32 >= p
    return mask.reshape(x.shape)


def masked_scale(x, mask, p):
    return np.where(mask, x / (1 - p), 0) if p < 1 else np.zeros(x.shape)


def dropout_cases(rng):
    x, key = rng.standard_normal((5, 7)), {"seed": 3, "op": 1, "step": 2}
    last = {"seed": 2**63 - 1, "op": 2**32 - 1, "step": 2**32 - 1}
    return [
        Case("5x7", (x,), {"p": 0.5, **key}),
        Case("images", (rng.standard_normal((3, 2, 3, 3)),), {"p": 0.3, **key}),
        Case("p = 0", (x,), {"p": 0.0, **key}),
        Case("p = 1", (x,), {"p": 1.0, **key}),
        Case("the last key", (x,), {"p": 0.7, **last}),
        Case("1 dimension", (x[0],), {"p": 0.5, **key}),
        Case("a number", (np.array(2.0),), {"p": 0.5, **key}, grad=False),
        Case("no samples", (x[:0],), {"p": 0.5, **key}),
        Case("no elements", (x[:, :0],), {"p": 0.5, **key}),
        Case("infinite", (np.where(x > 0, np.inf, np.nan),), {"p": 0.5, **key}, grad=False),
        Case("infinite, p = 1", (np.where(x > 0, np.inf, np.nan),), {"p": 1.0, **key}, grad=False),
        Bad("p below 0", (x,), {"p": -0.1, **key}, OptionError, "p"),
        Bad("p above 1", (x,), {"p": 1.1, **key}, OptionError, "p"),
        Bad("p NaN", (x,), {"p": np.nan, **key}, OptionError, "p"),
        Bad("negative seed", (x,), {"p": 0.5, **key, "seed": -1}, OptionError, "seed"),
        Bad("seed of a fraction", (x,), {"p": 0.5, **key, "seed": 1.5}, DtypeError, "seed"),
        Bad("op of 33 bits", (x,), {"p": 0.5, **key, "op": 2**32}, OptionError, "op"),
        Bad("negative step", (x,), {"p": 0.5, **key, "step": -1}, OptionError, "step"),
        Bad("integers", (np.arange(3),), {"p": 0.5, **key}, DtypeError, "x"),
    ]


def masked_scale_cases(rng):
    x, mask = rng.standard_normal((5, 7)), rng.random((5, 7)) > 0.4
    return [
        Case("5x7", (x, mask), {"p": 0.4}),
        Case("p = 0", (x, mask), {"p": 0.0}),
        Case("p = 1", (x, mask), {"p": 1.0}),
        Case("a number", (np.array(2.0), np.array(True)), {"p": 0.5}, grad=False),
        Case("no samples", (x[:0], mask[:0]), {"p": 0.5}),
        Case("infinite", (np.where(mask, x, np.inf), mask), {"p": 0.5}, grad=False),
        Bad("mask too short", (x, mask[:4]), {"p": 0.5}, ShapeError, "mask"),
        Bad("mask of fewer dimensions", (x, mask[0]), {"p": 0.5}, ShapeError, "mask"),
        Bad("mask of floats", (x, x), {"p": 0.5}, DtypeError, "mask"),
        Bad("p above 1", (x, mask), {"p": 1.1}, OptionError, "p"),
        Bad("integers", (np.arange(3), np.ones(3, bool)), {"p": 0.5}, DtypeError, "x"),
    ]
