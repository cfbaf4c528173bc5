"""relu, sigmoid and tanh: the derivative at 0, both ends, writing in place, and torch."""

import numpy as np
import pytest

from nbdl.errors import DtypeError, ShapeError
from nbdl.kernels import gelu, gelu_dx, relu, relu_dx, sigmoid, sigmoid_dx, tanh, tanh_dx

PAIRS = {"relu": (relu, relu_dx), "sigmoid": (sigmoid, sigmoid_dx), "tanh": (tanh, tanh_dx)}


def test_relu_has_no_gradient_at_0():
    x = np.array([-1.0, -0.0, 0.0, 1e-300, 2.0])
    np.testing.assert_array_equal(relu(x), [0, 0, 0, 1e-300, 2])
    np.testing.assert_array_equal(relu_dx(np.ones(5), relu(x)), [0, 0, 0, 1, 1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_ends(dtype):
    """The literal quotients of the book overflow: tanh(-400) is inf / inf there."""
    x = np.array([-np.inf, -400, 0, 400, np.inf, np.nan], dtype)
    np.testing.assert_array_equal(sigmoid(x), np.array([0, sigmoid(x)[1], 0.5, 1, 1, np.nan], dtype))
    assert 0 <= sigmoid(x)[1] < 1e-30
    np.testing.assert_array_equal(tanh(x), np.array([-1, -1, 0, 1, 1, np.nan], dtype))
    np.testing.assert_array_equal(relu(x), np.array([0, 0, 0, 400, np.inf, np.nan], dtype))
    for f, dx in PAIRS.values():
        np.testing.assert_array_equal(dx(np.ones(6, dtype), f(x))[0], 0)
        assert abs(dx(np.ones(6, dtype), f(x))[1]) < 1e-30


def test_slopes_at_0():
    zero, one = np.array(0.0), np.array(1.0)  # numbers have no dimensions
    assert sigmoid_dx(one, sigmoid(zero)) == 0.25
    assert tanh_dx(one, tanh(zero)) == 1
    assert sigmoid(zero).shape == sigmoid_dx(one, sigmoid(zero)).shape == ()


@pytest.mark.parametrize("f, dx", PAIRS.values(), ids=PAIRS)
def test_result_may_go_into_the_input(f, dx):
    x = np.linspace(-3, 3, 12).reshape(3, 4)
    want, same = f(x), x.copy()
    assert f(same, same) is same
    np.testing.assert_array_equal(same, want)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_agrees_with_torch(name, dtype):
    torch = pytest.importorskip("torch")
    f, dx = PAIRS[name]
    x = np.append(np.linspace(-30, 30, 101), [0, -0.0]).astype(dtype)
    t = torch.tensor(x, requires_grad=True)
    y = getattr(torch, name)(t)
    y.sum().backward()
    tolerance = {"rtol": 1e-6, "atol": 3e-7} if dtype == "float32" else {"rtol": 1e-14, "atol": 1e-15}
    np.testing.assert_allclose(f(x), y.detach(), **tolerance)
    np.testing.assert_allclose(dx(np.ones_like(x), f(x)), t.grad, **tolerance)


@pytest.mark.parametrize("name", PAIRS)
def test_messages(name):
    f, dx = PAIRS[name]
    with pytest.raises(DtypeError, match=f"{name}: `x` must be a float32 or float64 array"):
        f(np.arange(3))
    with pytest.raises(ShapeError, match=rf"{name}: `out` must have shape \(3,\), got \(4,\)"):
        f(np.ones(3), np.ones(4))
    with pytest.raises(ShapeError, match=rf"{name}_dx: `dy` must have shape \(2, 2\), .* got \(4,\)"):
        dx(np.ones(4), np.ones((2, 2)))


@pytest.mark.parametrize("f, dx", PAIRS.values(), ids=PAIRS)
def test_an_element_has_the_same_bits_in_every_slice(f, dx):
    x, dy = np.random.default_rng(0).standard_normal((2, 77)).astype("float32")
    y = f(x)
    for start, stop in ((0, 1), (1, 18), (18, 50), (50, 77)):
        part = slice(start, stop)
        np.testing.assert_array_equal(f(x[part]), y[part])
        np.testing.assert_array_equal(dx(dy[part], y[part]), dx(dy, y)[part])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gelu_against_torch_and_at_the_ends(dtype):
    ends = np.array([-np.inf, -1e30, 0, 1e30, np.inf, np.nan], dtype)
    np.testing.assert_array_equal(gelu(ends), np.array([0, 0, 0, 1e30, np.inf, np.nan], dtype))
    np.testing.assert_array_equal(gelu_dx(np.ones(6, dtype), ends), [0, 0, 0.5, 1, 1, np.nan])
    torch = pytest.importorskip("torch")
    x = torch.linspace(-9, 9, 4001, dtype=getattr(torch, dtype), requires_grad=True)
    dy, eps = torch.cos(x.detach()), np.finfo(dtype).eps
    y = torch.nn.functional.gelu(x)
    y.backward(dy)
    np.testing.assert_allclose(gelu(x.detach().numpy()), y.detach().numpy(), rtol=0, atol=8 * eps)
    np.testing.assert_allclose(gelu_dx(dy.numpy(), x.detach().numpy()), x.grad.numpy(), rtol=0, atol=8 * eps)
