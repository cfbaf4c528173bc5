"""The affine map against torch, and what its messages say."""

import numpy as np
import pytest

from nbdl.errors import DtypeError, ShapeError
from nbdl.kernels import linear, linear_backward, linear_dw, linear_dx, linear_shape


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_agrees_with_torch(dtype):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, w, b, dy = (rng.standard_normal(s).astype(dtype) for s in ((7, 5), (5, 3), (3,), (7, 3)))
    tx, tw, tb = (torch.tensor(a, requires_grad=True) for a in (x, w, b))
    y = torch.nn.functional.linear(tx, tw.T, tb)
    y.backward(torch.tensor(dy))
    tolerance = {"rtol": 1e-5, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(linear(x, w, b), y.detach(), **tolerance)
    for got, want in zip(linear_backward(dy, x, w), (tx, tw, tb)):
        np.testing.assert_allclose(got, want.grad, **tolerance)


def test_messages_say_argument_rule_and_value():
    x, w = np.ones((2, 3)), np.ones((4, 5))
    with pytest.raises(ShapeError, match=r"linear: `w` must have as many rows .* \(3\), got 4"):
        linear(x, w)
    with pytest.raises(ShapeError, match=r"linear: `b` must have 5 elements, .* got 2"):
        linear(x, w[:3], np.ones(2))
    with pytest.raises(DtypeError, match=r"`w` .* must have dtype float64, .* float32"):
        linear(x, w[:3].astype("float32"))
    with pytest.raises(ShapeError, match="linear_dx: `dy` must have as many columns"):
        linear_dx(x, w)
    with pytest.raises(ShapeError, match="linear_dw: `dy` must have as many rows"):
        linear_dw(x, w)


def test_shape_check():
    assert linear_shape((4, 3), (3, 5)) == (4, 5)
    with pytest.raises(ShapeError, match="2 dimensions"):
        linear_shape((4, 3, 1), (3, 5))
    with pytest.raises(ShapeError, match="`w`"):
        linear_shape((4, 3), (4, 5))
