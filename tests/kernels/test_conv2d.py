"""Convolution: the examples of Dive into Deep Learning, torch, and what its messages say."""

import numpy as np
import pytest

from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels import conv2d, conv2d_backward, conv2d_dw, conv2d_dx, conv2d_shape
from nbdl.kernels.convolution import conv2d_truth


def image(*rows):
    return np.array(rows, float)[None, None]


def test_cross_correlation_example():
    x, w = np.arange(9.0).reshape(1, 1, 3, 3), np.arange(4.0).reshape(1, 1, 2, 2)
    np.testing.assert_array_equal(conv2d(x, w)[0, 0], [[19, 25], [37, 43]])


def test_edge_detection_example():
    x = np.ones((1, 1, 6, 8))
    x[..., 2:6] = 0
    w = image([1.0, -1.0])
    np.testing.assert_array_equal(conv2d(x, w)[0, 0], [[0, 1, 0, 0, 0, -1, 0]] * 6)
    np.testing.assert_array_equal(conv2d(x.swapaxes(2, 3), w), np.zeros((1, 1, 8, 5)))


def test_channels_example():
    x = np.stack([np.arange(9.0).reshape(3, 3), np.arange(1.0, 10).reshape(3, 3)])[None]
    w = np.stack([np.arange(4.0).reshape(2, 2), np.arange(1.0, 5).reshape(2, 2)])
    y = conv2d(x, np.stack([w, w + 1, w + 2]))[0]
    np.testing.assert_array_equal(
        y, [[[56, 72], [104, 120]], [[76, 100], [148, 172]], [[96, 128], [192, 224]]]
    )


@pytest.mark.parametrize(
    "kernel, padding, stride, shape",
    [
        ((3, 3), 1, 1, (8, 8)),
        ((5, 3), (2, 1), 1, (8, 8)),
        ((3, 3), 1, 2, (4, 4)),
        ((3, 5), (0, 1), (3, 4), (2, 2)),
    ],
)
def test_padding_and_stride_examples(kernel, padding, stride, shape):
    assert conv2d_shape((1, 1, 8, 8), (1, 1, *kernel), stride, padding) == (1, 1, *shape)


def test_1x1_is_a_product_for_each_pixel():
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 3, 4, 5)), rng.standard_normal((6, 3, 1, 1))
    np.testing.assert_allclose(conv2d(x, w), np.einsum("nchw,oc->nohw", x, w[:, :, 0, 0]), atol=1e-13)


def test_a_shift_of_the_input_shifts_the_result():
    rng = np.random.default_rng(1)
    x, w = np.zeros((1, 1, 10, 10)), rng.standard_normal((1, 1, 3, 3))
    x[..., 2:7, 2:7] = rng.standard_normal((5, 5))
    shifted = conv2d(np.roll(x, (1, 2), (2, 3)), w)
    np.testing.assert_array_equal(shifted[..., 1:, 2:], conv2d(x, w)[..., :-1, :-2])


@pytest.mark.parametrize(
    "options",
    [
        {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1},
        {"stride": (2, 3), "padding": (2, 1), "dilation": (1, 2), "groups": 1},
        {"stride": (1, 2), "padding": (1, 0), "dilation": (2, 1), "groups": 2},
        {"stride": (2, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 4},
    ],
)
def test_agrees_with_torch(options):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(2)
    x, w, b = (
        rng.standard_normal((2, 4, 9, 8)),
        rng.standard_normal((8, 4 // options["groups"], 3, 2)),
        np.ones(8),
    )
    tx, tw, tb = (torch.tensor(a, requires_grad=True) for a in (x, w, b))
    y = torch.nn.functional.conv2d(tx, tw, tb, **options)
    dy = rng.standard_normal(y.shape)
    y.backward(torch.tensor(dy))
    np.testing.assert_allclose(conv2d(x, w, b, **options), y.detach(), atol=1e-12)
    for got, want in zip(conv2d_backward(dy, x, w, **options), (tx, tw, tb)):
        np.testing.assert_allclose(got, want.grad, atol=1e-12)


def test_sizes_and_options_at_random():
    """Against the plain-NumPy truth; gradients are those of the truth, which is linear in x and in w."""
    rng = np.random.default_rng(3)
    for _ in range(12):
        groups, stride, dilation, padding = (
            int(rng.integers(1, 4)), tuple(rng.integers(1, 4, 2)), tuple(rng.integers(1, 4, 2)),
            tuple(rng.integers(0, 4, 4)),
        )  # fmt: skip
        taps, channels, more = rng.integers(1, 5, 2), rng.integers(1, 8, 2), rng.integers(0, 14, 2)
        size = [
            max(1, (k - 1) * d + 1 - before - after) + m
            for k, d, before, after, m in zip(taps, dilation, padding[::2], padding[1::2], more)
        ]
        x = rng.standard_normal((2, groups * channels[0], *size))
        w = rng.standard_normal((groups * channels[1], channels[0], *taps))
        options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        y = conv2d_truth.conv2d(x, w, **options)
        np.testing.assert_allclose(conv2d(x, w, **options), y, atol=1e-12)
        dy, u, v = (rng.standard_normal(a.shape) for a in (y, x, w))
        dx, dw, _ = conv2d_backward(dy, x, w, **options)
        np.testing.assert_allclose(
            (dx * u).sum(), (dy * conv2d_truth.conv2d(u, w, **options)).sum(), rtol=1e-9
        )
        np.testing.assert_allclose(
            (dw * v).sum(), (dy * conv2d_truth.conv2d(x, v, **options)).sum(), rtol=1e-9
        )


@pytest.mark.parametrize("groups, padding, dilation", [(1, (2, 1, 0, 3), 1), (3, 1, (2, 1))])
def test_samples_as_lanes_agree_with_samples_one_by_one(groups, padding, dilation):
    rng, options = np.random.default_rng(5), {"padding": padding, "dilation": dilation, "groups": groups}
    x, w, b = (rng.standard_normal(s) for s in ((19, 6, 9, 7), (9, 6 // groups, 3, 2), (9,)))
    y = conv2d(x, w, b, **options)
    each = [conv2d(x[n : n + 1], w, b, **options) for n in range(19)]
    np.testing.assert_allclose(y, np.concatenate(each), atol=1e-12)
    dy = rng.standard_normal(y.shape)
    got = conv2d_backward(dy, x, w, **options, dx=np.ones_like(x), dw=np.ones_like(w))[:2]
    each = [conv2d_backward(dy[n : n + 1], x[n : n + 1], w, **options)[:2] for n in range(19)]
    np.testing.assert_allclose(got[0], 1 + np.concatenate([dx for dx, _ in each]), atol=1e-12)
    np.testing.assert_allclose(got[1], 1 + sum(dw for _, dw in each), atol=1e-11)


@pytest.mark.parametrize("N", [2, 17])
@pytest.mark.parametrize("size", [(2, 4), (4, 4), (4, 8), (6, 8), (5, 16), (16, 5)])
def test_results_fill_their_arrays_and_nothing_else(N, size):
    """Sizes of whole vectors, where the sums are written without scratch; beside them other memory."""
    rng, x_shape, y_shape = np.random.default_rng(6), (N, 4, *size), (N, 8, *size)
    x, w, dy = (rng.standard_normal(s) for s in (x_shape, (8, 4, 1, 1), y_shape))
    room, dx_room = np.full(dy.size + 64, 7.0), np.full(x.size + 64, 7.0)
    y, dx = room[32:-32].reshape(y_shape), dx_room[32:-32].reshape(x_shape)
    conv2d(x, w, out=y)
    conv2d_dx(dy, w, x_shape, dx=dx)
    np.testing.assert_allclose(y, np.einsum("nchw,oc->nohw", x, w[:, :, 0, 0]), atol=1e-12)
    np.testing.assert_allclose(dx, 7 + np.einsum("nohw,oc->nchw", dy, w[:, :, 0, 0]), atol=1e-12)
    for a in (room, dx_room):
        assert (a[:32] == 7).all() and (a[-32:] == 7).all()


def test_taps_that_lie_far_apart_need_no_room_between_them():
    x, w, dy = np.full((1, 1, 1, 1), 2.0), np.arange(1.0, 10).reshape(1, 1, 3, 3), np.full((1, 1, 1, 1), 3.0)
    options = {"padding": 2**20, "dilation": 2**20}
    np.testing.assert_array_equal(conv2d(x, w, **options), [[[[10]]]])
    dx, dw, _ = conv2d_backward(dy, x, w, **options)
    np.testing.assert_array_equal(dx, [[[[15]]]])
    np.testing.assert_array_equal(dw[0, 0], [[0, 0, 0], [0, 6, 0], [0, 0, 0]])


def test_messages_say_argument_rule_and_value():
    x, w = np.ones((1, 3, 8, 8)), np.ones((2, 3, 3, 3))
    with pytest.raises(OptionError, match=r"conv2d: `stride` must be at least 1, got \(0, 0\)"):
        conv2d(x, w, stride=0)
    with pytest.raises(ShapeError, match=r"conv2d: `w` must have 3 input channels .* got 2"):
        conv2d(x, w[:, :2].copy())
    with pytest.raises(ShapeError, match=r"conv2d: the kernel of `w` .* is larger than the padded `x`"):
        conv2d(x[:, :, :2].copy(), w)
    with pytest.raises(ShapeError, match="conv2d_dw: `dy` must have shape"):
        conv2d_dw(np.ones((1, 2, 5, 5)), x, w.shape)


def test_options_that_would_overflow():
    x, w, none = np.ones((1, 1, 1, 1)), np.ones((1, 1, 3, 3)), np.empty((0, 1, 1, 1))
    with pytest.raises(OptionError, match=r"conv2d: `padding` must be below 2\^31"):
        conv2d(x, none, None, 1, (2**31, 2**31 - 1, 2**31, 2**31 - 1))
    with pytest.raises(ShapeError, match="makes the result larger than an array can be"):
        conv2d(x, none, None, 1, 2**31 - 1)
    assert conv2d(x, none, None, 1, 2**20).shape == (1, 0, 2**21 + 1, 2**21 + 1)
    wide = np.empty((0, 1, 2**20, 2**20))
    with pytest.raises(ShapeError, match="the patches of `x` are more than an array can hold"):
        conv2d_shape(x.shape, wide.shape, 1, 2**20)
    for f in (conv2d_dx, conv2d_dw):
        with pytest.raises(OptionError, match=r"conv2d: `dilation` must be below 2\^31"):
            f(x, w, (1, 1, 3, 3), dilation=2**63 - 1)
        with pytest.raises(OptionError, match=r"conv2d: `stride` must be below 2\^31"):
            f(x, w, (1, 1, 3, 3), 2**31)
    empty = np.empty((1, 0, 2**21 + 1, 2**21 + 1))
    np.testing.assert_array_equal(conv2d_dx(empty, none, x.shape, 1, 2**20), [[[[0]]]])
    assert conv2d_dw(empty, x, none.shape, 1, 2**20).shape == none.shape


def test_groups_are_an_integer():
    with pytest.raises(DtypeError, match="conv2d: `groups` must be an integer, got"):
        conv2d(np.ones((1, 2, 3, 3)), np.ones((2, 1, 3, 3)), groups=1.7)


@pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaPendingDeprecationWarning")
@pytest.mark.parametrize(
    "shape, error, message",
    [
        ([1, 1, 3, 3], DtypeError, "must (be a tuple|not be a list).*"),
        (3.0, DtypeError, "must be a tuple of 4 integers"),
        ((1, 3, 3), ShapeError, "must have 4 sizes, got 3"),
        ((1, 1, -3, 3), ShapeError, "must not have a negative size"),
        ((1, 1, 2**31, 2**31), ShapeError, "has more elements than an array can hold"),
    ],
)
def test_shapes_of_gradients_are_checked(shape, error, message):
    dy, a = np.ones((1, 1, 1, 1)), np.ones((1, 1, 3, 3))
    with pytest.raises(error, match=f"conv2d_dx: `x_shape` {message}"):
        conv2d_dx(dy, a, shape)
    with pytest.raises(error, match=f"conv2d_dw: `w_shape` {message}"):
        conv2d_dw(dy, a, shape)


@pytest.mark.parametrize("groups, stride", [(1, 1), (2, 1), (1, 2)])
def test_one_image_of_few_pixels_and_many_weights(groups, stride):
    """The last layers of a net: no row of weights is packed; a minibatch of two takes the other way."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 64 * groups, 4, 3)).astype(np.float32)
    w = rng.standard_normal((30 * groups, 64, 3, 3)).astype(np.float32)
    b = rng.standard_normal(30 * groups).astype(np.float32)
    options = {"padding": 1, "stride": stride, "groups": groups}
    np.testing.assert_allclose(conv2d(x[1:], w, b, **options), conv2d(x, w, b, **options)[1:], atol=2e-4)
    w[3, 5, 1, 1] = np.inf  # in the sums of one row alone
    y = conv2d(x[1:], w, b, **options)
    assert not np.isfinite(y[0, 3]).any()
    assert np.isfinite(np.delete(y, 3, axis=1)).all()
