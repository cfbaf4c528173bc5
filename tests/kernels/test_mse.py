"""Mean squared error: its two conventions, gradients, and what it refuses."""

import numpy as np
import pytest

from nbdl.errors import DtypeError, ShapeError
from nbdl.kernels import mse, mse_dtarget, mse_dx

X, T = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])


def test_whole_and_half():
    assert mse(X, T) == (0 + 4 + 9 + 16) / 4
    assert mse(X, T, half=True) == mse(X, T) / 2


def test_gradients():
    np.testing.assert_array_equal(mse_dx(1.0, X, T), 2 * (X - T) / 4)
    np.testing.assert_array_equal(mse_dx(3.0, X, T, True), 3 * (X - T) / 4)
    np.testing.assert_array_equal(mse_dtarget(1.0, X, T), -mse_dx(1.0, X, T))


def test_agrees_with_torch():
    torch = pytest.importorskip("torch")
    x, t = np.random.default_rng(0).standard_normal((2, 3, 4)).astype("float32")
    variable = torch.tensor(x, requires_grad=True)
    loss = torch.nn.functional.mse_loss(variable, torch.tensor(t))
    loss.backward()
    assert mse(x, t) == pytest.approx(loss.item(), rel=1e-6)
    np.testing.assert_allclose(mse_dx(1.0, x, t), variable.grad, rtol=1e-6)


def test_nothing_is_broadcast():
    with pytest.raises(ShapeError, match=r"mse: `target` must have shape \(2, 2\), that of `x`, got \(2,\)"):
        mse(X, T[0])
    with pytest.raises(
        ShapeError, match=r"mse_dx: `target` must have shape \(2, 2\), that of `x`, got \(1, 2\)"
    ):
        mse_dx(1.0, X, T[:1])
    with pytest.raises(ShapeError, match=r"mse: `x` has no elements, shape \(0, 2\)"):
        mse(X[:0], T[:0])
    with pytest.raises(DtypeError, match="mse: `target` must have dtype float64"):
        mse(X, T.astype("float32"))
