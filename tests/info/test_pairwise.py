"""All pairs in one call: the same values as one by one, whatever the way and the number of threads."""

import math

import numpy as np
import pytest

from nbdl import info
from nbdl.errors import ShapeError, UsageError
from nbdl.info import _pairwise


@pytest.mark.parametrize("k", [1, 2, 5, 16, 17, 40, 3000])
@pytest.mark.parametrize("n", [1, 63, 64, 65, 1000])
def test_every_pair(k, n):
    """Columns of 2 and of k symbols: counted by bits, row by row, and both in one call."""
    rng = np.random.default_rng(k)
    X = np.c_[rng.integers(0, k, (n, 3)), rng.integers(-1, 1, (n, 2))]
    found = info.pairwise(X, threads=1)
    each = [[info.mutual_information(x, y) for y in X.T] for x in X.T]
    np.testing.assert_allclose(found, each, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(found, found.T)
    h = np.diag(found)
    assert (found >= 0).all() and (found <= np.minimum.outer(h, h)).all()


def test_peers_error_results_depend_on_the_number_of_threads(monkeypatch):
    monkeypatch.setattr(_pairwise, "WORTH", 0)  # few rows get threads too
    monkeypatch.setattr("nbdl._cores.cores", lambda: 8)
    X = np.random.default_rng(0).integers(0, 30, (500, 20))
    X[:, :10] %= 4
    one = info.pairwise(X, threads=1)
    for threads in (2, 3, 8):
        np.testing.assert_array_equal(info.pairwise(X, threads=threads), one)


def test_columns_of_any_kind():
    rng = np.random.default_rng(0)
    text, truth = rng.choice(["a", "b"], 50), rng.random(50) < 0.5
    wide, rows = rng.integers(0, 2**60, 50), rng.integers(0, 2, (50, 2))
    columns = [text, truth, wide, rows]
    each = [[info.mutual_information(x, y, base=2) for y in columns] for x in columns]
    np.testing.assert_allclose(info.pairwise(columns, base=2), each, rtol=0, atol=1e-12)


@pytest.mark.parametrize("measure", ["conditional_entropy", "variation_of_information", "joint_entropy"])
def test_other_measures(measure):
    X = np.random.default_rng(0).integers(0, 3, (40, 3))
    each = [[getattr(info, measure)(x, y, base=2) for y in X.T] for x in X.T]
    np.testing.assert_allclose(info.pairwise(X, measure, base=2), each, rtol=0, atol=1e-14)


def test_other_estimators():
    X = np.random.default_rng(0).integers(0, 3, (40, 3))
    each = [[info.mutual_information(x, y, "grassberger") for y in X.T] for x in X.T]
    np.testing.assert_allclose(info.pairwise(X, estimator="grassberger"), each)


def test_continuous_columns():
    X = np.random.default_rng(0).standard_normal((60, 3))
    found = info.pairwise(X, estimator="gaussian", threads=2)
    assert found[0, 1] == found[1, 0] == info.mutual_information(X[:, 0], X[:, 1], "gaussian")
    assert np.diag(found).tolist() == [math.inf] * 3


def test_missing_values_are_left_out_pair_by_pair():
    columns = [["a", "b", None, "b"], [1, 2, 2, 1], [1, 1, 2, 1]]
    found = info.pairwise(columns, nan_policy="omit")
    assert found[0, 1] == info.mutual_information([0, 1, 1], [1, 2, 1])
    assert found[1, 2] == info.mutual_information([1, 2, 2, 1], [1, 1, 2, 1])
    assert np.isnan(info.pairwise(columns, nan_policy="propagate")).sum() == 5
    with pytest.raises(ValueError, match="1 rows with missing values"):
        info.pairwise(columns)


def test_bad_input():
    with pytest.raises(
        ShapeError, match=r"pairwise: `X` must have shape \(N, p\) and not be empty, got \(3,\)"
    ):
        info.pairwise(np.arange(3))
    with pytest.raises(ShapeError, match="`column 1` must have as many rows as `column 0`, 2, got 3"):
        info.pairwise([[1, 2], [1, 2, 3]])
    with pytest.raises(
        UsageError, match="`conditional_mutual_information` is a measure of x, y, z, not of two"
    ):
        info.pairwise(np.ones((3, 2), int), "conditional_mutual_information")
