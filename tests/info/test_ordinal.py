"""Ordinal patterns: codes against a stable sort, permutation entropies of known series, ties, bad input."""

import math
from itertools import permutations

import numpy as np
import pytest

from nbdl import info
from nbdl.errors import DataError, OptionError, ShapeError
from nbdl.info import _ordinal as o
from nbdl.info._measures import conditional_mutual_information, entropy, mutual_information

RNG = np.random.default_rng


def column(values):
    return np.ascontiguousarray(np.asarray(values, float).reshape(-1, 1))


def codes_of(x, **options):
    codes, k = o.symbols(x, **options)
    assert k == math.factorial(options.get("order", 3))
    return codes


def naive(x, order, delay):
    """Number of the pattern of each time in the list of all permutations, by a stable sort."""
    number = {p: i for i, p in enumerate(permutations(range(order)))}
    times = range(len(x) - (order - 1) * delay)
    ranks = [np.argsort(np.argsort(x[t : t + order * delay : delay], kind="stable")) for t in times]
    return [number[tuple(r)] for r in ranks]


@pytest.mark.parametrize("order", range(2, 8))
@pytest.mark.parametrize("delay", [1, 2, 5])
@pytest.mark.parametrize("ties", [False, True])
def test_codes_number_the_permutations(order, delay, ties):
    x = RNG(order).integers(0, 3, 1500).astype(float) if ties else RNG(order).standard_normal(1500)
    assert codes_of(column(x), order=order, delay=delay)[:, 0].tolist() == naive(x, order, delay)


def test_the_largest_codes():
    for order in (10, 12):
        falling = column(-np.arange(order + 3.0))
        assert set(codes_of(falling, order=order).ravel()) == {math.factorial(order) - 1}
        assert set(codes_of(-falling, order=order).ravel()) == {0}


def test_example_of_bandt_and_pompe():
    """Section 2: four of six pairs rise; of five triples 2, 2 and 1 share their pattern."""
    x = column([4, 7, 9, 10, 6, 11, 3])
    two, three = o.entropy(x, order=2) / math.log(2), o.entropy(x, order=3) / math.log(2)
    assert two == pytest.approx(-(4 / 6) * math.log2(4 / 6) - (2 / 6) * math.log2(2 / 6), abs=1e-14)
    assert two == pytest.approx(0.918, abs=5e-4)
    assert three == pytest.approx(1.522, abs=5e-4)


@pytest.mark.parametrize("order", [2, 3, 4, 5])
def test_noise_has_all_patterns_alike(order):
    x = column(RNG(0).standard_normal(200_000))
    assert o.entropy(x, order=order) == pytest.approx(math.log(math.factorial(order)), abs=1e-3)


def test_of_equal_values_the_earlier_is_smaller():
    assert o.entropy(column(np.full(50, 3.0)), order=4) == 0
    assert codes_of(column([1, 1, 1]))[0, 0] == 0
    assert codes_of(column([1, 1, 0])).tolist() == codes_of(column([1, 2, 0])).tolist()


def test_monotone_changes_do_not_matter():
    x = column(RNG(1).standard_normal(500))
    assert o.entropy(np.exp(x), order=5) == o.entropy(x, order=5)


def test_local_values():
    x = column(RNG(2).standard_normal(60))
    plain = o.entropy(x, order=3)
    assert o.entropy(x, order=3, local=True).mean() == pytest.approx(plain, abs=1e-14)
    assert o.entropy(x, order=3, local=True).shape == (58,)


def test_more_patterns_than_samples():
    x = column(RNG(3).standard_normal(100))
    assert o.entropy(x, order=8) == pytest.approx(math.log(93), abs=0.1)
    assert o.entropy(x, order=12) == pytest.approx(math.log(89), abs=1e-12)


def test_measures_of_symbols():
    x, y, z = (column(v) for v in RNG(4).standard_normal((3, 4000)))
    y += x
    a, b, c = (codes_of(v, order=3) for v in (x, y, z))
    assert o.mutual_information(x, y) == pytest.approx(mutual_information(a, b), abs=1e-14)
    assert o.conditional_mutual_information(x, y, z) == pytest.approx(
        conditional_mutual_information(a, b, c), abs=1e-14
    )
    both = np.hstack((x, y))
    assert o.entropy(both) == pytest.approx(entropy(np.hstack((a, b))), abs=1e-14)
    assert o.mutual_information(x, x) == pytest.approx(o.entropy(x), abs=1e-14)


def test_no_pattern_reaches_across_a_gap():
    gap = [1, np.nan, 3, 2, 4, 5.0]  # 3 2 4 and 2 4 5
    assert info.entropy(gap, "ordinal", order=3, nan_policy="omit") == pytest.approx(math.log(2))
    masked = np.ma.array([1, 0, 3, 2, 4, 5.0], mask=[0, 1, 0, 0, 0, 0])
    assert info.entropy(masked, "ordinal", nan_policy="omit") == pytest.approx(math.log(2))
    assert info.entropy(gap, "ordinal", nan_policy="omit", local=True).shape == (2,)
    assert math.isnan(info.entropy(gap, "ordinal", nan_policy="propagate"))
    with pytest.raises(DataError, match="`x` has 1 rows with missing values"):
        info.entropy(gap, "ordinal")
    with pytest.raises(ShapeError, match="a value is missing in every pattern"):
        info.entropy([1, np.nan, 3, 2, np.nan, 4], "ordinal", nan_policy="omit")


@pytest.mark.parametrize("joined", [False, True], ids=["one gap a row", "gaps of both"])
def test_gaps_change_no_measure_of_patterns(joined):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(20_000)
    y, z = x + 0.5 * rng.standard_normal((2, 20_000))
    gap, more = x.copy(), y.copy()
    gap[rng.random(20_000) < 0.3] = np.nan
    more[rng.random(20_000) < 0.1 * joined] = np.nan
    for measure, samples, gaps in (
        (info.mutual_information, (x, y), (gap, more)),
        (info.conditional_mutual_information, (x, y, z), (gap, more, z)),
        (info.joint_entropy, (x, y), (gap, more)),
        (info.entropy, (np.c_[x, y],), (np.c_[gap, more],)),
    ):
        whole = measure(*samples, estimator="ordinal", correction="grassberger")
        found = measure(*gaps, estimator="ordinal", correction="grassberger", nan_policy="omit")
        assert found == pytest.approx(whole, abs=0.04), measure.__name__


def test_bad_input():
    x = column(np.arange(10))
    for order in (1, 13, 2.5, True):
        with pytest.raises(OptionError, match="`order` must be an integer from 2 to 12, got"):
            o.entropy(x, order=order)
    with pytest.raises(OptionError, match="`delay` must be an integer > 0, got 0"):
        o.entropy(x, delay=0)
    with pytest.raises(ShapeError, match="order 3 and delay 5 takes 11 samples, got 10"):
        o.entropy(x, delay=5)
    with pytest.raises(ShapeError, match="takes 3 samples, got 0"):
        o.entropy(x[:0])


def test_patterns_with_a_gap_in_any_sample_count_for_none():
    x, y = np.random.default_rng(0).standard_normal((2, 300))
    y = x + 0.3 * y
    gap = np.where(np.arange(300) % 7 == 0, np.nan, x)
    both = np.where(np.isnan(gap), np.nan, y)
    options = {"order": 3, "nan_policy": "omit"}
    for measure in (info.conditional_entropy, info.mutual_information):
        found = measure(gap, y, "ordinal", **options)
        assert found == measure(gap, both, "ordinal", **options)
        local = measure(gap, y, "ordinal", local=True, **options)
        assert local.mean() == pytest.approx(found)
    h = info.joint_entropy(gap, both, estimator="ordinal", **options) - info.entropy(
        both, "ordinal", **options
    )
    assert info.conditional_entropy(gap, y, "ordinal", **options) == pytest.approx(h)
