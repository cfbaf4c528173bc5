"""Entropy of tables: the notes' numbers, SciPy, edges, dtypes, axes, and what is refused."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbdl.errors import DtypeError, OptionError, ProbabilityError, ShapeError
from nbdl.kernels import entropy, entropy_dp, joint_entropy, perplexity, self_information

stats = pytest.importorskip("scipy.stats")
P = np.array([0.1, 0.5, 0.1, 0.3])


def test_v1_self_information():
    assert self_information(np.array([1 / 64]), 2) == [6.0]
    np.testing.assert_allclose(self_information(np.array([1 / 64])), 4.158883083359672, rtol=1e-15)
    assert str(self_information(np.array([1.0, 0.0]))) == "[ 0. inf]"
    for wrong in (-0.1, 1.1, np.nan):
        with pytest.raises(ProbabilityError, match=r"`p` must be from 0 to 1, got .* at flat position 1"):
            self_information(np.array([0.5, wrong]))


def test_v2_v3_entropy_and_joint_entropy():
    assert entropy(P, base=2) == pytest.approx(1.6854752972, abs=5e-11)
    assert entropy(P) == pytest.approx(1.1682824502, abs=5e-11)
    assert joint_entropy(P.reshape(2, 2), 2) == entropy(P, base=2)


def test_v26_perplexity():
    assert perplexity(np.full(28, 1 / 28)) == pytest.approx(28, rel=1e-14)
    tokens = np.array([0.2, 0.1, 0.4, 0.25, 0.05])
    assert np.exp(self_information(tokens).mean()) == pytest.approx(6.3095734, abs=5e-8)


def test_e23_only_base_2_gives_bits_and_the_uniform_is_largest():
    p = np.array([0.5, 0.25, 0.125, 0.125])
    assert entropy(p, base=2) == 1.75
    assert entropy(p) == pytest.approx(1.75 * np.log(2), rel=1e-15)
    assert entropy(p, base=10) == pytest.approx(1.75 * np.log10(2), rel=1e-15)
    assert entropy(p, base=0.5) == -1.75
    assert entropy(p) < entropy(np.full(4, 0.25)) == pytest.approx(np.log(4), rel=1e-15)


@pytest.mark.parametrize("base", [1, 0, -2, np.nan, np.inf])
def test_peers_base_one_is_infinite_is_refused(base):
    with pytest.raises(OptionError, match="entropy: `base` must be positive, finite and not 1, got"):
        entropy(P, base=base)


def test_agrees_with_scipy_along_every_axis():
    p = np.random.default_rng(0).random((3, 17, 21))
    for axis in range(-3, 3):
        np.testing.assert_allclose(entropy(p, axis, normalize=True), stats.entropy(p, axis=axis), rtol=5e-15)


def test_peers_zero_times_log_of_zero_is_exactly_zero():
    assert entropy(np.array([0.0, 1.0, 0.0])) == 0
    assert str(entropy(np.array([1.0]))) == "0.0"
    assert entropy(np.array([0.5, 0.0, 0.5])) == entropy(np.array([0.5, 0.5]))


def test_peers_unnormalised_rows_raise_unless_asked_for():
    """SciPy always divides by the sum, at a cost and in silence."""
    with pytest.raises(ProbabilityError, match=r"entropy: `p` must sum to 1, got 1\.1 of distribution 1"):
        entropy(np.array([[0.5, 0.5], [0.6, 0.5]]))
    assert entropy(np.array([[2.0, 2.0], [1.0, 3.0]]), normalize=True)[0] == np.log(2)
    entropy(np.array([0.5, 0.5 + 0.9e-6]))
    with pytest.raises(ProbabilityError):
        entropy(np.array([0.5, 0.5 + 1.1e-6]))
    entropy(np.array([0.5, 0.5 + 0.9e-4], np.float32))
    with pytest.raises(ProbabilityError):
        entropy(np.array([0.5, 0.5 + 1.2e-4], np.float32))


def test_peers_all_zero_row_is_nan_and_the_others_are_not():
    h = entropy(np.array([[0, 0], [1, 1], [0, 7]]), normalize=True)
    assert np.isnan(h[0]) and h[1] == np.log(2) and h[2] == 0


@pytest.mark.parametrize("p", [[-1.0, 2.0], [-0.5, 1.5], [np.nan, 1.0], [np.inf, 0.0]])
@pytest.mark.parametrize("normalize", [False, True])
def test_peers_negative_and_e33_nan_are_errors_not_numbers(p, normalize):
    rows = np.array([[0.5, 0.5], p])
    for table, axis in ((rows[1], 0), (rows, 1), (rows.T, 0)):
        with pytest.raises(ProbabilityError, match="must be finite and not negative, got"):
            entropy(table, axis, normalize=normalize)


def test_nothing_is_written_when_a_later_row_is_bad():
    out = np.full(2, 7.0)
    with pytest.raises(ProbabilityError):
        entropy(np.array([[0.5, 0.5], [0.6, 0.5]]), out=out)
    assert (out == 7).all()


def test_distributions_of_every_length_side_by_side_and_behind_one_another():
    rng = np.random.default_rng(5)
    for shape in ((1, 1), (7, 3), (9, 17), (130, 1030), (1030, 130), (3, 2100), (2100, 3), (0, 4)):
        p = rng.random(shape)
        for axis in (0, 1):
            if shape[axis]:
                want = stats.entropy(p, axis=axis) if p.size else np.empty(4)[:0]
                np.testing.assert_allclose(entropy(p, axis, normalize=True), want, rtol=5e-15, atol=3e-15)


def test_peers_integers_do_not_overflow():
    for dtype in (np.int8, np.uint8, np.int32, np.uint64, np.bool_):
        counts = np.ones(1000, dtype)
        assert entropy(counts, normalize=True) == pytest.approx(np.log(1000), rel=1e-15)
    assert entropy(np.array([2**62, 2**62]), normalize=True) == pytest.approx(np.log(2), rel=1e-14)


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the JIT is disabled: 4e7 numbers are too many")
def test_peers_float32_accumulates_in_float64_on_any_axis():
    """SciPy is off by 1.8e-3 along the first axis of (1e6, 10)."""
    for shape, axis in (((10**7,), 0), ((10**6, 10), 0), ((1000, 10**4), 0), ((10**4, 1000), 1)):
        p = np.random.default_rng(1).random(shape, np.float32)
        h = entropy(p, axis, normalize=True)
        assert axis == p.ndim - 1 == 0 or h.dtype == np.float32
        exact = p.astype(np.float64)
        s = exact.sum(axis)
        np.testing.assert_allclose(h, np.log(s) - (exact * np.log(exact)).sum(axis) / s, rtol=0, atol=1e-6)


def test_peers_float16_is_refused_rather_than_summed_to_zero():
    with pytest.raises(
        (DtypeError, NotImplementedError), match="float16"
    ):  # of Numba, which has no such numbers
        entropy(np.ones(100000, np.float16))


def test_scale_of_weights():
    p = np.random.default_rng(2).random(37)
    h = entropy(p, normalize=True)
    for scale in (1e-200, 1e200):
        assert entropy(scale * p, normalize=True) == pytest.approx(h, rel=1e-13)
    with pytest.raises(ProbabilityError, match=r"sums that cannot be divided by: .* scale it"):
        entropy(1e-300 * p, normalize=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40).filter(lambda v: sum(v) > 1e-3))
def test_bounds(weights):
    w = np.array(weights)
    h = entropy(w, normalize=True)
    assert 0 <= h <= np.log(np.count_nonzero(w)) + 1e-13
    p = w / w.sum()
    assert h == pytest.approx(
        -np.sum(np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0)), rel=1e-12, abs=1e-13
    )


def test_e24_joint_entropy_is_between_the_largest_and_the_sum():
    p = np.random.default_rng(3).dirichlet(np.ones(12)).reshape(3, 4)
    x, y, both = entropy(p.sum(1)), entropy(p.sum(0)), joint_entropy(p)
    assert max(x, y) <= both <= x + y
    assert joint_entropy(np.diag(p.sum(1))) == pytest.approx(x, rel=1e-14)  # Y = X


def test_peers_gradient_is_finite_at_zero():
    np.testing.assert_allclose(entropy_dp(1.0, np.array([0.5, 0.0, 0.5])), [np.log(2) - 1, 0, np.log(2) - 1])
    counts = np.array([[2.0, 0.0, 2.0], [1.0, 2.0, 3.0]])
    slope = entropy_dp(np.ones(2), counts, normalize=True)
    assert np.isfinite(slope).all()
    np.testing.assert_allclose((slope * counts).sum(1), 0, atol=2e-15)  # a common factor changes nothing


def test_messages():
    with pytest.raises(OptionError, match="entropy: `axis` must be one of the 1 axes of the array, got 1"):
        entropy(P, 1)
    with pytest.raises(ShapeError, match=r"entropy: `axis` 0 has no elements, shape \(0,\)"):
        entropy(P[:0])
    with pytest.raises(DtypeError, match="entropy: `base` must be a number or None"):
        entropy(P, base="bits")
    with pytest.raises(ShapeError, match="entropy_dp: `dy` must have shape"):
        entropy_dp(np.ones(3), np.full((2, 2), 0.5))
