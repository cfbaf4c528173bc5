"""What is done to a table before a net sees it: the same numbers for the run, its files, and other tables."""

import json

import numpy as np
import pytest

from nbdl.data import Data, Preparation, Split
from nbdl.errors import DataError, ShapeError

RNG = np.random.default_rng(0)
X = RNG.standard_normal((50, 3)) * [1, 1e4, 1e-3] + [0, 1e9, 5]
Y = RNG.standard_normal((50, 2)) * [3.0, 300.0] + [100.0, -50.0]


def table(x=X, y=Y, classes=None, labels=(), columns=("a", "b", "c"), **more):
    return Data("t", Split(x, y), Split(x[:10], y[:10]), classes, "", labels, columns, **more)


def test_columns_have_mean_0_and_deviation_1():
    made = Preparation.of(table(standardize=True), "mse")
    x = made.inputs(X)
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(x.std(axis=0), 1, rtol=1e-6)
    with pytest.raises(ShapeError, match=r"inputs must be of shape \(N, 3\), got \(50, 2\)"):
        made.inputs(X[:, :2])


def test_only_the_training_part_is_looked_at():
    far = Data("t", Split(X, Y), Split(X + 1e12, Y + 1e12), None, standardize=True)
    assert np.array_equal(Preparation.of(far, "mse").mean, X.mean(axis=0))


def test_a_column_of_one_value_becomes_0():
    """Also in other samples, where it may be another: nothing was learnt of it."""
    x = np.column_stack([X[:, 0], np.full(50, 0.1)])
    made = Preparation.of(table(x, columns=(), standardize=True), "mse")
    assert (made.inputs(x + [0, 200.0])[:, 1] == 0).all()


def test_values_share_one_scale():
    """So the squared error of what a net sees is that of the values, over one number."""
    made = Preparation.of(table(standardize=True), "mse")
    y, other = made.targets(Y), RNG.standard_normal((50, 2))
    np.testing.assert_allclose(np.mean(y.var(axis=0)), 1, rtol=1e-12)
    np.testing.assert_allclose(made.values(y), Y, rtol=1e-9)
    ours, theirs = np.mean((other - y) ** 2), np.mean((made.values(other) - Y) ** 2)
    np.testing.assert_allclose(ours * made.target_scale**2, theirs, rtol=1e-12)


def test_values_are_left_alone_for_other_losses_and_without_standardize():
    for data, loss in ((table(standardize=True), "huber"), (table(), "mse")):
        made = Preparation.of(data, loss)
        assert made.targets(Y) is Y and made.values(Y) is Y and made.target_scale == 1
    assert Preparation.of(table(), "mse").inputs(X) is X and not Preparation.of(table(columns=()), "mse")


def test_a_document_brings_back_the_same_bits():
    labels = RNG.integers(0, 2, 50)
    for data in (table(standardize=True), table(y=labels, classes=2, labels=(False, True), standardize=True)):
        made = Preparation.of(data, "mse")
        again = Preparation.read(json.loads(json.dumps(made.document())), "f")
        assert np.array_equal(again.inputs(X), made.inputs(X))
        assert np.array_equal(again.values(Y), made.values(Y))
        assert (again.labels, again.columns, again.target) == (made.labels, made.columns, made.target)
    assert not Preparation.read(None, "f")


@pytest.mark.parametrize(
    "change",
    [
        {"mean": [1.0]},
        {"mean": [[1.0, 2.0, 3.0]]},
        {"mean": "text"},
        {"scale": [1.0, -1.0, 1.0]},
        {"scale": [1.0, float("nan"), 1.0]},
        {"target_scale": 0},
        {"target_scale": float("inf")},
        {"target_scale": None},
        {"labels": ["a", "a"]},
        {"labels": [[1], 2]},
        {"labels": 5},
        {"columns": [1, 2, 3]},
        {"target": 1},
        {"target_mean": {}},
    ],
)
def test_a_damaged_document_is_an_error(change):
    document = Preparation.of(table(standardize=True), "mse").document()
    with pytest.raises(DataError, match="f is damaged"):
        Preparation.read({**document, **change}, "f")
    del document[next(iter(change))]
    for damaged in (document, [], 3, "text"):
        with pytest.raises(DataError, match="f is damaged"):
            Preparation.read(damaged, "f")


def test_another_table_is_read_by_the_names_of_its_columns():
    made = Preparation.of(table(standardize=True), "mse")
    other = table(X[:, [2, 0, 1]], columns=("c", "a", "b"))
    assert np.array_equal(made.agree(other, "f").test.x, X[:10])
    with pytest.raises(DataError, match="columns that the model was trained on are missing: b") as error:
        made.agree(table(columns=("a", "c", "d")), "f")
    assert error.value.__notes__[0] == "where: f"
    assert made.agree(table(columns=()), "f").test.x is not None  # without names, by place


def test_another_table_has_the_same_numbers_of_classes():
    codes = RNG.integers(0, 3, 50)
    made = Preparation.of(table(y=codes, classes=3, labels=("ant", "bee", "cow")), "softmax_cross_entropy")
    other = table(y=np.arange(50) % 2, classes=2, labels=("bee", "cow"))
    found = made.agree(other, "f")
    assert np.array_equal(found.train.y, np.arange(50) % 2 + 1) and found.classes == 3
    assert list(made.names(found.test.y[:2])) == ["bee", "cow"]
    with pytest.raises(
        DataError, match="the label 'dog' is none that the model was trained on: ant, bee, cow"
    ):
        made.agree(table(y=np.arange(50) % 2, classes=2, labels=("bee", "dog")), "f")
    with pytest.raises(DataError, match="the targets are values, the model was trained on 3 classes"):
        made.agree(table(), "f")
    assert np.array_equal(made.codes(np.array(["cow", "ant"])), [2, 0])
    with pytest.raises(DataError, match="the label 'dog'"):
        made.codes(np.array(["cow", "dog"]))


def test_classes_that_are_numbers_are_named_by_them():
    """A model of classes from 0, measured on a table whose labels start elsewhere."""
    made = Preparation.of(table(y=np.arange(50) % 5, classes=5), "softmax_cross_entropy")
    other = table(y=np.arange(50) % 2, classes=2, labels=(2, 4))
    assert np.array_equal(made.agree(other, "f").train.y, (np.arange(50) % 2 + 1) * 2)
    with pytest.raises(DataError, match="the label -1"):
        made.agree(table(y=np.arange(50) % 2, classes=2, labels=(-1, 1)), "f")
