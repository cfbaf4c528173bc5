"""What element by element operations are verified on; they are NumPy's own, and need no other truth."""

import numpy as np

from nbdl.cases import Case

PAIRS = {  # shapes of two operands, and which of them have no samples
    "samples": ((3, 6), (3, 6)),
    "one number each": ((5,), (5,)),
    "images": ((2, 3, 4, 2), (2, 3, 4, 2)),
    "a gate for each channel": ((2, 3, 4, 2), (2, 3, 1, 1)),
    "a mask over images": ((2, 1, 4, 2), (2, 3, 4, 2)),
    "a number for each time": ((2, 5, 1), (2, 5, 3)),
    "one row for all times": ((2, 5, 8), (2, 1, 8)),
    "outer": ((2, 5, 1), (2, 1, 3)),
    "heads": ((2, 2, 3, 4, 2), (2, 2, 3, 1, 2)),
    "a number": ((3, 6), (), "b"),
    "a number first": ((), (3, 6), "a"),
    "features": ((2, 5, 3), (3,), "b"),
    "features first": ((3,), (2, 5, 3), "a"),
    "positions": ((2, 5, 3), (1, 5, 1), "b"),
    "channels": ((2, 3, 4, 2), (3, 1, 1), "b"),
    "lines and columns": ((2, 3, 4, 2), (4, 2), "b"),
    "a larger array": ((2, 1, 3), (5, 3), "b"),
    "a large array": ((2, 40, 30), (40, 30), "b"),
}
FEW = "samples", "images", "a gate for each channel", "outer", "a number", "features first"
ENDS = np.array([np.nan, np.inf, -np.inf, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0])


def _pairs(make, which=FEW, ends=True):
    """Cases of `PAIRS`, with values of ``make(rng, shape)``, and one of all pairs of `ENDS`."""

    def cases(rng):
        found = []
        for name in which:
            a, b, *arrays = PAIRS[name]
            found.append(Case(name, (make(rng, a), make(rng, b)), arrays=tuple(arrays)))
        if ends:
            pairs = np.repeat(ENDS, len(ENDS))[:, None], np.tile(ENDS, len(ENDS))[:, None]
            found.append(Case("the ends", pairs, grad=False))
        return found

    return cases


def _numbers(rng, shape):
    return rng.standard_normal(shape)


def _positive(rng, shape):
    return rng.uniform(0.5, 2, shape)


def _ties(rng, shape):
    return rng.integers(0, 3, shape).astype(float)


def _truths(rng, shape):
    return rng.random(shape) < 0.5


add_cases = _pairs(_numbers, PAIRS)
sub_cases = mul_cases = maximum_cases = minimum_cases = _pairs(_numbers)
div_cases = _pairs(_positive, PAIRS)
equal_cases = not_equal_cases = less_cases = less_equal_cases = greater_cases = greater_equal_cases = _pairs(
    _ties
)
logical_and_cases = logical_or_cases = _pairs(_truths, ends=False)


def power_cases(rng):
    a, found = np.abs(ENDS[ENDS != 1])[:, None], _pairs(_positive, ("features", "positions"), ends=False)(rng)
    for b in (0.0, 1.0, 2.0, 3.0, -1.0, -2.0, 0.5, 1.5, 65.0, -3.25):
        found.append(Case(f"to the {b:g}", (rng.uniform(0.5, 2, (3, 4)), np.array(b)), arrays=("b",)))
        found.append(Case(f"the ends to the {b:g}", (a, np.array(b)), grad=False, arrays=("b",)))
    signed = rng.choice([-1, 1], (3, 4)) * rng.uniform(0.9, 1.1, (3, 4))
    found.append(
        Case("minus infinity to the 2.5", (np.array([[-np.inf]]), np.array(2.5)), grad=False, arrays=("b",))
    )
    for b in (2.0, 3.0, -1.0, 65.0, 66.0):
        found.append(Case(f"of both signs to the {b:g}", (signed, np.array(b)), grad=False, arrays=("b",)))
    return found


def where_cases(rng):
    found = [
        Case(case.name, (_truths(rng, case.inputs[0].shape), *case.inputs), {}, case.grad, case.arrays)
        for case in _pairs(_numbers)(rng)
        if "a" not in case.arrays
    ]
    a, b = rng.standard_normal((2, 2, 4, 4))
    found.append(Case("a mask of all samples", (np.tri(4) > 0, a, b), arrays=("condition",)))
    found.append(Case("a mask and a number", (np.tri(4) > 0, a, np.array(-100.0)), arrays=("condition", "b")))
    found.append(Case("two numbers", (a > 0, np.array(1.0), np.array(2.0)), arrays=("a", "b")))
    return found


def clip_cases(rng):
    a, arrays = rng.standard_normal((2, 3, 4, 2)), ("low", "high")
    low, high = np.array(-0.5), np.array(0.75)
    return [
        Case("both bounds", (a, low, high), arrays=arrays),
        Case("from below", (a, low), arrays=arrays),
        Case("from above", (a, None, high), arrays=arrays),
        Case("no bound", (a,), arrays=arrays),
        Case("bounds of channels", (a, -rng.random((3, 1, 1)), high), arrays=arrays),
        Case("the ends", (ENDS[:, None], low, high), grad=False, arrays=arrays),
        Case("crossed", (a, high, low), arrays=arrays),
    ]


def _one(make, ends=ENDS):
    def cases(rng):
        found = [
            Case("rows", (make(rng, (3, 5)),)),
            Case("images", (make(rng, (2, 3, 4, 2)),)),
            Case("one number each", (make(rng, (4,)),)),
        ]
        return found if ends is None else [*found, Case("the ends", (ends[:, None],), grad=False)]

    return cases


neg_cases = exp_cases = absolute_cases = _one(_numbers)
log_cases = sqrt_cases = _one(_positive)
logical_not_cases = _one(_truths, None)


def astype_cases(rng):
    return [
        Case("the same", (rng.standard_normal((3, 5)),), {"dtype": "float64"}),
        Case("truth values", (rng.random((2, 3, 4, 2)) < 0.5,), {"dtype": "float64"}),
    ]
