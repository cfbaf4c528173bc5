"""Convolutions of series, transposed and true ones, padding: against torch, scipy and NumPy; messages."""

import numpy as np
import pytest

from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels import (
    conv1d,
    conv1d_db,
    conv1d_dw,
    conv1d_dx,
    conv2d,
    conv2d_dx,
    conv_transpose2d,
    conv_transpose2d_db,
    conv_transpose2d_dw,
    conv_transpose2d_dx,
    conv_transpose2d_shape,
    convolve2d,
    fold2d,
    fold2d_dx,
    pad2d,
    pad2d_dx,
    unfold2d_dx,
)

RNG = np.random.default_rng(0)
ALLOWED = {"float64": 1e-12, "float32": 1e-4}


def close(got, want, dtype):
    want = np.asarray(want)
    assert got.shape == want.shape and got.dtype == dtype
    assert np.abs(got - want).max() <= ALLOWED[dtype] * np.abs(want).max()


def check(torch, theirs, dtype, forward, gradients, *arrays):
    """The result and the gradients of some arrays, in turn, held to what torch makes of the same call."""
    arrays = [np.asarray(a, dtype) for a in arrays]
    tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
    y = theirs(*tensors)
    dy = RNG.standard_normal(y.shape).astype(dtype)
    y.backward(torch.tensor(dy))
    close(forward(*arrays), y.detach(), dtype)
    for gradient, tensor in zip(gradients, tensors):
        close(gradient(dy, *arrays), tensor.grad, dtype)


@pytest.mark.parametrize("dtype", ALLOWED)
@pytest.mark.parametrize(
    ("channels", "out", "options"),
    [(3, 4, {}), (4, 6, {"stride": 2, "padding": 2, "dilation": 3, "groups": 2}), (20, 5, {"padding": 1})],
)
def test_conv1d_agrees_with_torch(channels, out, options, dtype):
    torch = pytest.importorskip("torch")
    x, w = (
        RNG.standard_normal((18, channels, 13)),
        RNG.standard_normal((out, channels // options.get("groups", 1), 3)),
    )
    check(
        torch, lambda *a: torch.nn.functional.conv1d(*a, **options), dtype,
        lambda *a: conv1d(*a, **options),
        (
            lambda dy, x, w, b: conv1d_dx(dy, w, x.shape, **options),
            lambda dy, x, w, b: conv1d_dw(dy, x, w.shape, **options),
            lambda dy, x, w, b: conv1d_db(dy),
        ),
        x, w, RNG.standard_normal(out),
    )  # fmt: skip


TRANSPOSED = {
    "usual": (3, 4, (3, 2), {}),
    "generator": (6, 5, (4, 4), {"stride": 2, "padding": 1}),
    "odd sizes back": (2, 3, (3, 3), {"stride": (3, 2), "padding": 1, "output_padding": (2, 1)}),
    "gaps": (3, 2, (2, 1), {"stride": (3, 4), "dilation": (4, 2)}),
    "groups": (4, 6, (3, 3), {"groups": 2, "stride": 2}),
    "depthwise": (5, 5, (3, 3), {"groups": 5, "dilation": 2}),
}


@pytest.mark.parametrize("dtype", ALLOWED)
@pytest.mark.parametrize("case", TRANSPOSED.values(), ids=TRANSPOSED)
def test_conv_transpose2d_agrees_with_torch(case, dtype):
    torch = pytest.importorskip("torch")
    channels, out, kernel, options = case
    x = RNG.standard_normal((18, channels, 5, 6))
    check(
        torch, lambda *a: torch.nn.functional.conv_transpose2d(*a, **options), dtype,
        lambda *a: conv_transpose2d(*a, **options),
        (
            lambda dy, x, w, b: conv_transpose2d_dx(dy, w, x.shape, **options),
            lambda dy, x, w, b: conv_transpose2d_dw(dy, x, w.shape, **options),
            lambda dy, x, w, b: conv_transpose2d_db(dy),
        ),
        x, RNG.standard_normal((channels, out // options.get("groups", 1), *kernel)),
        RNG.standard_normal(out),
    )  # fmt: skip


def test_a_transposed_convolution_is_the_gradient_of_a_convolution():
    x, w = RNG.standard_normal((2, 3, 4, 5)), RNG.standard_normal((3, 2, 3, 3))
    shape = conv_transpose2d_shape(x.shape, w.shape, 2, 1, output_padding=1)
    assert shape == (2, 2, 8, 10)
    np.testing.assert_array_equal(
        conv_transpose2d(x, w, stride=2, padding=1, output_padding=1), conv2d_dx(x, w, shape, 2, 1)
    )


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
def test_convolve2d_agrees_with_scipy(mode):
    signal = pytest.importorskip("scipy.signal")
    for sizes, kernel in (((7, 8), (3, 4)), ((6, 5), (4, 1)), ((5, 5), (5, 5)), ((2, 40), (1, 7))):
        x, w = RNG.standard_normal(sizes), RNG.standard_normal(kernel)
        np.testing.assert_allclose(convolve2d(x, w, mode), signal.convolve2d(x, w, mode), atol=1e-13)


def test_convolve2d_is_numpys_convolution_of_each_row():
    x, w = RNG.standard_normal((3, 9)), RNG.standard_normal((1, 4))
    for mode in ("full", "same", "valid"):
        want = [np.convolve(row, w[0], mode) for row in x]
        np.testing.assert_allclose(convolve2d(x, w, mode), want, atol=1e-13)


def test_a_convolution_flips_its_kernel_and_a_correlation_does_not_e10():
    """E-10: the layer that is called a convolution does not flip its kernel: a cross-correlation."""
    x, w = RNG.standard_normal((6, 7)), RNG.standard_normal((3, 2))
    flipped = np.ascontiguousarray(w[::-1, ::-1])
    np.testing.assert_allclose(
        convolve2d(x, w, "valid"), conv2d(x[None, None], flipped[None, None])[0, 0], atol=1e-14
    )
    np.testing.assert_allclose(convolve2d(x, w), convolve2d(w, x), atol=1e-13)  # they change places
    spot = np.zeros((5, 4))
    spot[2, 1] = 1.0  # where a single one stands a convolution draws its kernel, as it is
    np.testing.assert_array_equal(convolve2d(spot, w)[2:5, 1:3], w)


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge"])
def test_pad2d_agrees_with_torch(mode):
    torch = pytest.importorskip("torch")
    name = {"edge": "replicate"}.get(mode, mode)
    for top, bottom, left, right in ((1, 2, 3, 0), (0, 0, 4, 4), (3, 3, 0, 1)):
        check(
            torch, lambda t, s=(left, right, top, bottom): torch.nn.functional.pad(t, s, name), "float64",
            lambda x, s=(top, bottom, left, right): pad2d(x, s, mode),
            [lambda dy, x, s=(top, bottom, left, right): pad2d_dx(dy, x.shape, s, mode)],
            RNG.standard_normal((2, 3, 4, 5)),
        )  # fmt: skip


def test_messages_say_argument_rule_and_value():
    x, w = np.ones((1, 4, 3, 3)), np.ones((4, 2, 3, 3))
    with pytest.raises(
        OptionError, match=r"`output_padding` must be .* below `stride` \(2, 2\), got \(0, 2\)"
    ):
        conv_transpose2d(x, w, stride=2, output_padding=(0, 2))
    with pytest.raises(OptionError, match=r"conv_transpose2d: `groups` must divide .* \(4\), got 3"):
        conv_transpose2d(x, w, groups=3)
    with pytest.raises(OptionError, match=r"`padding` \(3, 3, 3, 3\) must leave something of the result"):
        conv_transpose2d(x, w, padding=3)
    with pytest.raises(ShapeError, match=r"conv_transpose2d: `w` must have 4 rows, .* got 3"):
        conv_transpose2d(x, w[:3])
    with pytest.raises(
        OptionError, match=r"conv1d: `padding` must be from 0 .*, got \(0, -1\) \(left, right\)"
    ):
        conv1d(x[:, :, 0], w[:, :, 0], padding=(0, -1), groups=2)
    with pytest.raises(
        OptionError, match=r"pad2d: `padding` that reflects must be below .*, 3 x 3, got \(3, 0"
    ):
        pad2d(x, (3, 0, 0, 0), "reflect")
    with pytest.raises(OptionError, match="pad2d: `mode` must be one of constant, reflect, edge, got `wrap`"):
        pad2d(x, 1, "wrap")
    with pytest.raises(ShapeError, match=r"in mode `valid` `w` \(4, 1\) must not be larger than `x`"):
        convolve2d(x, np.ones((4, 1)), "valid")
    with pytest.raises(DtypeError, match="fold2d: `kernel` must be an integer or"):
        fold2d(x[0], 3, (2, 2, 2))
    with pytest.raises(DtypeError, match="fold2d_dx: `stride` must be an integer or"):
        fold2d_dx(x, 2, stride=1.5)
    with pytest.raises(DtypeError, match="unfold2d_dx: `padding` must be an integer or"):
        unfold2d_dx(x[0], (1, 1, 3, 3), 2, padding="same")
    with pytest.raises(ShapeError, match=r"`x` must have 4 columns, .* over images 3 x 3 \(`size`\), got"):
        fold2d(np.ones((1, 4, 3)), 3, 2)
