"""Softmax and its logarithm: stability, shift, axes, torch and SciPy."""

import numpy as np
import pytest

from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels import log_softmax, log_softmax_dx, softmax, softmax_dx

PAIRS = {"softmax": (softmax, softmax_dx), "log_softmax": (log_softmax, log_softmax_dx)}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_logits_do_not_overflow(dtype):
    x = np.array([[100, 0, 0], [1e30, 1e30, -1e30], [-1000, -1000, -1000]], dtype)
    want = np.array([[1, 0, 0], [0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3]])
    np.testing.assert_allclose(softmax(x), want, rtol=1e-6, atol=1e-40)
    np.testing.assert_allclose(log_softmax(x[:1]), [[0, -100, -100]], rtol=1e-6, atol=1e-6)


def test_shift_changes_nothing_and_rows_sum_to_1():
    x = np.random.default_rng(0).standard_normal((5, 7))
    np.testing.assert_allclose(softmax(x + 1000), softmax(x), rtol=1e-11)
    np.testing.assert_allclose(softmax(x).sum(axis=1), 1, rtol=1e-14)


def test_the_sum_runs_over_its_own_index():
    """sum_j exp(o_j), not sum_i: each result sees all entries."""
    np.testing.assert_allclose(softmax(np.log([1.0, 2.0, 5.0])), [1 / 8, 2 / 8, 5 / 8], rtol=1e-14)


def test_infinities_and_nan():
    x = np.array([0.0, -np.inf, np.log(3)])
    np.testing.assert_allclose(softmax(x), [0.25, 0, 0.75])
    np.testing.assert_allclose(log_softmax(x), np.log([0.25, 1, 0.75]) + [0, -np.inf, 0])
    with np.errstate(invalid="ignore"):  # for the run without the JIT
        for undefined in ([np.inf, 0.0], [-np.inf, -np.inf], [np.nan, 1.0]):
            assert np.isnan(softmax(np.array(undefined))).all()


def test_result_may_go_into_the_input():
    for f, _ in PAIRS.values():
        x = np.random.default_rng(1).standard_normal((3, 4))
        want = f(x, 0)
        np.testing.assert_array_equal(f(x, 0, x), want)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_agrees_with_torch(name, axis):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(2)
    x, dy = rng.standard_normal((2, 3, 4, 5))[:, :, 0], rng.standard_normal((2, 3, 5))
    t = torch.tensor(x, requires_grad=True)
    y = getattr(torch, name)(t, axis)
    y.backward(torch.tensor(dy))
    f, dx = PAIRS[name]
    np.testing.assert_allclose(f(x, axis), y.detach(), rtol=1e-13)
    np.testing.assert_allclose(dx(dy, f(x, axis), axis), t.grad, atol=1e-14)


def test_agrees_with_scipy():
    special = pytest.importorskip("scipy.special")
    x = np.random.default_rng(3).standard_normal((4, 6)) * 50
    np.testing.assert_allclose(softmax(x, 0), special.softmax(x, 0), rtol=1e-13)
    np.testing.assert_allclose(log_softmax(x, 1), special.log_softmax(x, 1), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", PAIRS)
def test_messages(name):
    f, dx = PAIRS[name]
    with pytest.raises(OptionError, match=f"{name}: `axis` must be one of the 2 axes of the array, got 2"):
        f(np.ones((2, 3)), 2)
    with pytest.raises(ShapeError, match=rf"{name}: `axis` 1 has no elements, shape \(2, 0\)"):
        f(np.ones((2, 0)))
    with pytest.raises(ShapeError, match=f"{name}_dx: `dy` must have shape"):
        dx(np.ones((2, 3)), np.ones((3, 2)))


@pytest.mark.parametrize("name", PAIRS)
def test_far_from_0_it_is_as_exact_as_torch(name):
    torch = pytest.importorskip("torch")
    x = (np.random.default_rng(4).standard_normal((6, 9)) + 1e4).astype("float32")
    np.testing.assert_allclose(
        PAIRS[name][0](x), getattr(torch, name)(torch.tensor(x), -1), atol=1e-6, rtol=1e-6
    )


@pytest.mark.parametrize("dtype, offset", [("float32", 1e8), ("float64", 1e16)])
def test_the_maximum_is_subtracted_first(dtype, offset):
    """x - (m + log n) would be 0: the sum swallows the logarithm."""
    x = np.full((2, 16), offset, dtype)
    np.testing.assert_array_equal(log_softmax(x), np.full((2, 16), -np.log(16), dtype))
    np.testing.assert_array_equal(softmax(x), np.full((2, 16), 1 / 16, dtype))


def test_axis_is_an_integer():
    for axis in (0.7, True):
        with pytest.raises(DtypeError, match="softmax: `axis` must be an integer, got"):
            softmax(np.ones((2, 3)), axis)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("n", [1, 17, 130, 3000])
def test_long_slices_along_both_axes(name, n):
    """More vectors than are summed at a time, the last one not whole; along the rows and across them."""
    f, dx = PAIRS[name]
    x, dy = np.random.default_rng(n).standard_normal((2, 3, n))
    e = np.exp(x - x.max(1, keepdims=True))
    p = e / e.sum(1, keepdims=True)
    want, slope = (
        (p, p * (dy - (dy * p).sum(1, keepdims=True)))
        if name == "softmax"
        else (np.log(p), dy - p * dy.sum(1, keepdims=True))
    )
    np.testing.assert_allclose(f(x), want, rtol=1e-12)
    np.testing.assert_allclose(f(x.T, 0), want.T, rtol=1e-12)
    np.testing.assert_allclose(dx(dy, want), slope, atol=1e-12)
    np.testing.assert_allclose(dx(dy.T, want.T, 0), slope.T, atol=1e-12)
