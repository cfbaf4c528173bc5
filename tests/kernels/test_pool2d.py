"""Pooling: the examples of Dive into Deep Learning, torch over all options, padding and indices."""

import itertools

import numpy as np
import pytest

from nbdl.errors import DtypeError, LabelError, OptionError, ShapeError
from nbdl.kernels import avg_pool2d, avg_pool2d_dx, max_pool2d, max_pool2d_argmax, max_pool2d_dx, pool2d_shape

OPTIONS = [
    (kernel, stride, padding, dilation, ceil_mode)
    for kernel, stride, padding, dilation, ceil_mode in itertools.product(
        [(2, 3), (3, 3)], [(1, 1), (2, 2), (2, 3)], [(0, 0), (1, 1)], [(1, 1), (1, 2)], [False, True]
    )
]


def test_2x2_example():
    x = np.arange(9.0).reshape(1, 1, 3, 3)
    np.testing.assert_array_equal(max_pool2d(x, 2, 1)[0, 0], [[4, 5], [7, 8]])
    np.testing.assert_array_equal(avg_pool2d(x, 2, 1)[0, 0], [[2, 3], [5, 6]])


def test_padding_and_stride_examples():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    x = np.concatenate([x, x + 1], axis=1)
    np.testing.assert_array_equal(max_pool2d(x, 3)[0], [[[10]], [[11]]])
    want = np.array([[5, 7], [13, 15]])
    np.testing.assert_array_equal(max_pool2d(x, 3, stride=2, padding=1)[0], [want, want + 1])
    np.testing.assert_array_equal(max_pool2d(x, (2, 3), stride=(2, 3), padding=(0, 1))[0], [want, want + 1])


@pytest.mark.parametrize("size", [(5, 6), (7, 6)])
def test_max_agrees_with_torch(size):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    for options in OPTIONS:
        x = rng.standard_normal((2, 3, *size))
        t = torch.tensor(x, requires_grad=True)
        y, index = torch.nn.functional.max_pool2d(t, *options, return_indices=True)
        dy = rng.standard_normal(y.shape)
        y.backward(torch.tensor(dy))
        got, where = max_pool2d_argmax(x, *options)
        np.testing.assert_array_equal(got, y.detach())
        np.testing.assert_array_equal(where, index)
        np.testing.assert_array_equal(max_pool2d(x, *options), got)
        np.testing.assert_allclose(max_pool2d_dx(dy, where, x.shape), t.grad, atol=1e-14)


@pytest.mark.parametrize("count_include_pad", [True, False])
def test_average_agrees_with_torch(count_include_pad):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    for kernel, stride, padding, dilation, ceil_mode in OPTIONS:
        if dilation == (1, 1):  # torch has no other
            x = rng.standard_normal((2, 3, 7, 6))
            t = torch.tensor(x, requires_grad=True)
            y = torch.nn.functional.avg_pool2d(t, kernel, stride, padding, ceil_mode, count_include_pad)
            dy = rng.standard_normal(y.shape)
            y.backward(torch.tensor(dy))
            options = kernel, stride, padding, dilation, ceil_mode, count_include_pad
            np.testing.assert_allclose(avg_pool2d(x, *options), y.detach(), atol=1e-14)
            np.testing.assert_allclose(avg_pool2d_dx(dy, x.shape, *options), t.grad, atol=1e-14)


def test_padding_counts_unless_told_otherwise():
    x = np.full((1, 1, 2, 2), 4.0)
    np.testing.assert_array_equal(avg_pool2d(x, 2, 2, 1)[0, 0], [[1, 1], [1, 1]])
    np.testing.assert_array_equal(avg_pool2d(x, 2, 2, 1, count_include_pad=False)[0, 0], [[4, 4], [4, 4]])


def test_what_reaches_beyond_the_padding_never_counts():
    x = np.full((1, 1, 1, 3), 6.0)  # windows of columns [0, 1] and [2, beyond]
    np.testing.assert_array_equal(avg_pool2d(x, (1, 2), 2, ceil_mode=True)[0, 0], [[6, 6]])


def test_padding_never_wins_and_the_first_maximum_does():
    y, index = max_pool2d_argmax(np.full((1, 1, 2, 2), -5.0), 3, 1, 1)
    np.testing.assert_array_equal(y, np.full((1, 1, 2, 2), -5.0))
    np.testing.assert_array_equal(index, np.zeros((1, 1, 2, 2)))
    y, index = max_pool2d_argmax(np.full((1, 1, 2, 2), -np.inf), 2)
    assert y[0, 0, 0, 0] == -np.inf and index[0, 0, 0, 0] == 0


def test_nan_propagates_from_its_first_place():
    x = np.array([[1.0, np.nan], [np.nan, 9.0]])[None, None]
    y, index = max_pool2d_argmax(x, 2)
    assert np.isnan(y[0, 0, 0, 0]) and index[0, 0, 0, 0] == 1


def test_indices_are_checked_before_the_first_write():
    dy, dx = np.ones((1, 1, 1, 2)), np.zeros((1, 1, 2, 4))
    for bad in (8, -1):
        with pytest.raises(LabelError, match=rf"`index` must be from 0 to 7 .* got {bad} at flat position 1"):
            max_pool2d_dx(dy, np.array([0, bad]).reshape(1, 1, 1, 2), dx.shape, dx)
    assert not dx.any()


def test_shape_check():
    assert pool2d_shape((2, 3, 7, 8), 2) == (2, 3, 3, 4)
    assert pool2d_shape((2, 3, 7, 8), (3, 2), stride=1, padding=(0, 1, 1, 0)) == (2, 3, 6, 8)
    assert pool2d_shape((1, 1, 4, 4), 3, 2, ceil_mode=True) == (1, 1, 2, 2)
    assert pool2d_shape((1, 1, 2, 2), 1, 2, ceil_mode=True) == (1, 1, 1, 1)  # not one that starts at the end


def test_messages_say_argument_rule_and_value():
    x = np.ones((1, 1, 4, 4))
    with pytest.raises(ShapeError, match=r"`kernel` \(5, 5\) is larger than the padded `x` \(1, 1, 4, 4\)"):
        max_pool2d(x, 5)
    with pytest.raises(OptionError, match=r"`stride` must be at least 1, got \(0, 0\)"):
        avg_pool2d(x, 2, 0)
    with pytest.raises(OptionError, match="`padding` must leave an element of `x` in every window"):
        max_pool2d(x, 2, 2, 2)
    with pytest.raises(
        ShapeError, match=r"avg_pool2d_dx: `dy` must have the shape \(1, 1, 2, 2\) of the result"
    ):
        avg_pool2d_dx(x, x.shape, 2)
    with pytest.raises(ShapeError, match=r"max_pool2d_dx: `x_shape` must fit `dy` \(1, 1, 4, 4\) in N and C"):
        max_pool2d_dx(x, np.zeros(x.shape, int), (2, 1, 4, 4))


def test_options_that_would_overflow():
    x = np.ones((1, 1, 3, 3))
    with pytest.raises(OptionError, match=r"pool2d: `dilation` must be below 2\^31"):
        max_pool2d(x, 5, 1, 0, 2**62)
    with pytest.raises(OptionError, match=r"pool2d: `kernel` must be below 2\^31"):
        avg_pool2d(x, 2**33, 2**33, 2**33 - 2)
    with pytest.raises(OptionError, match=r"pool2d: `kernel` must be from -2\^63 to 2\^63 - 1"):
        avg_pool2d(x, np.uint64(2**63))
    with pytest.raises(ShapeError, match="makes the result larger than an array can be"):
        avg_pool2d(x, 2**31 - 1, 1, 2**31 - 2)
    share = 9 / (2**31 - 1) ** 2
    np.testing.assert_allclose(avg_pool2d(x, 2**31 - 1, 1, 2**30 - 2)[0, 0], share, rtol=1e-15)


@pytest.mark.filterwarnings("ignore::numba.core.errors.NumbaPendingDeprecationWarning")
@pytest.mark.parametrize(
    "shape, error", [([1, 1, 4, 4], DtypeError), (4.0, DtypeError), ((1, 4, 4), ShapeError)]
)
def test_shapes_of_gradients_are_checked(shape, error):
    dy = np.ones((1, 1, 2, 2))
    with pytest.raises(error, match="max_pool2d_dx: `x_shape`"):
        max_pool2d_dx(dy, np.zeros(dy.shape, int), shape)
    with pytest.raises(error, match="avg_pool2d_dx: `x_shape`"):
        avg_pool2d_dx(dy, shape, 2)


def test_wide_images_in_groups_of_rows():
    """More columns than a vector and more rows than are taken at a time, against the plain windows."""
    x = np.random.default_rng(2).standard_normal((1, 2, 150, 70)).astype("float32")
    for kernel, stride in ((2, 2), (3, 1), (3, 2), (3, 3), (4, 4)):
        windows = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), (2, 3))[
            :, :, ::stride, ::stride
        ]
        np.testing.assert_array_equal(max_pool2d(x, kernel, stride), windows.max((4, 5)))
        np.testing.assert_allclose(avg_pool2d(x, kernel, stride), windows.mean((4, 5)), atol=1e-6)
        dy = np.ones(windows.shape[:4], "float32")
        got = avg_pool2d_dx(dy, x.shape, kernel, stride)
        assert got.sum(dtype="float64") == pytest.approx(dy.size, rel=1e-6)


@pytest.mark.parametrize("kernel, stride", [(2, 2), (3, 1), (3, 2), (5, 3)])
def test_a_nan_at_any_place_of_a_window_propagates(kernel, stride):
    for place in range(kernel * kernel):
        x = np.zeros((1, 1, kernel, kernel + 40), "float32")
        x[0, 0, place // kernel, place % kernel] = np.nan
        assert np.isnan(max_pool2d(x, kernel, stride)[0, 0, 0, 0])
