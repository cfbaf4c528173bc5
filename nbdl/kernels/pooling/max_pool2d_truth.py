"""The truth of `max_pool2d`."""

import itertools

import numpy as np

from nbdl.cases import Case
from nbdl.kernels.pooling.pool2d_truth import options, pool_cases, windows


def max_pool2d(x, kernel, stride=None, padding=0, dilation=1, ceil_mode=False):
    rows, columns = windows(x.shape, kernel, stride, padding, dilation, ceil_mode)
    y = np.zeros((*x.shape[:2], len(rows), len(columns)))
    index = np.zeros(y.shape, np.int64)
    for n, c, i, j in np.ndindex(y.shape):
        places = list(itertools.product(rows[i][0], columns[j][0]))
        values = [x[n, c, r, k] for r, k in places]
        first = int(np.argmax(values))  # of equal values the first, of NaN the first before all
        y[n, c, i, j] = values[first]
        index[n, c, i, j] = places[first][0] * x.shape[3] + places[first][1]
    return y, index


def max_pool2d_cases(rng):
    special = np.array([[2.0, 2.0, np.nan], [2.0, 1.0, 0.0], [np.nan, np.nan, 5.0]])[None, None]
    return [*pool_cases(rng), Case("ties and NaN", (special,), options((2, 2), (1, 1)), grad=False)]
