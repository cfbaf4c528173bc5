"""Vectors, projections and principal components, beside the same in NumPy."""

import numpy as np

from nbdl import kernels
from nbdl.algebra import PCA

CALLS = {
    "norm": (lambda x, y: kernels.norm(x), lambda x, y: np.linalg.norm(x, axis=1)),
    "cosine_similarity": (
        kernels.cosine_similarity,
        lambda x, y: (x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1),
    ),
    "ball_projection": (
        lambda x, y: kernels.ball_projection(x, 5.0),
        lambda x, y: x * np.minimum(1, 5 / np.linalg.norm(x, axis=1, keepdims=True)),
    ),
    "box_projection": (lambda x, y: kernels.box_projection(x, -1.0, 1.0), lambda x, y: np.clip(x, -1, 1)),
    "halfspace_projection": (
        lambda x, y: kernels.halfspace_projection(x, y[0]),
        lambda x, y: x - (np.maximum(0, x @ y[0]) / (y[0] @ y[0]))[:, None] * y[0],
    ),
    "simplex_projection": (lambda x, y: kernels.simplex_projection(x), lambda x, y: _by_sorting(x)),
}


def _by_sorting(x):
    order = np.sort(x, axis=1)[:, ::-1]
    means = (np.cumsum(order, axis=1) - 1) / np.arange(1, x.shape[1] + 1)
    last = (order > means).sum(axis=1) - 1
    return np.maximum(x - means[np.arange(len(x)), last][:, None], 0)


class Vectors:
    params = (list(CALLS), ["nbdl", "numpy"])
    param_names = ("kernel", "by")

    def setup(self, kernel, by):
        self.x, self.y = np.random.default_rng(0).standard_normal((2, 100_000, 100))
        self.call = CALLS[kernel][by == "numpy"]
        self.call(self.x[:2], self.y[:2])

    def time_call(self, kernel, by):
        self.call(self.x, self.y)


class Components:
    def setup(self):
        self.x = np.random.default_rng(0).standard_normal((100_000, 50))

    def time_fit(self):
        PCA.fit(self.x, 10)
