"""What reductions are verified on; they are NumPy's own, and need no other truth."""

import numpy as np

from nbdl.cases import Case

AXES = {  # a shape and the axes that are reduced
    "rows": ((3, 6), 1),
    "the last of three": ((2, 5, 3), -1),
    "times": ((2, 5, 8), 1),
    "channels": ((2, 3, 4, 2), 1),
    "images": ((2, 3, 4, 2), (2, 3)),
    "lines": ((2, 3, 4, 2), 2),
    "all but the columns": ((2, 3, 4, 2), (1, 2)),
    "all but the lines": ((2, 3, 4, 2), (-1, -3)),
    "all of a sample": ((2, 3, 4, 2), (1, 2, 3)),
    "many terms": ((2, 5, 200), 2),
    "heads": ((2, 2, 3, 4, 2), 4),
    "nothing": ((3, 4), ()),
}


def _cases(make, **options):
    def cases(rng):
        return [
            Case(f"{name}{', kept' * keep}", (make(rng, shape),), {"axis": axis, "keepdims": keep, **options})
            for name, (shape, axis) in AXES.items()
            for keep in (False, True)
        ]

    return cases


def _numbers(rng, shape):
    return rng.standard_normal(shape)


def _ends(**options):
    a = np.array([[1.0, np.nan, 2.0], [np.inf, 1.0, 2.0], [-np.inf, 1.0, -2.0]])
    return Case("the ends", (a,), {"axis": 1, "keepdims": False, **options}, grad=False)


def sum_cases(rng):
    truths = Case("truth values", (rng.random((3, 8)) < 0.5,), {"axis": 1})
    return [*_cases(_numbers)(rng), _ends(), truths, Case("samples", (rng.random((3, 4)),), {"axis": 0})]


def mean_cases(rng):
    return [*_cases(_numbers)(rng), _ends(), Case("everything", (rng.random((3, 4)),))]


def var_cases(rng):
    some = [c for c in _cases(_numbers, ddof=1)(rng) if c.constants["axis"] != ()]
    far = Case("far from zero", (1000 + rng.standard_normal((2, 400)),), {"axis": 1}, grad=False)
    return [*some[::3], *_cases(_numbers)(rng), far, _ends()]


def max_cases(rng):
    return [*_cases(_numbers)(rng), _ends()]


min_cases = max_cases
