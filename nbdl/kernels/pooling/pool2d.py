r"""What max and average pooling share: the windows over an image.

x (N, C, H, W), y (N, C, P, Q), windows of KH x KW elements. With ``span = (KH - 1) * dilation + 1``, P is
``(H + top + bottom - span) // stride + 1``; `ceil_mode` rounds up instead and drops a last window that would
start in the padding at the end (the rule of torch and ONNX). Q alike. Every window must hold an element of x.

Zhang et al., Dive into Deep Learning, section 7.5.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.door.options import pair, shape4, sides, too_large
from nbdl.kernels.door.window import LIMIT, check_window


@jit
def pool2d_shape(x_shape, kernel, stride=None, padding=0, dilation=1, ceil_mode=False):
    """Shape (N, C, P, Q) of a pooling's result; raises `ShapeError` or `OptionError` where arguments misfit.

    Call it once before a parallel loop over a pooling: Numba drops exceptions raised inside ``prange``.

    Examples
    --------
    >>> pool2d_shape((8, 6, 28, 28), 2)
    (8, 6, 14, 14)
    """
    if len(x_shape) != 4:
        raise ShapeError("pool2d: `x` (N, C, H, W) must have 4 dimensions, got {}", len(x_shape))
    x_shape = shape4("pool2d: the shape of `x`", x_shape)
    return _windows(x_shape, kernel, stride, padding, dilation, ceil_mode)[0]


@jit
def _windows(x_shape, kernel, stride, padding, dilation, ceil_mode):
    """The door of all poolings: the shape of the result, and the options as plain integers."""
    size = pair("pool2d: `kernel`", kernel)
    step = pair("pool2d: `stride`", kernel) if stride is None else pair("pool2d: `stride`", stride)
    pad = sides("pool2d: `padding`", padding)
    gap = pair("pool2d: `dilation`", dilation)
    return _pool2d_shape(x_shape, size, step, pad, gap, bool(ceil_mode)), size, step, pad, gap


@jit
def _pool2d_shape(x_shape, kernel, stride, padding, dilation, ceil_mode):
    if min(kernel) < 1:
        raise OptionError("pool2d: `kernel` must be at least 1, got {}", kernel)
    # Like the other options, so that a product of two fits an integer of 64 bits.
    if max(kernel) >= LIMIT:
        raise OptionError("pool2d: `kernel` must be below 2^31, got {}", kernel)
    check_window("pool2d", stride, padding, dilation)
    p = _count(x_shape[2], kernel[0], stride[0], padding[0], padding[1], dilation[0], ceil_mode)
    q = _count(x_shape[3], kernel[1], stride[1], padding[2], padding[3], dilation[1], ceil_mode)
    if p < 1 or q < 1:
        raise ShapeError("pool2d: `kernel` {} is larger than the padded `x` {}", kernel, x_shape)
    if too_large((x_shape[0], x_shape[1], p, q)):
        raise ShapeError(
            "pool2d: `padding` {} makes the result larger than an array can be, {} x {}", padding, p, q
        )
    if not (
        # A window without an element would have no maximum, and an average over 0 elements.
        _all_see(x_shape[2], kernel[0], stride[0], padding[0], dilation[0], p)
        and _all_see(x_shape[3], kernel[1], stride[1], padding[2], dilation[1], q)
    ):
        raise OptionError(
            "pool2d: `padding` must leave an element of `x` in every window, got {} for kernel {} on `x` {}",
            padding, kernel, x_shape,
        )  # fmt: skip
    return x_shape[0], x_shape[1], p, q


@jit
def _count(size, taps, stride, before, after, dilation, ceil_mode):
    """Number of windows along one axis."""
    room = size + before + after - (taps - 1) * dilation - 1
    count = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    # Rounding up may add a window that begins in the padding at the end: it sees nothing.
    if ceil_mode and (count - 1) * stride >= size + before:
        count -= 1
    return count


@jit
def _taps(start, taps, dilation, size):
    """The taps [first, last) of a window from `start` on that lie in [0, size)."""
    if 0 <= start and start + (taps - 1) * dilation < size:
        return 0, taps  # most windows: a division takes longer than all the rest
    # The first tap at or after 0 is the ceiling of -start / dilation.
    first = max(0, -(start // dilation))
    last = min(taps, (size - 1 - start) // dilation + 1)
    return first, last


@jit
def _all_see(size, taps, stride, before, dilation, count):
    """Whether each of the `count` windows along one axis holds an element in [0, size)."""
    for i in range(count):
        first, last = _taps(i * stride - before, taps, dilation, size)
        if first >= last:
            return False
    return True


@jit
def _spans(size, taps, stride, before, dilation, count):
    """(count, 2): the first element in [0, size) of each window along one axis, and how many lie there."""
    spans = np.empty((count, 2), np.int64)
    for i in range(count):
        first, last = _taps(i * stride - before, taps, dilation, size)
        spans[i, 0] = i * stride - before + first * dilation
        spans[i, 1] = last - first
    return spans


@jit
def _shared_taps(size, taps, stride, before, dilation, count):
    """(offset, taps): window j takes the elements ``offset + j * stride + v * dilation``, v below `taps`.

    Taps that lie in the padding for every window are left out, which `offset` accounts for.
    """
    first, _ = _taps((count - 1) * stride - before, taps, dilation, size)
    _, last = _taps(-before, taps, dilation, size)
    return first * dilation - before, last - first
