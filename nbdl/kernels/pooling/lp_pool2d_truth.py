"""The truth of `lp_pool2d`."""

import itertools

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import OptionError
from nbdl.kernels.pooling.pool2d_truth import options, pool_cases, windows


def lp_pool2d(x, kernel, stride=None, padding=0, dilation=1, ceil_mode=False, p=2.0):
    rows, columns = windows(x.shape, kernel, stride, padding, dilation, ceil_mode)
    y = np.zeros((*x.shape[:2], len(rows), len(columns)))
    for n, c, i, j in np.ndindex(y.shape):
        values = [abs(x[n, c, r, k]) for r, k in itertools.product(rows[i][0], columns[j][0])]
        largest = max(values)
        if 0 < largest < np.inf:  # a NaN that comes first is not larger than 0, one behind is in the sum
            y[n, c, i, j] = largest * sum((v / largest) ** p for v in values) ** (1 / p)
        else:
            y[n, c, i, j] = sum(values)
    return y


def lp_pool2d_cases(rng):
    x = rng.choice([-1, 1], (2, 3, 7, 6)) * rng.uniform(0.2, 2, (2, 3, 7, 6))
    zeros = np.where(np.arange(6) < 3, 0.0, x)  # windows of zeros alone
    ends = np.array([[np.inf, 1.0], [np.nan, -np.inf]])
    return [
        *(case for case in pool_cases(rng) if case.name != "infinite"),
        Case("both signs", (x,), {"kernel": 2}),
        Case("sums of magnitudes", (x,), options((3, 2), (2, 2), (1, 0, 1, 0), p=1)),
        Case("cubes", (x,), options((2, 2), (1, 1), ceil_mode=True, p=3.0)),
        Case("a fraction", (x,), options((2, 3), (2, 1), p=2.5)),
        Case("a large power", (x,), options((2, 3), (2, 1), p=20.0)),
        Case("powers that are no numbers", (x[:1, :1] * 1e-3,), {"kernel": 2, "p": 1000.0}, grad=False),
        Case("of zeros", (zeros,), {"kernel": 2, "p": 3.0}, grad=False),
        Case("not finite", (ends[None, None],), {"kernel": (1, 2)}, grad=False),
        Bad("p below 1", (x,), {"kernel": 2, "p": 0.5}, OptionError, "p"),
        Bad("p without end", (x,), {"kernel": 2, "p": np.inf}, OptionError, "p"),
        Bad("p that is no number", (x,), {"kernel": 2, "p": np.nan}, OptionError, "p"),
    ]  # fmt: skip
