"""The truth of `mse`."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, ShapeError


def mse(x, target, half=False):
    return np.mean((x - target) ** 2) / (2 if half else 1)


def mse_cases(rng):
    x, t = rng.standard_normal((2, 4, 3))
    images = rng.standard_normal((2, 2, 3, 5, 1))
    return [
        Case("4x3", (x, t)),
        Case("half", (x, t), {"half": True}),
        Case("images", tuple(images)),
        Case("numbers", (np.array(2.0), np.array(-1.0))),
        Case("equal", (x, x.copy())),
        Case("large and tiny", (np.array([1e15, 1e-15, -0.0]), np.array([-1e15, 0.0, 0.0])), grad=False),
        Case("infinite", (np.array([np.inf, 0.0]), np.array([0.0, 1.0])), grad=False),
        Bad("target too short", (x, t[:3]), {}, ShapeError, "target"),
        Bad("target to broadcast", (x, t[:1]), {}, ShapeError, "target"),
        Bad("target of fewer dimensions", (x, t[0]), {}, ShapeError, "target"),
        Bad("target of another dtype", (x, half(t)), {}, DtypeError, "target"),
        Bad("no elements", (x[:0], t[:0]), {}, ShapeError, "x"),
        Bad("x of integers", (x.astype(int), t), {}, DtypeError, "x"),
    ]
