"""Weights of classes that follow from the training labels."""

import numpy as np
import pytest

import nbdl
from nbdl import nn, train
from nbdl.data import Data, Split
from nbdl.errors import DataError, NbdlError, OptionError, UsageError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 3)).astype("f4"), (np.arange(60) % 10 == 0).astype(int)  # 54 of 0, 6 of 1


def fitted(data=(X, Y), weight="balanced", **options):
    net = nn.Sequential(nn.Linear(2))
    return nbdl.fit(net, data, epochs=2, batch_size=25, loss_options={"weight": weight}, **options)


@pytest.mark.parametrize("compiled", [True, False])
def test_balanced(compiled):
    run, same = fitted(compiled=compiled), fitted(weight=np.array([60 / 108, 60 / 12]), compiled=compiled)
    assert run.config.loss_options["weight"] == pytest.approx([60 / 108, 60 / 12])
    assert np.array_equal(run.net[0].w.data, same.net[0].w.data)
    plain = fitted(weight=None, compiled=compiled)
    assert np.sum(run.predict(X) == 1) > np.sum(plain.predict(X) == 1)


def test_balanced_of_text_of_positions_and_of_what_is_not_held_out():
    names = np.where(Y == 1, "rare", "usual")
    assert fitted((X, names)).config.loss_options["weight"] == pytest.approx([60 / 12, 60 / 108])
    run = fitted(validation=0.2)
    assert run.config.loss_options["weight"] == pytest.approx(48 / (2 * np.bincount(run.data.train.y)))


def test_a_run_folder_has_the_numbers_and_goes_on(tmp_path):
    np.savez(tmp_path / "d.npz", x=X, y=Y)
    overrides = {"data": str(tmp_path / "d.npz"), "epochs": 1, "model_options.hidden": [4],
                 "loss_options.weight": "balanced"}  # fmt: skip
    train.train(train.resolve("mlp", overrides=overrides), out=tmp_path / "run")
    saved = train.resolve(path=tmp_path / "run" / "config.toml").loss_options["weight"]
    assert len(saved) == 2 and saved[1] > saved[0]
    again = train.train(train.resolve("mlp", overrides={**overrides, "epochs": 2}), resume=tmp_path / "run")
    assert again.config.loss_options["weight"] == saved and len(again.history) == 2


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1.0, 2.0, 3.0], "`weight` must have 2 elements"),
        ([1.0, -1.0], r"`weight` must hold finite numbers from 0, got \[ 1. -1.\]"),
        ([np.nan, 1.0], "`weight` must hold finite numbers"),
        ("balance", "`weight` must hold real numbers"),
    ],
)
def test_weights_that_cannot_be_are_named(weight, message):
    with pytest.raises(NbdlError, match=message):
        fitted(weight=weight)


def test_balanced_needs_labels_of_every_class():
    data = Data("three", Split(X, Y), Split(X[:0], Y[:0]), 3)
    with pytest.raises(DataError, match="no training label is of the class 2"):
        fitted(data)
    with pytest.raises(UsageError, match="needs targets that are classes"):
        fitted((X, np.eye(2)[Y]), loss="softmax_cross_entropy")
    with pytest.raises(UsageError, match="loss `mse` has no option `weight`"):
        fitted((X, np.eye(2)[Y]))


def test_weights_by_class_are_a_list():
    with pytest.raises(OptionError, match=r"one number for each class, in order, got \{1: 2.0\}"):
        fitted(weight={1: 2.0})
