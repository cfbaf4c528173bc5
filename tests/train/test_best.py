"""Samples that are held out, training that ends early, and the net of the best epoch."""

import numpy as np
import pytest

import nbdl
from nbdl import nn, train
from nbdl.errors import UsageError
from nbdl.train import Config

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 6)).astype("f4")
NOISE = RNG.integers(0, 2, 120)  # nothing to learn: the loss on others rises soon


def fitted(**options):
    net = nn.Sequential(nn.Linear(32), nn.ReLU(), nn.Linear(2))
    options = {"optimizer": "adam", "lr": 0.02, "batch_size": 20, "validation": 0.25, **options}
    return nbdl.fit(net, (X, NOISE), **options)


def test_a_share_is_held_out_and_measured():
    run = fitted(epochs=2)
    assert len(run.data.train.x) == 90 and len(run.valid.x) == 30
    rows = {tuple(r) for r in run.data.train.x.tolist()} | {tuple(r) for r in run.valid.x.tolist()}
    assert rows == {tuple(r) for r in X.tolist()}
    assert run.history[-1]["valid_loss"] == pytest.approx(run.evaluate(run.valid)["loss"], rel=1e-6)
    assert "valid_accuracy" in run.history[0]
    again, other = fitted(epochs=1), fitted(epochs=1, seed=1)
    np.testing.assert_array_equal(again.valid.x, run.valid.x)
    assert (other.valid.x != run.valid.x).any()


def test_training_ends_and_keeps_the_best_net():
    run = fitted(epochs=60, patience=3)
    losses = [row["valid_loss"] for row in run.history]
    best = int(np.argmin(losses))
    assert len(losses) == best + 4 < 60 and run.best is run.history[best]
    assert run.evaluate(run.valid)["loss"] == pytest.approx(losses[best], rel=1e-6) != losses[-1]


def test_min_delta_asks_for_more():
    assert len(fitted(epochs=60, patience=2, min_delta=10.0).history) == 3


def test_the_net_is_the_best_also_where_all_epochs_ran():
    run = fitted(epochs=12, patience=11)
    losses = [row["valid_loss"] for row in run.history]
    assert len(losses) == 12
    assert run.evaluate(run.valid)["loss"] == pytest.approx(min(losses), rel=1e-6)


def test_a_run_that_goes_on_ends_at_the_same_epoch_with_the_same_bits(tmp_path):
    options = {
        "model": "mlp",
        "data": "digits",
        "lr": 0.5,
        "batch_size": 64,
        "validation": 0.2,
        "patience": 2,
    }
    options |= {"model_options": {"hidden": [16]}, "min_delta": 0.02, "data_options": {"size": 8}}
    whole = train.train(Config(**options, epochs=40), out=tmp_path / "whole")
    assert len(whole.history) < 40
    train.train(Config(**options, epochs=3), out=tmp_path / "part")
    part = train.train(Config(**options, epochs=40), resume=tmp_path / "part")
    one, two = (nn.state_dict(run.net) for run in (whole, part))
    assert all(np.array_equal(a, two[name]) for name, a in one.items())
    assert part.best["epoch"] == whole.best["epoch"]
    saved = nn.state_dict(nbdl.load(tmp_path / "part" / "model.safetensors"))
    assert all(np.array_equal(a, saved[name]) for name, a in one.items())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"validation": 0.0, "patience": 2}, "`patience` needs samples to look at"),
        ({"validation": 1.0}, "`validation` must be below 1, got 1.0"),
        ({"validation": -0.1}, "`validation` must be at least 0"),
        ({"patience": -1}, "`patience` must be at least 0"),
    ],
)
def test_bad_settings(options, words):
    with pytest.raises(UsageError, match=words):
        fitted(epochs=1, **options)
