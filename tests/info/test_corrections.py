"""Entropies of counts: published vectors, definitions in plain loops, limits."""

import math
from itertools import product

import numpy as np
import pytest

from nbdl import info, registry
from nbdl.errors import OptionError, UsageError
from nbdl.info._corrections import _tail

SMALL = [5, 3, 2]
HAUSSER = [4, 2, 3, 0, 2, 4, 0, 0, 2, 1, 1]  # the example of R's package `entropy`
VECTORS = [
    ("ml", SMALL, None, 1.0296530140645737),
    ("miller_madow", SMALL, None, 1.1296530140645737),
    ("grassberger1988", SMALL, None, 1.2798007578955788),
    ("grassberger", SMALL, None, 1.2396146051221908),
    ("zhang", SMALL, None, 1.1373015873015873),
    ("chao_wang_jost", SMALL, None, 1.1373015873015873),  # nothing was seen once: Zhang's value
    ("wolpert_wolf", SMALL, None, 0.9852619602619601),
    ("nsb", SMALL, 3, 1.012651745038826),
    ("nsb", SMALL, 20, 1.298661861352476),
    ("ml", HAUSSER, None, 1.9683824087283812),
    ("miller_madow", HAUSSER, None, 2.152592935044171),
    ("jeffreys", HAUSSER, None, 2.1794803827237024),
    ("laplace", HAUSSER, None, 2.257875518693044),
    ("perks", HAUSSER, None, 2.036887808123718),
    ("minimax", HAUSSER, None, 2.1540911899309605),
    ("chao_shen", HAUSSER, None, 2.201137101279585),
    ("shrink", HAUSSER, None, 2.379602895309956),
    ("nsb", HAUSSER, None, 2.1877744630920395),
]
DISCRETE = [
    n
    for n in registry.default().names("estimator")
    if registry.default().get("estimator", n).data == "discrete"
]


def near(value, abs=1e-13):
    return pytest.approx(value, rel=0, abs=abs)


@pytest.mark.parametrize(("name", "counts", "k", "value"), VECTORS)
def test_published_values(name, counts, k, value):
    assert info.entropy_of_counts(counts, name, k=k) == near(value)


def test_posterior_mean_with_another_prior():
    assert info.entropy_of_counts(SMALL, "wolpert_wolf", k=5, a=0.5) == near(1.1638802804709385)


@pytest.mark.parametrize("name", DISCRETE)
def test_symbols_that_were_not_seen_may_be_left_out(name):
    seen = [n for n in HAUSSER if n]
    assert info.entropy_of_counts(seen, name, k=11) == near(info.entropy_of_counts(HAUSSER, name))
    shuffled = np.random.default_rng(0).permutation(HAUSSER)
    assert info.entropy_of_counts(shuffled, name) == near(info.entropy_of_counts(HAUSSER, name))


@pytest.mark.parametrize("name", DISCRETE)
def test_many_rows_leave_nothing_to_correct(name):
    p = np.array([0.5, 0.25, 0.125, 0.125])
    counts = (p * 2**30).astype(np.int64)
    assert info.entropy_of_counts(counts, name) == near(
        1.75 * math.log(2), 1e-4 if name == "minimax" else 1e-7
    )


@pytest.mark.parametrize("name", DISCRETE)
@pytest.mark.parametrize("counts", [[1], [7], [1, 1], [1] * 9, [100_000, 1], [3, 0, 0]])
def test_extreme_counts_give_finite_values(name, counts):
    assert math.isfinite(info.entropy_of_counts(counts, name))
    assert math.isfinite(info.entropy_of_counts(counts, name, k=2**40))


@pytest.mark.parametrize("name", DISCRETE)
def test_one_symbol_has_no_entropy_by_any_estimator(name):
    """However often it was seen; and a sample of it shares nothing."""
    for n in (1, 2, 3, 4, 50, 10**6):
        assert info.entropy_of_counts([n], name) == 0
        assert info.entropy_of_counts([0, n, 0], name, k=1) == 0
    y = [1, 2, 3, 3, 1, 2, 2]
    assert info.entropy([1] * 7, name) == 0
    assert info.mutual_information([1] * 7, y, name) == pytest.approx(0, abs=1e-15)
    assert info.conditional_mutual_information([1] * 7, y, [0, 0, 0, 1, 1, 1, 1], name) == near(0)


@pytest.mark.parametrize("name", DISCRETE)
def test_no_entropy_is_negative(name):
    for counts in product([0, 1, 2, 3, 8, 51], repeat=3):
        if any(counts):
            assert info.entropy_of_counts(counts, name) >= 0


def test_jackknife_by_its_definition():
    n = np.array(SMALL)
    rows = np.repeat(np.arange(3), n)
    without = [info.entropy(np.delete(rows, i)) for i in range(10)]
    assert info.entropy_of_counts(n, "jackknife") == near(10 * info.entropy(rows) - 9 * np.mean(without))


def test_zhangs_own_sum():
    """Zhang 2012, eq. 4: sum over v of Z_v / v, with products in place of digamma."""
    n, total = np.array(HAUSSER), sum(HAUSSER)
    value = 0.0
    for c in n[n > 0]:
        product = 1.0
        for v in range(1, total - c + 1):
            product *= 1 - (c - 1) / (total - v)
            value += c / total * product / v
    assert info.entropy_of_counts(n, "zhang") == near(value)


def test_grassbergers_recurrence():
    """G(1) = -gamma - log 2, G(2) = 2 - gamma - log 2, G(2n+1) = G(2n), G(2n+2) = G(2n) + 2/(2n+1)."""
    g = [0.0, -np.euler_gamma - math.log(2), 2 - np.euler_gamma - math.log(2)]
    for m in range(3, 40):
        g.append(g[m - 1] if m % 2 else g[m - 2] + 2 / (m - 1))
    for m in range(1, 40):
        counts = np.array([m, 5])
        value = math.log(m + 5) - (m * g[m] + 5 * g[5]) / (m + 5)
        assert info.entropy_of_counts(counts, "grassberger") == near(value)


def test_the_strength_of_shrinkage():
    n = np.array(HAUSSER)
    p = n / n.sum()
    strength = (1 - (p**2).sum()) / ((n.sum() - 1) * ((1 / 11 - p) ** 2).sum())
    assert strength == near(0.7663934426, 1e-10)
    q = strength / 11 + (1 - strength) * p
    assert info.entropy_of_counts(n, "shrink") == near(-(q * np.log(q)).sum())


@pytest.mark.parametrize(
    ("a", "total"),
    [(0.5, 3), (0.1, 12), (0.01, 101), (0.001, 2000), (0.0009, 1000), (0.3, 100), (0.9, 5), (1e-4, 50)],
)
def test_the_tail_of_chao_wang_and_jost(a, total):
    j = np.arange(60 / a)
    series = (np.exp((j + 1) * np.log1p(-a)) / (total + j)).sum()
    assert _tail(a, total) == pytest.approx(series, rel=1e-11)


def test_chao_wang_jost_of_few_repeats():
    """Eq. 9 as it is written, where nothing cancels."""
    n = np.array([1] * 6 + [2] * 2 + [5])
    total, once, twice = n.sum(), 6, 2
    a = 2 * twice / ((total - 1) * once + 2 * twice)
    r = np.arange(1, total)
    bracket = -math.log(a) - ((1 - a) ** r / r).sum()
    value = info.entropy_of_counts(n, "zhang") + once / total * (1 - a) ** (1 - total) * bracket
    assert info.entropy_of_counts(n, "chao_wang_jost") == near(value, 1e-11)


@pytest.mark.parametrize("name", ["grassberger", "zhang", "chao_wang_jost", "chao_shen", "jackknife", "nsb"])
def test_corrections_are_nearer_to_the_truth_than_the_plug_in_value(name):
    """Means over 300 samples of 30 rows from 30 symbols with Zipf's frequencies."""
    p = 1 / np.arange(1, 31)
    p /= p.sum()
    truth = -(p * np.log(p)).sum()
    counts = np.random.default_rng(0).multinomial(30, p, 300)
    bias = {e: np.mean([info.entropy_of_counts(n, e) for n in counts]) - truth for e in ("ml", name)}
    assert abs(bias[name]) < 0.7 * abs(bias["ml"])


@pytest.mark.parametrize("a", [0, -1, math.nan, math.inf])
@pytest.mark.parametrize("name", ["dirichlet", "wolpert_wolf"])
def test_priors_must_be_positive(name, a):
    with pytest.raises(OptionError, match=f"{name}: `a` must be > 0 and finite"):
        info.entropy_of_counts(SMALL, name, a=a)


def test_counts_and_continuous_estimators_do_not_meet():
    with pytest.raises(
        UsageError, match="estimator `gaussian` is for continuous data, it has no entropy of counts"
    ):
        info.entropy_of_counts(SMALL, "gaussian")
