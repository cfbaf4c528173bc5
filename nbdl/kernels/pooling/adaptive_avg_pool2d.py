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
from nbdl.kernels.door.views import flat
from nbdl.kernels.pooling.bins import (
    _adaptive_shape,
    _bins,
    _check_elements,
    deliver,
    runs_of_bins,
    side_by_side,
    strips_at_a_time,
)
from nbdl.kernels.simd.panels import round_up, transpose_blocks, zeros
from nbdl.kernels.simd.registers import load, load_part, pointer, splat, store, store_part
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.simd.transpose import transpose


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
    _check_elements("global_avg_pool2d", "the images of `x`", x.shape)
    y = as_out("global_avg_pool2d: `out`", out, (x.shape[0], x.shape[1]), x)
    _adaptive_avg_pool2d(x, y.reshape((x.shape[0], x.shape[1], 1, 1)))
    return y


@jit
def _adaptive_avg_pool2d(x, y):
    rows, columns = _bins(x.shape[2], y.shape[2]), _bins(x.shape[3], y.shape[3])
    if side_by_side(x.shape[2], x.shape[3], rows, y.shape[3], x):
        _averages_of_strips(x, rows, columns, y)
    else:
        _averages_of_runs(x, rows, columns, y)


@jit
def _averages_of_strips(x, rows, columns, y):
    """Of narrow bins: L planes at a time, so that they fill lanes with planes instead of columns."""
    (H, W), (N, C, P, Q) = x.shape[2:], y.shape
    L, many, B = lanes(pointer(x)), strips_at_a_time(W, P, x), round_up(P * Q, lanes(pointer(x)))
    wide = W if W <= L else round_up(W, L)  # of a strip
    strips, band = zeros((many * wide + 2 * L) * L, x), zeros((many * wide + L) * L, x)
    sums = zeros(B * L, x)
    p, q, t, b, s = pointer(x), pointer(y), pointer(strips), pointer(band), pointer(sums)
    top, left = pointer(flat(rows)), pointer(flat(columns))
    for n in range(0, N * C, L):
        count = min(L, N * C - n)
        for i0 in range(0, P, many):
            i1 = min(P, i0 + many)
            size = round_up((i1 - i0) * wide, L)
            for k in range(count):
                plane = (n + k) * H * W
                for c in range(0, W, L):
                    _add_rows(p + (plane + c), W, top, i0, i1, x.size - plane - c, t + (k * size + c), wide)
            transpose_blocks(t, size, b, L, L, size)
            for i in range(i0, i1):
                for j in range(Q):
                    first = ((i - i0) * wide + left[2 * j]) * L
                    total = load(b, first)
                    for c in range(1, left[2 * j + 1]):
                        total = total + load(b, first + c * L)
                    # One division of numbers for each bin; the lanes take a product.
                    store(s, (i * Q + j) * L, total * x.dtype.type(1.0 / (top[2 * i + 1] * left[2 * j + 1])))
        deliver(s, P * Q, q, n * P * Q, y.size, count)


@jit
def _add_rows(p, W, top, i0, i1, left, strips, wide):
    """Of L columns, the sum over the rows of each of the bins from `i0` on: a vector every `wide` elements.

    `left` elements exist from p on. What lies in the lanes behind the end of a row does not matter.
    """
    L = lanes(p)
    if (top[2 * i1 - 2] + top[2 * i1 - 1] - 1) * W + L <= left:
        for i in range(i0, i1):
            at = top[2 * i] * W
            total = load(p, at)
            for _ in range(1, top[2 * i + 1]):
                at += W
                total = total + load(p, at)
            store(strips, (i - i0) * wide, total)
    else:
        for i in range(i0, i1):
            at = top[2 * i] * W
            total = load_part(p, at, left - at)
            for _ in range(1, top[2 * i + 1]):
                at += W
                total = total + load_part(p, at, left - at)
            store(strips, (i - i0) * wide, total)


@jit
def _averages_of_runs(x, rows, columns, y):
    """Of wide bins: a vector of sums for each; then L of these vectors are added up across, at once."""
    W, L = x.shape[3], lanes(pointer(x))
    starts, lines, runs, sizes = runs_of_bins(W, rows, columns, x)
    sums, across, divisors = zeros(L * L, x), zeros(L * L, x), zeros(L, x)
    p, q, s, d = pointer(x), pointer(y), pointer(sums), pointer(divisors)
    of_start, of_lines, of_run, of_size = pointer(starts), pointer(lines), pointer(runs), pointer(sizes)
    divisors[:] = 1  # also of lanes without a bin
    plane, bins, i = np.int64(0), starts.size, 0
    for k in range(0, y.size, L):
        for lane in range(min(L, y.size - k)):
            at, run = plane + of_start[i], of_run[i]
            total = _total(p, at, run)
            for r in range(1, of_lines[i]):
                total = total + _total(p, at + r * W, run)
            store(s, lane * L, total)
            d[lane] = of_size[i]
            i += 1
            if i == bins:
                i, plane = 0, plane + x.shape[2] * W
        store_rest(q, k, _across(s, pointer(across)) / load(d, 0), y.size - k)


@jit
def _total(p, i, n):
    """The sum of ``p[i : i + n]`` as a vector, n > 0: of four, which do not wait for each other."""
    L = lanes(p)
    a = load_part(p, i, 0)
    b, c, d = a, a, a
    end = i + n - n % (4 * L)
    for k in range(i, end, 4 * L):
        a, b = a + load(p, k), b + load(p, k + L)
        c, d = c + load(p, k + 2 * L), d + load(p, k + 3 * L)
    rest = i + n - n % L
    for k in range(end, rest, L):
        a = a + load(p, k)
    if rest < i + n:
        b = b + load_part(p, rest, i + n - rest)
    return (a + b) + (c + d)


@jit
def _across(p, scratch):
    """The sums of the elements of each of L vectors, as a vector."""
    L = lanes(p)
    transpose(p, L, scratch, L)
    a, b = load(scratch, 0), load(scratch, L)
    for k in range(2, L, 2):
        a, b = a + load(scratch, k * L), b + load(scratch, (k + 1) * L)
    return a + b


@jit
def adaptive_avg_pool2d_dx(dy, x_shape, dx=None):
    """Adds to each element of `dx`, shape `x_shape` (zeros if not given), its share of `dy` (N, C, P, Q)."""
    dy = as_float("adaptive_avg_pool2d_dx: `dy` (N, C, P, Q)", dy, 4)
    x_shape = shape4("adaptive_avg_pool2d_dx: `x_shape` (N, C, H, W)", x_shape)
    _check_elements("adaptive_avg_pool2d_dx", "the images of `x_shape`", x_shape)
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
    _check_elements("global_avg_pool2d_dx", "the images of `x_shape`", x_shape)
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
    wide, B = round_up(W, L), round_up(P * Q, L)
    shares, side = zeros(B * L, dy), zeros(wide * L, dy)
    strips, line = zeros(L * P * wide, dy), zeros(wide, dy)  # their ends stay zeros
    bins_of = _bins_of_rows(rows, H)
    g, s, t = pointer(shares), pointer(side), pointer(strips)
    for n in range(0, N * C, L):
        count = min(L, N * C - n)
        # Whole blocks, unless they would reach behind the end of dy.
        whole = n * P * Q + (L - 1) * P * Q + B <= dy.size
        transpose_blocks(q + n * P * Q, P * Q, g, L, L if whole else count, B if whole else P * Q)
        for i in range(P):
            for c in range(W):
                store(s, c * L, zero)
            for j in range(Q):
                # Divided here, once for each bin, not where it is added to all of its elements.
                part = load(g, (i * Q + j) * L) / dy.dtype.type(rows[i, 1] * columns[j, 1])
                for c in range(columns[j, 0], columns[j, 0] + columns[j, 1]):
                    store(s, c * L, load(s, c * L) + part)
            transpose_blocks(s, L, t + i * wide, P * wide, wide, L)
        for k in range(count):
            at = (n + k) * H * W
            _spread(t + k * P * wide, wide, pointer(bins_of), H, W, p + at, dx.size - at, add, pointer(line))


@jit
def _bins_of_rows(rows, H):
    """(first, end), flat: the bins that hold each of H rows."""
    bins = np.empty(2 * H, np.int64)
    i0, i1 = 0, 0
    # Bins come in order: the first and the last that hold row r only move on, and need no search.
    for r in range(H):
        while rows[i0, 0] + rows[i0, 1] <= r:
            i0 += 1
        while i1 < rows.shape[0] and rows[i1, 0] <= r:
            i1 += 1
        bins[2 * r], bins[2 * r + 1] = i0, i1
    return bins


@jit
def _spread(strips, wide, bins, H, W, p, left, add, line):
    """Write (or add) to each row of a plane the sum of the strips of its bins; `left` elements are behind p.

    Whole vectors, whose ends are zeros: the next row, where they lie, is written later.
    """
    L = lanes(p)
    for r in range(H):
        i0, i1, row, rest = bins[2 * r], bins[2 * r + 1], p + r * W, left - r * W
        strip = strips + i0 * wide
        if i1 - i0 > 1:
            for c in range(0, wide, L):
                total = load(strip, c)
                for i in range(1, i1 - i0):
                    total = total + load(strip, i * wide + c)
                store(line, c, total)
            strip = line
        if rest < wide:
            for c in range(0, W, L):
                old = load_part(row, c, rest - c if add else 0)  # a new dx is not read
                store_part(row, c, old + load(strip, c), rest - c)
        elif add:
            for c in range(0, wide, L):
                store(row, c, load(row, c) + load(strip, c))
        else:
            for c in range(0, wide, L):
                store(row, c, load(strip, c))


adaptive_avg_pool2d_outputs = outputs(adaptive_avg_pool2d)
global_avg_pool2d_outputs = outputs(global_avg_pool2d)
