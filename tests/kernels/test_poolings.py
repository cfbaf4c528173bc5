"""Adaptive and global pooling, pooling of series and by norms: against torch; messages."""

import numpy as np
import pytest

from nbdl import nn
from nbdl.errors import DtypeError, LabelError, OptionError, ShapeError
from nbdl.kernels import (
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_dx,
    adaptive_max_pool2d,
    adaptive_max_pool2d_argmax,
    adaptive_max_pool2d_dx,
    adaptive_pool2d_shape,
    avg_pool1d,
    avg_pool1d_dx,
    avg_pool2d,
    global_avg_pool2d,
    global_avg_pool2d_dx,
    global_max_pool2d,
    global_max_pool2d_argmax,
    global_max_pool2d_dx,
    lp_pool2d,
    lp_pool2d_dx,
    max_pool1d,
    max_pool1d_argmax,
    max_pool1d_dx,
    max_pool2d,
    pool1d_shape,
)

RNG = np.random.default_rng(0)
SIZES = [(1, 1), (2, 3), (7, 9), (4, 1), (3, 20), (11, 12)]


def theirs(torch, function, x, *options, **named):
    """(y, further outputs, dy, dx) of torch for a random cotangent."""
    t = torch.tensor(x, requires_grad=True)
    y, *more = (lambda y: y if isinstance(y, tuple) else (y,))(function(t, *options, **named))
    dy = RNG.standard_normal(y.shape)
    y.backward(torch.tensor(dy))
    return y.detach().numpy(), [m.numpy() for m in more], dy, t.grad.numpy()


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_adaptive_pooling_agrees_with_torch(size):
    torch = pytest.importorskip("torch")
    x = RNG.standard_normal((2, 3, 8, 37))
    y, _, dy, dx = theirs(torch, torch.nn.functional.adaptive_avg_pool2d, x, size)
    np.testing.assert_allclose(adaptive_avg_pool2d(x, size), y, atol=1e-14)
    np.testing.assert_allclose(adaptive_avg_pool2d_dx(dy, x.shape), dx, atol=1e-14)
    y, (places,), dy, dx = theirs(
        torch, torch.nn.functional.adaptive_max_pool2d, x, size, return_indices=True
    )
    got, index = adaptive_max_pool2d_argmax(x, size)
    np.testing.assert_array_equal(got, y)
    np.testing.assert_array_equal(index, places)
    np.testing.assert_array_equal(adaptive_max_pool2d(x, size), y)
    np.testing.assert_allclose(adaptive_max_pool2d_dx(dy, index, x.shape), dx, atol=1e-14)


def test_global_pooling_is_adaptive_pooling_into_one_bin():
    for shape in ((2, 3, 7, 7), (1, 2, 1, 1), (2, 2, 13, 21)):
        x, dy = RNG.standard_normal(shape), RNG.standard_normal(shape[:2])
        np.testing.assert_allclose(global_avg_pool2d(x), x.mean((2, 3)), atol=1e-14)
        np.testing.assert_array_equal(global_max_pool2d(x), x.max((2, 3)))
        share = np.broadcast_to((dy / (shape[2] * shape[3]))[:, :, None, None], shape)
        np.testing.assert_allclose(global_avg_pool2d_dx(dy, shape), share, atol=1e-15)
        y, index = global_max_pool2d_argmax(x)
        dx = global_max_pool2d_dx(dy, index, shape)
        np.testing.assert_array_equal(dx.reshape(*shape[:2], -1).argmax(2)[dy > 0], index[dy > 0])
        np.testing.assert_array_equal(dx.sum((2, 3)), dy)
        one, places = adaptive_max_pool2d_argmax(x, 1)
        assert (one[:, :, 0, 0] == y).all() and (places[:, :, 0, 0] == index).all()


@pytest.mark.parametrize("image", [(7, 7), (13, 15), (3, 70)], ids=str)
def test_bins_are_exact_whatever_stands_in_their_neighbours(image):
    """Many planes, whose vectors reach into the next one, with ties, infinities and NaN: as NumPy has it."""
    x = np.round(RNG.standard_normal((3, 11, *image))).astype("float32")
    x[0, :4] = -np.inf
    x[1].flat[::97] = np.nan
    x[2].flat[::53] = np.inf
    (H, W), P, Q = image, 3, 2
    y, index = adaptive_max_pool2d_argmax(x, (P, Q))
    mean = adaptive_avg_pool2d(x, (P, Q))
    for i, j in np.ndindex(P, Q):
        top, bottom, left, right = i * H // P, -(-(i + 1) * H // P), j * W // Q, -(-(j + 1) * W // Q)
        elements = x[:, :, top:bottom, left:right].reshape(3, 11, -1)
        best = elements.argmax(2)
        np.testing.assert_array_equal(y[..., i, j], np.take_along_axis(elements, best[..., None], 2)[..., 0])
        rows, columns = best // (right - left) + top, best % (right - left) + left
        np.testing.assert_array_equal(index[..., i, j], rows * W + columns)
        np.testing.assert_allclose(mean[..., i, j], elements.mean(2), rtol=1e-5, atol=1e-6)
    y, index = global_max_pool2d_argmax(x)
    np.testing.assert_array_equal(index, x.reshape(3, 11, -1).argmax(2))
    np.testing.assert_allclose(global_avg_pool2d(x), x.mean((2, 3)), rtol=1e-5, atol=1e-6)


def test_bins_that_divide_the_image_are_windows_side_by_side():
    x = RNG.standard_normal((1, 2, 12, 9))
    np.testing.assert_allclose(adaptive_avg_pool2d(x, (4, 3)), avg_pool2d(x, 3), atol=1e-15)
    np.testing.assert_array_equal(adaptive_max_pool2d(x, (4, 3)), max_pool2d(x, 3))


def test_a_nan_at_any_place_of_a_bin_propagates_and_is_first():
    for place in range(70):
        x = np.zeros((1, 1, 2, 35), "float32")
        x.flat[[place, 69]] = np.nan
        y, index = global_max_pool2d_argmax(x)
        assert np.isnan(y[0, 0]) and index[0, 0] == place
        first, second = adaptive_max_pool2d(x, (1, 2))[0, 0, 0]  # columns 0 to 17 and 17 to 34
        assert np.isnan(second) and np.isnan(first) == (place % 35 < 18)


WINDOWS = [(2, None, 0, False), (3, 2, 1, False), (3, 2, 1, True), (5, 1, 2, False), (4, 3, 0, True)]


@pytest.mark.parametrize(("kernel", "stride", "padding", "ceil_mode"), WINDOWS)
def test_pooling_of_series_agrees_with_torch(kernel, stride, padding, ceil_mode):
    torch = pytest.importorskip("torch")
    x = RNG.standard_normal((2, 3, 16))
    options = kernel, stride, padding
    y, (places,), dy, dx = theirs(
        torch, torch.nn.functional.max_pool1d, x, *options, ceil_mode=ceil_mode, return_indices=True
    )
    got, index = max_pool1d_argmax(x, *options, 1, ceil_mode)
    np.testing.assert_array_equal(got, y)
    np.testing.assert_array_equal(index, places)
    np.testing.assert_array_equal(max_pool1d(x, *options, ceil_mode=ceil_mode), y)
    np.testing.assert_allclose(max_pool1d_dx(dy, index, x.shape), dx, atol=1e-14)
    for count in (True, False):
        y, _, dy, dx = theirs(torch, torch.nn.functional.avg_pool1d, x, *options, ceil_mode, count)
        np.testing.assert_allclose(avg_pool1d(x, *options, 1, ceil_mode, count), y, atol=1e-14)
        np.testing.assert_allclose(avg_pool1d_dx(dy, x.shape, *options, 1, ceil_mode, count), dx, atol=1e-14)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.5])
def test_lp_pooling_agrees_with_torch(p):
    torch = pytest.importorskip("torch")
    x = RNG.uniform(0.1, 2, (2, 3, 8, 9))  # of magnitudes: torch takes powers of x itself
    for kernel, stride in ((2, None), ((3, 2), (2, 1))):
        y, _, dy, dx = theirs(torch, torch.nn.functional.lp_pool2d, x, p, kernel, stride)
        got = lp_pool2d(x, kernel, stride, p=p)
        np.testing.assert_allclose(got, y, rtol=1e-13)
        np.testing.assert_allclose(lp_pool2d_dx(dy, x, got, kernel, stride, p=p), dx, rtol=1e-12, atol=1e-13)
        np.testing.assert_array_equal(lp_pool2d(-x, kernel, stride, p=p), got)


@pytest.mark.parametrize("p", [2.0, 3.5, 100.0, 1e308])
@np.errstate(over="ignore", under="ignore", invalid="ignore")  # for the run without the JIT
def test_lp_pooling_of_any_magnitude(p):
    """What is scaled by a power of two gives the scaled norm and the same gradient, in the dtype's range."""
    x = np.random.default_rng(1).uniform(-2, 2, (2, 3, 8, 9)).astype(np.float32)
    y = lp_pool2d(x.astype(float), (3, 2), (2, 1), p=p)
    dx = lp_pool2d_dx(np.ones_like(y), x.astype(float), y, (3, 2), (2, 1), p=p)
    for scale in np.float32(2) ** np.array([0, 100, -100], np.float32):
        got = lp_pool2d(scale * x, (3, 2), (2, 1), p=p)
        np.testing.assert_allclose(got / scale, y, rtol=1e-6)
        slopes = lp_pool2d_dx(np.ones_like(got), scale * x, got, (3, 2), (2, 1), p=p)
        np.testing.assert_allclose(slopes, dx, rtol=3e-7 * min(p, 1e3), atol=1e-6)


def test_lp_pooling_of_zeros_has_no_gradient():
    x = np.zeros((1, 1, 2, 2))
    for p in (1.0, 2.0, 3.0):
        y = lp_pool2d(x, 2, p=p)
        assert y == 0 and not lp_pool2d_dx(np.ones_like(y), x, y, 2, p=p).any()


def test_messages_say_argument_rule_and_value():
    x = np.ones((1, 1, 4, 4))
    assert adaptive_pool2d_shape((2, 3, 4, 5), 3) == (2, 3, 3, 3)
    with pytest.raises(OptionError, match=r"adaptive_avg_pool2d: `size` must be at least 1, got \(2, 0\)"):
        adaptive_avg_pool2d(x, (2, 0))
    with pytest.raises(
        ShapeError, match=r"global_max_pool2d: the images of `x` must have at least one element"
    ):
        global_max_pool2d(x[:, :, :0])
    with pytest.raises(ShapeError, match=r"adaptive_avg_pool2d_dx: `x_shape` must fit `dy` \(1, 1, 4, 4\)"):
        adaptive_avg_pool2d_dx(x, (1, 2, 4, 4))
    with pytest.raises(LabelError, match=r"global_max_pool2d_dx: `index` must be from 0 to 15 .* got 16"):
        global_max_pool2d_dx(np.ones((1, 1)), np.array([[16]]), x.shape)
    with pytest.raises(LabelError, match=r"max_pool1d_dx: `index` must be from 0 to 3 .* got -1 at"):
        max_pool1d_dx(np.ones((1, 1, 1)), np.array([[[-1]]]), (1, 1, 4))
    with pytest.raises(OptionError, match=r"lp_pool2d: `p` must be at least 1 and finite .*, got 0.5"):
        lp_pool2d(x, 2, p=0.5)
    for images, gradient in [((1, 1, 0, 4), adaptive_avg_pool2d_dx), ((1, 1, 4, 0), global_avg_pool2d_dx)]:
        dy = np.ones((1, 1, 1, 1) if gradient is adaptive_avg_pool2d_dx else (1, 1))
        with pytest.raises(ShapeError, match=r"_dx: the images of `x_shape` must have at least one element"):
            gradient(dy, images)


def test_poolings_of_series_name_the_function_that_was_called():
    x, dy = np.ones((1, 1, 4)), np.ones((1, 1, 2))
    calls = {"max_pool1d": lambda *o: max_pool1d(x, *o), "avg_pool1d": lambda *o: avg_pool1d(x, *o)}
    calls |= {"avg_pool1d_dx": lambda *o: avg_pool1d_dx(dy, x.shape, *o)}
    for name, call in calls.items():
        with pytest.raises(OptionError, match=rf"^{name}: `stride` must be from 1 to 2\^31 - 1, got 0"):
            call(2, 0)
        with pytest.raises(DtypeError, match=rf"^{name}: `kernel` must be an integer"):
            call(2.5)
        with pytest.raises(ShapeError, match=rf"^{name}: `kernel` 9 is larger than the padded `x`"):
            call(9)
    with pytest.raises(ShapeError, match=r"^max_pool1d: `kernel` 9 is larger"):
        nn.MaxPool1d(9)(x)
    with pytest.raises(ShapeError, match=r"^pool1d: `kernel` 9 is larger"):
        pool1d_shape(x.shape, 9)
