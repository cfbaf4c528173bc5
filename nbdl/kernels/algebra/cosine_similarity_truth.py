"""The truth of `cosine_similarity`; `pairs` are the arguments of kernels of two vectors."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, OptionError, ShapeError


def cosine_similarity(x, y, axis=-1):
    def unit(v):
        v = v / np.where(v.any(axis, keepdims=True), np.abs(v).max(axis, keepdims=True), 1)
        return v / np.sqrt(np.where(v.any(axis, keepdims=True), (v * v).sum(axis, keepdims=True), 1))

    return np.clip((unit(x) * unit(y)).sum(axis), -1, 1)


def pairs(rng):
    x, y = rng.standard_normal((2, 4, 3))
    images = rng.standard_normal((2, 2, 3, 4))
    return [
        Case("rows", (x, y)),
        Case("columns", (x, y), {"axis": 0}),
        Case("channels", tuple(images), {"axis": 1}),
        Case("one pair", (x[0], y[0])),
        Case("whole arrays", (x, y), {"axis": None}),
        Case("no samples", (x[:0], y[:0])),
        Bad("two shapes", (x, y[:3]), {}, ShapeError, "y"),
        Bad("two dtypes", (x, half(y)), {}, DtypeError, "y"),
        Bad("axis 2 of 2", (x, y), {"axis": 2}, OptionError, "axis"),
        Bad("empty axis", (x[:, :0], y[:, :0]), {}, ShapeError, "axis"),
        Bad("integers", (np.arange(3), np.arange(3)), {}, DtypeError, "x"),
    ]


def cosine_similarity_cases(rng):
    ends = np.array([[1e38, -1e38], [1e-38, 0.0], [0.0, 0.0], [3.0, 1.0]])
    bad = np.array([[np.nan, 1.0], [1.0, 1.0]])
    return [
        *pairs(rng),
        Case("the ends", (ends, ends[::-1]), grad=False),
        Case("the ends in columns", (ends.T, ends[::-1].T), {"axis": 0}, grad=False),
        Case("alike", (ends, 1e-3 * ends), grad=False),
        Case("not finite", (bad, bad[::-1]), grad=False),
        Case("nothing beside not finite", (0 * np.ones((2, 2)), bad), grad=False),
    ]
