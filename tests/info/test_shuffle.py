"""Random orders: that they are orders, as likely as they should be, and which rows change places."""

import numpy as np
import pytest

from nbdl.errors import OptionError
from nbdl.info._shuffle import Anywhere, Blocks, Near, Within, nearest, resample, rows_of

RNG = np.random.default_rng


def test_all_orders_of_four_are_alike():
    shuffle = Anywhere(4)
    seen = [tuple(shuffle(0, number)) for number in range(24_000)]
    counts = np.unique(seen, axis=0, return_counts=True)[1]
    assert len(counts) == 24
    assert ((counts - 1000) ** 2 / 1000).sum() < 49.7  # chi-squared, 23 degrees of freedom, p = 0.001


def test_an_order_depends_on_seed_and_number_alone():
    shuffle = Anywhere(50)
    first = shuffle(3, 7)
    assert sorted(first) == list(range(50))
    shuffle(3, 8)
    np.testing.assert_array_equal(shuffle(3, 7), first)
    assert not np.array_equal(shuffle(3, 8), first)
    assert not np.array_equal(shuffle(4, 7), first)
    assert Anywhere(1)(0, 0).tolist() == [0]


def test_within_groups():
    known = RNG(0).integers(0, 4, (200, 2))
    shuffle = Within(known)
    order = shuffle(0, 0)
    assert sorted(order) == list(range(200))
    np.testing.assert_array_equal(known[order], known)
    assert (order != np.arange(200)).mean() > 0.8
    groups = Within(np.array([[5], [7], [7]]))
    seen = {tuple(groups(1, number)) for number in range(40)}
    assert seen == {(0, 1, 2), (0, 2, 1)}


def test_blocks_stay_together():
    shuffle = Blocks(10, 4)
    seen = {tuple(shuffle(0, number)) for number in range(200)}
    a, b, c = [0, 1, 2, 3], [4, 5, 6, 7], [8, 9]
    want = [a + b + c, a + c + b, b + a + c, b + c + a, c + a + b, c + b + a]
    assert seen == {tuple(w) for w in want}
    assert rows_of(np.array([1, 0]), 3, 5).tolist() == [3, 4, 0, 1, 2]


@pytest.mark.parametrize("dims", [1, 2, 4])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_nearest_by_brute_force(dims, count):
    x = RNG(dims).standard_normal((300, dims)) * np.arange(1, dims + 1)
    distance = np.abs(x[:, None] - x).max(axis=2)
    got = nearest(x, count)
    want = np.sort(distance, axis=1)[:, :count]
    np.testing.assert_array_equal(np.take_along_axis(distance, got, axis=1), want)
    assert got[:, 0].tolist() == list(range(300))
    assert all(len(set(row)) == count for row in got)


def test_nearest_with_ties():
    x = RNG(0).integers(0, 3, (100, 2)).astype(float)
    distance = np.abs(x[:, None] - x).max(axis=2)
    got = nearest(x, 5)
    want = np.sort(distance, axis=1)[:, :5]
    np.testing.assert_array_equal(np.take_along_axis(distance, got, axis=1), want)


def test_rows_take_values_of_near_rows():
    known = RNG(0).standard_normal((500, 1))
    shuffle = Near(known, 5)
    order = shuffle(0, 0)
    near = nearest(known, 5)
    assert all(o in row for o, row in zip(order, near))
    assert (order != np.arange(500)).mean() > 0.6
    assert len(set(order)) > 450  # nearly an order: a value is taken twice only where all near ones are taken
    np.testing.assert_array_equal(shuffle(0, 0), order)


def test_the_units_of_a_condition_do_not_say_who_is_near():
    known = RNG(1).standard_normal((200, 2))
    np.testing.assert_array_equal(Near(known, 5)(0, 0), Near(known * [1, 1024], 5)(0, 0))


def test_resample():
    half = resample(0, 0, 101, True)
    assert half.size == 50 == len(set(half)) and (np.diff(half) > 0).all()
    drawn = np.concatenate([resample(0, number, 100, False) for number in range(500)])
    assert drawn.size == 50_000 and drawn.min() == 0 and drawn.max() == 99
    counts = np.bincount(drawn)
    assert ((counts - 500) ** 2 / 500).sum() < 148.2  # chi-squared, 99 degrees of freedom, p = 0.001


def test_bad_input():
    with pytest.raises(OptionError, match="`block` must be from 1 to less than the 10 rows, got 10"):
        Blocks(10, 10)
    with pytest.raises(OptionError, match="`neighbours` must be from 2 to the 10 rows, got 11"):
        Near(np.zeros((10, 1)), 11)
