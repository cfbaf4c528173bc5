"""The truth of `embedding`."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError, LabelError, ShapeError


def embedding(ids, w):
    y = np.empty((*ids.shape, w.shape[1]))
    for n, i in np.ndenumerate(ids):
        y[n] = w[int(i)]
    return y


def embedding_cases(rng):
    ids, w = np.array([[0, 4, 4], [2, 0, 1], [4, 4, 3], [1, 1, 1]]), rng.standard_normal((5, 3))
    return [
        Case("4 samples of 3 ids", (ids, w)),
        Case("an id for each sample", (ids[:, 0], w)),
        Case("planes of ids", (rng.integers(0, 7, (3, 2, 4)), rng.standard_normal((7, 6)))),
        Case("three axes of a sample", (rng.integers(0, 3, (2, 2, 1, 3)), rng.standard_normal((3, 17)))),
        Case("ids of one byte", (ids.astype(np.uint8), w)),
        Case("ids of 32 bits", (ids.astype(np.int32), w)),
        Case("unsigned ids", (ids.astype(np.uint64), w)),
        Case("one of all", (np.zeros(1, int), w[:1, :1])),
        Case("ids that do not occur", (np.full((3, 2), 2), rng.standard_normal((300, 4)))),
        Case("no samples", (ids[:0], w)),
        Case("no ids", (ids[:, :0], w)),
        Case("no features", (ids, w[:, :0]), grad=False),
        Case("infinite", (ids, np.where(w > 1, np.inf, w)), grad=False),
        Bad("id V", (ids + 1, w), {}, LabelError, "ids"),
        Bad("id -1", (ids - 1, w), {}, LabelError, "ids"),
        Bad("id 2^62", (ids + 2**62, w), {}, LabelError, "ids"),
        Bad("id 2^64 - 1", (ids.astype(np.uint64) - np.uint64(1), w), {}, LabelError, "ids"),
        Bad("no rows", (ids, w[:0]), {}, LabelError, "ids"),
        Bad("ids of floats", (ids.astype(float), w), {}, DtypeError, "ids"),
        Bad("ids without samples", (np.array(1), w), {}, ShapeError, "ids"),
        Bad("w of 1 dimension", (ids, w[0]), {}, ShapeError, "w"),
    ]
