"""The truth of `huber` and `l1`."""

import numpy as np

from nbdl.cases import Case
from nbdl.kernels.loss.pairs_truth import pairs


def huber(x, target, delta=1.0):
    d = np.abs(x - target)
    return np.mean(np.where(d <= delta, d**2 / 2, delta * (d - delta / 2)))


def l1(x, target):
    return np.mean(np.abs(x - target))


def _ends():
    x = np.array([[np.inf, 0.0], [1e30, -1e30], [0.0, 0.0]])
    return [Case("infinite", (x, np.ones((3, 2))), grad=False), Case("far", (x[1:], -x[1:]), grad=False)]


def huber_cases(rng):
    return [*pairs(rng, rng.standard_normal, "delta", (0.3, 20.0)), *_ends()]


def l1_cases(rng):
    return [*pairs(rng, rng.standard_normal), *_ends()]
