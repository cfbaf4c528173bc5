"""The truth of `linear`."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, ShapeError


def linear(x, w, b=None):
    return x @ w + (0 if b is None else b)


def linear_cases(rng):
    def xwb(n, d, q):
        return rng.standard_normal((n, d)), rng.standard_normal((d, q)), rng.standard_normal(q)

    x, w, b = xwb(4, 3, 5)
    return [
        Case("4x3 times 3x5", (x, w, b)),
        Case("no bias", (x, w, None)),
        Case("one of all", xwb(1, 1, 1)),
        Case("odd sizes", xwb(7, 17, 13)),
        Case("two samples, long rows", xwb(2, 9, 130)),
        Case("no samples", xwb(0, 3, 2)),
        Case("no columns", xwb(2, 0, 3)),
        Case("rows of samples", (rng.standard_normal((4, 3, 5)), *xwb(1, 5, 2)[1:])),
        Case("planes of rows", (rng.standard_normal((3, 2, 4, 3)), *xwb(1, 3, 4)[1:])),
        Case("four axes of a sample", (rng.standard_normal((2, 2, 1, 3, 2)), *xwb(1, 2, 3)[1:])),
        Case("no rows", (np.zeros((2, 0, 3)), w, b)),
        Case("large and tiny", (1e15 * x, 1e-15 * w, b)),
        Case("infinite", (np.array([[np.inf, 1.0], [2.0, 3.0]]), np.array([[1.0], [2.0]]), None), grad=False),
        Bad("w too tall", (x, w[:2], b), {}, ShapeError, "w"),
        Bad("b too short", (x, w, b[:4]), {}, ShapeError, "b"),
        Bad("b without elements", (x, w, b[:0]), {}, ShapeError, "b"),
        Bad("w too tall for rows", (np.stack([x, x]), w[:2], b), {}, ShapeError, "w"),
        Bad("x of 1 dimension", (x[0], w, b), {}, ShapeError, "x"),
        Bad("x of integers", (x.astype(int), w, b), {}, DtypeError, "x"),
        Bad("w of another dtype", (x, half(w), b), {}, DtypeError, "w"),
    ]
