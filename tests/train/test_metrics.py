"""Metrics: what they count, and where the classes of a prediction are."""

import numpy as np
import pytest

from nbdl import train
from nbdl.data import Preparation, Split
from nbdl.errors import OptionError, ShapeError
from nbdl.nn._own_loss import loss_record
from nbdl.train._measure import evaluated

X = np.random.default_rng(0).standard_normal((2, 5, 3))
LABELS = X.argmax(axis=-1)


def figures_of(prediction, labels, options):
    loss = loss_record("softmax_cross_entropy")
    return evaluated(lambda x: x, Split(prediction, labels), Preparation(), loss, options)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_the_root_of_the_mean_square_is_that_of_all_samples(size, monkeypatch):
    monkeypatch.setattr("nbdl.train._measure.HELD", 8 * size)  # so many numbers are measured at once
    rng = np.random.default_rng(0)
    prediction, y = rng.normal(size=(7, 1)), rng.normal(size=7) * np.arange(7)
    metrics = "rmse", "mean_absolute_error"
    loss = loss_record("mse")
    found = evaluated(lambda x: x, Split(prediction, y), Preparation(), loss, {}, metrics)
    errors = prediction[:, 0] - y
    assert found["rmse"] == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-12)
    assert found["mean_absolute_error"] == pytest.approx(np.abs(errors).mean(), rel=1e-12)
    assert found["loss"] == pytest.approx((errors**2).mean(), rel=1e-12)
    assert train.rmse(prediction, y) == pytest.approx(found["rmse"], rel=1e-12)
    with pytest.raises(ShapeError, match="rmse: `target` must have the shape of the prediction"):
        train.rmse(prediction, y[:3])


def test_accuracy_of_positions():
    wrong = LABELS.copy()
    wrong[0, :2] = (wrong[0, :2] + 1) % 3
    wrong[1, 0] = -100
    for x in (X, X.transpose(0, 2, 1)):  # classes last, or at axis 1
        assert train.accuracy(x, LABELS) == 1
        assert train.accuracy(x, wrong) == pytest.approx(7 / 9)
    wrong[1, 0] = LABELS[1, 0]
    assert train.accuracy(X, np.eye(3)[wrong], axis=-1) == 0.8


def test_the_axis_of_accuracy_is_told_as_that_of_the_loss():
    x, labels = np.concatenate([X, X[:, :1]], axis=1)[:, :3], LABELS[:, :3]
    with pytest.raises(OptionError, match=r"accuracy: `target` \(2, 3\) fits classes at axis 1 and"):
        train.accuracy(x, labels)
    assert train.accuracy(x, labels, axis=-1) == 1
    assert train.accuracy(x.transpose(0, 2, 1), labels, axis=1) == 1
    with pytest.raises(ShapeError, match=r"accuracy: `target` must have shape \(2, 3\) or \(2, 5\)"):
        train.accuracy(X, LABELS[:, :2])
    figures = figures_of(x, labels, {"axis": -1})
    assert figures["accuracy"] == 1 and figures["loss"] > 0
    with pytest.raises(OptionError, match="softmax_cross_entropy: `target`"):
        figures_of(x, labels, {})


def test_labels_of_one_column():
    assert train.accuracy(X[:, 0], LABELS[:, :1]) == 1
    assert train.accuracy(X[:, :1], LABELS[:, 0]) == 1  # one position
