"""What transposing, indexing and joining are verified on; they are NumPy's own, and need no other truth."""

import numpy as np

from nbdl.cases import Case

s_ = np.s_  # an index as it is written
AXES = {
    "two": ((2, 5, 3), (0, 2, 1)),
    "heads": ((2, 6, 2, 4), (0, 2, 1, 3)),
    "channels last": ((2, 3, 4, 2), (0, 2, 3, 1)),
    "backwards": ((2, 3, 4, 2), (0, -1, 2, -3)),
    "as it was": ((3, 4), (0, 1)),
    "four axes": ((2, 2, 3, 4, 2), (0, 4, 2, 3, 1)),
    "numbers": ((4,), None),
    "the samples": ((3, 4), None),
}
TAKEN = {
    "a column": ((3, 6), s_[:, 2]),
    "the last column": ((3, 6), s_[..., -1]),
    "some columns": ((3, 6), s_[:, 1:4]),
    "every second": ((3, 7), s_[:, 1::2]),
    "backwards": ((3, 7), s_[:, ::-1]),
    "the last time": ((2, 5, 3), s_[:, -1]),
    "gates": ((2, 5, 8), s_[..., 2:4]),
    "a channel": ((2, 3, 4, 2), s_[:, 1]),
    "channels": ((2, 3, 4, 2), s_[:, :2]),
    "a window": ((2, 3, 4, 6), s_[:, :, 1:3, ::-2]),
    "lines of a channel": ((2, 3, 4, 2), s_[:, 2, 1:]),
    "an axis more": ((3, 4), s_[:, None]),
    "axes more": ((3, 4), s_[..., None, None]),
    "all": ((2, 3, 4), s_[...]),
    "none of it": ((3, 4), s_[:, 2:2]),
    "a sample": ((3, 4), s_[1]),
    "some samples": ((3, 4), s_[1:]),
}
JOINED = {
    "features": ((3, 4), (3, 2), 1),
    "features from the end": ((2, 5, 3), (2, 5, 4), -1),
    "times": ((2, 5, 3), (2, 1, 3), 1),
    "channels": ((2, 3, 4, 2), (2, 1, 4, 2), 1),
    "lines": ((2, 3, 4, 2), (2, 3, 3, 2), 2),
    "one channel each": ((2, 1, 4, 2), (2, 1, 4, 2), 1),
    "heads": ((2, 2, 3, 4, 2), (2, 2, 3, 1, 2), 3),
    "samples": ((3, 4), (3, 4), 0),
}


def transpose_cases(rng):
    return [Case(n, (rng.standard_normal(shape),), {"axes": axes}) for n, (shape, axes) in AXES.items()]


def getitem_cases(rng):
    return [Case(n, (rng.standard_normal(shape),), {"index": index}) for n, (shape, index) in TAKEN.items()]


def concatenate_cases(rng):
    return [
        Case(name, (rng.standard_normal(a), rng.standard_normal(b)), {"axis": axis})
        for name, (a, b, axis) in JOINED.items()
    ]


def tile_cases(rng):
    a = rng.standard_normal((2, 3))
    every = (1, 3), (2, 1), (2, 1, 3), (4,), (), (0, 1)
    images = Case("images", (rng.standard_normal((2, 3, 4, 2)),), {"reps": (1, 2, 1, 3)})
    series = Case("times", (rng.standard_normal((2, 5, 3)),), {"reps": (1, 2, 1)})
    return [*(Case(f"{reps} of it", (a,), {"reps": reps}) for reps in every), images, series]


def take_cases(rng):
    a = rng.standard_normal((4, 5, 3))
    return [
        Case("samples", (a, np.array([3, 0, 3]))),
        Case("columns", (a, np.array([4, 1])), {"axis": 1}),
        Case("planes from the end", (a, np.array([[0, -1], [2, 2]])), {"axis": -1}),
        Case("one", (a, np.array(2)), {"axis": 1}),
        Case("none", (a, np.zeros(0, int)), {"axis": 1}),
    ]


def take_along_axis_cases(rng):
    a = rng.standard_normal((4, 5))
    return [
        Case("of each row one", (a, np.array([[0], [4], [2], [2]]))),
        Case("of each row some", (a, rng.integers(-5, 5, (4, 7))), {"axis": 1}),
        Case("of each column some", (a, rng.integers(0, 4, (2, 5))), {"axis": 0}),
    ]
