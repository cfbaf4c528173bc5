"""Convexity as far as seen: functions, sets, and the identities of the notes (E-19 to E-21)."""

import numpy as np
import pytest

from nbdl.errors import NumericError, OptionError, UsageError
from nbdl.optim import FUNCTIONS, Convexity, convexity, minimize, set_convexity

CONVEX = {  # f, low, high
    "half square": (lambda x: 0.5 * x[0] ** 2, -2, 2),
    "exp": (lambda x: np.exp(0.5 * x[0]), -2, 2),
    "minus log": (lambda x: -np.log(x[0]), 0.01, 5),
    "cosh": (FUNCTIONS["cosh"].f.py_func, -11, 11),
    "log sum exp of a plane": (lambda x: np.logaddexp(x[0], 2 * x[1]) + 0.1 * x @ x, [-3, -3], [3, 3]),
}
NOT_CONVEX = {
    "cosine": (lambda x: np.cos(np.pi * x[0]), -1, 1),
    "saddle": (FUNCTIONS["saddle"].f.py_func, [-2, -2], [2, 2]),
    "small waves on a parabola": (lambda x: x[0] ** 2 + 0.001 * np.cos(100 * x[0]), -2, 2),
    "log": (lambda x: np.log(x[0]), 0.01, 5),
}


@pytest.mark.parametrize("by", ["segments", "hessian"])
def test_functions_of_the_book(by):
    for name, (f, low, high) in CONVEX.items():
        found = convexity(f, low, high, by=by, samples=300)
        assert found and found.strict and found.counterexample is None, name
        assert str(found) == "strictly convex as far as seen, in 300 samples"
    for name, (f, low, high) in NOT_CONVEX.items():
        found = convexity(f, low, high, by=by, samples=300)
        assert not found and not found.strict and str(found).startswith("not convex: "), name


@pytest.mark.parametrize("by", ["segments", "hessian"])
def test_a_linear_function_is_convex_but_not_strictly_e19(by):
    for f in (lambda x: 3 * x[0] - 2 * x[1] + 1, lambda x: 1e6 * x[0], lambda x: 7.0):
        found = convexity(f, [-5, -5], [5, 5], by=by, samples=200)
        assert found.convex and found.strict is False
    found = convexity(lambda x: max(0.0, x[0]), -1, 1, by="segments")  # flat parts: the same
    assert found.convex and found.strict is False


def test_a_counterexample_is_one():
    f, low, high = NOT_CONVEX["small waves on a parabola"]
    a, b, share = convexity(f, low, high).counterexample
    assert f(share * a + (1 - share) * b) > share * f(a) + (1 - share) * f(b)
    x, least = convexity(f, low, high, by="hessian").counterexample
    assert least == pytest.approx(2 - 10 * np.cos(100 * x[0]), rel=1e-3) and least < 0


def test_the_sign_of_the_second_derivative_decides_e21():
    """Both checks agree: convex exactly where the Hessian has no negative eigenvalue."""
    for a in (-1.0, 0.0, 0.1, 1.0):
        for b in (0.0, 0.5, 2.0):  # the Hessian [[2, b], [b, 2 a]] is semidefinite if 4 a >= b^2

            def f(x, a=a, b=b):
                return x[0] ** 2 + b * x[0] * x[1] + a * x[1] ** 2

            found = [convexity(f, [-1, -1], [1, 1], by=by, samples=200) for by in ("segments", "hessian")]
            assert found[0].convex == found[1].convex == (4 * a >= b * b), (a, b)
            assert found[1].strict == (4 * a > b * b)


def test_a_function_may_be_infinite_outside_of_its_domain():
    assert convexity(lambda x: -np.log(x[0]) if x[0] > 0 else np.inf, -1, 2)
    assert not convexity(lambda x: 0.0 if abs(x[0]) > 0.5 else np.inf, -1, 1)


def test_jensens_inequality():
    """The mean of f is at least f of the mean, for weights that sum to 1: of -log, exp and the square."""
    rng = np.random.default_rng(0)
    for f in (lambda x: -np.log(x), np.exp, np.square):
        x, weights = rng.uniform(0.1, 3, (200, 6)), rng.dirichlet(np.ones(6), 200)
        mean = (weights * x).sum(axis=1)
        assert ((weights * f(x)).sum(axis=1) >= f(mean) - 1e-12).all()
        np.testing.assert_allclose((weights * f(np.ones((200, 6)))).sum(axis=1), f(1.0))  # equal: equality


def test_local_minima_of_a_convex_function_are_global_e20():
    """Descent from any x0 ends at one value; of one that is not convex, at several."""
    rng = np.random.default_rng(0)
    starts = rng.uniform(-10, 10, (8, 1))
    ends = [minimize(lambda x: np.cosh(0.5 * (x[0] - 1)), x0, steps=400, line_search="armijo", tolerance=1e-7)
            for x0 in starts]  # fmt: skip
    np.testing.assert_allclose([t.f[-1] for t in ends], 1.0, rtol=1e-12)
    waves = FUNCTIONS["waves"].f.py_func
    ends = [minimize(waves, x0, steps=200, lr=0.1).f[-1] for x0 in starts]
    assert np.ptp(ends) > 1


def test_below_sets_of_convex_functions_are_convex_e20():
    for name, (f, low, high) in CONVEX.items():
        level = f(np.atleast_1d(np.add(low, high) / 2.0)) + 0.4
        assert set_convexity(lambda x, f=f, level=level: f(x) <= level, low, high, samples=200), name
    assert not set_convexity(lambda x: FUNCTIONS["himmelblau"].f.py_func(x) <= 20, [-5, -5], [5, 5])


def test_sets():
    def ball(x):
        return x @ x <= 1

    def box(x):
        return np.abs(x - 0.5).max() <= 0.6

    low, high = [-2, -2], [2, 2]
    assert set_convexity(ball, low, high) and set_convexity(box, low, high)
    assert set_convexity(lambda x: ball(x) and box(x), low, high)  # an intersection is convex
    union = set_convexity(lambda x: ball(x - 1.0) or ball(x + 1.0), low, high)
    a, b, share = union.counterexample
    assert not union and union.strict is None and "is not in the set" in str(union)
    between = share * a + (1 - share) * b
    assert not (ball(between - 1.0) or ball(between + 1.0))


def test_messages():
    assert isinstance(convexity(lambda x: x[0], 0, 1, samples=1), Convexity)
    with pytest.raises(UsageError, match="`by` must be"):
        convexity(lambda x: x[0], 0, 1, by="proof")
    for low, high in ((1, 0), (0, np.inf), (np.nan, 1)):
        with pytest.raises(OptionError, match="`low` must be below `high`, both finite"):
            convexity(lambda x: x[0], low, high)
    with pytest.raises(OptionError, match="`samples`"):
        convexity(lambda x: x[0], 0, 1, samples=0)
    with pytest.raises(NumericError, match="`f` is nan at"):
        convexity(lambda x: np.nan, 0, 1)
    with pytest.raises(UsageError, match="are in the set"):
        set_convexity(lambda x: False, 0, 1)
