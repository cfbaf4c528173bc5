"""A user's own compiled function calls our kernels: serial, in parallel, and with bad arguments."""

import contextlib

import numba
import numpy as np
import pytest

from nbdl.errors import LabelError, OptionError, ShapeError
from nbdl.kernels import (
    check_labels,
    conv2d,
    conv2d_shape,
    max_pool2d,
    pool2d_shape,
    softmax_cross_entropy,
    softmax_cross_entropy_each,
)

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="the JIT is off")

RNG = np.random.default_rng(0)
X, W, B = RNG.standard_normal((4, 2, 8, 8)), RNG.standard_normal((3, 2, 3, 3)), RNG.standard_normal(3)
LABELS = np.array([0, 26, 13, 5])
NARROW = W[:, :1].copy()  # does not fit X


@numba.njit
def classify(x, w, b, labels):
    """The loss of a small net: convolution, pooling, and the 27 numbers left as logits."""
    y = max_pool2d(conv2d(x, w, b), 2)
    return softmax_cross_entropy(y.reshape((y.shape[0], 27)), labels)


@numba.njit(parallel=True)
def classify_each(x, w, b, labels, losses):
    for n in numba.prange(x.shape[0]):
        losses[n] = classify(x[n : n + 1], w, b, labels[n : n + 1])


@numba.njit(parallel=True)
def classify_each_checked(x, w, b, labels, losses):
    pool2d_shape(conv2d_shape(x.shape, w.shape), 2)
    check_labels(labels, 27)
    for n in numba.prange(x.shape[0]):
        losses[n] = classify(x[n : n + 1], w, b, labels[n : n + 1])


def from_python():
    logits = max_pool2d(conv2d(X, W, B), 2).reshape(4, 27)
    return softmax_cross_entropy(logits, LABELS), softmax_cross_entropy_each(logits, LABELS)


def test_serial_equals_the_calls_from_python():
    assert classify(X, W, B, LABELS) == from_python()[0]


@pytest.mark.parametrize("loop", [classify_each, classify_each_checked])
def test_parallel_equals_the_calls_from_python(loop):
    losses = np.full(4, np.nan)
    loop(X, W, B, LABELS, losses)
    np.testing.assert_array_equal(losses, from_python()[1])


def test_serial_raises():
    with pytest.raises(ShapeError, match=r"conv2d: `w` must have 2 input channels .* got 1"):
        classify(X, NARROW, B, LABELS)
    with pytest.raises(LabelError, match=r"`labels` must be from 0 to 26 .* got 27 at position 1"):
        classify(X, W, B, LABELS + 1)


def test_checks_raise_before_the_parallel_loop():
    losses = np.full(4, np.nan)
    with pytest.raises(ShapeError, match="conv2d: `w` must have 2 input channels"):
        classify_each_checked(X, NARROW, B, LABELS, losses)
    with pytest.raises(ShapeError, match=r"pool2d: `kernel` .* is larger than the padded `x`"):
        classify_each_checked(X[:, :, :3].copy(), W, B, LABELS, losses)
    with pytest.raises(LabelError, match="got 27 at position 1"):
        classify_each_checked(X, W, B, LABELS + 1, losses)
    assert np.isnan(losses).all()


def test_inside_prange_errors_get_lost():
    """Why the checks exist: what Numba makes of an error depends on the thread that runs the iteration.

    On any other thread than the caller's it is dropped without a word; on the caller's it becomes a
    SystemError. Nothing is written in either case.
    """
    losses = np.full(4, np.nan)
    with contextlib.suppress(SystemError):
        classify_each(X, NARROW, B, LABELS, losses)
    assert np.isnan(losses).all()


@numba.njit
def checks(x_shape, w_shape, stride):
    return pool2d_shape(conv2d_shape(x_shape, w_shape, stride), 2)


def test_checks_return_the_shape():
    assert checks(X.shape, W.shape, 1) == (4, 3, 3, 3)
    with pytest.raises(OptionError, match="`stride`"):
        checks(X.shape, W.shape, 0)
