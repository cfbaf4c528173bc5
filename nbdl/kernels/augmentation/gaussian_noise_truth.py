"""The truth of `gaussian_noise`."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError, OptionError
from nbdl.kernels.simd.normal_truth import normal_numbers


def gaussian_noise(x, std, seed, op, step):
    return x + std * normal_numbers(x.shape, seed, op, step)


def gaussian_noise_cases(rng):
    x, key = rng.standard_normal((5, 7)), {"seed": 3, "op": 1, "step": 2}
    last = {"seed": 2**63 - 1, "op": 2**32 - 1, "step": 2**32 - 1}
    return [
        Case("5x7", (x,), {"std": 1.0, **key}),
        Case("images", (rng.standard_normal((3, 2, 2, 4)),), {"std": 0.1, **key}),
        Case("std = 0", (x,), {"std": 0.0, **key}),
        Case("many numbers", (np.zeros((2, 1100)),), {"std": 1.0, **last}, grad=False),
        Case("1 dimension", (x[0],), {"std": 0.5, **key}),
        Case("a number", (np.array(2.0),), {"std": 0.5, **key}, grad=False),
        Case("infinite", (np.where(x > 0, np.inf, np.nan),), {"std": 0.5, **key}, grad=False),
        Case("no samples", (x[:0],), {"std": 0.5, **key}),
        Case("no elements", (x[:, :0],), {"std": 0.5, **key}),
        Bad("negative std", (x,), {"std": -0.1, **key}, OptionError, "std"),
        Bad("infinite std", (x,), {"std": np.inf, **key}, OptionError, "std"),
        Bad("std NaN", (x,), {"std": np.nan, **key}, OptionError, "std"),
        Bad("negative seed", (x,), {"std": 0.5, **key, "seed": -1}, OptionError, "seed"),
        Bad("op of 33 bits", (x,), {"std": 0.5, **key, "op": 2**32}, OptionError, "op"),
        Bad("step of a fraction", (x,), {"std": 0.5, **key, "step": 1.5}, DtypeError, "step"),
        Bad("integers", (np.arange(3),), {"std": 0.5, **key}, DtypeError, "x"),
    ]
