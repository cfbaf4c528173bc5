"""The truth of `lp_normalize`."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError, OptionError, ShapeError


def lp_normalize(x, p=2.0, axis=-1, eps=1e-12):
    largest = np.abs(x).max(axis, keepdims=True, initial=0)
    part = x / np.where(largest == 0, 1, largest)
    root = (np.abs(part) ** p).sum(axis, keepdims=True) ** (1 / p)
    small = largest * root < eps
    return np.where(small, x / eps, part / np.where(small, 1, root))


def lp_normalize_cases(rng):
    x = rng.choice([-1, 1], (4, 3)) * rng.uniform(0.2, 2, (4, 3))
    ends = np.array([[3e38, -3e38], [1e30, 0.0], [-1e-30, 1e-30]])
    images = rng.choice([-1, 1], (2, 3, 4, 5)) * rng.uniform(0.2, 2, (2, 3, 4, 5))
    return [
        Case("rows", (x,)),
        Case("magnitudes", (x,), {"p": 1}),
        Case("cubes", (x,), {"p": 3.0}),
        Case("a fraction", (x,), {"p": 1.5}),
        Case("columns", (x,), {"axis": 0}),
        Case("channels", (images,), {"axis": 1}),
        Case("axis from the end", (images,), {"p": 1, "axis": -2}),
        Case("1 dimension", (x[0],)),
        Case("shorter than eps", (x,), {"eps": 100.0}),
        Case("no samples", (x[:0],)),
        Case("zeros", (np.array([[0.0, 0.0], [3.0, 0.0]]),), grad=False),
        Case("the largest", (ends,), {"eps": 1e-40}, grad=False),
        Case("not finite", (np.array([[np.nan, 1.0], [1.0, 1.0]]),), grad=False),
        Bad("p below 1", (x,), {"p": 0.5}, OptionError, "p"),
        Bad("p without end", (x,), {"p": np.inf}, OptionError, "p"),
        Bad("p that is no number", (x,), {"p": np.nan}, OptionError, "p"),
        Bad("eps 0", (x,), {"eps": 0.0}, OptionError, "eps"),
        Bad("axis 2 of 2", (x,), {"axis": 2}, OptionError, "axis"),
        Bad("axis of a fraction", (x,), {"axis": 0.5}, DtypeError, "axis"),
        Bad("empty axis", (x[:, :0],), {}, ShapeError, "axis"),
        Bad("integers", (np.arange(3),), {}, DtypeError, "x"),
    ]
