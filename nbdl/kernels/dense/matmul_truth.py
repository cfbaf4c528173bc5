"""The truth of `matmul` and `bmm`."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, ShapeError


def matmul(a, b):
    return a @ b


def bmm(a, b):
    return np.einsum("imk,ikn->imn", a, b)


def matmul_cases(rng):
    def ab(m, k, n):
        return rng.standard_normal((m, k)), rng.standard_normal((k, n))

    a, b = ab(4, 3, 5)
    return [
        Case("4x3 times 3x5", (a, b)),
        Case("one of all", ab(1, 1, 1)),
        Case("odd sizes", ab(17, 7, 33)),
        Case("a row times a matrix", ab(1, 9, 40)),
        Case("a matrix times a column", ab(40, 9, 1)),
        Case("two rows times long ones", ab(2, 9, 130)),
        Case("no rows", ab(0, 3, 2)),
        Case("nothing to sum", ab(6, 0, 3)),
        Case("no columns", ab(6, 3, 0)),
        Case("infinite", (np.array([[np.inf, 1.0], [2.0, 3.0]]), np.array([[1.0], [2.0]])), grad=False),
        Bad("b too short", (a, b[:2]), {}, ShapeError, "b"),
        Bad("a of 1 dimension", (a[0], b), {}, ShapeError, "a"),
        Bad("a of integers", (a.astype(int), b), {}, DtypeError, "a"),
        Bad("b of another dtype", (a, half(b)), {}, DtypeError, "b"),
    ]


def bmm_cases(rng):
    def ab(i, m, k, n):
        return rng.standard_normal((i, m, k)), rng.standard_normal((i, k, n))

    a, b = ab(3, 4, 3, 5)
    return [
        Case("3 of 4x3 times 3x5", (a, b)),
        Case("one of all", ab(1, 1, 1, 1)),
        Case("odd sizes", ab(2, 17, 7, 33)),
        Case("rows of whole vectors", ab(1, 7, 5, 80)),
        Case("no matrices", ab(0, 2, 3, 4)),
        Case("no rows", ab(2, 0, 3, 2)),
        Case("nothing to sum", ab(2, 6, 0, 3)),
        Bad("fewer matrices in b", (a, b[:2]), {}, ShapeError, "b"),
        Bad("b too short", (a, b[:, :2]), {}, ShapeError, "b"),
        Bad("a of 2 dimensions", (a[0], b), {}, ShapeError, "a"),
        Bad("a of integers", (a.astype(int), b), {}, DtypeError, "a"),
        Bad("b of another dtype", (a, half(b)), {}, DtypeError, "b"),
    ]
