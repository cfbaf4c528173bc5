"""Weights that turn a mean over the samples of one distribution into one over another."""

import numpy as np
import pytest

from nbdl.errors import DtypeError, LabelError, NumericError, ShapeError
from nbdl.train import covariate_shift_weights, label_shift_weights, least_squares

RNG = np.random.default_rng(0)


def test_the_ratio_of_two_normal_densities():
    """Of N(0, 1) and N(1, 1) it is exp(x - 1/2)."""
    source, target = RNG.standard_normal((20000, 1)), 1 + RNG.standard_normal((20000, 1))
    weights = covariate_shift_weights(source, target)
    expected = np.exp(source[:, 0] - 0.5)
    np.testing.assert_allclose(weights, expected / expected.mean(), rtol=0.2)
    np.testing.assert_allclose(np.average(source[:, 0], weights=weights), 1, atol=0.05)
    assert (weights > 0).all() and np.isclose(weights.mean(), 1)


def test_a_line_through_a_curve_where_it_will_be_used():
    """The best line depends on where x lies: with the weights it is that of the target."""
    source, target = RNG.standard_normal((4000, 1)), 1.5 + 0.5 * RNG.standard_normal((4000, 1))
    curve = lambda x: x[:, 0] ** 2  # noqa: E731
    squares = np.hstack([source, source**2]), np.hstack([target, target**2])
    weights = covariate_shift_weights(*squares)
    plain, weighted = (
        least_squares(source, curve(source)),
        least_squares(source, curve(source), weights=weights),
    )
    errors = [np.mean((target @ w + b - curve(target)) ** 2) for w, b in (plain, weighted)]
    assert errors[1] < 0.2 * errors[0]
    best = least_squares(target, curve(target))
    np.testing.assert_allclose(weighted[0], best[0], rtol=0.1)


def test_no_shift_no_weights():
    x = RNG.standard_normal((500, 2))
    np.testing.assert_allclose(covariate_shift_weights(x, x), 1, atol=1e-6)


def test_the_frequencies_of_classes():
    """A classifier that errs: the shares of its answers are not those of the classes; the weights are."""
    confusion = np.array([[0.8, 0.1, 0.2], [0.1, 0.7, 0.1], [0.1, 0.2, 0.7]])  # p(prediction | class)
    p, q, n = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.3, 0.6]), 100000

    def drawn(shares):
        y = RNG.choice(3, n, p=shares)
        cumulated = confusion.cumsum(axis=0)[:, y]
        return y, (RNG.random(n) > cumulated[:2]).sum(axis=0)

    y, predicted = drawn(p)
    found = label_shift_weights(y, predicted, drawn(q)[1])
    np.testing.assert_allclose(found, q / p, rtol=0.05)


def test_a_perfect_classifier_counts():
    y, new = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    np.testing.assert_allclose(label_shift_weights(y, y, new), [0.5, 1.5])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: label_shift_weights([0, 1], [0, 0], [0]), NumericError, r"cannot tell classes \[0, 1\]"),
        (lambda: label_shift_weights([0, 1], [0, 1], [2]), LabelError, r"no sample of class \[2\]"),
        (lambda: label_shift_weights([0, 1], [0, 1], [0], 1), LabelError, "from 0 to 0, got 0 to 1"),
        (lambda: label_shift_weights([0, 1], [0], [0]), ShapeError, "`predicted` must be one number"),
        (lambda: label_shift_weights([0.0], [0], [0]), DtypeError, "`y` must hold integers"),
        (
            lambda: covariate_shift_weights(np.ones((3, 2)), np.ones((3, 1))),
            ShapeError,
            "`source` and `target`",
        ),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()
