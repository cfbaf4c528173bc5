"""Cross entropy and divergences: the notes' numbers, SciPy, exactness near equality, zeros, gradients."""

from decimal import Decimal, getcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbdl.errors import ProbabilityError, ShapeError
from nbdl.kernels import (
    cross_entropy,
    cross_entropy_dq,
    entropy,
    jeffreys_divergence,
    kl_divergence,
    kl_divergence_dp,
    kl_divergence_dq,
    nll_loss,
)

stats = pytest.importorskip("scipy.stats")
P, Q = np.array([0.6, 0.3, 0.1]), np.array([0.2, 0.5, 0.3])
getcontext().prec = 60


def exact_kl(p, q):
    """In 60 digits, of the float64 numbers as they are, less the difference of their sums."""
    p, q = map(Decimal, map(float, p)), map(Decimal, map(float, q))
    return float(sum(a * (a / b).ln() - a + b for a, b in zip(p, q)))


def test_v8_kl_both_ways():
    assert kl_divergence(P, Q) == pytest.approx(0.3960584572, abs=5e-11)
    assert kl_divergence(Q, P) == pytest.approx(0.3652740407, abs=5e-11)
    assert jeffreys_divergence(P, Q) == pytest.approx(kl_divergence(P, Q) + kl_divergence(Q, P), rel=1e-14)


def test_v13_v14_cross_entropy_of_labels():
    predictions, labels = np.array([[0.3, 0.6, 0.1], [0.2, 0.3, 0.5]]), np.array([0, 2])
    each = cross_entropy(np.eye(3)[labels], predictions)
    np.testing.assert_allclose(each, [1.2039728043, 0.6931471806], atol=5e-11)
    assert each.mean() == pytest.approx(0.9485599924, abs=5e-11)
    assert nll_loss(np.log(predictions), labels) == pytest.approx(0.9485599924, abs=5e-11)


@pytest.mark.parametrize("base", [None, 2, 10])
def test_e31_cross_entropy_is_entropy_plus_kl_in_every_one_unit(base):
    p, q = np.random.default_rng(0).dirichlet(np.ones(6), (2, 5))
    want = entropy(p, base=base) + kl_divergence(p, q, base=base)
    np.testing.assert_allclose(cross_entropy(p, q, base=base), want, rtol=1e-12)
    one_hot, prediction = np.array([1.0, 0.0]), np.array([np.exp(-0.94856), 1 - np.exp(-0.94856)])
    assert cross_entropy(one_hot, prediction, base=2) == pytest.approx(1.368483, abs=1e-6)


def test_e32_reduction_is_the_callers():
    """The kernel gives each row; sum and mean are said by name."""
    each = cross_entropy(np.eye(3)[[0, 2]], np.array([[0.3, 0.6, 0.1], [0.2, 0.3, 0.5]]))
    assert each.sum() == pytest.approx(1.897120, abs=5e-7) and each.mean() == pytest.approx(
        0.948560, abs=5e-7
    )


def test_e29_draws_are_no_probabilities():
    """Sorted normal draws in the place of p and q: negative entries are an error, not dropped as NaN."""
    rng = np.random.default_rng(1)
    p, q = np.sort(rng.standard_normal((2, 10000)))
    for normalize in (False, True):
        with pytest.raises(
            ProbabilityError, match="kl_divergence: `p` must be finite and not negative, got -"
        ):
            kl_divergence(p, q, normalize=normalize)
    with pytest.raises(ProbabilityError, match="kl_divergence: `q` must be finite"):
        kl_divergence(np.full(10000, 1e-4), q)


def test_e33_nan_is_an_error():
    with pytest.raises(
        ProbabilityError, match="`q` must be finite and not negative, got nan at flat position 2"
    ):
        cross_entropy(P, np.array([0.5, 0.5, np.nan]))


def test_e34_kl_is_zero_only_for_equal_distributions_and_infinite_off_the_support():
    assert kl_divergence(P, P) == 0 == jeffreys_divergence(P, P)
    half, all_ = np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.25, 0.5])
    assert kl_divergence(half, all_) == pytest.approx(np.log(2), rel=1e-15)  # -log of what q gives to supp(p)
    assert kl_divergence(all_, half) == np.inf == cross_entropy(all_, half)
    assert jeffreys_divergence(half, all_) == np.inf


def test_e35_minimisers_of_cross_entropy_and_kl_are_p():
    p = np.array([0.2, 0.5, 0.3])
    others = np.random.default_rng(2).dirichlet(np.ones(3), 500)
    rows = np.broadcast_to(p, others.shape)
    assert (cross_entropy(rows, others) > entropy(p)).all() and (kl_divergence(rows, others) > 0).all()
    order = np.argsort(kl_divergence(rows, others))
    assert (np.diff(cross_entropy(rows, others)[order]) >= -1e-14).all()


def test_peers_q_zero_is_infinite_never_a_finite_number():
    """infomeasure finds -0.637 and -0.52 for these samples, leaving out what q has not."""
    assert kl_divergence(np.array([2, 1, 0, 0]), np.array([0, 0, 2, 1]), normalize=True) == np.inf
    assert kl_divergence(np.array([2, 1, 1]), np.array([2, 2, 0]), normalize=True) == np.inf
    assert kl_divergence(np.array([0.0, 1.0]), np.array([0.0, 1.0])) == 0


def test_q_that_is_subnormal_is_not_zero():
    assert kl_divergence(np.array([0.5, 0.5]), np.array([5e-324, 1.0])) == pytest.approx(
        exact_kl([0.5, 0.5], [5e-324, 1.0]), rel=1e-14
    )
    assert cross_entropy(np.array([1.0, 0.0]), np.array([5e-324, 1.0])) == pytest.approx(744.4400719213812)


def test_agrees_with_scipy_along_every_axis():
    p, q = np.random.default_rng(3).random((2, 3, 17, 21))
    for axis in range(3):
        kl, other = stats.entropy(p, q, axis=axis), stats.entropy(q, p, axis=axis)
        np.testing.assert_allclose(kl_divergence(p, q, axis, normalize=True), kl, rtol=1e-12)
        np.testing.assert_allclose(jeffreys_divergence(p, q, axis, normalize=True), kl + other, rtol=1e-12)
        h = stats.entropy(p, axis=axis)
        np.testing.assert_allclose(cross_entropy(p, q, axis, normalize=True), h + kl, rtol=1e-12)


@pytest.mark.parametrize("d", [1e-3, 1e-6, 1e-9, -1e-9, 1e-12, 2e-16])
def test_peers_tiny_kl_is_exact(d):
    """SciPy has the wrong sign at 1e-9; the sum of p log(p / q) cannot do better."""
    p = np.array([0.3, 0.7])
    q = p + np.array([d, -d])
    assert kl_divergence(p, q) == pytest.approx(exact_kl(p, q), rel=6e-16)
    assert kl_divergence(p, q, normalize=True) == pytest.approx(
        exact_kl(p, q), rel=1e-6 if abs(d) < 1e-11 else 1e-11
    )


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.66, 0.7, 0.75, 1.2, 1.33, 1.4, 1.5, 2.0, 3.0, 1e5, 1e150])
def test_terms_are_exact_at_every_ratio(ratio):
    p = np.array([0.4 / max(ratio, 1), 1 - 0.4 / max(ratio, 1)])
    q = np.array([0.4 / max(ratio, 1) * ratio, 1 - 0.4 / max(ratio, 1) * ratio])
    assert kl_divergence(p, q) == pytest.approx(exact_kl(p, q), rel=3e-15)
    assert kl_divergence(q, p) == pytest.approx(exact_kl(q, p), rel=3e-15)


PAIRS = st.integers(1, 30).flatmap(
    lambda n: st.tuples(*[st.lists(st.floats(1e-9, 1e6), min_size=n, max_size=n)] * 2)
)


@settings(max_examples=80, deadline=None)
@given(PAIRS, st.floats(1e-6, 1e6))
def test_kl_is_never_negative_whatever_the_scale(pair, scale):
    p, q = map(np.array, pair)
    kl = kl_divergence(p, q, normalize=True)
    assert kl >= 0 and jeffreys_divergence(p, q, normalize=True) >= kl * (1 - 1e-12)
    assert kl_divergence(scale * p, q, normalize=True) == pytest.approx(kl, rel=1e-9, abs=1e-14)


def test_peers_float32_and_integers():
    p, q = np.random.default_rng(4).random((2, 1000, 500), np.float32)
    exact = kl_divergence(p.astype(float), q.astype(float), 0, normalize=True)
    kl = kl_divergence(p, q, 0, normalize=True)
    assert kl.dtype == np.float32
    np.testing.assert_allclose(kl, exact, rtol=2e-7)
    assert kl_divergence(
        np.array([1, 1], np.int8), np.array([1, 3], np.uint8), normalize=True
    ) == pytest.approx(np.log(2 / np.sqrt(3)), rel=1e-14)


def test_peers_all_zero_counts_are_nan_on_either_side():
    zeros, ones = np.zeros((1, 3)), np.ones((1, 3))
    for p, q in ((zeros, ones), (ones, zeros), (zeros, zeros)):
        for f in (kl_divergence, cross_entropy, jeffreys_divergence):
            assert np.isnan(f(p, q, normalize=True)).all()


def test_peers_gradients_are_finite_at_zero():
    """optax#1786: NaN where p = 0."""
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.25, 0.5])
    np.testing.assert_allclose(kl_divergence_dp(1.0, p, q), [np.log(2), np.log(2), 0], rtol=1e-15)
    np.testing.assert_allclose(kl_divergence_dq(1.0, p, q), [-1, -1, 1])
    np.testing.assert_allclose(cross_entropy_dq(1.0, p, np.array([0.5, 0.5, 0.0])), [-1, -1, 0])


def test_nothing_is_broadcast():
    with pytest.raises(
        ShapeError, match=r"kl_divergence: `q` must have shape \(2, 3\), that of the first table"
    ):
        kl_divergence(np.full((2, 3), 1 / 3), Q)
