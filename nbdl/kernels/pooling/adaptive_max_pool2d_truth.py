"""The truth of `adaptive_max_pool2d` and `global_max_pool2d`."""

import numpy as np

from nbdl.cases import Case
from nbdl.kernels.door.window_truth import pair
from nbdl.kernels.pooling.adaptive_avg_pool2d_truth import adaptive_cases, bins, global_cases


def adaptive_max_pool2d(x, size):
    rows, columns = (bins(n, count) for n, count in zip(x.shape[2:], pair(size)))
    y = np.zeros((*x.shape[:2], len(rows), len(columns)))
    index = np.zeros(y.shape, np.int64)
    for n, c, i, j in np.ndindex(y.shape):
        values = x[n, c, rows[i], columns[j]]
        r, k = np.unravel_index(np.argmax(values), values.shape)  # the first; of NaN the first before all
        y[n, c, i, j] = values[r, k]
        index[n, c, i, j] = (rows[i].start + r) * x.shape[3] + columns[j].start + k
    return y, index


def global_max_pool2d(x):
    return tuple(a[:, :, 0, 0] for a in adaptive_max_pool2d(x, 1))


def special():
    x = np.array([[2.0, 2.0, np.nan], [2.0, 1.0, 0.0], [np.nan, np.nan, 5.0]])
    return np.stack([x, np.nan_to_num(x), np.full((3, 3), -np.inf)])[None]


def adaptive_max_pool2d_cases(rng):
    return [*adaptive_cases(rng), Case("ties and NaN", (special(),), {"size": 2}, grad=False)]


def global_max_pool2d_cases(rng):
    return [*global_cases(rng), Case("ties and NaN", (special(),), grad=False)]
