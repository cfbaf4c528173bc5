"""The truth of `angle`."""

import numpy as np

from nbdl.cases import Case
from nbdl.kernels.algebra.cosine_similarity_truth import cosine_similarity, pairs


def angle(x, y, axis=-1):
    zeros = ~(x.any(axis) & y.any(axis))
    return np.where(zeros, np.nan, np.arccos(cosine_similarity(x, y, axis)))


def angle_cases(rng):
    ends = np.array([[1e38, -1e38], [1e-38, 0.0], [0.0, 0.0], [3.0, 1.0]])
    return [*pairs(rng), Case("the ends", (ends, np.array([1.0, 2.0]) * np.ones((4, 1))), grad=False)]
