"""The truth of `gaussian_kl`."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, ShapeError


def gaussian_kl(mean, log_var):
    v = log_var.astype(np.longdouble)
    with np.errstate(over="ignore", invalid="ignore"):
        spread = np.where(np.abs(v) < 1e-4, v * v * (0.5 + v / 6 + v * v / 24), np.exp(v) - 1 - v)
    spread = np.where(v == np.inf, np.inf, spread)
    return float((mean**2 + spread).sum() / 2 / (len(mean) if mean.ndim else 1))


def gaussian_kl_cases(rng):
    x, v = rng.standard_normal((4, 3)), rng.standard_normal((4, 3))
    images = rng.standard_normal((2, 2, 4, 8)), rng.standard_normal((2, 2, 4, 8))
    return [
        Case("4x3", (x, v)),
        Case("a worked example", (np.array([[0.5, -1.0]]), np.array([[0.0, 0.5]]))),
        Case("images", images),
        Case("more than a block of vectors", (rng.standard_normal((5, 257)), rng.standard_normal((5, 257)))),
        Case("near the standard normal", (1e-3 * x, 1e-3 * v)),
        Case("both sides of the series", (x, np.linspace(-0.6, 0.6, 12).reshape(4, 3))),
        Case("1 dimension", (x[0], v[0])),
        Case("a number", (np.array(2.0), np.array(0.5)), grad=False),
        Case("the standard normal", (np.zeros((3, 2)), np.zeros((3, 2)))),
        Case("no variance", (x, np.full(v.shape, -np.inf)), grad=False),
        Case("infinite variance", (x, np.full(v.shape, np.inf)), grad=False),
        Bad("log_var too short", (x, v[:3]), {}, ShapeError, "log_var"),
        Bad("log_var to broadcast", (x, v[:1]), {}, ShapeError, "log_var"),
        Bad("log_var of another dtype", (x, half(v)), {}, DtypeError, "log_var"),
        Bad("no elements", (x[:0], v[:0]), {}, ShapeError, "mean"),
        Bad("mean of integers", (x.astype(int), v), {}, DtypeError, "mean"),
    ]
