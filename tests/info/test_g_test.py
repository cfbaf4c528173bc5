"""The G-test, and what it says of samples that are too small."""

import math
from itertools import permutations

import numpy as np
import pytest
from scipy.stats import chi2_contingency
from sklearn.metrics.cluster import contingency_matrix

from nbdl import info
from nbdl.info._margins import moments

pytestmark = pytest.mark.filterwarnings("ignore:.* rows are few")  # of symbols, on purpose


def peer(x, y):
    return chi2_contingency(contingency_matrix(x, y), correction=False, lambda_="log-likelihood")


@pytest.mark.parametrize("n", [30, 3000])
def test_scipys_test(n):
    """Its p-value where 5 rows are expected in each cell: 30 rows in 24 are too few for chi-squared."""
    rng = np.random.default_rng(n)
    x = rng.integers(0, 4, n)
    y = np.where(rng.random(n) < 0.2, x, rng.integers(0, 6, n))
    ours, theirs = info.g_test(x, y), peer(x, y)
    assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-9)
    if n == 30:
        many = info.permutation_test("mutual_information", x, y, permutations=5000, seed=1)
        assert ours.p_value == pytest.approx(many.p_value, abs=0.02)
        assert theirs.pvalue < 0.55 * many.p_value
    else:
        assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-7)
    assert (ours.dof, ours.rows_per_cell) == (theirs.dof, n / (4 * len(set(y))))
    assert ours.information == info.mutual_information(x, y)
    bits = info.g_test(x, y, base=2)
    assert bits.information == pytest.approx(ours.information / math.log(2))
    assert bits[3:] == ours[3:]


def test_given_a_third_sample():
    rng = np.random.default_rng(0)
    z = rng.integers(0, 3, 400)
    x, y = (z + rng.integers(0, 2, (2, 400))) % 4
    ours = info.g_test(x, y, z)
    parts = [peer(x[z == v], y[z == v]) for v in range(3)]
    assert ours.statistic == pytest.approx(sum(p.statistic for p in parts), rel=1e-9)
    assert ours.dof == sum(p.dof for p in parts)
    assert info.g_test(x, y).p_value < 1e-6 < 0.01 < ours.p_value


def test_p_values_of_independent_samples_are_uniform():
    rng = np.random.default_rng(1)
    p = np.array([info.g_test(*rng.integers(0, 3, (2, 500))).p_value for _ in range(400)])
    assert abs((p < 0.05).mean() - 0.05) < 0.035 and abs((p < 0.5).mean() - 0.5) < 0.1


def test_peers_error_undersampling_goes_unnoticed():
    """infomeasure#13: 0.80 nats about noise. Here it says: few rows per cell, and a bias that explains it."""
    x, y = np.random.default_rng(0).integers(0, 20, (2, 200))
    found = info.g_test(x, y)
    assert found.information > 0.8
    assert found.rows_per_cell < 1
    assert found.effective < 0.1 * found.information
    assert info.mutual_information(x, y, "grassberger") < 0.35 * found.information


def every_table(rows, columns):
    """The tables of all distinct orders of the labels of y, which are equally likely."""
    x, y = np.repeat(np.arange(len(rows)), rows), np.repeat(np.arange(len(columns)), columns)
    for order in set(permutations(y.tolist())):
        yield np.bincount(x * len(columns) + np.array(order), minlength=len(rows) * len(columns))


@pytest.mark.parametrize(
    ("rows", "columns"),
    [([4, 3], [2, 5]), ([5, 2, 1], [4, 4]), ([3, 2, 2, 1], [4, 3, 1]), ([1, 1, 6], [5, 3])],
)
def test_moments_of_g_over_all_tables(rows, columns):
    n = np.array(list(every_table(rows, columns)))
    expected = np.outer(rows, columns).ravel() / sum(rows)
    g = 2 * (n * np.log(np.where(n > 0, n, 1) / expected)).sum(axis=1)
    mean, variance = moments(np.array(rows), np.array(columns))
    assert (mean, variance) == (pytest.approx(g.mean(), rel=1e-9), pytest.approx(g.var(), rel=1e-7))
    x, y = np.repeat(np.arange(len(rows)), rows), np.repeat(np.arange(len(columns)), columns)
    assert mean == pytest.approx(2 * len(x) * info.expected_mutual_information(x, y), rel=1e-9)


def test_moments_where_rows_are_many_are_those_of_chi_squared():
    mean, variance = moments(np.array([4000, 3000, 3000]), np.array([2000, 7000, 1000]))
    assert (mean, variance) == (pytest.approx(4, rel=2e-3), pytest.approx(8, rel=5e-3))


def zipf(rng, symbols, n):
    p = 1 / np.arange(1, symbols + 1)
    return rng.choice(symbols, n, p=p / p.sum())


SPARSE = {
    "660 symbols x 2": lambda r: (r.integers(0, 660, 2000), r.integers(0, 2, 2000)),
    "nearly all different": lambda r: (r.integers(0, 19_000, 2000), r.integers(0, 2, 2000)),
    "few rows": lambda r: (r.integers(0, 4, 30), r.integers(0, 6, 30)),
    "rare symbols": lambda r: (zipf(r, 100, 1000), zipf(r, 100, 1000)),
    "given a third": lambda r: (*r.integers(0, 4, (2, 500)), r.integers(0, 50, 500)),
    "given rare symbols": lambda r: tuple(zipf(r, 20, 800) for _ in range(3)),
}


@pytest.mark.parametrize("draw", SPARSE.values(), ids=SPARSE)
def test_sparse_tables_of_independent_samples_are_rejected_as_often_as_the_level_says(draw):
    rng = np.random.default_rng(3)
    found = [info.g_test(*draw(rng)) for _ in range(400)]
    p = np.array([f.p_value for f in found])
    assert 0.02 < (p < 0.05).mean() < 0.085 and 0.4 < (p < 0.5).mean() < 0.6
    assert abs(np.mean([f.effective for f in found])) < 0.05 * np.mean([f.information for f in found])


def test_a_sparse_table_that_is_dependent_is_still_found():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 660, 2000)
    assert info.g_test(x, np.where(rng.random(2000) < 0.6, x % 2, rng.integers(0, 2, 2000))).p_value < 1e-9


def test_tables_too_few_for_any_formula_are_warned_of():
    x, y = np.random.default_rng(0).integers(0, 1000, (2, 1000))
    with pytest.warns(RuntimeWarning, match="few rows, 0.0025 for each combination .* is permutation_test's"):
        info.g_test(x, y)
    alone = info.g_test(np.arange(50), np.arange(50) % 7)  # each order of the rows has the same G
    assert alone.p_value == 1 and alone.effective == pytest.approx(0, abs=1e-12)


def test_limits():
    alone = info.g_test([1, 1, 1], [1, 2, 3])
    assert alone == (0, 0, 0, 1, 0, 0, 1)
    assert all(math.isnan(v) for v in info.g_test([None, 1], [1, 2], nan_policy="propagate"))
    assert info.g_test([1, 2] * 500, [1, 2] * 500).p_value < 1e-100
