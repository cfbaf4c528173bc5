"""The truth of `avg_pool2d`."""

import itertools

import numpy as np

from nbdl.cases import Case
from nbdl.kernels.pooling.pool2d_truth import options, pool_cases, windows


def avg_pool2d(x, kernel, stride=None, padding=0, dilation=1, ceil_mode=False, count_include_pad=True):
    rows, columns = windows(x.shape, kernel, stride, padding, dilation, ceil_mode)
    y = np.zeros((*x.shape[:2], len(rows), len(columns)))
    for n, c, i, j in np.ndindex(y.shape):
        values = [x[n, c, r, k] for r, k in itertools.product(rows[i][0], columns[j][0])]
        y[n, c, i, j] = sum(values) / (rows[i][1] * columns[j][1] if count_include_pad else len(values))
    return y


def avg_pool2d_cases(rng):
    x = rng.standard_normal((2, 3, 7, 6))
    padded = options((3, 3), (2, 2), (1, 1, 0, 2), count_include_pad=False)
    return [
        *pool_cases(rng),
        Case("without the padding", (x,), padded),
        Case("without the padding, ceil_mode", (x,), {**padded, "ceil_mode": True}),
        Case("with padding and ceil_mode", (x,), {**padded, "ceil_mode": True, "count_include_pad": True}),
        Case("dilated, without the padding", (x,), {**padded, "dilation": (2, 1)}),
    ]
