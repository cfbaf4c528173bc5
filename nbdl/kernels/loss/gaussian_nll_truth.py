"""The truth of `gaussian_nll`."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, ShapeError


def gaussian_nll(x, target, log_var):
    with np.errstate(divide="ignore", invalid="ignore"):
        return 0.5 * np.mean(log_var + (x - target) ** 2 / np.exp(log_var) + np.log(2 * np.pi))


def gaussian_nll_cases(rng):
    x, t, v = rng.standard_normal((3, 4, 3))
    return [
        Case("a scale for each", (x, t, v)),
        Case("a scale for each output", (x, t, v[0])),
        Case("one scale", (x, t, v[0, :1])),
        Case("three axes", (x.reshape(2, 2, 3), t.reshape(2, 2, 3), v[:2])),
        Case("1 dimension", (x[0], t[0], v[0])),
        Case("far apart", (x, 1e3 * t, v), grad=False),
        Case("no spread", (x, t, np.array([-np.inf])), grad=False),
        Case("not finite", (np.full((1, 1), np.nan), np.ones((1, 1)), v[0, :1]), grad=False),
        Bad("two shapes", (x, t[:3], v), {}, ShapeError, "target"),
        Bad("scales of rows", (x, t, v[:, 0]), {}, ShapeError, "log_var"),
        Bad("two dtypes", (x, t, half(v)), {}, DtypeError, "log_var"),
        Bad("no elements", (x[:0], t[:0], v[0]), {}, ShapeError, "x"),
        Bad("integers", (np.arange(3), np.arange(3), v[0]), {}, DtypeError, "x"),
    ]
