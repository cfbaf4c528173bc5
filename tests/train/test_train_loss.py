"""The loss of an epoch is the mean over all that counts, as that of an evaluation is."""

import os
import signal

import numpy as np
import pytest

import nbdl
from nbdl import nn, registry, train

RNG = np.random.default_rng(0)
IDS = RNG.integers(0, 9, (50, 6))
NEXT = np.where(RNG.random((50, 6)) < 0.7, -100, np.roll(IDS, -1, axis=1))
NEXT[np.arange(50), RNG.integers(0, 6, 50)] = 3  # in each minibatch something counts
NEXT[:8] = IDS[:8]
X, LABELS = RNG.normal(size=(50, 4)).astype(np.float32), RNG.integers(0, 3, 50)
X[LABELS == 0] *= 5
WEIGHT = [9.0, 1.0, 0.25]


def repeated(prediction, target):
    """Squared error of values of which each was seen so many times."""
    square = (prediction[:, 0] - target["value"]) ** 2
    return (square * target["times"]).sum() / target["times"].sum()


def seen(prediction, target):
    assert prediction.shape == (len(target["times"]), 1)
    return target["times"].sum()


@pytest.fixture
def plugin():
    fresh = registry.Registry(entries=[])
    fresh.plugins()[0].records["loss", "repeated"] = nbdl.Loss("repeated", repeated, count=seen)
    former = registry.use(fresh)
    yield
    registry.use(former)


def tokens():
    return nn.Sequential(nn.Embedding(9, 4), nn.Linear(9))


def dense():
    return nn.Sequential(nn.Linear(3))


CASES = {
    "ignored labels": (tokens, (IDS, NEXT), {}),
    "an ignored class": (dense, (X, LABELS), {"ignore_index": 2}),
    "weights of classes": (dense, (X, LABELS), {"weight": WEIGHT}),
    "smoothed": (tokens, (IDS, NEXT), {"label_smoothing": 0.2}),
    "every label": (tokens, (IDS, IDS), {}),
    "soft labels": (dense, (X, np.eye(3, dtype=np.float32)[LABELS]), {}),
}


@pytest.mark.filterwarnings("ignore:.*to predict the most frequent class")
@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_it_is_that_of_an_evaluation(name, compiled):
    """Of a net that does not change: 50 samples by 8, the last minibatch has 2."""
    make, data, options = CASES[name]
    run = nbdl.fit(
        make(), data, loss="softmax_cross_entropy", loss_options=options, lr=0.0, epochs=1, batch_size=8,
        compiled=compiled,
    )  # fmt: skip
    assert run.history[0]["train_loss"] == pytest.approx(run.evaluate(run.data.train)["loss"], rel=1e-6)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_loss_of_a_plugin_says_what_it_counts(plugin, compiled):
    target = {"value": np.arange(50, dtype=np.float32) % 7, "times": np.float32(1 + LABELS * 4)}
    run = nbdl.fit(
        nn.Sequential(nn.Linear(1)), (X, target), loss="repeated", lr=0.0, epochs=1, batch_size=8,
        compiled=compiled,
    )  # fmt: skip
    assert run.history[0]["train_loss"] == pytest.approx(run.evaluate(run.data.train)["loss"], rel=1e-6)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_run_that_goes_on_within_an_epoch(tmp_path, monkeypatch, compiled):
    """What counted so far is in its checkpoint."""
    monkeypatch.setattr("nbdl.train._loop._some", lambda steps, seconds: 1)
    np.savez(tmp_path / "data.npz", x=X, y=LABELS)
    overrides = {
        "data": str(tmp_path / "data.npz"), "epochs": 2, "batch_size": 8, "loss_options.ignore_index": 2,
        "compiled": compiled,
    }  # fmt: skip
    config = train.resolve("softmax_regression", overrides=overrides)

    def stop(event, **fields):
        if event == "step" and (fields["epoch"], fields["step"]) == (2, 2):
            os.kill(os.getpid(), signal.SIGINT)

    whole = train.train(config, out=tmp_path / "whole")
    assert train.train(config, out=tmp_path / "part", progress=stop).interrupted
    again = train.train(None, resume=tmp_path / "part")
    assert [r["train_loss"] for r in again.history] == [r["train_loss"] for r in whole.history]
