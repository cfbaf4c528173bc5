"""The truth of `covariance`."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError, OptionError, ShapeError


def covariance(x, ddof=1):
    centred = x - x.mean(0)
    return centred.T @ centred / (len(x) - ddof)


def covariance_cases(rng):
    x = rng.standard_normal((5, 3))
    return [
        Case("rows", (x,)),
        Case("of the sample", (x,), {"ddof": 0}),
        Case("a constant column", (x * np.array([1.0, 0.0, 1.0]),)),
        Case("one column", (x[:, :1],)),
        Case("a large mean", (1e5 + np.round(8 * x),), grad=False),
        Bad("one row", (x[:1],), {}, ShapeError, "x"),
        Bad("ddof below 0", (x,), {"ddof": -1}, OptionError, "ddof"),
        Bad("ddof of a fraction", (x,), {"ddof": 0.5}, DtypeError, "ddof"),
        Bad("integers", (np.ones((2, 2), int),), {}, DtypeError, "x"),
    ]
