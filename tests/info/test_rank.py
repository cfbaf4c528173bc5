"""Columns by what they tell about another one: alone, and beside each other."""

import numpy as np
import pytest

from nbdl import info
from nbdl.errors import DataError, DtypeError, OptionError, ShapeError, UsageError

RNG = np.random.default_rng(0)
N = 600
Y = RNG.standard_normal(N)
SIGNAL = Y + RNG.standard_normal(N)
TABLE = {
    "noise": RNG.standard_normal(N),
    "signal": SIGNAL,
    "signal again": SIGNAL + 0.01 * RNG.standard_normal(N),
    "weaker": Y + 1.5 * RNG.standard_normal(N),
    "symbols": np.array(["low", "high"])[(Y > 0).astype(int)],
}


def of(x, *others, **options):
    return info.mutual_information(x, *others, **options)


def test_the_order_is_that_of_the_information_alone():
    found = info.rank(TABLE, Y, base=2)
    each = {name: of(x, Y, base=2) for name, x in TABLE.items()}
    assert found.names == sorted(each, key=each.get, reverse=True)
    assert found.names == [list(TABLE)[i] for i in found.columns]
    np.testing.assert_array_equal(found.values, [each[name] for name in found.names])
    np.testing.assert_array_equal(found.scores, found.values)
    assert found.p_values is None and found.low is None
    first = info.rank(TABLE, Y, base=2, top=2)
    assert first.names == found.names[:2] and "symbols: " in repr(first)


def test_a_column_of_the_table_and_an_array_without_names():
    by_name = info.rank({**TABLE, "target": Y}, "target")
    np.testing.assert_array_equal(by_name.values, info.rank(TABLE, Y).values)
    X = np.column_stack([x for x in TABLE.values() if x.dtype.kind == "f"])
    assert info.rank(X, Y).names[:2] == ["column 1", "column 2"]


def test_relevance_less_redundancy():
    """Each score is the formula, from estimates one by one; what repeats a chosen column comes last."""
    found = info.rank(TABLE, Y, select="mrmr")
    assert found.names[0] == "symbols" and found.names[-1] == "signal again"
    for k, name in enumerate(found.names):
        before = [of(TABLE[name], TABLE[s]) for s in found.names[:k]]
        expected = of(TABLE[name], Y) - (np.mean(before) if before else 0)
        assert found.scores[k] == pytest.approx(expected, abs=1e-12)
        rest = [n for n in TABLE if n not in found.names[:k]]
        for other in rest:
            redundancy = [of(TABLE[other], TABLE[s]) for s in found.names[:k]]
            assert of(TABLE[other], Y) - (np.mean(redundancy) if redundancy else 0) <= expected + 1e-12


def test_what_a_column_says_beside_others():
    """Of two halves of an exclusive or, neither says anything alone."""
    a, b = RNG.integers(0, 2, (2, N))
    table = {"noise": RNG.integers(0, 2, N), "a": a, "b": b, "half": (a ^ b) & RNG.integers(0, 2, N)}
    found = info.rank(table, a ^ b, select="jmi", top=3)
    for k, name in enumerate(found.names[1:], 1):
        each = [of(table[s], a ^ b) + info.conditional_mutual_information(table[name], a ^ b, table[s])
                for s in found.names[:k]]  # fmt: skip
        assert found.scores[k] == pytest.approx(np.mean(each), abs=1e-12)
    both = info.rank({n: table[n] for n in ("noise", "a", "b")}, a ^ b, given=a)
    assert both.names[0] == "b" and both.values[0] == pytest.approx(np.log(2), abs=0.01)
    assert len(info.rank(np.ones((30, 25), int), np.arange(30) % 2, select="jmi").names) == 20


def test_p_values_q_values_and_intervals_are_those_of_each_column():
    found = info.rank(TABLE, Y, permutations=60, resamples=40, seed=3)
    for name, p, low, high in zip(found.names, found.p_values, found.low, found.high):
        test = info.permutation_test("mutual_information", TABLE[name], Y, permutations=60, seed=3)
        assert p == test.p_value
        interval = info.bootstrap("mutual_information", TABLE[name], Y, resamples=40, seed=3)
        assert (low, high) == (interval.low, interval.high)
    m = len(TABLE)
    for p, q in zip(found.p_values, found.q_values):  # how many a rule "p at most t" would find, by t
        rates = [m * t / (found.p_values <= t).sum() for t in found.p_values if t >= p]
        assert q == pytest.approx(min(1, *rates))
    given = info.rank(TABLE, Y, given=SIGNAL, permutations=20, top=1)
    assert given.names == ["symbols"] and given.p_values[0] == pytest.approx(1 / 21)


def test_the_rate_of_false_discoveries_is_held():
    """Of 200 tables of 20 columns of noise, few have a q-value below 0.1."""
    X = np.random.default_rng(1).integers(0, 2, (200, 40, 21))
    found = [info.rank(x[:, 1:], x[:, 0], permutations=99, threads=1).q_values.min() <= 0.1 for x in X]
    assert np.mean(found) < 0.16


def test_threads_change_nothing():
    for options in ({"permutations": 20, "resamples": 10}, {"select": "mrmr"}, {"select": "jmi"}):
        one, two = (info.rank(TABLE, Y, threads=t, **options) for t in (1, 2))
        assert one.names == two.names
        for a, b in zip(one[1:], two[1:]):
            np.testing.assert_array_equal(a, b)


def test_missing_values_are_left_out_column_by_column():
    gaps = {**TABLE, "gaps": np.where(np.arange(N) % 2, np.nan, SIGNAL), "none": np.full(N, np.nan)}
    with pytest.raises(DataError, match="`gaps` has 300 rows with missing values"):
        info.rank({"gaps": gaps["gaps"]}, Y)
    with pytest.warns(RuntimeWarning, match="rank: NaN for `none`, without a value"):
        found = info.rank(gaps, Y, nan_policy="omit", permutations=10)
    assert found.names[-1] == "none" and np.isnan([found.values[-1], found.q_values[-1]]).all()
    assert found.values[found.names.index("gaps")] == of(SIGNAL[::2], Y[::2])
    kept = info.rank(TABLE, Y, mask=np.arange(N) < 300)
    np.testing.assert_array_equal(kept.values.max(), of(TABLE["symbols"][:300], Y[:300]))


@pytest.mark.parametrize(
    ("wrong", "options", "message"),
    [
        (OptionError, {"select": "best"}, '`select` must be None, "mrmr" or "jmi", got \'best\''),
        (UsageError, {"select": "jmi", "given": Y}, "`given` goes without `select`"),
        (OptionError, {"top": 0}, "`top` must be"),
        (OptionError, {"permutations": -1}, "`permutations` must be"),
        (DtypeError, {"resamples": 2.5}, "`resamples` must be an integer"),
        (UsageError, {"y": "targt"}, "`y` must be samples or a column of `X`, got 'targt'; there are noise,"),
        (ShapeError, {"y": Y[1:]}, "`noise` must have as many rows as `y`, 599, got 600"),
        (ShapeError, {"X": np.zeros((0, 3))}, "rank: `X` must have shape"),
        (UsageError, {"X": {"target": Y}, "y": "target"}, "`X` has no column but `target`"),
        (DataError, {"X": {"a": np.full(N, np.inf)}}, "`a` must be finite, got inf"),
    ],
)
def test_messages(wrong, options, message):
    with pytest.raises(wrong, match=message):
        info.rank(**{"X": TABLE, "y": Y, **options})
