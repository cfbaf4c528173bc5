"""Norms within a sample: against torch, far from 0, at the ends of the range, row by row."""

import numpy as np
import pytest

from nbdl import kernels
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels import layer_norm, layer_norm_backward, local_response_norm, rms_norm
from nbdl.kernels.normalization.layer_norm_truth import layer_norm as truth

RNG = np.random.default_rng(0)
LIMIT = {"float64": 1e-12, "float32": 1e-5}


def error(got, want):
    return np.max(np.abs(np.asarray(got, np.float64) - want)) / max(np.max(np.abs(want)), 1e-30)


def arrays(dtype, shape, size, count):
    small = [RNG.uniform(0.5, 1.5, size), RNG.standard_normal(size)][:count]
    return [a.astype(dtype) for a in (RNG.standard_normal(shape) * 3 + 1, *small)]


def of_torch(name, x, gamma=None, beta=None, **options):
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    if name == "layer_norm":
        return f.layer_norm(x, x.shape[-options["axes"] :], gamma, beta, options["eps"])
    if name == "rms_norm":
        return f.rms_norm(x, x.shape[-options["axes"] :], gamma, options["eps"])
    if name == "group_norm":
        return f.group_norm(x, options["groups"], gamma, beta, options["eps"])
    if name == "instance_norm":
        return f.instance_norm(x, None, None, gamma, beta, True, 0.0, options["eps"])
    return f.local_response_norm(x, **options)


CASES = [
    ("layer_norm", (4, 7), 7, {"axes": 1}), ("layer_norm", (3, 5, 33), 33, {"axes": 1}),
    ("layer_norm", (2, 3, 130), 130, {"axes": 1}), ("layer_norm", (200, 65), 65, {"axes": 1}),
    ("rms_norm", (4, 7), 7, {"axes": 1}), ("rms_norm", (150, 33), 33, {"axes": 1}),
    ("group_norm", (4, 6), 6, {"groups": 2}), ("group_norm", (3, 4, 5, 6), 4, {"groups": 2}),
    ("group_norm", (70, 6, 9), 6, {"groups": 3}), ("group_norm", (2, 64, 33), 64, {"groups": 32}),
    ("instance_norm", (3, 4, 5, 6), 4, {}), ("instance_norm", (2, 3, 41), 3, {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "shape", "size", "options"), CASES)
@pytest.mark.parametrize("dtype", LIMIT)
def test_agrees_with_torch(name, shape, size, options, dtype):
    torch = pytest.importorskip("torch")
    options = {**options, "eps": 1e-3}
    given = arrays(dtype, shape, size, 1 if name == "rms_norm" else 2)
    dy = RNG.standard_normal(shape).astype(dtype)
    tensors = [torch.tensor(a, requires_grad=True) for a in given]
    want = of_torch(name, *tensors, **options)
    want.backward(torch.tensor(dy))
    assert error(getattr(kernels, name)(*given, **options), want.detach().numpy()) < LIMIT[dtype]
    for got, t in zip(getattr(kernels, f"{name}_backward")(dy, *given[:2], **options), tensors):
        assert error(got, t.grad.numpy()) < LIMIT[dtype]


@pytest.mark.parametrize("dtype", LIMIT)
def test_several_axes_agree_with_torch(dtype):
    torch = pytest.importorskip("torch")
    x, gamma, beta = arrays(dtype, (3, 4, 5, 6), 120, 2)
    t = [torch.tensor(a, requires_grad=True) for a in (x, gamma, beta)]
    want = torch.nn.functional.layer_norm(t[0], (4, 5, 6), t[1].reshape(4, 5, 6), t[2].reshape(4, 5, 6))
    want.backward(torch.tensor(x))
    assert error(layer_norm(x, gamma, beta, axes=3), want.detach().numpy()) < LIMIT[dtype]
    for got, tensor in zip(layer_norm_backward(x, x, gamma, axes=3), t):
        assert error(got, tensor.grad.numpy()) < LIMIT[dtype]


@pytest.mark.parametrize("size", [1, 3, 4, 5, 9])
@pytest.mark.parametrize("dtype", LIMIT)
def test_local_response_agrees_with_torch(size, dtype):
    torch = pytest.importorskip("torch")
    x, dy = (RNG.standard_normal((3, 7, 4, 5)).astype(dtype) for _ in range(2))
    options, t = {"size": size, "alpha": 2.0, "beta": 0.75, "k": 2.0}, torch.tensor(x, requires_grad=True)
    want = of_torch("local_response_norm", t, **options)
    want.backward(torch.tensor(dy))
    assert error(local_response_norm(x, **options), want.detach().numpy()) < LIMIT[dtype]
    assert error(kernels.local_response_norm_dx(dy, x, **options), t.grad.numpy()) < LIMIT[dtype]


def test_a_mean_far_from_0_costs_what_x_has_lost_and_no_more():
    """Around 1e8 neighbours of float32 are 8 apart."""
    x = (1e8 + 100 * RNG.standard_normal((6, 300))).astype(np.float32)
    x[3, 0] = -1e9  # nor does it matter what comes first
    wide, dy = x.astype(np.float64), RNG.standard_normal(x.shape).astype(np.float32)
    assert error(layer_norm(x, None, None), truth(wide, None, None)) < 2e-6
    got, want = layer_norm_backward(dy, x, None), layer_norm_backward(dy.astype(np.float64), wide, None)
    for r in (0, 1, 2, 4, 5):
        assert error(got[0][r], want[0][r]) < 2e-6
    assert error(got[1], want[1]) < 2e-6


@pytest.mark.parametrize(("dtype", "size"), [("float32", 1e30), ("float32", 1e37), ("float64", 1e200)])
@pytest.mark.parametrize("name", ["layer_norm", "rms_norm", "group_norm"])
def test_squares_beyond_the_dtype(name, dtype, size):
    options = {"groups": 2} if name == "group_norm" else {}
    x = RNG.standard_normal((3, 40)).astype(dtype)
    dy = RNG.standard_normal(x.shape).astype(dtype)
    given = (None,) if name == "rms_norm" else (None, None)
    f, dx = getattr(kernels, name), getattr(kernels, f"{name}_dx")
    large, eps = x * x.dtype.type(size), 1e-30 if dtype == "float32" else 1e-300
    with np.errstate(all="ignore"):  # for the run without the JIT
        want = f(x, *given, **options, eps=eps)
        assert error(f(large, *given, **options), want) < 1e-6
        slope = dx(dy, large, None, **options).astype(np.float64) * size
        assert error(slope, dx(dy, x, None, **options, eps=eps)) < (
            1e-2 if size == 1e37 else 1e-5
        )  # subnormal


@pytest.mark.parametrize("dtype", LIMIT)
@np.errstate(all="ignore")  # for the run without the JIT
def test_one_element_constant_rows_and_subnormal_numbers(dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    for value in (0.0, 0.1, 1e8, tiny, -1e30):
        for n in (1, 3, 16, 50):
            x = np.full((2, n), value, dtype)
            assert np.abs(layer_norm(x, None, None)).max() <= 1e-6 * abs(value) ** (value < 1)
    x = np.array([[tiny, 5 * tiny, 0]], dtype)
    scaled = rms_norm(x, None) * np.sqrt(x.dtype.type(1e-5))
    np.testing.assert_allclose(scaled, x, rtol=0.2)
    np.testing.assert_array_equal(np.isnan(layer_norm(np.array([[1, np.nan], [1, 3]], dtype), None, None)),
                                  [[True, True], [False, False]])  # fmt: skip


def test_numbers_worked_out_by_hand():
    x = np.array([[1.0, 2.0], [2.0, 3.0]])
    np.testing.assert_allclose(layer_norm(x, None, None), [[-0.99998, 0.99998]] * 2, atol=1e-6)
    np.testing.assert_allclose(
        rms_norm(np.array([[3.0, 4.0]]), None, 1e-12), [[3 / 12.5**0.5, 4 / 12.5**0.5]]
    )
    got = local_response_norm(np.array([[1.0, 2.0, 3.0]]), 3, 3.0, 1.0, 1.0)
    np.testing.assert_allclose(got, [[1 / 6, 2 / 15, 3 / 14]])


def test_what_is_refused():
    x, one = np.ones((4, 3, 2)), np.ones(2)
    with pytest.raises(OptionError, match=r"layer_norm: `axes` must be from 1 to 2, of 3 dimensions.*got 3"):
        layer_norm(x, None, None, axes=3)
    with pytest.raises(
        ShapeError, match="layer_norm: `gamma` must have 6 elements, one for each of a row, got 2"
    ):
        layer_norm(x, one, None, axes=2)
    with pytest.raises(OptionError, match="`eps` must be positive in the dtype of `x`, got 1e-60"):
        layer_norm(x.astype("f"), None, None, 1e-60)
    with pytest.raises(OptionError, match=r"group_norm: `groups` must be a divisor.*channels, 3, got 2"):
        kernels.group_norm(x, None, None, 2)
    with pytest.raises(
        ShapeError, match=r"instance_norm: `x` must have at least 3 dimensions.*got shape \(4, 3\)"
    ):
        kernels.instance_norm(x[..., 0], None, None)
    with pytest.raises(ShapeError, match=r"rms_norm_dx: `dy` must have shape \(4, 3, 2\), that of `x`"):
        kernels.rms_norm_dx(x[1:], x, None)
