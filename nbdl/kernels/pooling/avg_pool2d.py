r"""Average pooling of images.

.. math:: y_{ncij} = \frac{1}{K} \sum_{uv} x_{n,\,c,\,i s_h + u d_h - p_t,\,j s_w + v d_w - p_l}

x (N, C, H, W), y (N, C, P, Q); the windows are those of `pool2d.py`. K counts the elements of x in the
window, with `count_include_pad` those of the padding too, but never what reaches beyond the padding.
Zhang et al., Dive into Deep Learning, section 7.5.

The same as a loop, for `x` that needs no padding::

    def plain_avg_pool2d(x, kernel, stride, dilation):
        (N, C, H, W), (KH, KW), (sh, sw), (dh, dw) = x.shape, kernel, stride, dilation
        P, Q = (H - (KH - 1) * dh - 1) // sh + 1, (W - (KW - 1) * dw - 1) // sw + 1
        y = np.empty((N, C, P, Q))
        for n, c, i, j in np.ndindex(N, C, P, Q):
            window = [x[n, c, i * sh + u * dh, j * sw + v * dw] for u, v in np.ndindex(KH, KW)]
            y[n, c, i, j] = sum(window) / (KH * KW)
        return y
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.door.inputs import as_float
from nbdl.kernels.door.options import shape4
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.pooling.pool2d import _shared_taps, _spans, _taps, _windows
from nbdl.kernels.pooling.pool_rows import STRIPS, combine_each, pool_rows
from nbdl.kernels.simd.registers import load, pointer
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest


@jit
def avg_pool2d(
    x, kernel, stride=None, padding=0, dilation=1, ceil_mode=False, count_include_pad=True, out=None
):
    """The average of each window.

    Parameters
    ----------
    x, kernel, stride, padding, dilation, ceil_mode, out
        As in `max_pool2d`.
    count_include_pad : bool
        Whether padding counts, as zeros: True as in torch; ONNX has False.

    Returns
    -------
    (N, C, P, Q) array of the dtype of `x`. A sum of K elements has an error of at most K eps sum abs(x).

    Raises
    ------
    ShapeError, DtypeError, OptionError
        Not inside ``prange``, where Numba drops exceptions: call `pool2d_shape` before the loop.

    Examples
    --------
    >>> avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    x = as_float("avg_pool2d: `x` (N, C, H, W)", x, 4)
    shape, size, step, pad, gap = _windows(x.shape, kernel, stride, padding, dilation, ceil_mode)
    y = as_out("avg_pool2d: `out`", out, shape, x)
    _avg_pool2d(x, size, step, pad, gap, np.int64(count_include_pad), y)
    return y


@jit
def _divisor(i, size, taps, stride, before, after, dilation, count_include_pad):
    """By how many elements along one axis window `i` divides."""
    # Padding counts as elements of a larger image; what reaches beyond it never does.
    if count_include_pad:
        size, before = size + before + after, 0
    first, last = _taps(i * stride - before, taps, dilation, size)
    return last - first


@jit
def _divisors(size, taps, stride, before, after, dilation, count, count_include_pad, x):
    """`_divisor` of each window, in the dtype of `x`; whole vectors can be read from each."""
    divisors = np.empty(count + lanes(pointer(x)), x.dtype)
    for i in range(count):
        divisors[i] = _divisor(i, size, taps, stride, before, after, dilation, count_include_pad)
    # Beyond the end the last divisor again, so that no lane divides by 0.
    for i in range(count, divisors.size):
        divisors[i] = divisors[count - 1]
    return divisors


@jit
def _avg_pool2d(x, kernel, stride, padding, dilation, count_include_pad, y):
    (H, W), (P, Q) = x.shape[2:], y.shape[2:]
    rows = _divisors(H, kernel[0], stride[0], padding[0], padding[1], dilation[0], P, count_include_pad, x)
    columns = _divisors(W, kernel[1], stride[1], padding[2], padding[3], dilation[1], Q, count_include_pad, x)
    pool_rows(_sum, _divide, _average_one, rows, columns, 0.0, x, kernel, stride, padding, dilation, y)


@jit
def _sum(p, i, taps, step, n):
    return combine_each(_plus, p, i, taps, step, n)


@jit(inline=True)
def _plus(a, b):
    return a + b


@jit(inline=True)
def _divide(total, rows, columns, i, j):
    return total / (load(pointer(columns), j) * rows[i])


@jit(inline=True)
def _average_one(strips, first, taps, step, rows, columns, i, j):
    # Rows are summed in the strip already: what is left are its columns.
    total = strips[first]
    for v in range(1, taps):
        total += strips[first + v * step]
    return total / (columns[j] * rows[i])


@jit
def avg_pool2d_dx(
    dy, x_shape, kernel, stride=None, padding=0, dilation=1, ceil_mode=False, count_include_pad=True, dx=None
):
    """Adds to each element of `dx`, shape `x_shape` (zeros if not given), its share of `dy` (N, C, P, Q)."""
    dy = as_float("avg_pool2d_dx: `dy` (N, C, P, Q)", dy, 4)
    x_shape = shape4("avg_pool2d_dx: `x_shape` (N, C, H, W)", x_shape)
    shape, size, step, pad, gap = _windows(x_shape, kernel, stride, padding, dilation, ceil_mode)
    if dy.shape != shape:
        raise ShapeError("avg_pool2d_dx: `dy` must have the shape {} of the result, got {}", shape, dy.shape)
    dx = as_grad("avg_pool2d_dx: `dx`", dx, x_shape, dy)
    _avg_pool2d_dx(dy, size, step, pad, gap, np.int64(count_include_pad), dx)
    return dx


@jit
def _avg_pool2d_dx(dy, kernel, stride, padding, dilation, count_include_pad, dx):
    """The walk of `pool_rows` in reverse: quotients are spread over a strip, then summed for all columns."""
    H, W = dx.shape[2:]
    N, C, P, Q = dy.shape
    p, q = pointer(dx), pointer(dy)
    L = lanes(p)
    offset, taps = _shared_taps(W, kernel[1], stride[1], padding[2], dilation[1], Q)
    first = max(0, offset + (taps - 1) * dilation[1])  # where a strip has the quotient of window 0
    column = first - offset - (taps - 1) * dilation[1]  # where the taps of element 0 of a row of x begin
    length = max(first + (Q - 1) * stride[1], column + W + (taps - 1) * dilation[1]) + L
    group = max(1, min(P, STRIPS // length))
    strips = np.zeros(group * length, dy.dtype)  # between the windows of a wider stride stay zeros
    spans = _spans(H, kernel[0], stride[0], padding[0], dilation[0], P)
    rows = _divisors(H, kernel[0], stride[0], padding[0], padding[1], dilation[0], P, count_include_pad, dy)
    columns = _divisors(
        W, kernel[1], stride[1], padding[2], padding[3], dilation[1], Q, count_include_pad, dy
    )
    for n in range(N * C):
        for i0 in range(0, P, group):
            i1 = min(P, i0 + group)
            for i in range(i0, i1):
                strip, row = (i - i0) * length + first, (n * P + i) * Q
                for j in range(Q):
                    # Divided here, once for each window, not where it is added to all of its elements.
                    strips[strip + j * stride[1]] = q[row + j] / (columns[j] * rows[i])
            for i in range(i0, i1):
                start, strip = (n * H + spans[i, 0]) * W, (i - i0) * length + column
                for c in range(0, W, L):
                    total = _sum(pointer(strips), strip + c, taps, dilation[1], L)
                    for u in range(spans[i, 1]):
                        place = start + u * dilation[0] * W + c
                        store_rest(p, place, load_rest(p, place, W - c) + total, W - c)


avg_pool2d_outputs = outputs(avg_pool2d)
