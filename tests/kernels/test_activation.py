"""Activations: derivatives at kinks, both ends, digits far from 0, writing in place, and torch."""

import numpy as np
import pytest

from nbdl import kernels, registry
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels import gelu, gelu_dx, relu, relu_dx, sigmoid, sigmoid_dx, tanh, tanh_dx
from nbdl.records import resolve

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


# --- those of one loop, which differ by their formula -----------------------------------------------------

INF = np.inf
ENDS = [-INF, -1e30, 1e30, INF, np.nan]
FORMULAS = {  # name: (what torch calls it, our options, results at the ends, slopes there)
    "gelu": (lambda f, x: f.gelu(x), {}, [0, 0, 1e30, INF], [0, 0, 1, 1]),
    "gelu_tanh": (lambda f, x: f.gelu(x, approximate="tanh"), {}, [0, 0, 1e30, INF], [0, 0, 1, 1]),
    "silu": (lambda f, x: f.silu(x), {}, [0, 0, 1e30, INF], [0, 0, 1, 1]),
    "elu": (lambda f, x: f.elu(x, 0.5), {"alpha": 0.5}, [-0.5, -0.5, 1e30, INF], [0, 0, 1, 1]),
    "selu": (lambda f, x: f.selu(x), {}, [-1.7580993] * 2 + [1.050701e30, INF], [0, 0, 1.050701, 1.050701]),
    "celu": (lambda f, x: f.celu(x, 0.5), {"alpha": 0.5}, [-0.5, -0.5, 1e30, INF], [0, 0, 1, 1]),
    "leaky_relu": (
        lambda f, x: f.leaky_relu(x, 0.25), {"slope": 0.25}, [-INF, -2.5e29, 1e30, INF], [0.25, 0.25, 1, 1],
    ),
    "softplus": (lambda f, x: f.softplus(x, 2.0), {"beta": 2.0}, [0, 0, 1e30, INF], [0, 0, 1, 1]),
    "mish": (lambda f, x: f.mish(x), {}, [0, 0, 1e30, INF], [0, 0, 1, 1]),
    "softsign": (lambda f, x: f.softsign(x), {}, [-1, -1, 1, 1], [0, 0, 0, 0]),
    "hard_sigmoid": (lambda f, x: f.hardsigmoid(x), {}, [0, 0, 1, 1], [0, 0, 0, 0]),
    "hard_swish": (lambda f, x: f.hardswish(x), {}, [0, 0, 1e30, INF], [0, 0, 1, 1]),
}  # fmt: skip


def gradient(name, dy, x, options):
    """The gradient, which takes x or y."""
    needs = x if "x" in registry.parameters(getattr(kernels, f"{name}_dx")) else None
    known = getattr(kernels, name)(x, **options) if needs is None else x
    return getattr(kernels, f"{name}_dx")(dy, known, **options)


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_ends_of_every_formula(name, dtype):
    _, options, wanted, slopes = FORMULAS[name]
    x, rounding = np.array(ENDS, dtype), {"rtol": 1e-6, "atol": 1e-30}
    np.testing.assert_allclose(getattr(kernels, name)(x, **options), [*wanted, np.nan], **rounding)
    found = gradient(name, np.ones(5, dtype), x, options)
    np.testing.assert_allclose(found[:4], slopes, **rounding)
    if name not in ("hard_sigmoid", "leaky_relu"):  # whose slope is the same for all of a side
        assert np.isnan(found[4])


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_digits_of_every_formula(name, dtype):
    """Of each element, not of the largest: also where the result is a small part of x, or of 1."""
    options = FORMULAS[name][1]
    small = 10.0 ** np.arange(-30, 0, 0.37)
    x = np.concatenate([np.linspace(-85, 85, 400), small, -small]).astype(dtype)
    truth = resolve(registry.default().get("kernel", name).reference)(x.astype(float), **options)
    limits, found = np.finfo(dtype), getattr(kernels, name)(x, **options)
    wide = abs(x.astype(float))  # an exponent has its error times its size
    bound = {"gelu": 20 + 2 * wide**2, "gelu_tanh": 20 + 2 * wide**3}.get(name, 10 + 0 * wide)
    near_a_zero = 0.2 * limits.eps if name == "hard_sigmoid" else 0  # alpha x + beta, a difference
    off = abs(found - truth) / (limits.eps * np.maximum(abs(truth), limits.tiny / limits.eps) + near_a_zero)
    assert (off <= bound).all(), (x[off > bound][:5], off[off > bound][:5])


@pytest.mark.parametrize("name", FORMULAS)
def test_every_formula_agrees_with_torch(name):
    torch = pytest.importorskip("torch")
    function, options, *_ = FORMULAS[name]
    own = {"softplus": 5e-9, "hard_sigmoid": 2e-8}  # torch's: its threshold, and a sixth in float32
    for dtype, within in (("float64", own.get(name, 1e-12)), ("float32", 1e-6)):
        x = np.append(np.linspace(-9, 9, 1003) + 1e-3, [0.0, -0.0]).astype(dtype)
        t = torch.tensor(x, requires_grad=True)
        y, dy = function(torch.nn.functional, t), np.cos(x)
        y.backward(torch.tensor(dy))
        np.testing.assert_allclose(getattr(kernels, name)(x, **options), y.detach(), rtol=within, atol=within)
        np.testing.assert_allclose(gradient(name, dy, x, options), t.grad, rtol=within, atol=within)


def test_slopes_at_kinks():
    """That of the side below, but for the hard ones."""
    x, one = np.array([-3.0, 0.0, 3.0]), np.ones(3)
    for name, options, wanted in (
        ("elu", {"alpha": 0.5}, 0.5), ("celu", {"alpha": 0.5}, 1), ("leaky_relu", {}, 0.01),
    ):  # fmt: skip
        assert gradient(name, one, x, options)[1] == wanted
    np.testing.assert_array_equal(gradient("hard_swish", one, x, {}), [0, 0.5, 1])
    np.testing.assert_array_equal(gradient("hard_sigmoid", one, 1.1 * x, {}), [0, 1 / 6, 0])
    np.testing.assert_array_equal(kernels.prelu_dx(one, x, np.array([0.25])), [0.25, 0.25, 1])
    np.testing.assert_array_equal(kernels.prelu_dw(one, x, (1,)), [-3])


def test_options_that_make_no_sense():
    x = np.ones(3, np.float32)
    for name, option, value in (("celu", "alpha", 0.0), ("softplus", "beta", 1e-60), ("elu", "alpha", 1e60)):
        for kernel in (name, f"{name}_dx"):
            given = (x, x) if kernel != name else (x,)
            with pytest.raises(OptionError, match=rf"{kernel}: `{option}` must be a \w+ number, got"):
                getattr(kernels, kernel)(*given, **{option: value})


@pytest.mark.parametrize("name", ["glu", "swiglu"])
def test_gates_agree_with_torch(name):
    torch = pytest.importorskip("torch")
    x = 3 * np.random.default_rng(0).standard_normal((3, 4, 6))
    for axis in (1, -1):
        t = torch.tensor(x, requires_grad=True)
        a, b = t.chunk(2, axis)
        y = torch.nn.functional.glu(t, axis) if name == "glu" else torch.nn.functional.silu(a) * b
        dy = np.cos(y.detach().numpy())
        y.backward(torch.tensor(dy))
        np.testing.assert_allclose(getattr(kernels, name)(x, axis), y.detach(), rtol=1e-12)
        found = getattr(kernels, f"{name}_dx")(dy, x, axis)
        np.testing.assert_allclose(found, t.grad, rtol=1e-12, atol=1e-15)


def test_gates_name_the_axis():
    with pytest.raises(
        ShapeError, match=r"glu: `x` must have an even size along `axis` 1, got shape \(2, 3\)"
    ):
        kernels.glu(np.ones((2, 3)), 1)
    with pytest.raises(ShapeError, match=r"glu_dx: `dy` must have shape \(2, 2\), that of `y`, got \(2, 4\)"):
        kernels.glu_dx(np.ones((2, 4)), np.ones((2, 4)))
