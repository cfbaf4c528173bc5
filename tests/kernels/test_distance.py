"""Total variation, Hellinger, chi-squared and Bhattacharyya."""

import numpy as np
import pytest

from nbdl.errors import ProbabilityError
from nbdl.kernels import (
    bhattacharyya_distance,
    chi_squared_divergence,
    hellinger_distance,
    kl_divergence,
    total_variation,
)

P, Q = np.array([0.6, 0.3, 0.1]), np.array([0.2, 0.5, 0.3])
ALL = {
    total_variation: lambda p, q: np.abs(p - q).sum(0) / 2,
    hellinger_distance: lambda p, q: np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum(0) / 2),
    chi_squared_divergence: lambda p, q: ((p - q) ** 2 / q).sum(0),
    bhattacharyya_distance: lambda p, q: -np.log(np.sqrt(p * q).sum(0)),
}


def test_v9():
    assert chi_squared_divergence(P, Q) == pytest.approx(1.0133333, abs=5e-8)
    assert chi_squared_divergence(Q, P) == pytest.approx(0.8, rel=1e-15)
    assert 2 * hellinger_distance(P, Q) ** 2 == pytest.approx(0.1861728, abs=5e-8)
    assert total_variation(P, Q) == pytest.approx(0.4, rel=1e-15)


@pytest.mark.parametrize("f", ALL, ids=lambda f: f.__name__)
def test_formula_axes_counts_and_equality(f):
    p, q = np.random.default_rng(0).random((2, 19, 11))
    want = ALL[f](p / p.sum(0), q / q.sum(0))
    np.testing.assert_allclose(f(p, q, 0, normalize=True), want, rtol=1e-12)
    np.testing.assert_allclose(f(p.T, q.T, normalize=True), want, rtol=1e-12)
    assert (f(p, 3 * p, 0, normalize=True) < 1e-15).all() and str(f(P, P)) == "0.0"
    assert np.isnan(f(np.zeros(2), np.ones(2), normalize=True))
    with pytest.raises(ProbabilityError, match=f"{f.__name__}: `q` must sum to 1, got 2"):
        f(P, 2 * Q)


def test_zeros():
    left, right = np.array([0.5, 0.5, 0.0, 0.0]), np.array([0.0, 0.0, 0.0, 1.0])
    assert total_variation(left, right) == 1 == hellinger_distance(left, right)
    assert bhattacharyya_distance(left, right) == np.inf == chi_squared_divergence(left, right)
    assert chi_squared_divergence(np.array([1e-200, 1.0]), np.array([0.0, 1.0])) == np.inf


def test_near_equality_they_are_those_of_kl():
    """To second order chi^2 is twice KL, and eight times the squared Hellinger distance is."""
    p = np.array([0.3, 0.7])
    q = p + np.array([1e-9, -1e-9])
    kl = kl_divergence(p, q)
    assert chi_squared_divergence(p, q) == pytest.approx(2 * kl, rel=1e-8)
    assert hellinger_distance(p, q) ** 2 == pytest.approx(kl / 4, rel=1e-6)
    assert bhattacharyya_distance(p, q) == pytest.approx(kl / 4, rel=1e-6)


def test_bounds():
    p, q = np.random.default_rng(1).dirichlet(np.full(5, 0.3), (2, 200))
    tv, h = total_variation(p, q), hellinger_distance(p, q)
    assert (h**2 <= tv + 1e-15).all() and (tv <= np.sqrt(2) * h + 1e-15).all()
    assert (tv <= np.sqrt(kl_divergence(p, q) / 2) + 1e-15).all()  # Pinsker


def test_small_overlap_keeps_its_digits():
    p, q = np.array([1.0, 1e-200]), np.array([1e-200, 1.0])
    assert bhattacharyya_distance(p, q) == pytest.approx(100 * np.log(10) - np.log(2), rel=1e-14)
