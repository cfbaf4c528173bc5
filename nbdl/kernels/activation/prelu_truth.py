"""The truth of `prelu`."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, ShapeError


def prelu(x, w):
    w = w if w.size == 1 else w.reshape(-1, *[1] * (x.ndim - 2))
    return np.where(x > 0, x, w * x)


def prelu_cases(rng):
    x, images, w = rng.standard_normal((5, 3)), rng.standard_normal((4, 3, 5, 8)), rng.uniform(-0.5, 0.5, 3)
    wide = rng.standard_normal((3, 37))
    ends = np.array([[-np.inf, np.nan, np.inf], [0.0, -1e30, 1e30]])
    return [
        Case("5x3", (x, w)),
        Case("images", (images, w)),
        Case("one slope", (x, w[:1])),
        Case("one slope for images", (images, w[:1])),
        Case("more channels than lanes", (wide, rng.uniform(0.1, 0.5, 37))),
        Case("the ends", (ends, w), grad=False),
        Bad("w of another size", (x, w[:2]), {}, ShapeError, "w"),
        Bad("w of 2 dimensions", (x, w[:, None]), {}, ShapeError, "w"),
        Bad("w of another dtype", (x, half(w)), {}, DtypeError, "w"),
        Bad("w of channels that are not there", (x[:, 0], w), {}, ShapeError, "w"),
        Bad("x of integers", (np.arange(3), w), {}, DtypeError, "x"),
    ]
