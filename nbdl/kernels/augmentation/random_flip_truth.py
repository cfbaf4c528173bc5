"""The truth of `random_flip`."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels.simd.philox_truth import philox


def random_flip(x, p, seed, op, step):
    y = x.copy()
    for n in range(len(x)):
        if philox((0, n, step, op), (seed % 2**32, seed // 2**32))[0] / 2**32 < p:
            y[n] = x[n, ..., ::-1]
    return y


def random_flip_cases(rng):
    x, key = rng.standard_normal((7, 2, 3, 5)), {"seed": 3, "op": 1, "step": 2}
    last = {"seed": 2**63 - 1, "op": 2**32 - 1, "step": 2**32 - 1}
    return [
        Case("images", (x,), {"p": 0.5, **key}),
        Case("planes of 8", (rng.standard_normal((4, 2, 2, 4)),), {"p": 0.5, **key}),
        Case("rows", (x[:, 0, 0],), {"p": 0.3, **key}),
        Case("series", (x[:, 0],), {"p": 0.7, **last}),
        Case("p = 0", (x,), {"p": 0.0, **key}),
        Case("p = 1", (x,), {"p": 1.0, **key}),
        Case("infinite", (np.where(x > 0, np.inf, np.nan),), {"p": 0.5, **key}, grad=False),
        Case("no samples", (x[:0],), {"p": 0.5, **key}),
        Case("no columns", (x[..., :0],), {"p": 0.5, **key}),
        Bad("p below 0", (x,), {"p": -0.1, **key}, OptionError, "p"),
        Bad("p above 1", (x,), {"p": 1.1, **key}, OptionError, "p"),
        Bad("p NaN", (x,), {"p": np.nan, **key}, OptionError, "p"),
        Bad("negative seed", (x,), {"p": 0.5, **key, "seed": -1}, OptionError, "seed"),
        Bad("op of 33 bits", (x,), {"p": 0.5, **key, "op": 2**32}, OptionError, "op"),
        Bad("step of a fraction", (x,), {"p": 0.5, **key, "step": 1.5}, DtypeError, "step"),
        Bad("1 dimension", (x[0, 0, 0],), {"p": 0.5, **key}, ShapeError, "x"),
        Bad("integers", (np.zeros((2, 3), int),), {"p": 0.5, **key}, DtypeError, "x"),
    ]
