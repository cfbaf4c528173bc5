"""Kozachenko-Leonenko entropy and the divergence of two samples: brute force, closed forms, edges."""

import math

import numpy as np
import pytest
from scipy.special import digamma, gammaln

from nbdl.errors import DataError, OptionError, ShapeError
from nbdl.info._neighbours import digamma_of, kl_divergence, kozachenko_leonenko


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
    found = kozachenko_leonenko(x, k=k, norm=norm, theiler=theiler, local=True)
    np.testing.assert_allclose(found, local, atol=1e-10)
    estimate = kozachenko_leonenko(x, k=k, norm=norm, theiler=theiler)
    assert estimate == pytest.approx(local.mean(), abs=1e-10)


@pytest.mark.parametrize("norm", ["max", "euclidean"])
@pytest.mark.parametrize("dims", [1, 3])
@pytest.mark.parametrize("k", [1, 3, 6])
def test_divergence_by_brute_force(norm, dims, k):
    rng = np.random.default_rng(dims)
    x, y = rng.normal(size=(200, dims)), 0.5 + 2 * rng.normal(size=(333, dims))
    nu = np.sort(distances(x, y, norm), axis=1)[:, k - 1]
    local = dims * np.log(nu / among_others(x, k, norm)[0]) + math.log(333 / 199)
    np.testing.assert_allclose(kl_divergence(x, y, k=k, norm=norm, local=True), local, atol=1e-10)
    assert kl_divergence(x, y, k=k, norm=norm) == pytest.approx(local.mean(), abs=1e-10)


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


def test_repeated_points_have_no_density():
    """-inf, said in the documentation, where others give a number that depends on a tolerance."""
    x = np.repeat(np.random.default_rng(0).normal(size=(50, 2)), 4, axis=0)
    assert kozachenko_leonenko(x, k=3) == -math.inf
    assert math.isfinite(kozachenko_leonenko(x, k=4))
    assert math.isfinite(kozachenko_leonenko(x, k=3, noise=1e-3))
    y = np.random.default_rng(1).normal(size=(50, 2))
    assert kl_divergence(x, y) == math.inf
    assert kl_divergence(y, np.repeat(y, 3, axis=0)) == -math.inf
    assert math.isnan(kl_divergence(x, x))


@pytest.mark.parametrize("factor", [1e3, 1e-9])
def test_entropy_follows_the_scale(factor):
    x = np.random.default_rng(0).normal(size=(1000, 2))
    expected = kozachenko_leonenko(x) + 2 * math.log(factor)
    assert kozachenko_leonenko(x * factor) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("norm", ["max", "euclidean"])
def test_any_number_of_threads_gives_the_same_bits(norm):
    x, y = np.random.default_rng(0).normal(size=(2, 40_000, 2))
    for function, samples in ((kozachenko_leonenko, (x,)), (kl_divergence, (x, y))):
        one, two = (function(*samples, norm=norm, local=True, threads=t) for t in (1, 2))
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
    with pytest.raises(OptionError, match=r"`k` must be at most the 2 samples of `y`, got 3"):
        kl_divergence(X, X[:2])
    with pytest.raises(ShapeError, match=r"`y` must have 2 columns like `x`, got 1"):
        kl_divergence(X, X[:, :1])
