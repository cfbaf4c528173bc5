"""Test and validation samples of the user's own, given to `fit` as pairs."""

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.data import load
from nbdl.errors import DataError, UsageError

rng = np.random.default_rng(0)
x, more = (rng.standard_normal((n, 4)).astype(np.float32) for n in (60, 20))
y, other = ((a[:, 0] > 0) + (a[:, 1] > 0).astype(int) for a in (x, more))
names = np.array(["low", "middle", "high"])


def fitted(data=(x, y), net=None, **options):
    net = net or nn.Sequential(nn.Linear(3))
    return nbdl.fit(net, data, **{"epochs": 3, "lr": 0.5, "batch_size": 16, "compiled": False} | options)


def test_they_are_measured_after_each_epoch():
    run = fitted(test=(more, other), validation=(more[:9], other[:9]))
    assert run.evaluate((more, other)) == {k: run.history[-1][f"test_{k}"] for k in ("loss", "accuracy")}
    assert run.evaluate((more[:9], other[:9]))["loss"] == run.history[-1]["valid_loss"]
    assert nn.state_dict(run.net)["0.w"].tobytes() == nn.state_dict(fitted().net)["0.w"].tobytes()


def test_patience_goes_by_them():
    run = fitted(validation=(more, 2 - other), patience=2, epochs=30)  # what is learnt is wrong for these
    assert len(run.history) < 30
    assert run.best["valid_loss"] == min(row["valid_loss"] for row in run.history)


def test_labels_mean_what_they_mean_in_the_training_samples():
    few, called = more[other > 0], names[other[other > 0]]
    run = fitted((x, names[y]), test=(few, called), epochs=30)
    assert run.preparation.labels == ("high", "low", "middle")
    assert np.mean(run.predict(few) == called) == run.history[-1]["test_accuracy"] > 0.5


def test_values_take_the_form_of_the_training_values():
    net, whole = nn.Sequential(nn.Linear(1)), more.sum(axis=1).round().astype(int)
    run = fitted((x, x.sum(axis=1)), net, test=(more, whole), lr=0.1, epochs=9)
    assert run.history[-1]["test_loss"] == pytest.approx(np.mean((run.predict(more) - whole) ** 2))


def test_they_take_the_place_of_those_of_a_data_set():
    digits = load("digits", size=8)
    net = nn.Sequential(nn.Flatten(), nn.Linear(10))
    few = digits.train.x[:30], digits.train.y[:30]
    run = fitted(digits, net, test=few, epochs=1)
    assert run.evaluate(few)["loss"] == run.history[-1]["test_loss"]


@pytest.mark.parametrize(
    "options, words",
    [
        ({"test": x}, r"`test` must be a pair \(x, y\), got an array"),
        ({"validation": "half"}, r"`validation` must be a share of the training samples, or a pair .* got s"),
        ({"validation": None}, r"`validation` must be a share .* got NoneType"),
        ({"data": (x, y, more, other)}, r"got tuple of 4. Try .* test=\(x_test, y_test\)"),
        ({"data": ((x, y), (more, other))}, r"got two pairs. Try .*test="),
        ({"loss": (more, other)}, r"got tuple. Try .*test="),
    ],
)
def test_what_is_no_pair_is_one_error(options, words):
    with pytest.raises(UsageError, match=words):
        fitted(**options)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"test": (more, other[:5])}, "test data: 20 inputs but 5 targets"),
        ({"test": (more[:, :3], other)}, r"test inputs have samples of shape \(3,\), the training inputs of"),
        ({"test": (more, other[:, None] * [1, 1])}, r"test targets have samples of shape \(2,\)"),
        ({"test": (more, other / 2)}, "test targets are values of float64, the training targets labels"),
        ({"test": (more, names[other])}, "test targets are labels"),
        ({"validation": ({"a": more}, other)}, "validation inputs are 'a', the training inputs one array"),
        ({"validation": (more * np.nan, other)}, r"validation inputs hold nan at index \(0, 0\)"),
        ({"data": (x, names[y]), "test": (more, ["none"] * 20)}, "test targets hold the label 'none'"),
        ({"data": (x, x.sum(1)), "test": (more, names[other])}, "test targets are labels .* values"),
    ],
)
def test_what_does_not_fit_is_one_error_that_names_the_argument(options, words):
    with pytest.raises(DataError, match=words):
        fitted(**options)
