"""Jensen-Shannon: SciPy's bugs, exactness near equality, bounds, metric."""

from decimal import Decimal, getcontext

import numpy as np
import pytest

from nbdl.errors import ProbabilityError
from nbdl.kernels import js_distance, js_divergence, js_divergence_dp

distance = pytest.importorskip("scipy.spatial.distance")
getcontext().prec = 60


def exact(p, q):
    """In 60 digits, of the float64 numbers as they are."""
    total = Decimal(0)
    for a, b in zip(map(Decimal, map(float, p)), map(Decimal, map(float, q))):
        for v in (a, b):
            total += v * (2 * v / (a + b)).ln() if v else 0
    return float(total / 2)


def test_v9_js():
    assert js_divergence(np.array([0.6, 0.3, 0.1]), np.array([0.2, 0.5, 0.3])) == pytest.approx(
        0.0911208, abs=5e-8
    )


def test_agrees_with_scipy_along_every_axis():
    p, q = np.random.default_rng(0).random((2, 3, 17, 21))
    for axis in range(3):
        want = distance.jensenshannon(p, q, axis=axis)
        np.testing.assert_allclose(js_distance(p, q, axis, normalize=True), want, rtol=1e-12)
        np.testing.assert_allclose(js_divergence(p, q, axis, 2, True), want**2 / np.log(2), rtol=1e-12)


@pytest.mark.parametrize("d", [1e-3, 1e-9, 1e-15])
def test_peers_js_near_zero_is_exact_and_not_nan(d):
    p = np.array([0.3, 0.7])
    q = p + np.array([d, -d])
    assert js_divergence(p, q) == pytest.approx(exact(p, q), rel=1e-15)
    assert js_divergence(p, p) == 0


@pytest.mark.parametrize("s", [0.0, 0.2, 0.4, 0.499, 0.5, 0.501, 0.7, 0.9, 0.999, 1.0])
def test_terms_are_exact_at_every_ratio(s):
    p = np.array([(1 + s) / 4, 1 - (1 + s) / 4])
    q = np.array([(1 - s) / 4, 1 - (1 - s) / 4])
    assert js_divergence(p, q) == pytest.approx(exact(p, q), rel=4e-15)
    assert js_divergence(q, p) == js_divergence(p, q)


def test_peers_scipy_20083_float32_is_not_nan():
    rng = np.random.default_rng(1)
    p = rng.random((1000, 50), np.float32)
    q = np.nextafter(p, np.float32(2))
    js = js_distance(p, q, normalize=True)
    assert js.dtype == np.float32 and (js >= 0).all() and (js < 1e-6).all()


def test_peers_scipy_19436_subnormal_is_not_infinite():
    assert js_distance(np.array([0.0, 1.0]), np.array([5e-324, 1.0])) == 0
    assert js_distance(np.array([0.0, 1.0]), np.array([5e-324, 1.0]), normalize=True) == 0


def test_bounds_and_triangle():
    p = np.random.default_rng(2).dirichlet(np.full(7, 0.1), 60)
    a, b, c = p[:20], p[20:40], p[40:]
    assert (js_divergence(a, b, base=2) <= 1 + 1e-15).all()
    assert (js_distance(a, c) <= js_distance(a, b) + js_distance(b, c) + 1e-15).all()
    assert js_divergence(np.array([1.0, 0.0]), np.array([0.0, 1.0]), base=2) == pytest.approx(1, rel=1e-15)


def test_long_rows_and_columns():
    p, q = np.random.default_rng(3).random((2, 3, 5001))
    want = distance.jensenshannon(p, q, axis=1)
    np.testing.assert_allclose(js_distance(p, q, normalize=True), want, rtol=1e-12)
    np.testing.assert_allclose(js_distance(p.T, q.T, 0, normalize=True), want, rtol=1e-12)


@pytest.mark.parametrize("n", [1, 7, 8, 9, 16, 129, 1040])
def test_near_and_far_entries_and_zeros_side_by_side(n):
    rng = np.random.default_rng(n)
    p = rng.dirichlet(np.ones(n))
    q = p * rng.choice([0.0, 0.01, 0.9, 1.0, 1.1, 100.0], n) + 1e-3
    q /= q.sum()
    assert js_divergence(p, q) == pytest.approx(exact(p, q), rel=4e-15)
    columns = js_divergence(np.repeat(p[:, None], 19, 1), np.repeat(q[:, None], 19, 1), 0)
    np.testing.assert_allclose(columns, exact(p, q), rtol=4e-15)


def test_peers_gradient_is_finite_at_zero_and_empty_rows_are_nan():
    slope = js_divergence_dp(1.0, np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.5]))
    np.testing.assert_allclose(slope, [np.log(2) / 2, 0, 0], atol=1e-16)
    assert np.isnan(js_divergence(np.zeros((2, 3)), np.ones((2, 3)), normalize=True)).all()
    with pytest.raises(ProbabilityError, match=r"`q` must be finite and not negative, got -0\.5"):
        js_divergence(np.array([0.5, 0.5]), np.array([-0.5, 1.5]))
