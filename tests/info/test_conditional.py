"""Conditional mutual information of samples of any kinds: brute force, closed forms, classes, small ones."""

import math

import numpy as np
import pytest
from scipy.special import digamma

from nbdl import info
from nbdl.errors import DtypeError, OptionError
from nbdl.info._conditional import gao, mesner_shalizi
from nbdl.info._ksg import frenzel_pompe, ksg1
from nbdl.info._mixed import ross

RNG = np.random.default_rng


def column(values):
    return np.asarray(values, float).reshape(-1, 1)


# --- the formulas -----------------------------------------------------------------------------------------


def brute(name, samples, k):
    """The formulas at the head of `_conditional.py` from all distances; every row must have a neighbour."""
    x, y, z = (
        np.where(s[:, None] == s, 0.0, np.inf) if s.ndim == 1 else np.abs(s[:, None] - s).max(axis=2)
        for s in samples
    )
    n, xz, yz, xyz = len(x), np.maximum(x, z), np.maximum(y, z), np.maximum(np.maximum(x, y), z)
    others = ~np.eye(n, dtype=bool)
    ks = np.minimum(k, (np.isfinite(xyz) & others).sum(axis=1))
    rho = np.sort(np.where(others, xyz, np.inf), axis=1)[np.arange(n), ks - 1]
    at_point, alike = rho == 0, ((xyz == 0) & others).sum(axis=1)

    def psi(d):
        if name == "mesner_shalizi":
            return digamma(((d <= rho[:, None]) & others).sum(axis=1))
        inside = np.where(at_point[:, None], d <= rho[:, None], d < rho[:, None]) & others
        return digamma(inside.sum(axis=1) + 1)

    tilde = np.where(at_point, alike + (name == "gao"), ks)
    return digamma(tilde) - psi(xz) - psi(yz) + psi(z)


def kinds(seed, n=300):
    """Samples of every kind: a density, two columns, a lumpy one, symbols."""
    rng = RNG(seed)
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
@pytest.mark.parametrize("estimate", [gao, mesner_shalizi])
@pytest.mark.parametrize(
    "names",
    [
        ("density", "columns", "lumpy"),
        ("symbols", "density", "other"),
        ("lumpy", "grid", "symbols"),
        ("grid", "symbols", "density"),
        ("other", "symbols", "columns"),
    ],
)
def test_by_brute_force(names, estimate, k):
    samples = [kinds(k)[name] for name in names]
    local, found = (
        brute(estimate.__name__, samples, k),
        estimate(*samples, k=k, standardize=False, local=True),
    )
    np.testing.assert_allclose(found, local, atol=1e-10)
    assert estimate(*samples, k=k, standardize=False) == pytest.approx(local.mean(), abs=1e-10)


def test_given_symbols_it_is_the_estimate_of_each_class():
    """That of Kraskov, Stögbauer and Grassberger where x and y are continuous, that of Ross where one is."""
    samples = kinds(0)
    x, y, z, label = samples["columns"], samples["density"] ** 2, samples["symbols"], samples["other"]
    shares = np.bincount(z) / z.size
    for second, unconditional in ((y, ksg1), (label, ross)):
        classes = [unconditional(x[z == c], second[z == c]) for c in range(3)]
        assert gao(x, second, z) == pytest.approx(shares @ classes, abs=1e-12)
        one = np.zeros_like(z)
        assert gao(x, second, one) == pytest.approx(unconditional(x, second), abs=1e-12)
        units = np.array([1.0, 1e9, 1e-9])[z][:, None]
        assert gao(x * units, second, z) == pytest.approx(gao(x, second, z), abs=1e-6)


def test_without_symbols_it_is_the_estimate_of_frenzel_and_pompe():
    x, y, z = RNG(0).normal(size=(3, 1000, 1))
    assert gao(x, y + z, z) == pytest.approx(frenzel_pompe(x, y + z, z), abs=1e-12)


# --- what is known ----------------------------------------------------------------------------------------


def logistic(z):
    return 1 / (1 + np.exp(-2 * z))


def normal_in_classes(rng, n):
    """x and y are independent given a label of three classes, which moves both."""
    z = rng.integers(0, 3, n)
    return z + rng.normal(size=n), rng.normal(size=n) - z, z


def correlated_in_classes(rng, n):
    z = rng.integers(0, 3, n)
    r = np.array([0, 0.6, 0.9])[z]
    x, y = rng.normal(size=(2, n))
    return x + 3 * z, r * x + np.sqrt(1 - r * r) * y, z


def two_labels(rng, n):
    """Two normal densities at distance 2, moved by a second label."""
    x, z = rng.integers(0, 2, n), rng.integers(0, 3, n)
    return x, 2 * x + z + rng.normal(size=n), z


def label_of_a_number(rng, n):
    """A label and a number, both from z alone."""
    z = rng.normal(size=n)
    return (rng.random(n) < logistic(z)).astype(int), z + rng.normal(size=n), z


def label_beside_a_number(rng, n):
    """Two normal densities at distance 2, moved by a number."""
    x, z = rng.integers(0, 2, n), rng.normal(size=n)
    return x, 2 * x + z + rng.normal(size=n), z


def labels_of_a_number(rng, n):
    z = rng.normal(size=n)
    x, y = (rng.random((2, n)) < logistic(z)).astype(int)
    return x, y, z


DISTANCE_2 = 0.3368308203
TASKS = [
    (normal_in_classes, 0.0),
    (correlated_in_classes, -math.log((1 - 0.36) * (1 - 0.81)) / 6),
    (two_labels, DISTANCE_2),
    (label_of_a_number, 0.0),
    (label_beside_a_number, DISTANCE_2),
    (labels_of_a_number, 0.0),
]


@pytest.mark.parametrize("n", [300, 2000])
@pytest.mark.parametrize(("draw", "truth"), TASKS)
def test_the_default_is_right_for_every_pattern_of_kinds(draw, truth, n):
    """A mean of 12: its own error, and a bias of at most 0.02 (0.01 of many rows)."""
    values = []
    for seed in range(12):
        samples = draw(RNG(seed), n)
        values.append(info.conditional_mutual_information(*samples))
        local = info.conditional_mutual_information(*samples, local=True)
        assert local.shape == (n,) and local.mean() == pytest.approx(values[-1], abs=1e-12)
        x, y, z = samples
        assert info.conditional_mutual_information(y, x, z) == pytest.approx(values[-1], abs=1e-9)
    error = 3 * np.std(values) / math.sqrt(12)
    assert np.mean(values) == pytest.approx(truth, abs=error + (0.02 if n == 300 else 0.01))


@pytest.mark.parametrize(("n", "tolerance"), [(500, 0.02), (2000, 0.012), (10_000, 0.006)])
def test_independence_given_a_label_is_found(n, tolerance):
    """Others are at 0.05, 0.03 and 0.015. Two errors of a mean of 12 and more."""
    values = [info.conditional_mutual_information(*normal_in_classes(RNG(s), n)) for s in range(12)]
    assert np.mean(values) == pytest.approx(0, abs=tolerance)


def test_exclusive_or():
    """z = x xor y: one bit, which neither x nor y has alone."""
    x, y = RNG(0).integers(0, 2, (2, 5000))
    for estimate in (gao, mesner_shalizi):
        assert estimate(column(x), column(y), column(x ^ y)) == pytest.approx(math.log(2), abs=0.005)
        assert estimate(x, column(y), x ^ y) == pytest.approx(math.log(2), abs=0.005)


def test_no_more_than_the_entropy_of_a_class():
    z = np.arange(400) % 2
    x = np.where(z == 0, RNG(0).integers(0, 2, 400), 0)  # one bit in one class, nothing in the other
    assert gao(x, 100.0 * column(x) + RNG(1).random((400, 1)), z, k=20) <= math.log(2) / 2


# --- edges ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimate", [gao, mesner_shalizi])
@pytest.mark.parametrize("factor", [1e3, 1e-9, 1e150])
def test_neither_units_nor_names_count(estimate, factor):
    samples = kinds(0)
    x, lumpy, z, number = (samples[name] for name in ("columns", "lumpy", "symbols", "density"))
    value = estimate(x, lumpy, z)
    other = x * (factor, 1 / factor)
    assert estimate(other, 9 * lumpy, np.array([70, -3, 11])[z]) == pytest.approx(value, abs=1e-9)
    value = estimate(x[:, 1:], lumpy, number)
    assert estimate(other[:, 1:], lumpy, factor * number) == pytest.approx(value, abs=1e-9)


def test_rows_alone_with_their_symbols_are_left_out():
    samples = kinds(0)
    x, y, z = samples["density"], samples["density"] + RNG(9).normal(size=(300, 1)), samples["symbols"]
    with_one = np.vstack((x, [[9.0]])), np.vstack((y, [[9.0]])), np.append(z, 7)
    assert gao(*with_one) == pytest.approx(gao(x, y, z), abs=1e-12)
    assert gao(*with_one, local=True)[-1] == pytest.approx(gao(x, y, z), abs=1e-12)
    assert mesner_shalizi(*with_one, standardize=False) == pytest.approx(
        mesner_shalizi(x, y, z, standardize=False), abs=1e-12
    )


@pytest.mark.parametrize("size", [1, 2, 3])
def test_classes_too_small_to_see_anything_are_told(size):
    x, y, z = RNG(0).normal(size=(300, 1)), RNG(1).normal(size=(300, 1)), np.arange(300) // size
    with pytest.warns(RuntimeWarning, match=r"100 % of the rows have symbols that no more than k = 3"):
        assert gao(x, x + y, z) == pytest.approx(0, abs=1e-12)


def test_what_is_constant_in_a_class_tells_nothing():
    z = np.arange(300) % 3
    x, y = RNG(0).normal(size=(2, 300, 1))
    flat = np.where(column(z) == 0, x, 0.5)
    assert gao(flat, x, z) == pytest.approx(ksg1(x[::3], x[::3]) / 3, abs=1e-12)
    assert gao(np.ones_like(x), y, z) == gao(x, np.ones_like(x), x + y) == 0
    assert (gao(np.ones_like(x), y, z, local=True) == 0).all()
    assert mesner_shalizi(np.ones_like(x), y, z) == 0


def test_any_number_of_threads_gives_the_same_bits():
    samples = kinds(0, 40_000)
    for estimate in (gao, mesner_shalizi):
        for z in ("other", "density"):
            given = samples["columns"], samples["symbols"], samples[z]
            one, two = (estimate(*given, local=True, threads=t) for t in (1, 2))
            np.testing.assert_array_equal(one, two)


def test_what_is_refused():
    samples = kinds(0)
    x, z = samples["density"], samples["symbols"]
    with pytest.raises(DtypeError, match=r"gao: all samples are discrete; estimator `ml` is for them"):
        gao(z, z, z)
    with pytest.raises(OptionError, match=r"gao: `standardize` must be True or False, got 1"):
        gao(x, x, z, standardize=1)
