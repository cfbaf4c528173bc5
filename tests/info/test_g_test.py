"""The G-test, and what it says of samples that are too small."""

import math

import numpy as np
import pytest
from scipy.stats import chi2_contingency
from sklearn.metrics.cluster import contingency_matrix

from nbdl import info

pytestmark = pytest.mark.filterwarnings("ignore:.* rows are few")  # of symbols, on purpose


def peer(x, y):
    return chi2_contingency(contingency_matrix(x, y), correction=False, lambda_="log-likelihood")


@pytest.mark.parametrize("n", [30, 3000])
def test_scipys_test(n):
    rng = np.random.default_rng(n)
    x = rng.integers(0, 4, n)
    y = np.where(rng.random(n) < 0.2, x, rng.integers(0, 6, n))
    ours, theirs = info.g_test(x, y), peer(x, y)
    assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-9)
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


def test_limits():
    alone = info.g_test([1, 1, 1], [1, 2, 3])
    assert alone == (0, 0, 0, 1, 0, 0, 1)
    assert all(math.isnan(v) for v in info.g_test([None, 1], [1, 2], nan_policy="propagate"))
    assert info.g_test([1, 2] * 500, [1, 2] * 500).p_value < 1e-100
