"""Binned estimates: NumPy's histograms, closed forms, bins of equal mass, edges of the number range."""

import numpy as np
import pytest

from nbdl import registry
from nbdl.errors import OptionError
from nbdl.info import _binned as b
from nbdl.info._estimate import by_estimator
from nbdl.info._measures import conditional_mutual_information, entropy, entropy_of_counts, mutual_information
from nbdl.info._samples import extremes, read
from nbdl.info._series import transfer_entropy

RNG = np.random.default_rng


def column(values):
    return np.ascontiguousarray(np.asarray(values, float).reshape(-1, 1))


def codes_of(x, **options):
    codes, k = b.symbols(x, **options)
    assert k == options["bins"] and codes.min() >= 0 and codes.max() < k
    return codes


def pair(n, r=0.6, seed=0):
    x, y = RNG(seed).standard_normal((2, n))
    return column(x), column(r * x + np.sqrt(1 - r * r) * y)


@pytest.mark.parametrize("n", [1, 2, 5, 8, 9, 1023, 1024, 1025, 5000])
@pytest.mark.parametrize("bins", [1, 2, 7, 32])
def test_histograms_are_those_of_numpy(n, bins):
    x, y = RNG(n).standard_normal((2, n))
    if n > 1:  # NumPy gives a single value a bin of width 1 about it
        np.testing.assert_array_equal(b.histogram(x, bins), np.histogram(x, bins)[0])
        np.testing.assert_array_equal(b.histogram2d(x, y, bins), np.histogram2d(x, y, bins)[0])
    assert b.histogram(x, bins).sum() == b.histogram2d(x, y, bins).sum() == n


def test_whole_numbers_have_their_own_bins():
    x = RNG(0).integers(0, 10, 1000).astype(float)
    np.testing.assert_array_equal(b.histogram(x, 9)[:8], np.bincount(x.astype(int))[:8])
    assert codes_of(column([0, 1, 2, 3, 4]), bins=4).ravel().tolist() == [0, 1, 2, 3, 3]


def test_mutual_information_is_that_of_the_table():
    x, y = pair(10_000)
    p = np.histogram2d(x[:, 0], y[:, 0], 16)[0] / 10_000
    outer = p.sum(axis=1, keepdims=True) * p.sum(axis=0)
    want = (p[p > 0] * np.log(p[p > 0] / outer[p > 0])).sum()
    assert b.mutual_information(x, y, bins=16) == pytest.approx(want, abs=1e-13)


@pytest.mark.parametrize("correction", ["ml"])
def test_the_short_way_and_the_long_one_agree(correction):
    x, y = pair(700)
    short = b.mutual_information(x, y, bins=8, correction=correction)
    codes = codes_of(x, bins=8), codes_of(y, bins=8)
    assert short == pytest.approx(mutual_information(*codes, correction, k=(8, 8)), abs=1e-12)


@pytest.mark.parametrize("binning", ["width", "mass"])
@pytest.mark.parametrize("r, truth", [(0.6, 0.22314355131420974), (0.9, 0.8303656034108255)])
def test_gaussian_pairs(binning, r, truth):
    x, y = pair(100_000, r)
    got = b.mutual_information(x, y, bins=32, binning=binning)
    assert got == pytest.approx(truth, abs=0.03)


@pytest.mark.parametrize("binning", ["width", "mass"])
@pytest.mark.parametrize(
    "name, truth",
    [("normal", 1.4189385332), ("laplace", 1 + np.log(2)), ("gumbel", 1 + np.euler_gamma), ("uniform", 0.0)],
)
def test_closed_forms_of_entropy(binning, name, truth):
    x = column(getattr(RNG(3), name)(size=100_000))
    assert b.entropy(x, bins=200, binning=binning) == pytest.approx(truth, abs=0.05)


def test_entropy_of_a_density_may_be_negative_E23():
    x = column(RNG(0).uniform(0, 1e-3, 5000))
    assert b.entropy(x) == pytest.approx(np.log(1e-3), abs=0.05)


def test_joint_entropy_may_be_below_a_marginal_E24():
    x = column(RNG(0).standard_normal(5000))
    y = column(1e-3 * RNG(1).standard_normal(5000))
    assert b.entropy(np.hstack((x, y)), bins=10) < b.entropy(x, bins=10)


@pytest.mark.parametrize("binning", ["width", "mass"])
def test_local_values_average_to_the_estimate(binning):
    x, y = pair(500)
    for f, arguments in (
        (b.entropy, (x,)),
        (b.entropy, (np.hstack((x, y)),)),
        (b.mutual_information, (x, y)),
        (b.conditional_mutual_information, (x, y, x + y)),
    ):
        local = f(*arguments, bins=5, binning=binning, local=True)
        assert local.shape == (500,)
        assert local.mean() == pytest.approx(f(*arguments, bins=5, binning=binning), abs=1e-13)


def test_equal_mass():
    codes = codes_of(column(RNG(0).standard_normal(1000)), bins=8, binning="mass")
    assert np.bincount(codes[:, 0]).tolist() == [125] * 8
    x, y = pair(600)
    want = b.mutual_information(x, y, bins=6, binning="mass")
    assert b.mutual_information(np.exp(x), y**3, bins=6, binning="mass") == want  # ranks alone count


def test_equal_values_share_a_bin_of_equal_mass():
    x = column([1, 1, 1, 1, 1, 1, 2, 3])
    codes = codes_of(x, bins=4, binning="mass").ravel()
    assert codes[:6].tolist() == [codes[0]] * 6 and codes[6] > codes[5]


def test_conditional_and_joint_samples():
    x, y = pair(3000)
    z = np.hstack((x + y, x - y))
    codes = [codes_of(v, bins=4) for v in (x, y, z)]
    assert b.conditional_mutual_information(x, y, z, bins=4) == pytest.approx(
        conditional_mutual_information(*codes), abs=1e-14
    )
    assert b.mutual_information(x, z, bins=4) == pytest.approx(
        mutual_information(codes[0], codes[2]), abs=1e-14
    )
    width = [np.ptp(v) / 4 for v in z.T]
    assert b.entropy(z, bins=4) == pytest.approx(entropy(codes[2]) + np.log(width).sum(), abs=1e-13)


@pytest.mark.parametrize("binning", ["width", "mass"])
def test_a_constant_column_tells_nothing_and_has_no_density(binning):
    x, _ = pair(200)
    ones = np.full((200, 1), 0.1)
    assert b.mutual_information(x, ones, binning=binning) == 0
    assert b.mutual_information(ones, ones, binning=binning) == 0
    assert b.entropy(ones, binning=binning) == -np.inf


@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1e300])
def test_the_ends_of_the_number_range(scale):
    x, y = pair(2000)
    x, y = x.round(3), y.round(3)
    want = b.mutual_information(x / 8, y, bins=8)
    tolerance = 0.05 if scale < 1e-310 else 1e-12  # few bits are left of the smallest numbers
    assert b.mutual_information(x / 8 * scale, y, bins=8) == pytest.approx(want, abs=tolerance)
    huge = column([-1.7e308, 1.7e308, 0.0, 1.0])
    assert codes_of(huge, bins=2).ravel().tolist() == [0, 1, 1, 1]


def test_no_value_reaches_outside_of_the_table():
    x = np.array([np.nan, 0.0, 1.0, np.inf, -np.inf, 2.0] * 50)
    with np.errstate(invalid="ignore"):
        assert b.histogram2d(x, x, 4).sum() == 300


def test_the_rule_for_bins():
    """N^(1/3) for one column, N^(1/4) for a pair."""
    x, y = pair(1000)
    counts = np.histogram(x, 10)[0]
    assert b.entropy(x) == pytest.approx(entropy_of_counts(counts) + np.log(np.ptp(x) / 10), abs=1e-13)
    assert b.mutual_information(x, y) == b.mutual_information(x, y, bins=6)
    assert b.mutual_information(x[:1], y[:1]) == 0


def test_bad_input():
    x, y = pair(10)
    for bins in (0, 11, -1, 2.0, True):
        with pytest.raises(OptionError, match="`bins` must be an integer from 1 to the 10 samples, got"):
            b.mutual_information(x, y, bins=bins)
    with pytest.raises(OptionError, match='`binning` must be "width" or "mass", got \'fd\''):
        b.entropy(x, binning="fd")


@pytest.mark.parametrize("n", (1, 7, 8, 17, 100))
def test_ends_are_those_of_finite_numbers_only(n):
    x = RNG(n).standard_normal(n)
    assert extremes(x) == (x.min(), x.max())
    for i in {0, n // 2, n - 1}:
        for stray in (np.nan, np.inf, -np.inf):
            with np.errstate(invalid="ignore"):
                assert np.isnan(extremes(np.where(np.arange(n) == i, stray, x))).all()


def test_rows_that_are_taken_have_ends_of_their_own():
    x, y = RNG(3).standard_normal((2, 500))
    x[7], y[9] = 50, -50
    some = np.setdiff1d(np.arange(500), (7, 9))
    taken = [read(name, each).taking(some) for name, each in (("x", x), ("y", y))]
    value = by_estimator(
        registry.default().get("estimator", "binned"), "mutual_information", taken, False, 1, {}
    )
    assert value == b.mutual_information(x[some, None], y[some, None])


# --- heavy tails ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        (lambda rng, n: rng.standard_cauchy(n), np.log(4 * np.pi)),
        (lambda rng, n: rng.standard_t(2, n), 1.9604),
        (lambda rng, n: rng.lognormal(0, 2, n), 1.4189385332 + np.log(2)),
        (lambda rng, n: np.append(rng.standard_normal(n - 1), 1e6), 1.4189385332),
        (lambda rng, n: np.append(rng.standard_normal(n - 1), -1e300), 1.4189385332),
    ],
)
@pytest.mark.parametrize(("n", "tolerance"), [(300, 0.2), (2000, 0.1)])
def test_heavy_tails_do_not_put_all_values_into_one_bin(draw, truth, n, tolerance):
    """A mean of 8, each with a deviation of 0.16 and 0.06 or less; bins of the whole range are 2 off."""
    values = [b.entropy(column(draw(RNG(seed), n))) for seed in range(8)]
    assert np.mean(values) == pytest.approx(truth, abs=tolerance)
    x = column(draw(RNG(0), n))
    for units in (1e3, 1e-9, -2.0):
        assert b.entropy(units * x) == pytest.approx(values[0] + np.log(abs(units)), abs=0.05)
    for correction in ("ml", "miller_madow", "laplace"):
        assert np.isfinite(b.entropy(x, correction=correction))
    assert b.entropy(x, local=True).mean() == pytest.approx(values[0], abs=1e-12)
    beside = np.hstack((x, column(RNG(9).standard_normal(n))))
    assert b.entropy(beside, local=True).mean() == pytest.approx(b.entropy(beside), abs=1e-12)


def test_nearly_all_values_in_one_bin_are_told():
    x, y = RNG(0).standard_cauchy((2, 1000))
    with pytest.warns(RuntimeWarning, match=r"binned: 99 % of the values .* 20 bins .* Try binning=\"mass\""):
        entropy(x, "binned", bins=20)
    for measure, samples in (
        (mutual_information, (x, y)),
        (mutual_information, (x, np.column_stack((x, y)))),
        (conditional_mutual_information, (x, y, x + y)),
        (transfer_entropy, (x, y)),
    ):
        with pytest.warns(RuntimeWarning, match="of the values of a column are in one of its"):
            measure(*samples, estimator="binned")
    assert mutual_information(x, y, "binned", binning="mass") >= 0
    zeros = np.where(RNG(1).random(1000) < 0.96, 0.0, y)  # one point, which is as it should be
    assert mutual_information(RNG(2).random(1000), zeros, "binned") >= 0
