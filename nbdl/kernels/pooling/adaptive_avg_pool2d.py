r"""Average pooling into a given number of bins; into one: global average pooling.

.. math:: y_{ncij} = \frac{1}{|R_i| |K_j|} \sum_{r \in R_i} \sum_{k \in K_j} x_{ncrk}

x (N, C, H, W), y (N, C, P, Q), R and K the bins of rows and columns of `bins.py`. Global pooling drops the
axes of size 1: y (N, C). Lin et al. 2013, Network In Network, section 3.2; He et al. 2014, Spatial Pyramid
Pooling in Deep Convolutional Networks.

The same as a loop::

    def plain_adaptive_avg_pool2d(x, size):
        (N, C, H, W), (P, Q) = x.shape, size
        y = np.empty((N, C, P, Q))
        for n, c, i, j in np.ndindex(N, C, P, Q):
            rows, columns = slice(i * H // P, -(-(i + 1) * H // P)), slice(j * W // Q, -(-(j + 1) * W // Q))
            y[n, c, i, j] = np.mean(x[n, c, rows, columns])
        return y

The rows of a bin are added up first, then its columns.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.door.inputs import as_float
from nbdl.kernels.door.options import pair, shape4
from nbdl.kernels.door.results import as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.pooling.bins import (
    _adaptive_shape,
    _bins,
    _check_elements,
    side_by_side,
    strips_at_a_time,
)
from nbdl.kernels.simd.panels import transpose_blocks, zeros
from nbdl.kernels.simd.registers import hsum, load, pointer, splat, store
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest


@jit
def adaptive_avg_pool2d(x, size, out=None):
    """The average of each of the bins that images are divided into.

    Parameters
    ----------
    x : (N, C, H, W) float array
    size : int or pair
        (P, Q), how many rows and columns the result has; at least 1.
    out : (N, C, P, Q) array, optional
        Where the result goes; must not overlap `x`.

    Returns
    -------
    (N, C, P, Q) array of the dtype of `x`.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        Not inside ``prange``, where Numba drops exceptions: call `adaptive_pool2d_shape` before the loop.
    """
    x = as_float("adaptive_avg_pool2d: `x` (N, C, H, W)", x, 4)
    shape = _adaptive_shape("adaptive_avg_pool2d", x.shape, pair("adaptive_avg_pool2d: `size`", size))
    y = as_out("adaptive_avg_pool2d: `out`", out, shape, x)
    _adaptive_avg_pool2d(x, y)
    return y


@jit
def global_avg_pool2d(x, out=None):
    """The average of each image of `x` (N, C, H, W), as an array (N, C) of its dtype.

    Raises `ShapeError` or `DtypeError`, but not inside ``prange``, where Numba drops exceptions: call it once
    before the loop.
    """
    x = as_float("global_avg_pool2d: `x` (N, C, H, W)", x, 4)
    _check_elements("global_avg_pool2d", x.shape)
    y = as_out("global_avg_pool2d: `out`", out, (x.shape[0], x.shape[1]), x)
    _adaptive_avg_pool2d(x, y.reshape((x.shape[0], x.shape[1], 1, 1)))
    return y


@jit
def _adaptive_avg_pool2d(x, y):
    H, W = x.shape[2:]
    N, C, P, Q = y.shape
    p, q, rows, columns = pointer(x), pointer(y), _bins(H, P), _bins(W, Q)
    if not side_by_side(H, W, rows, Q, x):
        for n in range(N * C):
            for i in range(P):
                for j in range(Q):
                    at, size = (n * H + rows[i, 0]) * W + columns[j, 0], rows[i, 1] * columns[j, 1]
                    # With one bin across, the rows of a bin are one run of memory.
                    lines, run = (np.int64(1), size) if Q == 1 else (rows[i, 1], columns[j, 1])
                    total = _total(p, at, run)
                    for r in range(1, lines):
                        total += _total(p, at + r * W, run)
                    q[(n * P + i) * Q + j] = total / x.dtype.type(size)
        return
    L, many = lanes(p), strips_at_a_time(W, P, x)
    strips, band, sums = zeros(many * W * L, x), zeros(many * W * L, x), zeros(P * Q * L, x)
    t, b, s = pointer(strips), pointer(band), pointer(sums)
    # L planes at a time, so that narrow bins fill lanes with planes instead of columns.
    for n in range(0, N * C, L):
        count = min(L, N * C - n)
        for i0 in range(0, P, many):
            i1 = min(P, i0 + many)
            size = (i1 - i0) * W
            for k in range(count):
                for i in range(i0, i1):
                    start, to = ((n + k) * H + rows[i, 0]) * W, k * size + (i - i0) * W
                    for c in range(0, W, L):
                        store_rest(t, to + c, load_rest(p, start + c, W - c), W - c)
                    for r in range(1, rows[i, 1]):
                        for c in range(0, W, L):
                            total = load_rest(t, to + c, W - c) + load_rest(p, start + r * W + c, W - c)
                            store_rest(t, to + c, total, W - c)
            transpose_blocks(t, size, b, L, count, size)
            for i in range(i0, i1):
                for j in range(Q):
                    first = ((i - i0) * W + columns[j, 0]) * L
                    total = load(b, first)
                    for c in range(1, columns[j, 1]):
                        total = total + load(b, first + c * L)
                    # One division of numbers for each bin; the lanes take a product.
                    store(s, (i * Q + j) * L, total * x.dtype.type(1.0 / (rows[i, 1] * columns[j, 1])))
        transpose_blocks(s, L, q + n * P * Q, P * Q, P * Q, count)


@jit
def _total(p, i, n):
    """The sum of ``p[i : i + n]``, n > 0: of four vectors, which do not wait for each other."""
    L = lanes(p)
    a = load_rest(p, i, 0)
    b, c, d = a, a, a
    end = i + n - n % (4 * L)
    for k in range(i, end, 4 * L):
        a, b = a + load(p, k), b + load(p, k + L)
        c, d = c + load(p, k + 2 * L), d + load(p, k + 3 * L)
    for k in range(end, i + n, L):
        a = a + load_rest(p, k, i + n - k)
    return hsum((a + b) + (c + d))


@jit
def adaptive_avg_pool2d_dx(dy, x_shape, dx=None):
    """Adds to each element of `dx`, shape `x_shape` (zeros if not given), its share of `dy` (N, C, P, Q)."""
    dy = as_float("adaptive_avg_pool2d_dx: `dy` (N, C, P, Q)", dy, 4)
    x_shape = shape4("adaptive_avg_pool2d_dx: `x_shape` (N, C, H, W)", x_shape)
    _check_elements("adaptive_avg_pool2d_dx", x_shape)
    if dy.shape[0] != x_shape[0] or dy.shape[1] != x_shape[1] or dy.shape[2] < 1 or dy.shape[3] < 1:
        raise ShapeError(
            "adaptive_avg_pool2d_dx: `x_shape` must fit `dy` {} in N and C, got {}", dy.shape, x_shape
        )
    dx, add = as_grad_or_new("adaptive_avg_pool2d_dx: `dx`", dx, x_shape, dy)
    _adaptive_avg_pool2d_dx(dy, add, dx)
    return dx


@jit
def global_avg_pool2d_dx(dy, x_shape, dx=None):
    """Adds ``dy / (H W)`` to each element of `dx`, shape `x_shape` (zeros if not given); `dy` is (N, C)."""
    dy = as_float("global_avg_pool2d_dx: `dy` (N, C)", dy, 2)
    x_shape = shape4("global_avg_pool2d_dx: `x_shape` (N, C, H, W)", x_shape)
    _check_elements("global_avg_pool2d_dx", x_shape)
    if dy.shape[0] != x_shape[0] or dy.shape[1] != x_shape[1]:
        raise ShapeError(
            "global_avg_pool2d_dx: `x_shape` must fit `dy` {} in N and C, got {}", dy.shape, x_shape
        )
    dx, add = as_grad_or_new("global_avg_pool2d_dx: `dx`", dx, x_shape, dy)
    _adaptive_avg_pool2d_dx(dy.reshape((dy.shape[0], dy.shape[1], 1, 1)), add, dx)
    return dx


@jit
def _adaptive_avg_pool2d_dx(dy, add, dx):
    """What the bins of a row of bins add to a row of a plane is made once for all its rows, a *strip*."""
    H, W = dx.shape[2:]
    N, C, P, Q = dy.shape
    p, q, rows, columns = pointer(dx), pointer(dy), _bins(H, P), _bins(W, Q)
    L, zero = lanes(p), splat(dy.dtype.type(0))
    # Global pooling: one number for a whole plane, which needs no strips.
    if P * Q == 1:
        for n in range(N * C):
            share, at = splat(q[n] / dy.dtype.type(H * W)), p + n * H * W
            for c in range(0, H * W, L):
                old = load_rest(at, c, H * W - c) if add else zero
                store_rest(at, c, old + share, H * W - c)
        return
    shares, side = zeros(P * Q * L, dy), zeros(W * L, dy)
    strips = zeros(L * P * W, dy)
    g, s, t = pointer(shares), pointer(side), pointer(strips)
    for n in range(0, N * C, L):
        count = min(L, N * C - n)
        transpose_blocks(q + n * P * Q, P * Q, g, L, count, P * Q)
        for i in range(P):
            for c in range(W):
                store(s, c * L, zero)
            for j in range(Q):
                # Divided here, once for each bin, not where it is added to all of its elements.
                part = load(g, (i * Q + j) * L) / dy.dtype.type(rows[i, 1] * columns[j, 1])
                for c in range(columns[j, 0], columns[j, 0] + columns[j, 1]):
                    store(s, c * L, load(s, c * L) + part)
            transpose_blocks(s, L, t + i * W, P * W, W, count)
        for k in range(count):
            # Bins come in order: the first and the last that hold row r only move on, and need no search.
            plane, strip, i0, i1 = p + (n + k) * H * W, t + k * P * W, 0, 0
            for r in range(H):
                while rows[i0, 0] + rows[i0, 1] <= r:
                    i0 += 1
                while i1 < P and rows[i1, 0] <= r:
                    i1 += 1
                for c in range(0, W, L):
                    at, left = r * W + c, W - c
                    total = load_rest(strip, i0 * W + c, left)
                    for i in range(i0 + 1, i1):
                        total = total + load_rest(strip, i * W + c, left)
                    # A new dx is not read: it holds any values.
                    store_rest(plane, at, (load_rest(plane, at, left) if add else zero) + total, left)


adaptive_avg_pool2d_outputs = outputs(adaptive_avg_pool2d)
global_avg_pool2d_outputs = outputs(global_avg_pool2d)
