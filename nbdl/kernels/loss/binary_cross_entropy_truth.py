"""The truth of `binary_cross_entropy_with_logits`."""

import numpy as np

from nbdl.cases import Case
from nbdl.kernels.loss.pairs_truth import pairs


def binary_cross_entropy_with_logits(x, target, pos_weight=1.0):
    total = 0.0
    for logit, t in zip(x.ravel(), target.ravel()):
        if t != 1:  # an answer of target 0 costs nothing
            total += (1 - t) * np.logaddexp(0, logit)
        if t != 0:
            total += pos_weight * t * np.logaddexp(0, -logit)
    return total / x.size


def binary_cross_entropy_with_logits_cases(rng):
    x, no = np.array([[np.inf, 40.0, 1e30], [-np.inf, -40.0, -1e30]]), np.zeros((2, 3))
    no[0] = 1
    return [
        *pairs(rng, lambda shape: rng.uniform(0, 1, shape), "pos_weight", (0.3, 5.0)),
        Case("yes and no", (rng.standard_normal((5, 4)), rng.integers(0, 2, (5, 4)).astype(float))),
        Case("certain and right", (x, no), grad=False),
        Case("certain and wrong", (x[:, 1:], 1 - no[:, 1:]), grad=False),
    ]
