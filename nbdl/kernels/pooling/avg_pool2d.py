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
from nbdl.kernels.door.arguments import as_float, as_grad, as_out, shape4
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.pooling.pool2d import _reach, _spans, _strip, _taps, _windows
from nbdl.kernels.simd.registers import load, pointer
from nbdl.kernels.simd.shuffle import even, lanes, load_rest, store_rest


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
    """
    x = as_float("avg_pool2d: `x` (N, C, H, W)", x, 4)
    shape, size, step, pad, gap = _windows(x.shape, kernel, stride, padding, dilation, ceil_mode)
    y = as_out("avg_pool2d: `out`", out, shape, x)
    _avg_pool2d(x, size, step, pad, gap, bool(count_include_pad), y)
    return y


@jit
def _divisor(i, size, taps, stride, before, after, dilation, count_include_pad):
    """By how many elements along one axis window `i` divides."""
    if count_include_pad:
        size, before = size + before + after, 0
    first, last = _taps(i * stride - before, taps, dilation, size)
    return last - first


@jit
def _shares(size, taps, stride, before, after, dilation, count, count_include_pad, x):
    """`_divisor` of each window, in the dtype of `x`; a vector follows."""
    shares = np.empty(count + lanes(pointer(x)), x.dtype)
    for i in range(shares.size):
        window = min(i, count - 1)
        shares[i] = _divisor(window, size, taps, stride, before, after, dilation, count_include_pad)
    return shares


@jit
def _avg_pool2d(x, kernel, stride, padding, dilation, count_include_pad, y):
    H, W = x.shape[2:]
    N, C, P, Q = y.shape
    p, q = pointer(x), pointer(y)
    L = lanes(p)
    length, column, tap, taps = _strip(W, kernel[1], stride[1], padding[2], dilation[1], Q, L)
    group = max(1, 4096 // length)
    strips = np.zeros(group * length, x.dtype)
    spans = _spans(H, kernel[0], stride[0], padding[0], dilation[0], P)
    rows = _shares(H, kernel[0], stride[0], padding[0], padding[1], dilation[0], P, count_include_pad, x)
    columns = _shares(W, kernel[1], stride[1], padding[2], padding[3], dilation[1], Q, count_include_pad, x)
    for n in range(N * C):
        for i0 in range(0, P, group):
            i1 = min(P, i0 + group)
            for i in range(i0, i1):
                start, strip = (n * H + spans[i, 0]) * W, (i - i0) * length + column
                for c in range(0, W, L):
                    total = _sum(p, start + c, spans[i, 1], dilation[0] * W, W - c)
                    store_rest(pointer(strips), strip + c, total, W - c)
            for i in range(i0, i1):
                strip, row = (i - i0) * length + tap, (n * P + i) * Q
                if stride[1] <= 2:
                    for j in range(0, Q, L):
                        total = _sum(pointer(strips), strip + j * stride[1], taps, dilation[1], L)
                        if stride[1] == 2:
                            more = _sum(pointer(strips), strip + 2 * j + L, taps, dilation[1], L)
                            total = even(total, more)
                        store_rest(q, row + j, total / (load(pointer(columns), j) * rows[i]), Q - j)
                else:
                    for j in range(Q):
                        first = strip + j * stride[1]
                        y_j = strips[first]
                        for v in range(1, taps):
                            y_j += strips[first + v * dilation[1]]
                        q[row + j] = y_j / (columns[j] * rows[i])


@jit
def _sum(p, i, taps, step, n):
    """The sum of `taps` vectors from `p[i]` on, `step` apart, of which `n` lanes exist."""
    total = load_rest(p, i, n)
    if taps == 2:
        return total + load_rest(p, i + step, n)
    if taps == 3:
        return total + load_rest(p, i + step, n) + load_rest(p, i + 2 * step, n)
    for k in range(1, taps):
        total = total + load_rest(p, i + k * step, n)
    return total


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
    _avg_pool2d_dx(dy, size, step, pad, gap, bool(count_include_pad), dx)
    return dx


@jit
def _avg_pool2d_dx(dy, kernel, stride, padding, dilation, count_include_pad, dx):
    H, W = dx.shape[2:]
    N, C, P, Q = dy.shape
    p, q = pointer(dx), pointer(dy)
    L = lanes(p)
    o, taps = _reach(W, kernel[1], stride[1], padding[2], dilation[1], Q)
    first = max(0, o + (taps - 1) * dilation[1])  # in a strip, the place of what the first window hands out
    tap = first - o - (taps - 1) * dilation[1]
    length = max(first + (Q - 1) * stride[1], tap + W + (taps - 1) * dilation[1]) + L
    group = max(1, 4096 // length)
    strips = np.zeros(group * length, dy.dtype)  # between the windows of a wider stride stay zeros
    spans = _spans(H, kernel[0], stride[0], padding[0], dilation[0], P)
    rows = _shares(H, kernel[0], stride[0], padding[0], padding[1], dilation[0], P, count_include_pad, dy)
    columns = _shares(W, kernel[1], stride[1], padding[2], padding[3], dilation[1], Q, count_include_pad, dy)
    for n in range(N * C):
        for i0 in range(0, P, group):
            i1 = min(P, i0 + group)
            for i in range(i0, i1):
                strip, row = (i - i0) * length + first, (n * P + i) * Q
                for j in range(Q):
                    strips[strip + j * stride[1]] = q[row + j] / (columns[j] * rows[i])
            for i in range(i0, i1):
                start, strip = (n * H + spans[i, 0]) * W, (i - i0) * length + tap
                for c in range(0, W, L):
                    share = _sum(pointer(strips), strip + c, taps, dilation[1], L)
                    for u in range(spans[i, 1]):
                        at = start + u * dilation[0] * W + c
                        store_rest(p, at, load_rest(p, at, W - c) + share, W - c)


avg_pool2d_outputs = outputs(avg_pool2d)
