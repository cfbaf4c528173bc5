"""Discrete beside continuous samples: brute force, closed forms, scikit-learn, and what others get wrong."""

import math

import numpy as np
import pytest
from scipy.special import digamma

from nbdl import info
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.info._ksg import ksg1
from nbdl.info._mixed import gao, ross


def distances(s):
    """Largest differences; infinite between symbols that differ."""
    if s.ndim == 1:
        return np.where(s[:, None] == s, 0.0, np.inf)
    return np.abs(s[:, None] - s).max(axis=2)


def brute(name, samples, k):
    """The formulas at the head of `_mixed.py` from all distances; every row must have a neighbour."""
    n = len(samples[0])
    others = ~np.eye(n, dtype=bool)
    near = [distances(s) for s in samples]
    joint = np.where(others, np.max(near, axis=0), np.inf)
    ks = np.minimum(k, np.isfinite(joint).sum(axis=1))
    rho = np.sort(joint, axis=1)[np.arange(n), ks - 1][:, None]
    alike = (joint == 0).sum(axis=1)

    def within(d, closed):
        return (((d <= rho) if closed else (d < rho)) & others).sum(axis=1)

    if name == "ross":
        d, label = (near[0], samples[1]) if samples[0].ndim == 2 else (near[1], samples[0])
        sizes = (label[:, None] == label).sum(axis=1)
        return digamma(n) + digamma(ks) - digamma(sizes) - digamma(within(d, False) + 1)
    tilde = np.where(rho[:, 0] == 0, alike + 1, ks)
    value = digamma(tilde) + (len(near) - 1) * math.log(n)
    for d in near:
        inside = np.where(rho[:, 0] == 0, within(d, True), within(d, False))
        value = value - digamma(inside + 1)
    return value


def kinds(seed, n=300):
    """Samples of every kind: a density, two columns, a lumpy one, symbols."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 3, n)
    x = rng.normal(size=(n, 1)) + label[:, None]
    return {
        "density": x,
        "columns": np.hstack((x, rng.normal(size=(n, 1)))),
        "lumpy": np.where(rng.random((n, 1)) < 0.4, 0.0, x),
        "grid": np.round(x),
        "symbols": label,
        "other": rng.integers(0, 2, n),
    }


@pytest.mark.parametrize("k", [1, 3, 6])
@pytest.mark.parametrize("first", ["density", "columns"])
def test_ross_by_brute_force(first, k):
    samples = kinds(k)
    x, y = samples[first], samples["symbols"]
    local, options = brute("ross", (x, y), k), {"k": k, "standardize": False}
    np.testing.assert_allclose(ross(x, y, **options, local=True), local, atol=1e-10)
    assert ross(y, x, **options) == ross(x, y, **options) == pytest.approx(local.mean(), abs=1e-10)


@pytest.mark.parametrize("k", [1, 3, 6])
@pytest.mark.parametrize(
    "names",
    [
        ("density", "columns"),
        ("lumpy", "grid"),
        ("grid", "symbols"),
        ("symbols", "columns"),
        ("grid", "grid"),
        ("density", "symbols", "columns"),
        ("lumpy", "other", "grid", "symbols"),
    ],
)
def test_gao_by_brute_force(names, k):
    samples = [kinds(k)[name] for name in names]
    local, options = brute("gao", samples, k), {"k": k, "standardize": False}
    np.testing.assert_allclose(gao(*samples, **options, local=True), local, atol=1e-10)
    assert gao(*samples, **options) == pytest.approx(local.mean(), abs=1e-10)


# --- what is known ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("d", "truth"), [(0, 0), (1, 0.1114214822), (2, 0.3368308203), (4, 0.6327201937), (8, 0.6930536455)]
)
@pytest.mark.parametrize("estimate", [ross, gao])
def test_two_normal_densities(estimate, d, truth):
    rng = np.random.default_rng(d)
    y = rng.integers(0, 2, 10_000)
    x = rng.normal(size=(10_000, 1)) + d * y[:, None]
    local = estimate(x, y, local=True)
    assert local.mean() == pytest.approx(truth, abs=4 * local.std() / 100 + 0.002)


@pytest.mark.parametrize("codes", [False, True])
def test_mixture_of_gao(codes):
    """X uniform on 0 ... 4, Y uniform on [X, X + 2]."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 5, 10_000)
    y = (x + 2 * rng.random(x.size))[:, None]
    assert gao(x if codes else x[:, None].astype(float), y) == pytest.approx(1.0549201680, abs=0.02)


def test_zero_inflated_poisson():
    """A lump at 0 in Y: with (1 - p) 0.3012447733 nats, of which a finite sample shows a little less."""
    rng = np.random.default_rng(0)
    x = rng.exponential(size=20_000)
    y = np.where(rng.random(x.size) < 0.15, 0, rng.poisson(x)).astype(float)
    assert gao(x[:, None], y[:, None]) == pytest.approx(0.85 * 0.3012447733, abs=0.04)


def test_gao_is_ksg_where_nothing_repeats():
    x, e = np.random.default_rng(0).normal(size=(2, 3000, 1))
    assert gao(x, x + e) == pytest.approx(ksg1(x, x + e), abs=1 / 3000)


def test_agrees_with_scikit_learn():
    own = pytest.importorskip("sklearn.feature_selection._mutual_info")
    rng = np.random.default_rng(0)
    y = rng.integers(0, 6, 3000)
    y[:4] = 10 + np.arange(4)  # alone with their symbols
    x = rng.normal(size=(3000, 1)) + 2 * y[:, None]
    for k in (1, 3, 10):
        theirs = own._compute_mi_cd(x[:, 0], y, k)
        assert ross(x, y, k=k) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("k", [3, 5, 7])
def test_scikit_learn_own_vectors(k):
    """tests/test_mutual_info.py of scikit-learn: uniform on [-1, 1] or on [0, 2]."""
    random = np.random.RandomState(0)
    p, n = 0.3, 1000
    x = (random.uniform(size=n) > p).astype(np.int64)
    truth = -0.5 * ((1 - p) * math.log(0.5 * (1 - p)) + p * math.log(0.5 * p) + math.log(0.5)) - math.log(2)
    y = np.empty((n, 1))
    mask = x == 0
    y[mask, 0] = random.uniform(-1, 1, size=mask.sum())
    y[~mask, 0] = random.uniform(0, 2, size=(~mask).sum())
    assert ross(x, y, k=k) == pytest.approx(truth, rel=0.1)


# --- joint variables of both kinds ------------------------------------------------------------------------


def test_symbols_and_numbers_together_are_one_sample():
    """A pair of codes and columns: what it shares is what its symbols share and what its numbers add."""
    samples = kinds(0, 2000)
    x, y, label, other = (samples[name] for name in ("density", "columns", "symbols", "other"))
    assert gao((label, x), y) == pytest.approx(gao(y, (label, x)), abs=1e-12)
    assert gao((label, x), label) == pytest.approx(info.entropy(label), abs=0.02)
    assert gao((other, x), label) == pytest.approx(gao(x, label), abs=0.03)
    assert gao((label, np.ones_like(x)), x) == pytest.approx(gao(label, x), abs=1e-9)
    assert gao((0 * label, x), y) == pytest.approx(gao(x, y), abs=1e-9)
    assert gao((0 * label, np.ones_like(x)), x) == 0
    local = gao((label, x), y, other, local=True)
    assert local.mean() == pytest.approx(gao((label, x), y, other), abs=1e-12)


# --- errors that others make ------------------------------------------------------------------------------


@pytest.mark.parametrize("estimate", [ross, gao])
def test_a_constant_feature_tells_nothing(estimate):
    """scikit-learn 30772: 0.0245 nats about a label whose entropy is 0.0079, and more with more samples."""
    y = (np.arange(10_000) % 1000 == 0).astype(np.int64)
    assert estimate(np.full((10_000, 1), 0.1), y) == 0
    assert estimate(np.random.default_rng(0).normal(size=(100, 1)), np.zeros(100, np.int64)) == 0


@pytest.mark.parametrize("estimate", [ross, gao])
def test_no_more_than_the_entropy_of_the_discrete_sample(estimate):
    y = np.random.default_rng(0).integers(0, 3, 200)
    x = 100.0 * y[:, None] + np.random.default_rng(1).random((200, 1))
    share = np.bincount(y) / 200
    entropy = -(share * np.log(share)).sum()
    assert estimate(x, y, k=20) <= entropy
    local = estimate(x, y, k=20, local=True)
    assert local.mean() == pytest.approx(estimate(x, y, k=20), abs=1e-12)


@pytest.mark.parametrize("estimate", [ross, gao])
@pytest.mark.parametrize("factor", [1e3, 1e-9])
def test_scale_and_names_do_not_count(estimate, factor):
    samples = kinds(0)
    x, y = samples["density"], samples["symbols"]
    value = estimate(x, y)
    assert estimate(factor * x, y) == pytest.approx(value, abs=1e-12)
    assert estimate(x, np.array([70, -3, 11])[y]) == pytest.approx(value, abs=1e-12)


def test_the_units_of_columns_do_not_count():
    samples = kinds(0)
    x, lumpy, y = samples["columns"], samples["lumpy"], samples["symbols"]
    other = np.hstack((1e-3 * x[:, :1], 1e6 * x[:, 1:]))
    assert ross(other, y) == pytest.approx(ross(x, y), abs=1e-9)
    assert abs(ross(other, y, standardize=False) - ross(x, y, standardize=False)) > 0.05
    assert gao(other, 9 * lumpy) == pytest.approx(gao(x, lumpy), abs=1e-9)


def test_negative_estimates_are_kept():
    rng = np.random.default_rng(0)
    values = [ross(rng.normal(size=(200, 1)), rng.integers(0, 2, 200)) for _ in range(20)]
    assert min(values) < 0 < max(values)


def test_rows_alone_with_their_symbol():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 1)), rng.integers(0, 2, 50)
    with_one = np.append(y, 9), np.vstack((x, [[0.0]]))
    assert ross(with_one[1], with_one[0]) == pytest.approx(ross(x, y), abs=1e-12)
    assert ross(with_one[1], with_one[0], local=True).mean() == pytest.approx(ross(x, y), abs=1e-12)
    assert ross(x, np.arange(50)) == gao(x, np.arange(50)) == 0


def test_lumps_are_told():
    samples = kinds(0)
    with pytest.warns(RuntimeWarning, match=r"% of `y` are values that more than k = 3 samples share"):
        ross(samples["symbols"], samples["lumpy"])


def test_any_number_of_threads_gives_the_same_bits():
    samples = kinds(0, 40_000)
    for function in (ross, gao):
        one, two = (function(samples["density"], samples["symbols"], local=True, threads=t) for t in (1, 2))
        np.testing.assert_array_equal(one, two)


def test_what_is_refused():
    samples = kinds(0)
    x, y = samples["density"], samples["symbols"]
    with pytest.raises(
        DtypeError, match=r"one sample must be discrete and one continuous, got continuous and continuous"
    ):
        ross(x, x)
    with pytest.raises(DtypeError, match=r"got both kinds and continuous; try `gao`"):
        ross((y, x), x)
    with pytest.raises(DtypeError, match=r"gao: all samples are discrete; estimator `ml` is for them"):
        gao(y, y)
    with pytest.raises(DtypeError, match=r"gao: `y` must be float64 \(N, D\) or int64 \(N,\), got int8"):
        gao(x, y.astype("int8"))
    with pytest.raises(ShapeError, match=r"same number of rows, got {'x': 300, 'y': 299}"):
        ross(x, y[1:])
    with pytest.raises(OptionError, match=r"`k` must be less than the 300 samples, got 300"):
        ross(x, y, k=300)


@pytest.mark.parametrize("local", [False, True])
def test_symbols_beside_a_constant_number_are_counted(local):
    x, y = np.random.default_rng(0).integers(0, 3, (2, 60))
    found = info.total_correlation(
        np.full(60, 2.5), x, y, estimator="gao", local=local, discrete=(False, True, True)
    )
    assert np.mean(found) == pytest.approx(info.mutual_information(x, y, "ml"))
