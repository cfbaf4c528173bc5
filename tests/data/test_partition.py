"""Windows of a text that move from epoch to epoch, in random order or one after another."""

import itertools

import numpy as np
import pytest

from nbdl import train
from nbdl.data import Partition, load
from nbdl.errors import DataError, UsageError
from nbdl.train._best import held_out

WORDS = "a man a plan a canal panama "


def rng(epoch):
    return np.random.Generator(np.random.Philox(key=[3, epoch]))


@pytest.mark.parametrize("sequential", [False, True])
def test_an_epoch_meets_each_token_once(sequential):
    partition, firsts, n, length, size = Partition(5, sequential), set(), 103, 5, 4
    for epoch in range(40):
        order = partition(n, size, rng(epoch))
        firsts.add(order.min())
        assert order.size == 20 and (np.sort(order) == order.min() + length * np.arange(20)).all()
        assert order.max() < n and (partition(n, size, rng(epoch)) == order).all()
    assert firsts == set(range(length))
    assert sequential or (np.diff(order) != length).any()


def test_rows_go_on_where_the_minibatch_before_ended(tmp_path):
    (tmp_path / "a.txt").write_text("abcdefghijklmnopqrstuvwxyz" * 9)
    data = load(tmp_path / "a.txt", text=True, length=6, partition="sequential", test_fraction=0.1)
    assert data.order == Partition(6, sequential=True) and data.test.x.shape == (3, 6)
    (x, y), size = data.train, 4
    order = data.order(len(x), size, rng(0)).reshape(-1, size)
    for before, after in itertools.pairwise(order):
        assert (y[before][:, -1] == x[after][:, 0]).all() and (after - before == 6).all()
    assert len(order) == (len(x) // 6) // size


def test_samples_that_are_held_out_are_the_end(tmp_path):
    (tmp_path / "a.txt").write_text(WORDS * 20)
    data = load(tmp_path / "a.txt", text=True, length=8, partition="random")
    kept, valid = held_out(data, 0.25, 0)
    n = len(data.train.x)
    assert len(valid.x) == round(n * 0.25 / 8) and (valid.x[-1] == data.train.x[n - 8]).all()
    assert len(kept.train.x) == n - 8 * len(valid.x) - 8 and kept.order is data.order
    assert (kept.train.x == data.train.x[: len(kept.train.x)]).all()


def test_training_goes_on_to_the_same_bits(tmp_path):
    """A run with windows that move can be resumed; `fixed` is what it was."""
    (tmp_path / "a.txt").write_text(WORDS * 30)
    overrides = {"data": str(tmp_path / "a.txt"), "epochs": 3, "batch_size": 16, "data_options.length": 8}
    overrides |= {"data_options.partition": "sequential", "validation": 0.2, "schedule": "constant"}
    run = train.train(train.resolve("bigram_lm", overrides=overrides), out=tmp_path / "whole")
    assert run.batches == (len(run.data.train.x) // 8) // 16 and run.steps == 3 * run.batches
    overrides["epochs"] = 1
    train.train(train.resolve("bigram_lm", overrides=overrides), out=tmp_path / "part")
    config = train.resolve("bigram_lm", overrides={**overrides, "epochs": 3})
    again = train.train(config, resume=tmp_path / "part")
    assert [{**r, "seconds": 0} for r in again.history] == [{**r, "seconds": 0} for r in run.history]
    assert "valid_loss" in again.history[-1]
    with pytest.raises(UsageError, match=r"`batch_size` must be at most \d+, as many windows as the text"):
        train.train(train.resolve("bigram_lm", overrides={**overrides, "batch_size": 400}))


def test_texts_that_are_too_short(tmp_path):
    (tmp_path / "a.txt").write_text("a few words " * 3)
    with pytest.raises(DataError, match="20 are for training; windows of 12 that move need 24"):
        load(tmp_path / "a.txt", text=True, length=12, partition="random", test_fraction=0.45)
    data = load(tmp_path / "a.txt", text=True, length=7, partition="random", test_fraction=0.25)
    with pytest.raises(DataError, match=r"`validation` .* of a text, which needs 3 windows of 7"):
        held_out(data, 0.5, 0)
