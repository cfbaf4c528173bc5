"""The truth of `gaussian_sample`."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels.simd.normal_truth import normal_numbers


def gaussian_sample(mean, log_var, seed, op, step):
    eps = normal_numbers(mean.shape, seed, op, step)
    return mean + np.sqrt(np.exp(log_var)) * eps, eps


def gaussian_sample_cases(rng):
    def made(*shape):
        return rng.standard_normal(shape), rng.standard_normal(shape)

    x, v = made(5, 7)
    key = {"seed": 3, "op": 1, "step": 2}
    last = {"seed": 2**63 - 1, "op": 2**32 - 1, "step": 2**32 - 1}
    return [
        Case("5x7", (x, v), key),
        Case("images", made(3, 2, 2, 4), key),
        Case("the last key", (x, v), last),
        Case("many numbers", (np.zeros((2, 1100)), np.zeros((2, 1100))), last, grad=False),
        Case("1 dimension", (x[0], v[0]), key),
        Case("a number", (np.array(2.0), np.array(0.5)), key, grad=False),
        Case("no variance", (x, np.full(v.shape, -np.inf)), key, grad=False),
        Case("infinite means", (np.where(x > 0, np.inf, -np.inf), v), key, grad=False),
        Case("no samples", (x[:0], v[:0]), key),
        Case("no elements", (x[:, :0], v[:, :0]), key),
        Bad("log_var too short", (x, v[:4]), key, ShapeError, "log_var"),
        Bad("log_var to broadcast", (x, v[:1]), key, ShapeError, "log_var"),
        Bad("log_var of another dtype", (x, half(v)), key, DtypeError, "log_var"),
        Bad("negative seed", (x, v), {**key, "seed": -1}, OptionError, "seed"),
        Bad("op of 33 bits", (x, v), {**key, "op": 2**32}, OptionError, "op"),
        Bad("step of a fraction", (x, v), {**key, "step": 1.5}, DtypeError, "step"),
        Bad("integers", (np.arange(3), v[0, :3]), key, DtypeError, "mean"),
    ]
