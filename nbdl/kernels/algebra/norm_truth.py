"""The truth of `norm`."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError, OptionError, ShapeError


def norm(x, p=2.0, axis=-1):
    size = np.abs(x)
    largest = size.max(axis, keepdims=True)
    if p == np.inf:
        return largest.reshape(np.shape(size.max(axis)))
    finite = (largest > 0) & (largest < np.inf)
    total = ((size / np.where(finite, largest, 1)) ** p).sum(axis) ** (1 / p)
    largest = largest.reshape(total.shape)
    # Of an infinity beside a NaN: the largest is NaN, and stays.
    return np.where(largest == np.inf, np.inf, np.where(largest == 0, 0, largest) * total)


def norm_cases(rng):
    x = rng.choice([-1, 1], (4, 3)) * rng.uniform(0.2, 2, (4, 3))
    images = rng.choice([-1, 1], (2, 3, 4, 5)) * rng.uniform(0.2, 2, (2, 3, 4, 5))
    ends = np.array([[1e38, -2e38], [1e30, 0.0], [-1e-30, 1e-30], [0.0, 0.0], [1e-44, 1e-45]])
    bad = np.array([[np.nan, 1.0], [np.inf, -np.inf], [1.0, 1.0], [-np.inf, np.nan]])
    return [
        Case("rows", (x,)),
        Case("magnitudes", (x,), {"p": 1.0}),
        Case("the largest", (x,), {"p": np.inf}),
        Case("cubes", (x,), {"p": 3.0}),
        Case("a fraction", (x,), {"p": 1.5}),
        Case("columns", (x,), {"axis": 0}),
        Case("magnitudes of columns", (x,), {"p": 1.0, "axis": 0}),
        Case("channels", (images,), {"axis": 1}),
        Case("axis from the end", (images,), {"p": 3.0, "axis": -2}),
        Case("Frobenius", (x,), {"axis": None}),
        Case("Frobenius of images", (images,), {"p": 1.0, "axis": None}),
        Case("1 dimension", (x[0],)),
        Case("no samples", (x[:0],)),
        Case("the ends", (ends,), grad=False),
        Case("the ends, cubes", (ends[:3],), {"p": 3.0}, grad=False),
        Case("not finite", (bad,), grad=False),
        Bad("p below 1", (x,), {"p": 0.5}, OptionError, "p"),
        Bad("p that is no number", (x,), {"p": np.nan}, OptionError, "p"),
        Bad("axis 2 of 2", (x,), {"axis": 2}, OptionError, "axis"),
        Bad("axis of a fraction", (x,), {"axis": 0.5}, DtypeError, "axis"),
        Bad("empty axis", (x[:, :0],), {}, ShapeError, "axis"),
        Bad("integers", (np.arange(3),), {}, DtypeError, "x"),
    ]
