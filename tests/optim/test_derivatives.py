"""Gradients, Jacobians and Hessians by differences and by the tape (V-38, and what the notes derive)."""

import numba
import numpy as np
import pytest

from nbdl.errors import OptionError, UsageError
from nbdl.optim import gradient, hessian, jacobian, numeric_gradient, numeric_hessian, numeric_jacobian

RNG = np.random.default_rng(0)
A, B = RNG.standard_normal((2, 3, 3))
X = RNG.standard_normal(3)


def test_the_derivative_by_its_definition_v38():
    for digits, want in enumerate([2.30000, 2.03000, 2.00300, 2.00030, 2.00003], 1):
        found = numeric_gradient(lambda x: 3 * x**2 - 4 * x, 1.0, h=0.1**digits, forward=True)
        assert found == pytest.approx(want, abs=5e-6)
    assert numeric_gradient(lambda x: 3 * x**2 - 4 * x, 1.0) == pytest.approx(2.0, abs=1e-9)


def test_a_linear_approximation_and_backpropagation_of_the_book():
    def f(x):
        return np.log(np.exp(x[0]) + np.exp(x[1]))

    at, step = np.array([0, np.log(2)]), np.array([0.01, -0.03])
    slope = numeric_gradient(f, at)
    np.testing.assert_allclose(slope, [1 / 3, 2 / 3], rtol=1e-8)
    assert f(at) + slope @ step == pytest.approx(1.08195, abs=1e-5)
    assert f(at + step) == pytest.approx(1.08212, abs=1e-5)

    def deep(x):  # w, x, y, z
        a, b = (x[0] + x[1] + x[2] + x[3]) ** 2, (x[0] + x[1] - x[2] - x[3]) ** 2
        return ((a + b) ** 2 + (a - b) ** 2) ** 2

    assert gradient(deep, np.array([-1.0, 0, -2, 1]))[0] == -4096


def test_identities_of_matrix_calculus():
    """d(b'x) = b, d(x'Ax) = (A + A')x, its Hessian A + A', d(Ax) = A, d|X - UV|^2 by V = -2 U'(X - UV)."""
    b = B[0]
    cases = [
        (lambda x: (x * b).sum(), b, np.zeros((3, 3))),
        (lambda x: x @ (A @ x), (A + A.T) @ X, A + A.T),
    ]
    for f, first, second in cases:
        np.testing.assert_allclose(gradient(f, X), first, rtol=1e-12)
        np.testing.assert_allclose(numeric_gradient(f, X), first, atol=1e-8)
        np.testing.assert_allclose(hessian(f, X), second, atol=1e-8)
        np.testing.assert_allclose(numeric_hessian(f, X), second, atol=1e-6)
    np.testing.assert_allclose(jacobian(lambda x: A @ x, X), A, rtol=1e-12)
    np.testing.assert_allclose(numeric_jacobian(lambda x: A @ x, X), A, atol=1e-8)
    want = -2 * A.T @ (B - A @ B.T)
    np.testing.assert_allclose(gradient(lambda v: ((B - A @ v) ** 2).sum(), B.T.copy()), want, rtol=1e-12)
    assert hessian(lambda v: ((B - A @ v) ** 2).sum(), B).shape == (3, 3, 3, 3)


def test_a_hessian_that_is_not_constant():
    def f(x):
        return (x**2).sum() * x[0] + x[1].exp()

    want = np.array(
        [[6 * X[0], 2 * X[1], 2 * X[2]], [2 * X[1], 2 * X[0] + np.exp(X[1]), 0], [2 * X[2], 0, 2 * X[0]]]
    )
    np.testing.assert_allclose(hessian(f, X), want, atol=1e-8)
    found = numeric_hessian(lambda x: (x**2).sum() * x[0] + np.exp(x[1]), X)
    np.testing.assert_allclose(found, want, atol=1e-6)
    np.testing.assert_array_equal(found, found.T)


def test_compiled_functions_and_numbers():
    @numba.njit
    def f(x):
        return x[0] * x[1]

    np.testing.assert_allclose(numeric_gradient(f, [2, 3]), [3, 2], rtol=1e-9)
    assert gradient(lambda x: x * x, 3) == 6.0 and hessian(lambda x: x * x * x, 2.0) == pytest.approx(12)
    assert numeric_hessian(lambda x: x**3, 2.0) == pytest.approx(12, rel=1e-6)
    assert numeric_jacobian(lambda x: np.array([x, x**2]), 3.0).round(6).tolist() == [1, 6]
    assert jacobian(lambda x: x[:0], X).shape == (0, 3)


def test_messages():
    with pytest.raises(UsageError, match="`f` must return one number"):
        numeric_gradient(lambda x: x, X)
    with pytest.raises(UsageError, match="must return a tensor that it has computed from its argument"):
        gradient(lambda x: 3.0, X)
    with pytest.raises(OptionError, match="`x` must be finite"):
        gradient(lambda x: x, np.nan)
    for h in (0.0, -1.0, np.nan):
        with pytest.raises(OptionError, match="`h` must be finite and above 0"):
            numeric_gradient(lambda x: x, 1.0, h=h)
