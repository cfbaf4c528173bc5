"""Linear models in closed form: equal to NumPy, to each other, and to where gradients lead."""

from pathlib import Path

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.errors import DataError, DtypeError, LabelError, NumericError, OptionError, ShapeError
from nbdl.train import least_squares, logistic_regression

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 3))
Y = X @ [[2.0, 1.0], [-3.4, 0.0], [0.5, 0.0]] + [4.2, -1.0] + 0.3 * RNG.standard_normal((60, 2))
LABELS = (RNG.random(60) < 1 / (1 + np.exp(-(X @ [1.0, -1.0, 0.0] + 0.5)))).astype(np.int64)
AIRFOIL = Path(__file__).parents[3] / "shared" / "data" / "airfoil_self_noise.dat"


def by_numpy(x, y, ridge=0.0, c=None):
    """The normal equations."""
    c = np.full(len(x), 1 / len(x)) if c is None else c / c.sum()
    away, centred = x - c @ x, y - c @ y
    w = np.linalg.solve(
        away.T @ (c[:, None] * away) + ridge / 2 * np.eye(x.shape[1]), away.T @ (c[:, None] * centred)
    )
    return w, c @ y - (c @ x) @ w


@pytest.mark.parametrize("ridge", [0.0, 0.7])
@pytest.mark.parametrize("weights", [None, RNG.integers(0, 4, 60)])
def test_least_squares_is_that_of_the_normal_equations(ridge, weights):
    w, b = least_squares(X, Y, ridge, weights)
    expected = by_numpy(X, Y, ridge, weights)
    np.testing.assert_allclose(w, expected[0], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(b, expected[1], rtol=1e-10)
    one = least_squares(X, Y[:, 0], ridge, weights)
    np.testing.assert_allclose(one[0], w[:, 0], rtol=1e-12)
    assert isinstance(one[1], float) and one[0].shape == (3,)


def test_units_do_not_matter():
    scale, offset = np.array([1.0, 1e7, 1e-7]), np.array([0.0, 1e9, 1e-3])
    w, _ = least_squares(X * scale + offset, Y)
    expected = by_numpy(X, Y)
    np.testing.assert_allclose(w * scale[:, None], expected[0], rtol=1e-6, atol=1e-8)
    w, _ = logistic_regression(X * scale + offset, LABELS)
    np.testing.assert_allclose(w * scale, logistic_regression(X, LABELS)[0], rtol=1e-6)


@pytest.mark.parametrize("ridge", [0.0, 0.2])
def test_gradients_lead_to_the_same_linear_model(ridge):
    net = nn.Sequential(nn.Linear(1))
    nbdl.fit(
        net, (X, Y[:, :1]), lr=0.2, epochs=600, batch_size=60, dtype="float64", compiled=False,
        optimizer_options={"weight_decay": ridge}, groups={"*.b": {"weight_decay": 0.0}},
    )  # fmt: skip
    w, b = least_squares(X, Y[:, 0], ridge)
    np.testing.assert_allclose(net[0].w.numpy()[:, 0], w, rtol=1e-8)
    np.testing.assert_allclose(net[0].b.numpy(), [b], rtol=1e-8)


@pytest.mark.parametrize("ridge", [0.0, 0.2])
def test_gradients_lead_to_the_same_logistic_model(ridge):
    net = nn.Sequential(nn.Linear(1))
    nbdl.fit(
        net, (X, LABELS), "binary_cross_entropy_with_logits", lr=2.0, epochs=600, batch_size=60,
        dtype="float64", compiled=False,
        optimizer_options={"weight_decay": ridge}, groups={"*.b": {"weight_decay": 0.0}},
    )  # fmt: skip
    w, b = logistic_regression(X, LABELS, ridge)
    np.testing.assert_allclose(net[0].w.numpy()[:, 0], w, rtol=1e-6)
    np.testing.assert_allclose(net[0].b.numpy(), [b], rtol=1e-6)


@pytest.mark.parametrize("weights", [None, RNG.integers(0, 4, 60)])
def test_the_gradient_of_a_logistic_model_is_0(weights):
    w, b = logistic_regression(X, LABELS, 0.3, weights)
    c = np.ones(60) if weights is None else weights
    rest = 1 / (1 + np.exp(-(X @ w + b))) - LABELS
    np.testing.assert_allclose(X.T @ (c * rest) / c.sum() + 0.3 * w, 0, atol=1e-9)
    np.testing.assert_allclose(c @ rest, 0, atol=1e-8)


def test_a_singular_matrix_is_named_and_its_least_norm_returned():
    x = np.column_stack([X, X[:, 0] * 2 - X[:, 1], np.full(60, 0.1)])
    with pytest.warns(
        UserWarning, match=r"rank 3 of 5 columns: columns 3, 4 of `x` are combinations .*least norm"
    ):
        w, b = least_squares(x, Y[:, 0])
    away = x - x.mean(axis=0)
    away[:, 4] = 0
    np.testing.assert_allclose(w, np.linalg.pinv(away) @ (Y[:, 0] - Y[:, 0].mean()), atol=1e-10)
    np.testing.assert_allclose(x @ w + b, X @ least_squares(X, Y[:, 0])[0] + least_squares(X, Y[:, 0])[1])
    with pytest.warns(UserWarning, match="logistic_regression: the matrix is singular"):
        w, b = logistic_regression(x, LABELS)
    full = logistic_regression(X, LABELS)
    np.testing.assert_allclose(x @ w + b, X @ full[0] + full[1], rtol=1e-6)
    null = np.array([2.0, -1, 0, -1, 0])  # x @ null is 0
    np.testing.assert_allclose(w @ null, 0, atol=1e-8)
    np.testing.assert_allclose(w[4], 0, atol=1e-8)


def test_more_columns_than_samples():
    x = RNG.standard_normal((4, 9))
    with pytest.warns(UserWarning, match="rank 3 of 9"):
        w, b = least_squares(x, Y[:4, 0])
    away = x - x.mean(axis=0)
    np.testing.assert_allclose(w, np.linalg.pinv(away, rcond=1e-10) @ (Y[:4, 0] - Y[:4, 0].mean()), atol=1e-9)
    np.testing.assert_allclose(x @ w + b, Y[:4, 0], atol=1e-9)
    assert np.isfinite(least_squares(x, Y[:4, 0], ridge=1.0)[0]).all()


@pytest.mark.parametrize("x", [[[0.0], [1], [2], [3]], [[0.0], [1], [1], [3]]])
def test_separated_classes_have_no_best_weights(x):
    with pytest.raises(NumericError, match="a plane separates the classes, so no weights are the best"):
        logistic_regression(x, [0, 0, 1, 1])
    w, _ = logistic_regression(x, [0, 0, 1, 1], ridge=1e-3)
    assert np.isfinite(w).all() and w[0] > 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: least_squares(X[0], Y[0]), ShapeError, r"`x` must be \(N, D\)"),
        (lambda: least_squares(X[:, :0], Y), ShapeError, "row and a column"),
        (
            lambda: least_squares(X, Y[:5]),
            ShapeError,
            r"`y` must be \(60,\) or \(60, Q\), got shape \(5, 2\)",
        ),
        (lambda: least_squares(X, Y, weights=[1.0]), ShapeError, r"`weights` must be \(60,\)"),
        (lambda: least_squares(X, Y, weights=np.zeros(60)), OptionError, "not all 0"),
        (lambda: least_squares(X, Y, -1.0), OptionError, "`ridge` must be a finite number from 0, got -1.0"),
        (lambda: least_squares([["a"]], [1]), DtypeError, "`x` must hold numbers"),
        (lambda: least_squares([[1.0], [np.nan]], [1, 2]), DataError, r"`x` holds nan at index \(1, 0\)"),
        (lambda: least_squares([[1.0], [2]], [1, np.inf]), DataError, r"`y` holds inf at index \(1,\)"),
        (lambda: logistic_regression(X, Y), LabelError, "must hold both 0 and 1"),
        (lambda: logistic_regression(X, np.zeros(60, int)), LabelError, "must hold both 0 and 1"),
        (lambda: logistic_regression(X, LABELS + 1), LabelError, "must hold both 0 and 1"),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.skipif(not AIRFOIL.exists(), reason="the airfoil data are not at hand")
def test_the_floor_of_the_airfoil_data():
    """Half the mean squared error that no linear model is below: 0.24169."""
    table = np.loadtxt(AIRFOIL)
    table = ((table - table.mean(axis=0)) / table.std(axis=0))[:1500]
    w, b = least_squares(table[:, :5], table[:, 5])
    assert round(0.5 * float(np.mean((table[:, :5] @ w + b - table[:, 5]) ** 2)), 5) == 0.24169
