"""A loss that is a plain function, ``loss(prediction, y)`` of tensors."""

import numba
import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.errors import ShapeError, TapeError, UsageError

X = np.random.default_rng(0).random((24, 4)).astype(np.float32)
LABELS = (X.sum(axis=1) * 2).astype(int) % 3
VALUES = X.sum(axis=1)


def cross_entropy(prediction, y, scale=1.0):
    logs = nbdl.apply("log_softmax", prediction)
    return -nbdl.take_along_axis(logs, y.reshape(-1, 1), axis=1).mean() * scale


def fitted(loss, y=LABELS, outputs=3, **options):
    net = nn.Sequential(nn.Linear(5), nn.Tanh(), nn.Linear(outputs))
    return nbdl.fit(net, (X, y), loss=loss, epochs=2, batch_size=10, **options)


@pytest.mark.parametrize("compiled", [True, False])
def test_it_trains_as_the_loss_of_the_same_formula(compiled):
    ours, theirs = (fitted(loss, compiled=compiled) for loss in (cross_entropy, "softmax_cross_entropy"))
    for row, want in zip(ours.history, theirs.history):
        assert row["train_loss"] == pytest.approx(want["train_loss"], rel=1e-5)
    assert ours.evaluate((X, LABELS))["loss"] == pytest.approx(theirs.evaluate((X, LABELS))["loss"], rel=1e-5)
    measured = nbdl.train.evaluate(ours.net, nbdl.data.Split(X, LABELS), cross_entropy)
    assert measured["loss"] == pytest.approx(ours.evaluate((X, LABELS))["loss"], rel=1e-6)
    assert ours.config.loss.endswith(":cross_entropy") and ours.predict(X).shape == (24, 3)


def test_its_options():
    twice = fitted(cross_entropy, loss_options={"scale": 2.0}, lr=0.05, compiled=False)
    once = fitted(cross_entropy, lr=0.1, compiled=False)
    assert twice.history[0]["train_loss"] == pytest.approx(2 * once.history[0]["train_loss"], rel=1e-4)
    with pytest.raises(UsageError, match=r"has no option `size`; it takes scale$"):
        fitted(cross_entropy, loss_options={"size": 2.0})


def test_a_step_of_its_own():
    step = nbdl.compile_step(nn.Linear(3), cross_entropy, example=(X, LABELS), seed=1)
    want = nbdl.compile_step(nn.Linear(3), "softmax_cross_entropy", example=(X, LABELS), seed=1)
    for _ in range(2):
        assert step(X, LABELS) == pytest.approx(want(X, LABELS), rel=1e-5)


def test_a_registered_one_is_its_record():
    run = fitted(nn.softmax_cross_entropy, compiled=False)
    assert run.config.loss == "softmax_cross_entropy" and "train_loss" in run.history[0]
    assert "accuracy" in run.evaluate((X, LABELS))


@pytest.mark.parametrize("compiled", [True, False])
def test_one_in_the_registry(compiled):
    def squares(prediction, y):
        return ((prediction - y.reshape(-1, 1)) ** 2).exp().log().mean()  # what tensors have, and arrays not

    record = nbdl.Loss("squares", squares)
    run = fitted(record, VALUES, 1, compiled=compiled, test=(X[:6], VALUES[:6]))
    want = fitted("mse", VALUES, 1, compiled=compiled, test=(X[:6], VALUES[:6]))
    assert run.history[-1]["test_loss"] == pytest.approx(want.history[-1]["test_loss"], rel=1e-3)
    assert nbdl.statistics(run.net, X, VALUES, loss=record).parameters


@pytest.mark.parametrize("compiled", [True, False])
def test_targets_by_name_and_several_results(compiled):
    class Two:
        def __init__(self):
            self.a, self.b = nn.Linear(3), nn.Linear(1)

        def __call__(self, x, train=None):
            return self.a(x), self.b(x)

    def both(prediction, y):
        scores, value = prediction
        return cross_entropy(scores, y["kind"]) + ((value - y["size"].reshape(-1, 1)) ** 2).mean()

    run = nbdl.fit(Two(), (X, {"kind": LABELS, "size": VALUES}), loss=both, epochs=1, compiled=compiled)
    assert np.isfinite(run.evaluate((X, {"kind": LABELS, "size": VALUES}))["loss"])


@pytest.mark.parametrize("compiled", [True, False])
def test_a_name_that_is_not_there(compiled):
    def of(prediction, y):
        return (prediction["value"] - y["size"]).mean()

    class Net:
        def __init__(self, name):
            self.dense, self.name = nn.Linear(1), name

        def __call__(self, x, train=None):
            return {self.name: self.dense(x)}

    for name, targets, text in (
        ("value", "sise", "no array is called `size`; there are: sise"),
        ("velue", "size", "no array is called `value`; there are: velue"),
    ):
        with pytest.raises(UsageError, match=text):
            nbdl.fit(Net(name), (X, {targets: VALUES[:, None]}), loss=of, epochs=1, compiled=compiled)
    with pytest.raises(
        UsageError, match="the net takes the inputs x, and is given images: missing a required"
    ):
        nbdl.fit(Net("value"), ({"images": X}, {"size": VALUES}), loss=of, epochs=1, compiled=compiled)


@pytest.mark.parametrize(
    "loss, text",
    [
        (lambda prediction: prediction.mean(), r"called with .* loss\(prediction, y\); .* cannot: too many"),
        (numba.njit(lambda prediction, y: 0.0), "got a compiled one, which has no gradient. Try its py_func"),
        (7, "must be the name of a loss, or a function .* got int"),
        ("cross_entropi", "unknown loss `cross_entropi`; did you mean"),
        (lambda prediction, y: 0.5, "must return a tensor of one element, made of the prediction, got float"),
    ],
)
def test_what_is_no_loss(loss, text):
    for compiled in (True, False):
        with pytest.raises(UsageError, match=text):
            fitted(loss, compiled=compiled)


def test_one_number_for_each_sample():
    with pytest.raises(ShapeError, match=r"got one of shape \(N, 3\). Try .mean\(\)"):
        fitted(lambda prediction, y: prediction * 2)
    with pytest.raises(ShapeError, match=r"got one of shape \(10, 3\). Try .mean\(\)"):
        fitted(lambda prediction, y: prediction * 2, compiled=False)


def test_one_that_looks_at_values_trains_eagerly():
    def looks(prediction, y):
        return (prediction**2).mean() if prediction.item() > 0 else prediction.mean()

    def scaled(prediction, y):
        return (prediction**2).mean() / float(np.abs(prediction.numpy()).max() + 1)

    with pytest.raises(TapeError, match="compiled=False"):
        fitted(scaled)
    assert fitted(scaled, compiled=False).steps == 6
    with pytest.raises(TapeError, match="compiled=False"):
        fitted(looks)


def test_the_arrays_of_a_loss_are_no_options():
    net = nn.init(nn.Sequential(nn.Linear(3)), X)
    for name, loss, y in [("y", cross_entropy, LABELS), ("x", "info_nce", X[:, :3])]:
        with pytest.raises(UsageError, match=f"has no option `{name}`"):
            fitted(loss, y, loss_options={name: 1.0}, compiled=False)
        with pytest.raises(UsageError, match=f"has no option `{name}`"):
            nbdl.statistics(net, X, LABELS, loss=loss, loss_options={name: 1.0})
    with pytest.raises(UsageError, match="no option `label_smothing`; it takes weight, axis, ignore_index"):
        nbdl.train.evaluate(net, (X, LABELS), "softmax_cross_entropy", label_smothing=0.1)
