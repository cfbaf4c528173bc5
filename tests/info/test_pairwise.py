"""All pairs in one call: the same values as one by one, whatever the way and the number of threads."""

import math

import numpy as np
import pytest

from nbdl import info
from nbdl.errors import ShapeError, UsageError
from nbdl.info import _pairwise

pytestmark = pytest.mark.filterwarnings("ignore:.* rows are few")  # of symbols, on purpose


@pytest.mark.parametrize("k", [1, 2, 5, 16, 17, 40, 3000])
@pytest.mark.parametrize("n", [1, 63, 64, 65, 1000])
def test_every_pair(k, n):
    """Columns of 2 and of k symbols: counted by bits, row by row, and both in one call."""
    rng = np.random.default_rng(k)
    X = np.c_[rng.integers(0, k, (n, 3)), rng.integers(-1, 1, (n, 2))]
    found = info.pairwise(X, threads=1, discrete=True)
    each = [[info.mutual_information(x, y, discrete=True) for y in X.T] for x in X.T]
    np.testing.assert_allclose(found, each, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(found, found.T)
    h = np.diag(found)
    assert (found >= 0).all() and (found <= np.minimum.outer(h, h)).all()


def test_peers_error_results_depend_on_the_number_of_threads(monkeypatch):
    monkeypatch.setattr(_pairwise, "WORTH", 0)  # few rows get threads too
    monkeypatch.setattr("nbdl._cores.cores", lambda: 8)
    X = np.random.default_rng(0).integers(0, 30, (500, 20))
    X[:, :10] %= 4
    one = info.pairwise(X, threads=1, discrete=True)
    for threads in (2, 3, 8):
        np.testing.assert_array_equal(info.pairwise(X, threads=threads, discrete=True), one)


def test_columns_of_any_kind():
    rng = np.random.default_rng(0)
    text, truth = rng.choice(["a", "b"], 50), rng.random(50) < 0.5
    wide, rows = rng.integers(0, 2**60, 50), rng.integers(0, 2, (50, 2))
    columns, said = [text, truth, wide, rows], {"discrete": True, "base": 2}
    each = [[info.mutual_information(x, y, **said) for y in columns] for x in columns]
    np.testing.assert_allclose(info.pairwise(columns, **said), each, rtol=0, atol=1e-12)


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


class Frame(dict):
    """A table as data frames are: columns by name, of kinds of their own; one array only of objects."""

    @property
    def columns(self):
        return list(self)

    def __array__(self, dtype=None, copy=None):
        return np.array([np.asarray(c, object) for c in self.values()], object).T


@pytest.mark.parametrize("form", [Frame, lambda f: np.asarray(Frame(f)), lambda f: list(f.values())])
def test_a_column_of_text_leaves_the_others_what_they_are(form):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(200)
    frame = {"x": x, "y": 0.6 * x + 0.8 * rng.standard_normal(200), "name": rng.choice(["a", "b"], 200)}
    found = info.pairwise(form(frame))
    assert found[0, 1] == info.mutual_information(frame["x"], frame["y"])
    assert found[0, 2] == info.mutual_information(frame["x"], frame["name"])


def test_a_named_array_and_names_that_occur_twice():
    rng = np.random.default_rng(0)
    named = np.zeros(100, [("n", int), ("v", float)])
    named["n"], named["v"] = rng.integers(0, 3, 100), rng.standard_normal(100)
    assert info.pairwise(named)[0, 1] == info.mutual_information(named["n"], named["v"])
    twice = Frame(a=[1, 2])
    twice.__class__ = type("Twice", (Frame,), {"columns": ["a", "a"]})
    with pytest.raises(ShapeError, match="must have names of their own"):
        info.pairwise(twice)


@pytest.mark.filterwarnings("ignore:.*taken as measured")
def test_numbers_of_many_values_are_measured_pair_by_pair():
    rng = np.random.default_rng(0)
    X = np.c_[rng.integers(70, 200, 768), rng.integers(20, 80, 768), rng.integers(0, 3, 768)]
    with pytest.warns(RuntimeWarning, match="`column 0` .whole numbers, 130 different") as caught:
        found = info.pairwise(X)
        pair = info.mutual_information(X[:, 0], X[:, 1])
    assert found[0, 1] == pair and np.abs(found[np.triu_indices(3, 1)]).max() < 0.05
    assert any("`column 1`" in str(w.message) for w in caught)


def test_few_rows_are_said_of_the_largest_pair():
    X = np.random.default_rng(0).integers(0, 15, (100, 3))
    with pytest.warns(RuntimeWarning, match="100 rows are few for .* combinations of `column 1`, `column 2`"):
        info.pairwise(X)


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
