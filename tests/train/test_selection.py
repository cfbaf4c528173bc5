"""Cross-validation, learning curves, standard errors, and epochs of whole minibatches alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.data import Data, Split, k_folds, load
from nbdl.errors import OptionError, UsageError
from nbdl.train import Config, cross_validate, evaluate, learning_curve, resolve

RNG = np.random.default_rng(0)
X = RNG.standard_normal((43, 3)).astype(np.float32)
Y = (X @ [[2.0], [-3.4], [1.0]] + 4.2 + 0.1 * RNG.standard_normal((43, 1))).astype(np.float32)
SETTINGS = {"lr": 0.1, "epochs": 40, "batch_size": 8, "compiled": False}
UNTRAINED = pytest.mark.filterwarnings("ignore:the train ")  # worse than a constant: that is not the matter
HOUSE_PRICES = Path(__file__).parents[3] / "shared" / "data" / "house_prices.csv"


def linear():
    return nn.Sequential(nn.Flatten(), nn.Linear(1))


def test_each_fold_is_measured_on_both_parts():
    found = cross_validate(linear, (X, Y), 4, seed=2, **SETTINGS)
    assert len(found.rows) == len(found.runs) == 4
    for (train, valid), row, run in zip(k_folds(43, 4, 2), found.rows, found.runs):
        for name, part in (("train", train), ("valid", valid)):
            expected = np.mean((run.predict(X[part]) - Y[part]) ** 2)
            np.testing.assert_allclose(row[f"{name}_loss"], expected, rtol=1e-5)
    values = [row["valid_loss"] for row in found.rows]
    np.testing.assert_allclose(found.mean["valid_loss"], np.mean(values))
    np.testing.assert_allclose(found.standard_error["valid_loss"], np.std(values, ddof=1) / 2)
    assert found.mean["valid_loss"] < 0.05
    lines = str(found).splitlines()
    assert lines[0].split() == ["fold", "train", "loss", "valid", "loss"] and len(lines) == 7


def test_the_mean_of_the_nets():
    found = cross_validate(linear, (X, Y), 3, **SETTINGS)
    expected = np.mean([run.predict(X) for run in found.runs], axis=0)
    np.testing.assert_allclose(found.predict(X), expected, rtol=1e-6)
    labels = (Y[:, 0] > 4).astype(np.int64)
    found = cross_validate(lambda: nn.Sequential(nn.Linear(2)), (X, labels), 3, **SETTINGS)
    assert found.mean["valid_accuracy"] > 0.7
    with pytest.raises(UsageError, match="only predictions of values have a mean"):
        found.predict(X)


@UNTRAINED
def test_leave_one_out_of_labels_as_text():
    data = Data("t", Split(X[:6], np.array([0, 1] * 3)), Split(X[:0], np.zeros(0, int)), 2, labels=("a", "b"))
    found = cross_validate(lambda: nn.Sequential(nn.Linear(2)), data, 6, lr=0.1, epochs=1, compiled=False)
    assert [row["valid_accuracy"] in (0, 1) for row in found.rows] == [True] * 6


def test_settings_of_a_model():
    config = resolve(
        "linear_regression", overrides={"data": "synthetic_regression", "epochs": 2, "compiled": False}
    )
    data = load("synthetic_regression")
    told = []
    found = cross_validate(
        config, data, 2, progress=lambda event, **fields: told.append((event, fields["fold"]))
    )
    assert told == [("fold", 1), ("fold", 2)] and found.mean["valid_loss"] < 5
    assert isinstance(config, Config) and config.model_options == {}
    with pytest.raises(UsageError, match="leave out lr"):
        cross_validate(config, data, 2, lr=0.1)


@pytest.mark.filterwarnings("ignore:the train ")
def test_a_fold_never_touches_the_net_that_is_measured_on_it():
    """Neither its numbers, nor its categories, nor its targets: the net is the same to the bit."""
    x = np.column_stack([X[:, 0], RNG.integers(0, 3, 43)]).astype(np.float64)
    data = Data(
        "t", Split(x, Y), Split(x[:0], Y[:0]), None, standardize=True, categories=((), ("a", "b", "c"))
    )
    valid = k_folds(43, 4, 0)[1][1]
    wild, far = x.copy(), Y.copy()
    wild[valid, 0], wild[valid, 1], far[valid] = 1e6, 3, 1e6
    names = ((), ("a", "b", "c", "d"))
    other = replace(data, train=Split(wild, far), categories=names)
    ours, theirs = (cross_validate(linear, d, 4, lr=0.1, epochs=2, compiled=False) for d in (data, other))
    states = [nn.state_dict(found.runs[1].net) for found in (ours, theirs)]
    assert all(np.array_equal(states[0][name], states[1][name]) for name in states[0])
    assert ours.rows[1]["train_loss"] == theirs.rows[1]["train_loss"]
    assert ours.rows[1]["valid_loss"] < 1e6 < theirs.rows[1]["valid_loss"]
    assert ours.rows[0]["train_loss"] != theirs.rows[0]["train_loss"]


def test_what_has_no_folds(tmp_path):
    with pytest.raises(OptionError, match=r"`k` must be an integer from 2 to 43, .* got 99"):
        cross_validate(linear, (X, Y), 99, **SETTINGS)
    (tmp_path / "a.txt").write_text("a woodchuck could chuck wood " * 40)
    data = load(tmp_path / "a.txt", text=True, partition="random")
    with pytest.raises(UsageError, match="share tokens: no folds"):
        cross_validate(linear, data, 2)


def test_more_samples_are_better():
    """The gap between both errors closes as the net is given more."""
    data = Data("t", Split(X[:30], Y[:30]), Split(X[30:], Y[30:]), None)
    rows = learning_curve(linear, data, [4, 30], **{**SETTINGS, "epochs": 200})
    assert [row["samples"] for row in rows] == [4, 30]
    few, many = rows
    assert few["train_loss"] < many["train_loss"] and few["valid_loss"] > many["valid_loss"]
    for sizes in ([0], [31], [2.5]):
        with pytest.raises(OptionError, match="`sizes` must be integers from 1 to 30"):
            learning_curve(linear, data, sizes, **SETTINGS)
    with pytest.raises(UsageError, match="no test part"):
        learning_curve(linear, (X, Y), [5], **SETTINGS)


# --- standard errors ----------------------------------------------------------------------------------------


def test_the_standard_error_of_a_mean():
    net = linear()
    nn.init(net, X[:1], 0)
    found = evaluate(net, (X, Y), "mse", standard_error=True)
    each = (net(X).numpy() - Y)[:, 0] ** 2
    np.testing.assert_allclose(found["loss_standard_error"], each.std(ddof=1) / np.sqrt(43), rtol=1e-5)
    assert "loss_standard_error" not in evaluate(net, (X, Y), "mse")
    assert "loss_standard_error" not in evaluate(net, (X[:1], Y[:1]), "mse", standard_error=True)


def test_samples_count_as_much_as_they_do_in_the_mean():
    """Classes with weights, labels that are ignored: the error of a ratio, as by drawing samples anew."""
    net = nn.Sequential(nn.Linear(3))
    x = np.tile(X, (20, 1))[:800]
    nn.init(net, x[:1], 0)
    y = RNG.integers(0, 3, 800)
    y[::7] = -100
    options = {"weight": [1.0, 2.0, 5.0]}
    found = evaluate(net, (x, y), "softmax_cross_entropy", standard_error=True, **options)
    means = []
    for _ in range(60):
        drawn = RNG.integers(0, 800, 800)
        means.append(evaluate(net, (x[drawn], y[drawn]), "softmax_cross_entropy", **options)["loss"])
    np.testing.assert_allclose(found["loss_standard_error"], np.std(means), rtol=0.35)


# --- whole minibatches --------------------------------------------------------------------------------------


@UNTRAINED
@pytest.mark.parametrize(("drop_last", "batches"), [(False, 6), (True, 5)])
def test_the_rest_of_an_epoch(drop_last, batches):
    seen = []
    run = nbdl.fit(
        linear(), (X, Y), lr=0.01, epochs=3, batch_size=8, compiled=False, drop_last=drop_last,
        callbacks={"step": lambda run: seen.append(run.steps)},
    )  # fmt: skip
    assert run.batches == batches and run.steps == 3 * batches == len(seen)


@UNTRAINED
def test_a_minibatch_larger_than_the_data_is_all_of_them():
    run = nbdl.fit(linear(), (X, Y), lr=0.01, epochs=2, batch_size=100, compiled=False, drop_last=True)
    assert run.batches == 1


@UNTRAINED
def test_the_loss_of_an_epoch_is_of_what_it_saw():
    """Without learning: the mean over the 40 samples of five whole minibatches."""
    net = linear()
    nn.init(net, X[:1], 0)
    w = nn.state_dict(net)
    run = nbdl.fit(
        net, (X, Y), lr=1e-30, epochs=1, batch_size=8, compiled=False, drop_last=True, optimizer="sgd"
    )
    rows = np.random.Generator(np.random.Philox(key=[0, 0])).permutation(43)[:40]
    nn.load_state_dict(net, w)
    expected = np.mean((net(X[rows]).numpy() - Y[rows]) ** 2)
    np.testing.assert_allclose(run.history[0]["train_loss"], expected, rtol=1e-5)


# --- the house prices of the book ---------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(not HOUSE_PRICES.exists(), reason="the house prices are not at hand")
@pytest.mark.parametrize(("model", "changes"), [("linear_regression", {"schedule": "cosine"}), ("mlp", {})])
def test_house_prices_in_five_folds(model, changes):
    """The book's linear model has a mean training log-RMSE of 0.1655, and of 0.1703 on the folds."""
    options = {"exclude": "Id", "log_target": True, "test_fraction": 0}
    settings = {"data": str(HOUSE_PRICES), "data_options": options, **changes}
    found = cross_validate(resolve(model, overrides=settings), load(HOUSE_PRICES, **options), 5)
    assert found.mean["train_rmse"] < 0.1655 and found.mean["valid_rmse"] < 0.1703
