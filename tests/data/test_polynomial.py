"""Powers of columns, and the curves that are fitted with them."""

import math

import numpy as np
import pytest

from nbdl.data import polynomial_features
from nbdl.errors import DataError, DtypeError, OptionError, ShapeError
from nbdl.train import least_squares

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("factorial", [False, True])
def test_powers(factorial):
    x = RNG.standard_normal((5, 2))
    found = polynomial_features(x, 3, factorial)
    for d in range(2):
        for i in (1, 2, 3):
            expected = x[:, d] ** i / (math.factorial(i) if factorial else 1)
            np.testing.assert_allclose(found[:, 3 * d + i - 1], expected, rtol=1e-14)
    assert np.array_equal(polynomial_features(x[:, 0], 3, factorial), found[:, :3])


def test_large_powers_over_their_factorial_are_finite():
    found = polynomial_features([30.0], 200, factorial=True)
    np.testing.assert_allclose(1 + found.sum(), math.exp(30), rtol=1e-12)


def test_degrees_of_a_cubic():
    """The book's curve: degree 1 is too little, 3 finds the weights, 20 stays finite."""
    x = RNG.standard_normal(200)
    weights = np.array([1.2, -3.4, 5.6])
    y = 5 + polynomial_features(x, 3, factorial=True) @ weights + 0.1 * RNG.standard_normal(200)
    errors = {}
    for degree in (1, 3, 20):
        features = polynomial_features(x, degree, factorial=True)
        w, b = least_squares(features[:100], y[:100])
        assert np.isfinite(w).all() and math.isfinite(b)
        each = (features @ w + b - y) ** 2
        errors[degree] = each[:100].mean(), each[100:].mean()
        if degree == 3:
            np.testing.assert_allclose(w, weights, atol=0.1)
            np.testing.assert_allclose(b, 5, atol=0.1)
    assert errors[1][0] > 100 * errors[3][0] > 100 * errors[20][0] * 0.99
    assert errors[3][1] < min(errors[1][1], errors[20][1])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: polynomial_features([1.0], 0), OptionError, "`degree` must be an integer from 1, got 0"),
        (lambda: polynomial_features([1.0], True), OptionError, "`degree`"),
        (lambda: polynomial_features([1.0], 2, 1), OptionError, "`factorial`"),
        (lambda: polynomial_features(1.0, 2), ShapeError, r"\(N,\) or \(N, D\), got shape \(\)"),
        (lambda: polynomial_features(["a"], 2), DtypeError, "must hold numbers"),
        (lambda: polynomial_features([1e200], 2), DataError, "powers up to 2 of 1e[+]200 are not finite"),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()
