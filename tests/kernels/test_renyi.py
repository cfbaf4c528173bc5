"""The families of Rényi and Tsallis, and their limits."""

import numpy as np
import pytest

from nbdl.errors import OptionError, ProbabilityError
from nbdl.kernels import (
    bhattacharyya_distance,
    chi_squared_divergence,
    entropy,
    kl_divergence,
    renyi_divergence,
    renyi_entropy,
    tsallis_entropy,
)

H = np.array([0.5, 0.25, 0.125, 0.125])
P, Q = np.array([0.6, 0.3, 0.1, 0.0]), np.array([0.2, 0.4, 0.3, 0.1])


def test_vectors():
    assert renyi_entropy(H, 2) == pytest.approx(1.0678406300, abs=5e-11)
    assert tsallis_entropy(H, 2) == 0.65625


def test_limits():
    assert renyi_entropy(H, 0, base=2) == 2 and renyi_entropy(P, 0) == np.log(3)
    assert renyi_entropy(H, np.inf, base=2) == 1
    assert renyi_entropy(H, 1) == entropy(H) == tsallis_entropy(H, 1)
    assert tsallis_entropy(P, 0) == 2 and tsallis_entropy(H, np.inf) == 0
    assert renyi_divergence(P, Q, 1) == kl_divergence(P, Q)
    assert renyi_divergence(P, Q, np.inf) == pytest.approx(np.log(3), rel=1e-15)
    assert renyi_divergence(P, Q, 0) == pytest.approx(-np.log(0.9), rel=1e-14)
    for near in (1 - 1e-6, 1 + 1e-6):
        assert renyi_entropy(H, near) == pytest.approx(entropy(H), rel=1e-5)
        assert renyi_divergence(P, Q, near) == pytest.approx(kl_divergence(P, Q), rel=1e-5)


def test_relatives():
    assert renyi_divergence(P, Q, 0.5) == pytest.approx(2 * bhattacharyya_distance(P, Q), rel=1e-13)
    assert renyi_divergence(P, Q, 2) == pytest.approx(np.log1p(chi_squared_divergence(P, Q)), rel=1e-14)
    assert renyi_divergence(Q, P, 2) == np.inf == renyi_divergence(Q, P, 1) == renyi_divergence(Q, P, np.inf)
    assert np.isfinite(renyi_divergence(Q, P, 0.5))
    assert renyi_divergence(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 0.5) == np.inf


def test_order_and_counts():
    orders = [0, 0.5, 1, 2, 7.5, np.inf]
    h = [renyi_entropy(H, a) for a in orders]
    d = [renyi_divergence(P, Q, a) for a in orders]
    assert (np.diff(h) <= 1e-15).all() and (np.diff(d) >= -1e-15).all()
    counts = np.array([[4, 2, 1, 1], [0, 0, 0, 0]])
    got = renyi_entropy(counts, 2, normalize=True), tsallis_entropy(counts, 2, normalize=True)
    np.testing.assert_allclose(got, [[renyi_entropy(H, 2), np.nan], [0.65625, np.nan]])
    assert renyi_divergence(10 * P, 3 * Q, 3, normalize=True) == pytest.approx(
        renyi_divergence(P, Q, 3), rel=1e-14
    )


def test_messages():
    for alpha in (-1, np.nan):
        with pytest.raises(OptionError, match="renyi_entropy: `alpha` must be at least 0, got"):
            renyi_entropy(H, alpha)
    with pytest.raises(ProbabilityError, match="renyi_divergence: `q` must sum to 1"):
        renyi_divergence(P, 2 * Q, 2)


def test_a_base_below_one_turns_the_sign():
    for alpha in (0.5, 1, 2, np.inf):
        assert renyi_entropy(P, alpha, base=0.5) == pytest.approx(-renyi_entropy(P, alpha, base=2))
        q = np.full_like(P, 1 / P.size)
        other = renyi_divergence(P, q, alpha, base=2)
        assert renyi_divergence(P, q, alpha, base=0.5) == pytest.approx(-other) and other > 0
