"""Kozachenko-Leonenko entropy: brute force, closed forms, units of columns, edges."""

import math

import numpy as np
import pytest
from scipy.special import digamma, gammaln

from nbdl import info
from nbdl.errors import DataError, OptionError
from nbdl.info._neighbours import digamma_of, kozachenko_leonenko


def distances(x, y, norm):
    d = np.abs(x[:, None] - y)
    return d.max(axis=2) if norm == "max" else np.sqrt((d * d).sum(axis=2))


def among_others(x, k, norm, theiler=0):
    n = len(x)
    ok = np.abs(np.arange(n)[:, None] - np.arange(n)) > theiler
    d = np.where(ok, distances(x, x, norm), np.inf)
    return np.sort(d, axis=1)[:, k - 1], ok.sum(axis=1) + 1


@pytest.mark.parametrize("norm", ["max", "euclidean"])
@pytest.mark.parametrize("dims", [1, 2, 5, 12])
@pytest.mark.parametrize(("k", "theiler"), [(1, 0), (3, 0), (6, 4)])
def test_entropy_by_brute_force(norm, dims, k, theiler):
    x = np.random.default_rng(dims).normal(size=(250, dims))
    rho, rows = among_others(x, k, norm, theiler)
    ball = dims * math.log(2) if norm == "max" else dims / 2 * math.log(math.pi) - gammaln(1 + dims / 2)
    local = digamma(rows) - digamma(k) + ball + dims * np.log(rho)
    found = kozachenko_leonenko(x, k=k, norm=norm, theiler=theiler, standardize=False, local=True)
    np.testing.assert_allclose(found, local, atol=1e-10)
    estimate = kozachenko_leonenko(x, k=k, norm=norm, theiler=theiler, standardize=False)
    assert estimate == pytest.approx(local.mean(), abs=1e-10)


NORMAL = 0.5 * math.log(2 * math.pi * math.e)


@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        (lambda rng, n: rng.normal(size=(n, 1)), NORMAL),
        (lambda rng, n: rng.exponential(size=(n, 1)), 1.0),
        (lambda rng, n: rng.laplace(size=(n, 1)), 1 + math.log(2)),
        (lambda rng, n: rng.gumbel(size=(n, 1)), 1 + np.euler_gamma),
        (lambda rng, n: 0.01 * rng.random((n, 1)), math.log(0.01)),  # negative: a density has no lower bound
        (lambda rng, n: rng.normal(size=(n, 3)), 3 * NORMAL),
    ],
)
@pytest.mark.parametrize("norm", ["max", "euclidean"])
def test_entropy_of_known_densities(draw, truth, norm):
    x = draw(np.random.default_rng(0), 10_000)
    local = kozachenko_leonenko(x, norm=norm, local=True)
    assert local.mean() == pytest.approx(truth, abs=4 * local.std() / 100 + 0.01)


# --- what has no density ----------------------------------------------------------------------------------


def test_repeated_points_have_no_density_and_it_is_said():
    """-inf, said in the documentation, where others give a number that depends on a tolerance."""
    x = np.repeat(np.random.default_rng(0).normal(size=(50, 2)), 4, axis=0)
    with pytest.warns(
        RuntimeWarning, match=r"100 % of `x` are values .* the entropy is -inf, while noise=1e-6"
    ):
        assert kozachenko_leonenko(x, k=3) == -math.inf
    assert math.isfinite(kozachenko_leonenko(x, k=4))
    assert math.isfinite(kozachenko_leonenko(x, k=3, noise=1e-3))


@pytest.mark.parametrize("estimator", [None, "kozachenko_leonenko", "gaussian"])
@pytest.mark.parametrize("rows", [6, 500])
def test_a_constant_column_has_no_density_and_tells_nothing(rows, estimator):
    x, y = np.random.default_rng(0).normal(size=(2, rows))
    flat = np.full(rows, 0.1)
    assert info.entropy(np.column_stack((x, flat)), estimator) == -math.inf
    assert info.joint_entropy(x, flat, estimator=estimator) == -math.inf
    assert info.conditional_entropy(flat, x, estimator) == -math.inf
    assert info.conditional_entropy(x, flat, estimator) == info.entropy(x, estimator)
    assert info.conditional_entropy(x, np.column_stack((y, flat)), estimator) == pytest.approx(
        info.conditional_entropy(x, y, estimator), abs=1e-12
    )
    assert info.co_information(x, flat, estimator=estimator) == 0
    for measure in (info.total_correlation, info.dual_total_correlation, info.co_information):
        assert measure(x, flat, flat, estimator=estimator) == 0
        assert (measure(x, flat, flat, estimator=estimator, local=True) == np.zeros(rows)).all()


def test_a_difference_of_infinite_entropies_is_refused():
    rng = np.random.default_rng(0)
    x, y = np.where(rng.random((2, 500)) < 0.4, 0.0, rng.normal(size=(2, 500)))
    with pytest.raises(DataError, match=r"`conditional_entropy` is a difference .* Try noise=1e-6"):
        with pytest.warns(RuntimeWarning, match="the entropy is -inf"):
            info.conditional_entropy(x, y, "kozachenko_leonenko")
    assert math.isfinite(info.conditional_entropy(x, y, "kozachenko_leonenko", noise=1e-6))


# --- columns in unlike units ------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", ["max", "euclidean"])
@pytest.mark.parametrize("units", [(1, 1, 1e4), (1e150, -1e-150, 3), (1e-9, 1e-9, 1e-9), (-1e3, 1e3, 1e-300)])
@pytest.mark.parametrize("rows", [5, 1000])
def test_entropy_follows_any_change_of_units(rows, units, norm):
    x, units = np.random.default_rng(0).standard_t(3, (rows, 3)), np.array(units)
    x[:, 2] += x[:, 0]
    local = kozachenko_leonenko(x, norm=norm, local=True) + np.log(np.abs(units)).sum()
    np.testing.assert_allclose(kozachenko_leonenko(x * units, norm=norm, local=True), local, atol=1e-9)
    assert kozachenko_leonenko(x * units, norm=norm) == pytest.approx(local.mean(), abs=1e-9)


def test_a_joint_entropy_of_columns_in_unlike_units_is_right():
    """Salaries and rates: the deviation of each of these estimates is 0.02, their bias less than 0.03."""
    known = math.log(2 * math.pi * math.e) / 2 + np.log(0.01 * 0.8)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        s = rng.standard_normal(3000)
        salary, rate = 5e4 + 1.2e4 * s, 0.05 + 0.01 * (0.6 * s + 0.8 * rng.standard_normal(3000))
        assert info.conditional_entropy(rate, salary) == pytest.approx(known, abs=0.09)
        assert info.conditional_entropy(rate, salary) < info.entropy(rate)
        joint = known + NORMAL + math.log(1.2e4)
        assert info.joint_entropy(rate, salary) == pytest.approx(joint, abs=0.1)
        table = np.column_stack((rate, salary, 1e-6 * rng.standard_normal(3000)))
        assert info.entropy(table) == pytest.approx(joint + NORMAL + math.log(1e-6), abs=0.15)
        assert info.conditional_entropy(rate, salary, standardize=False) > info.entropy(rate)  # asked for


@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        (lambda rng, n: np.column_stack((rng.standard_cauchy(n), rng.normal(size=n))), math.log(4 * math.pi)),
        (lambda rng, n: np.column_stack((rng.lognormal(0, 2, n), rng.normal(size=n))), NORMAL + math.log(2)),
        (lambda rng, n: np.vstack((rng.normal(size=(n - 1, 2)), [[1e6, 0]])), NORMAL),
    ],
)  # fmt: skip
def test_columns_with_heavy_tails_are_in_the_unit_of_most_rows(draw, truth):
    """Their standard deviation would shrink the middle. A mean of 8, each with a deviation of 0.06."""
    values = [kozachenko_leonenko(draw(np.random.default_rng(seed), 2000)) for seed in range(8)]
    assert np.mean(values) == pytest.approx(truth + NORMAL, abs=0.08)


@pytest.mark.parametrize("norm", ["max", "euclidean"])
def test_any_number_of_threads_gives_the_same_bits(norm):
    x = np.random.default_rng(0).normal(size=(40_000, 2))
    one, two = (kozachenko_leonenko(x, norm=norm, local=True, threads=t) for t in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_digamma_of_counts():
    n = np.array([1, 2, 9, 10, 11, 1000, 123_456])
    np.testing.assert_allclose(digamma_of(n), digamma(n), rtol=1e-14)


X = np.random.default_rng(0).normal(size=(10, 2))


def test_what_is_refused():
    with pytest.raises(OptionError, match=r"`k` must be less than the 10 samples, got 10"):
        kozachenko_leonenko(X, k=10)
    with pytest.raises(OptionError, match=r'`norm` must be "max" or "euclidean", got \'l1\''):
        kozachenko_leonenko(X, norm="l1")
    with pytest.raises(DataError, match=r"`x` must be finite, got nan"):
        kozachenko_leonenko(np.full((10, 1), np.nan))
