"""Joint counts on their several ways, against a dictionary."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbdl import info
from nbdl.errors import DtypeError
from nbdl.info import _counts
from nbdl.info._counts import Joint, encode, relabel


def truth(*columns):
    return sorted(Counter(zip(*[map(tuple, np.reshape(c, (len(c), -1)).tolist()) for c in columns])).values())


GROUPS = [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)]
RANGES = {
    "narrow": (0, 5), "negative": (-4, 3), "some thousands": (0, 3000), "wide": (-(2**62), 2**62),
    "at the end": (2**63 - 4, 2**63 - 1), "at the beginning": (-(2**63), -(2**63) + 3),
}  # fmt: skip


@pytest.mark.parametrize(("low", "high"), RANGES.values(), ids=RANGES)
@pytest.mark.parametrize("n", [1, 3, 4, 5000])
def test_counts_of_every_group(low, high, n):
    columns = np.random.default_rng(0).integers(low, high, (3, n), endpoint=True)
    joint = Joint(columns)
    for group in GROUPS:
        assert sorted(joint.counts(group)) == truth(*columns[list(group)])
    pair = Joint(columns[:2])
    assert sorted(pair.counts((0, 1))) == truth(*columns[:2])
    assert sorted(pair.counts((1,))) == truth(columns[1])
    assert pair.counts((0, 1)).dtype == np.int64


def test_a_rare_value_far_outside_the_guessed_range():
    x, y = np.zeros((2, 30_001), np.int64)
    x[17_001], y[29_999] = 1000, -50
    assert sorted(Joint([x, y]).counts((0, 1))) == [1, 1, 29_999]
    assert (
        sorted(Joint([x, y, y]).counts((0, 1, 2)))
        == sorted(Joint([y, y, x]).counts((0, 1, 2)))
        == [1, 1, 29_999]
    )
    x[17_001] = 2**60
    assert sorted(Joint([x, y]).counts((0, 1))) == [1, 1, 29_999]
    assert sorted(Joint([x, y, y]).counts((0, 1, 2))) == [1, 1, 29_999]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint64", "bool"])
def test_peers_error_labels_at_the_ends_of_their_dtype(dtype):
    """Differences of int8, and uint64 beyond 2^63, overflow."""
    top = np.iinfo(dtype).max if dtype != "bool" else 1
    low = np.iinfo(dtype).min if dtype != "bool" else 0
    x = np.array([low, top, top, low, top], dtype)
    y = np.array([0, 1, 1, 1, 1], dtype)
    assert sorted(Joint([x, y]).counts((0, 1))) == [1, 1, 3]
    assert sorted(Joint([x, y, x]).counts((0, 1, 2))) == [1, 1, 3]
    assert sorted(Joint([x]).counts((0,))) == [2, 3]


def test_columns_of_different_dtypes():
    x = np.array([200, 1, 200, 1], np.uint8)
    for other in ("int8", "int64", "uint16", "U3", "S3", object):
        y = np.array([7, 7, 7, 8]).astype(other)
        assert sorted(Joint([x, y]).counts((0, 1))) == [1, 1, 2]


def test_peers_error_joint_codes_overflow():
    """The product of the alphabets is far beyond 2^63."""
    columns = np.random.default_rng(0).integers(0, 10**9, (12, 400))
    columns[:, 200:] = columns[:, :200]
    joint = Joint(columns)
    assert (joint.counts(range(12)) == 2).all() and joint.counts(range(12)).size == 200
    codes, size = joint.codes(range(12))
    assert codes.min() >= 0 and codes.max() < size


def test_tables_and_sorted_codes_count_alike(monkeypatch):
    columns = np.random.default_rng(0).integers(0, 40, (3, 500))
    table = [sorted(Joint(columns).counts(g)) for g in GROUPS]
    weights = np.random.default_rng(1).random(500)
    weighted = [sorted(Joint(columns, weights).counts(g)) for g in GROUPS]
    monkeypatch.setattr(Joint, "_limit", 1)
    assert [sorted(Joint(columns).counts(g)) for g in GROUPS] == table
    for found, expected in zip((sorted(Joint(columns, weights).counts(g)) for g in GROUPS), weighted):
        np.testing.assert_allclose(found, expected)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=60))
def test_relabelled_codes_stand_for_the_same_symbols(values):
    x = np.array(values + values[::2], np.int64)
    codes, size = relabel(x)
    assert size == len(set(values)) and set(codes) == set(range(size))
    assert (np.equal.outer(codes, codes) == np.equal.outer(x, x)).all()


def test_a_hash_of_many_symbols():
    x = np.arange(200_000) * 2**33 - 2**50  # the lower bits are all the same
    codes, size = relabel(np.r_[x, x[::-1]])
    assert size == 200_000 and (codes[:200_000] == codes[:-200_001:-1]).all()
    codes, size = encode(np.array([3, 5, 3]))
    assert codes.tolist() == [0, 2, 0] and size == 3


# --- counts as data ---------------------------------------------------------------------------------------


def test_counts_of_parts_are_merged():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 4, 300), rng.choice(["a", "b", "c"], 300)
    parts = [info.count(x[i : i + 100], y[i : i + 100]) for i in (0, 100, 200)]
    xs, ys, ns = map(np.concatenate, zip(*parts))
    *rows, n = info.count(xs, ys, weights=ns)
    assert n.dtype == np.int64 and n.sum() == 300 and len(n) == 12
    assert {(a, b): c for a, b, c in zip(*rows, n)} == Counter(zip(x, y))
    for name in ("ml", "grassberger", "nsb"):
        whole = info.mutual_information(x, y, name)
        assert info.mutual_information(*rows, estimator=name, weights=n) == pytest.approx(whole, abs=1e-12)


def test_counts_of_rows_and_of_weights():
    x = np.array([[1, 2], [1, 2], [3, 4]])
    rows, n = info.count(x)
    assert rows.tolist() == [[1, 2], [3, 4]] and n.tolist() == [2, 1]
    rows, n = info.count(["a", "b", "a"], weights=[0.5, 1, 0.25])
    assert rows.tolist() == ["a", "b"] and n.tolist() == [0.75, 1]
    with pytest.raises(DtypeError, match="must be discrete: integers, truth values, text or objects"):
        info.count([0.5, 1.5])


def test_the_stride_of_the_kernel_is_covered():
    n = 2 * _counts.STRIDE + 3
    x, y = np.arange(n) % 3, np.arange(n) % 2
    assert sorted(Joint([x, y]).counts((0, 1))) == truth(x, y)
