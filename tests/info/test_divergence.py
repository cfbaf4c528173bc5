"""Divergence of two samples by nearest neighbours: brute force, closed forms, units, rows that recur."""

import math
import warnings

import numpy as np
import pytest

from nbdl import info
from nbdl.errors import OptionError, ShapeError
from nbdl.info._divergence import kl_divergence

RNG = np.random.default_rng


@pytest.mark.parametrize("norm", ["max", "euclidean"])
@pytest.mark.parametrize("dims", [1, 3])
@pytest.mark.parametrize("k", [1, 3, 6])
def test_divergence_by_brute_force(norm, dims, k):
    rng = RNG(dims)
    x, y = rng.normal(size=(200, dims)), 0.5 + 2 * rng.normal(size=(333, dims))
    order = np.inf if norm == "max" else 2
    nu, rho = (np.sort(np.linalg.norm(x[:, None] - to, order, axis=2), axis=1) for to in (y, x))
    local = dims * np.log(nu[:, k - 1] / rho[:, k]) + math.log(333 / 199)  # the nearest of x is itself
    options = {"k": k, "norm": norm, "standardize": False}
    np.testing.assert_allclose(kl_divergence(x, y, **options, local=True), local, atol=1e-10)
    assert kl_divergence(x, y, **options) == pytest.approx(local.mean(), abs=1e-10)


@pytest.mark.parametrize(
    ("mean", "deviation", "truth"), [(1, 1, 0.5), (0, 2, 0.3181471806), (1, 2, 0.4431471806)]
)
def test_divergence_of_normal_densities(mean, deviation, truth):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20_000, 1)), mean + deviation * rng.normal(size=(15_000, 1))
    assert kl_divergence(x, y) == pytest.approx(truth, abs=0.04)


def test_divergence_is_no_distance():
    """For N(0, 1) and N(0, 4) it is 0.318 one way and 0.807 the other, of which 0.66 show where x is rare."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(20_000, 1)), 2 * rng.normal(size=(20_000, 1))
    assert 0.6 < kl_divergence(y, x) < 0.8068528194
    assert kl_divergence(x, y) == pytest.approx(0.3181471806, abs=0.04)


def test_divergence_of_one_density_is_near_zero_and_may_be_negative():
    rng = np.random.default_rng(2)
    values = [kl_divergence(*rng.normal(size=(2, 2000, 2))) for _ in range(8)]
    assert min(values) < 0 and abs(np.mean(values)) < 0.02


# --- units ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", ["max", "euclidean"])
@pytest.mark.parametrize("units", [(1, 1, 1e4), (1e150, -1e-150, 3), (1e-9, 1e-9, 1e-9)])
@pytest.mark.parametrize(("n", "m"), [(5, 4), (300, 700)])
def test_the_units_of_columns_and_where_they_begin_do_not_count(n, m, units, norm):
    x, y = RNG(0).standard_t(3, (n, 3)), 0.5 + RNG(1).standard_t(3, (m, 3))
    units, value = np.array(units), kl_divergence(x, y, norm=norm)
    assert kl_divergence(x * units, y * units, norm=norm) == pytest.approx(value, abs=1e-9)
    assert kl_divergence(x - 1e3, y - 1e3, norm=norm) == pytest.approx(value, abs=1e-6)
    far = x * (1, 1e4, 1), y * (1, 1e4, 1)
    assert value != kl_divergence(*far, norm=norm, standardize=False)


def test_divergence_of_columns_in_unlike_units_is_right():
    """Truth 1/8 + 1/8; a deviation of 0.05 each."""
    values = []
    for seed in range(6):
        x, y = RNG(seed).normal(size=(2, 3000, 2))
        values.append(kl_divergence(x * (1, 1e4), (y + 0.5) * (1, 1e4)))
    assert np.mean(values) == pytest.approx(0.25, abs=0.06)


# --- constant columns -------------------------------------------------------------------------------------


def test_a_constant_column():
    x, y = RNG(0).normal(size=(300, 2)), RNG(1).normal(size=(200, 2))
    value = kl_divergence(x, y)

    def beside(s, column):
        return np.column_stack((s, np.broadcast_to(column, len(s))))

    assert kl_divergence(beside(x, 0.1), beside(y, 0.1)) == value
    assert kl_divergence(beside(x, 0.1), beside(y, 0.2)) == math.inf
    assert kl_divergence(beside(x, 0.1), beside(y, RNG(2).normal(size=200))) == math.inf
    assert kl_divergence(beside(x, RNG(2).normal(size=300)), beside(y, 0.1)) == math.inf
    half = beside(np.repeat(y, 2, axis=0), np.tile([0.1, 7], 200))  # half of y has the value of x
    assert kl_divergence(beside(x, 0.1), half) == pytest.approx(value + math.log(2), abs=1e-12)
    assert kl_divergence(np.zeros((9, 1)), np.zeros((3, 1))) == 0
    assert (kl_divergence(np.zeros((9, 2)), np.ones((3, 2)), k=1, local=True) == math.inf).all()
    with pytest.raises(
        OptionError, match="at most the 2 samples of `y` with the constant values of `x`, got 3"
    ):
        kl_divergence(beside(x, 0.1), beside(y, np.arange(200) // 2 / 10))


# --- rows that recur --------------------------------------------------------------------------------------


def lumpy(rng, n, zeros=0.4, scale=1.0):
    return np.where(rng.random((n, 1)) < zeros, 0.0, scale * rng.exponential(size=(n, 1)))


KINDS = {
    "density": lambda rng, n: rng.normal(size=(n, 1)),
    "columns": lambda rng, n: rng.normal(size=(n, 3)),
    "tenths": lambda rng, n: rng.normal(size=(n, 1)).round(1),
    "thousandths": lambda rng, n: rng.normal(size=(n, 1)).round(3),
    "rounded columns": lambda rng, n: rng.normal(size=(n, 3)).round(1),
    "zeros": lumpy,
    "symbols": lambda rng, n: rng.integers(0, 3, (n, 1)).astype(float),
}


@pytest.mark.parametrize("norm", ["max", "euclidean"])
@pytest.mark.parametrize("n", [5, 400])
@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_does_not_diverge_from_itself(kind, n, norm):
    x = KINDS[kind](RNG(0), n)
    assert kl_divergence(x, x, norm=norm) == 0
    assert (kl_divergence(x, RNG(1).permutation(x), norm=norm, local=True) == 0).all()


@pytest.mark.parametrize("decimals", [1, 3, 15])
@pytest.mark.parametrize("estimator", [None, "knn", "gaussian"])
def test_nor_does_a_measure_of_it(estimator, decimals):
    """By the door of users, where values may have been spread, or counted."""
    x = RNG(0).normal(size=500).round(decimals)
    assert info.kl_divergence(x, x, estimator) == 0
    assert abs(info.kl_divergence(x, x[:250], estimator)) < 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_does_not_diverge_from_the_whole(kind):
    """The rows in common are no independent ones. Deviations of single estimates: 0.05 and less."""
    bias = []
    for seed in range(6):
        x = KINDS[kind](RNG(seed), 600)
        bias.append((kl_divergence(x, x[:300]), kl_divergence(x[:300], x)))
    np.testing.assert_allclose(np.mean(bias, axis=0), 0, atol=0.06)


def test_some_rows_in_common():
    values = []
    for seed in range(8):
        x, y = RNG(seed).normal(size=(2, 500, 1))
        values.append(kl_divergence(x, np.vstack((x[:400], y))))
    assert np.mean(values) == pytest.approx(0, abs=0.04)  # -0.3 if they were taken for independent


def test_the_diagonal_of_a_matrix_is_zero():
    x = RNG(0).normal(size=(300, 4))
    x[:, 1], x[:, 2] = x[:, 1].round(1), np.maximum(x[:, 2], 0)
    x[:, 3] = 5.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        matrix = info.pairwise(x, "kl_divergence")
    assert (np.diag(matrix) == 0).all()
    assert not np.isnan(matrix).any()


@pytest.mark.parametrize("decimals", [0, 1, 2, 3])
@pytest.mark.parametrize(("mean", "truth"), [(0, 0.0), (0.5, 0.125)])
def test_rounded_values(mean, truth, decimals):
    """As without rounding: a mean of 10, each with a deviation of 0.03 and less."""
    values = []
    for seed in range(10):
        x, y = RNG(seed).normal(size=(2, 1000, 1))
        values.append(kl_divergence(x.round(decimals), (y + mean).round(decimals)))
    assert np.mean(values) == pytest.approx(truth, abs=0.03)


@pytest.mark.parametrize("n", [200, 2000])
def test_lumps_have_a_probability(n):
    """Parts p of x and q of y are 0: p log p / q + (1 - p) log (1 - p) / (1 - q) + (1 - p) D of the rest."""
    truth = 0.4 * math.log(2) + 0.6 * math.log(0.6 / 0.8) + 0.6 * (math.log(2) - 0.5)
    values = []
    for seed in range(12):
        rng = RNG(seed)
        values.append(kl_divergence(lumpy(rng, n), lumpy(rng, n, 0.2, 2.0)))
    assert np.mean(values) == pytest.approx(truth, abs=4 * np.std(values) / math.sqrt(12))
    assert np.std(values) < 0.12


def test_symbols_as_numbers_have_the_divergence_of_symbols():
    x, y = RNG(0).choice(4, 5000, p=[0.1, 0.2, 0.3, 0.4]), RNG(1).integers(0, 4, 3000)
    found = info.kl_divergence(x.astype(float), y.astype(float), "knn")
    assert found == pytest.approx(info.kl_divergence(x, y), abs=2e-3)


def test_a_lump_that_the_other_sample_has_not_is_told():
    x, y = lumpy(RNG(0), 500), 0.1 + RNG(1).exponential(size=(500, 1))
    with pytest.warns(
        RuntimeWarning, match=r"36 % of the rows of `x` are values .* the divergence is infinite"
    ):
        assert 1 < kl_divergence(x, y) < math.inf
    assert math.isfinite(kl_divergence(y, x))


@pytest.mark.parametrize("norm", ["max", "euclidean"])
def test_any_number_of_threads_gives_the_same_bits(norm):
    x, y = RNG(0).normal(size=(2, 30_000, 2))
    for decimals in (12, 1):
        x, y = x.round(decimals), y.round(decimals)
        one, two = (kl_divergence(x, y, norm=norm, local=True, threads=t) for t in (1, 2))
        np.testing.assert_array_equal(one, two)


def test_what_is_refused():
    x, y = RNG(0).normal(size=(2, 10, 2))
    with pytest.raises(OptionError, match=r"`k` must be at most the 2 samples of `y`, got 3"):
        kl_divergence(x, y[:2])
    with pytest.raises(OptionError, match=r"at most the 3 samples of `y`, one of them in `x` too, got 4"):
        kl_divergence(x, x[:4], k=4)
    with pytest.raises(ShapeError, match=r"`y` must have 2 columns like `x`, got 1"):
        kl_divergence(x, y[:, :1])


@pytest.mark.parametrize("which", ["x", "y"])
def test_copies_of_rows_off_a_grid_are_warned_of(which):
    samples = dict(zip("xy", np.random.default_rng(0).standard_normal((2, 200))))
    samples[which] = np.repeat(samples[which], 3)
    with pytest.warns(
        RuntimeWarning, match=f"100 % of the rows of `{which}` recur .* leave them out; .* round the other"
    ):
        info.kl_divergence(*samples.values())


@pytest.mark.parametrize("kind", [float, int, str])
def test_samples_of_unlike_numbers_of_columns_have_no_divergence(kind):
    x, y = np.arange(20).reshape(10, 2).astype(kind), np.arange(20).astype(kind)
    for call in (info.kl_divergence, lambda x, y: info.permutation_test("kl_divergence", x, y)):
        with pytest.raises(ShapeError, match="`y` must have 2 columns like `x`, got 1"):
            call(x, y)


def test_units_that_differ_by_any_factor_make_no_warning_of_numpy():
    x, y = np.random.default_rng(0).standard_normal((2, 100))
    assert info.kl_divergence(x, y * 5e-320, "gaussian") == math.inf
    assert math.isfinite(info.kl_divergence(1e300 * np.append(x, x[0]), np.append(y, y[0])))
