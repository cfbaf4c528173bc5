"""All pairs in one call: the same values as one by one, whatever the way and the number of threads."""

import math

import numpy as np
import pytest

from nbdl import info
from nbdl.errors import DataError, DtypeError, OptionError, ShapeError, UsageError
from nbdl.info import _bits

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
    monkeypatch.setattr(_bits, "WORTH", 0)  # few rows get threads too
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
    assert found[0, 1] == found[1, 0]
    assert found[0, 1] == pytest.approx(info.mutual_information(X[:, 0], X[:, 1], "gaussian"), abs=1e-12)
    assert np.diag(found).tolist() == [math.inf] * 3


def awkward(n=200):
    """Columns that are nearly, or just, functions of others, constant, huge, tiny, with ties."""
    rng = np.random.default_rng(0)
    x, y, z = rng.standard_normal((3, n))
    columns = [
        x,
        0.7 * x + y,
        x + 1e-3 * y,
        x + 1e-9 * y,
        -2 * x,
        z + 1e-7 * y,
        np.ones(n),
        1e150 * y,
        1e-300 * z,
    ]
    return np.stack([*columns, np.round(y), y + 1e9], axis=1), z


@pytest.mark.parametrize("options", [{}, {"bias_correction": False}, {"clip": True}], ids=str)
@pytest.mark.parametrize("estimator", ["gaussian", "gaussian_copula"])
@pytest.mark.parametrize("conditional", [False, True])
def test_one_matrix_of_correlations_gives_what_single_calls_give(
    estimator, options, conditional, monkeypatch
):
    monkeypatch.setattr("nbdl._cores.cores", lambda: 8)
    X, z = awkward()
    given = {"z": np.c_[z, 2 * z]} if conditional else {}
    measure = info.conditional_mutual_information if conditional else info.mutual_information
    found = info.pairwise(X, estimator=estimator, base=2, given=given.get("z"), **options)
    for i, x in enumerate(X.T):
        for j, y in enumerate(X.T[:i]):
            one = measure(y, x, **given, estimator=estimator, base=2, **options)
            assert found[i, j] == found[j, i] == pytest.approx(one, rel=1e-12, abs=1e-12), (i, j)
    for threads in (1, 2):
        again = info.pairwise(
            X, estimator=estimator, base=2, given=given.get("z"), threads=threads, **options
        )
        np.testing.assert_array_equal(again, found)


def test_columns_with_gaps_stand_beside_columns_without():
    """Whatever is together and what is one by one: each pair from the rows that both have."""
    X = np.random.default_rng(0).standard_normal((50, 4))
    X[3:9, 1] = np.nan
    found = info.pairwise(X, estimator="gaussian", nan_policy="omit")
    for i in range(4):
        for j in range(i):
            one = info.mutual_information(X[:, i], X[:, j], "gaussian", nan_policy="omit")
            assert found[i, j] == pytest.approx(one, abs=1e-12)
    with pytest.raises(ShapeError, match="must have more rows than all columns, 2, got 2"):
        info.pairwise(X[-2:], estimator="gaussian")


def three(n=300, discrete=True, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.integers(0, 3, n) if discrete else rng.standard_normal(n)
    noise = rng.integers(0, 2, (3, n)) if discrete else rng.standard_normal((3, n))
    return (noise + z).T, z


@pytest.mark.parametrize("estimator, discrete", [(None, True), ("miller_madow", True), ("ksg1", False)])
def test_a_condition(estimator, discrete):
    X, z = three(discrete=discrete)
    found = info.pairwise(X, estimator=estimator, given=z)
    for i, x in enumerate(X.T):
        for j, y in enumerate(X.T[:i]):
            one = info.conditional_mutual_information(x, y, z, estimator)
            assert found[i, j] == found[j, i] == pytest.approx(one, abs=1e-12)
    plain = info.pairwise(X, estimator=estimator)
    assert found[0, 1] < plain[0, 1] / 2  # the columns have z alone in common


def test_a_condition_of_partial_correlations():
    """The closed form of three normal columns: r12.3 = (r12 - r13 r23) / sqrt((1 - r13^2)(1 - r23^2))."""
    X, z = three(5000, discrete=False)
    r = np.corrcoef(np.c_[X, z].T)
    partial = (r[0, 1] - r[0, 3] * r[1, 3]) / math.sqrt((1 - r[0, 3] ** 2) * (1 - r[1, 3] ** 2))
    found = info.pairwise(X, estimator="gaussian", given=z, bias_correction=False)
    assert found[0, 1] == pytest.approx(-math.log(1 - partial**2) / 2, rel=1e-10)


def test_a_condition_of_transfer_entropies():
    X = np.random.default_rng(0).integers(0, 2, (200, 3))
    z = np.roll(X[:, 0], 1)
    found = info.pairwise(X[:, :2], "transfer_entropy", given=z, history=2)
    assert found[0, 1] == info.transfer_entropy(X[:, 0], X[:, 1], given=z, history=2)
    assert found[1, 0] == info.transfer_entropy(X[:, 1], X[:, 0], given=z, history=2)
    with pytest.raises(
        UsageError, match="`given` is for mutual_information and transfer_entropy, not for `joint"
    ):
        info.pairwise(X, "joint_entropy", given=z)


@pytest.mark.parametrize("estimator, discrete", [(None, True), ("gaussian", False), ("ksg1", False)])
def test_a_mask_says_which_rows_count(estimator, discrete):
    X, z = three(discrete=discrete)
    mask = np.random.default_rng(1).random(300) < 0.6
    found = info.pairwise(X, estimator=estimator, given=z, mask=mask)
    np.testing.assert_array_equal(found, info.pairwise(X[mask], estimator=estimator, given=z[mask]))
    if discrete:
        weights = np.random.default_rng(2).random(300)
        weighed = info.pairwise(X, mask=mask, weights=weights)
        np.testing.assert_array_equal(weighed, info.pairwise(X[mask], weights=weights[mask]))
    named = dict(zip(("given", "weights", "mask"), X.T))  # as the options are called
    np.testing.assert_array_equal(found, info.pairwise(named, estimator=estimator, given=z, mask=mask))
    listed = info.pairwise([c.tolist() for c in X.T], estimator=estimator, mask=mask.tolist())
    np.testing.assert_array_equal(listed, info.pairwise(X[mask], estimator=estimator))


@pytest.mark.parametrize("estimator", ["gaussian", "ordinal"])
def test_a_mask_of_series_leaves_gaps(estimator):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 2))
    mask = np.arange(400) % 40 != 7
    gaps = np.where(mask[:, None], X, np.nan)
    for measure in ("transfer_entropy", "mutual_information"):
        if (measure, estimator) != ("mutual_information", "gaussian"):
            one = getattr(info, measure)(*gaps.T, estimator=estimator, nan_policy="omit")
            assert info.pairwise(X, measure, estimator, mask=mask)[0, 1] == pytest.approx(one, abs=1e-12)
    X[0, 0] = np.nan  # of rows that count, missing values are still an error
    with pytest.raises(DataError, match="`column 0` has 1 rows with missing values"):
        info.pairwise(X, "transfer_entropy", estimator, mask=mask)
    X[7, 1] = np.nan  # of others they are not
    info.pairwise(X[1:], "transfer_entropy", estimator, mask=mask[1:])


@pytest.mark.parametrize(
    "mask, error",
    [
        ([1, 0], "truth values, True where a row counts, got dtype int"),
        ([True] * 3, r"must have shape \(40,\)"),
        ([False] * 40, "must be True somewhere"),
    ],
)
def test_masks_that_are_none(mask, error):
    with pytest.raises((DtypeError, ShapeError, OptionError), match=f"`mask` {error}|`mask` must be {error}"):
        info.pairwise(np.ones((40, 2), int), mask=mask)


def test_a_masked_matrix_has_missing_values():
    X = np.ma.array(np.random.default_rng(0).integers(0, 3, (60, 3)))
    X[:5, 1] = np.ma.masked
    found = info.pairwise(X, nan_policy="omit")
    assert found[0, 1] == info.mutual_information(X.data[5:, 0], X.data[5:, 1])
    assert found[0, 2] == info.mutual_information(X.data[:, 0], X.data[:, 2])
    with pytest.raises(DataError, match="`column 1` has 5 rows with missing values"):
        info.pairwise(X)


def test_a_column_without_values_leaves_the_others_their_matrix():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 4))
    X[:, 1] = np.nan
    X[:58, 3] = np.nan
    with pytest.warns(
        RuntimeWarning, match="NaN for `column 1`, without a value; and for `column 0` and `column 3`"
    ):
        found = info.pairwise(X, estimator="ksg1", nan_policy="omit")
    assert np.isnan(found[1]).all() and np.isnan(found[:, 1]).all() and np.isnan(found[0, 3])
    assert found[0, 2] == info.mutual_information(X[:, 0], X[:, 2], "ksg1")
    with pytest.warns(RuntimeWarning, match="NaN for `b` and `c`, with too few rows in common: in every row"):
        found = info.pairwise({"a": [1, 2, 1], "b": [1, None, None], "c": [None, 1, 2]}, nan_policy="omit")
    assert found[0, 1] == 0 and np.isnan(found[1, 2])


def test_warnings_and_errors_name_the_columns():
    rng = np.random.default_rng(0)
    lumps = np.where(rng.random(100) < 0.5, 0.0, rng.random(100))
    columns = {"age": rng.random(100), "rain": lumps, "flow": rng.random(100)}
    with pytest.warns(RuntimeWarning) as caught:
        info.pairwise(columns, estimator="ksg1", threads=2)
    texts = [str(w.message) for w in caught]
    assert len(texts) == 1 and "of `rain` are values" in texts[0] and "`x`" not in texts[0]
    columns["flow"][3] = np.nan
    with pytest.raises(DataError, match="`flow` has 1 rows with missing values"):
        info.pairwise(columns, estimator="ksg1")


def test_the_diagonal_takes_no_option_of_the_other_pairs():
    """Of a discrete column it is the entropy, also where noise is asked for between the others."""
    rng = np.random.default_rng(0)
    kind, x = rng.integers(0, 3, 90), np.round(rng.random(90), 2)
    found = info.pairwise([kind, x], noise=1e-6)
    assert found[0, 0] == pytest.approx(info.entropy(kind))
    assert found[0, 1] == info.mutual_information(kind, x, noise=1e-6)


def test_what_a_measure_does_not_take_is_refused():
    X = np.random.default_rng(0).integers(0, 3, (40, 3))
    with pytest.raises(UsageError, match="`v_measure` takes no `estimator`, got 'ml'"):
        info.pairwise(X, "v_measure", "ml")
    with pytest.raises(UsageError, match="`v_measure` takes no `base`, got 2"):
        info.pairwise(X, "v_measure", base=2)
    with pytest.raises(OptionError, match="pairwise: `local` must be False"):
        info.pairwise(X, local=True)


def test_a_table_has_columns_of_their_own_kinds():
    class Table(dict):
        columns = property(list)

    rng = np.random.default_rng(0)
    table = Table(length=rng.random(90), width=rng.random(90), kind=rng.choice(["a", "b"], 90))
    found = info.pairwise(table)
    assert found[0, 1] == info.mutual_information(table["length"], table["width"])
    assert found[0, 2] == info.mutual_information(table["length"], table["kind"])


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


def test_warnings_name_the_column_whatever_the_arguments_are_called():
    rng = np.random.default_rng(0)
    zeros = np.where(rng.random(200) < 0.4, 0, rng.standard_normal(200))
    with pytest.warns(RuntimeWarning, match="3. % of `y` are values") as caught:
        info.pairwise({"y": zeros, "x": rng.standard_normal(200)}, estimator="ksg1")
    assert [w.filename for w in caught] == [__file__]


@pytest.mark.parametrize("estimator", [None, "gaussian"])
def test_an_unknown_policy_is_refused_where_nothing_is_missing(estimator):
    x = np.random.default_rng(0).standard_normal((50, 2))
    with pytest.raises(OptionError, match=r"`nan_policy` must be .* got 'drop'"):
        info.pairwise(x if estimator else x > 0, estimator=estimator, nan_policy="drop")
