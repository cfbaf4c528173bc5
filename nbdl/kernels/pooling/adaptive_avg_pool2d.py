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

Bins that are all alike are the windows of `avg_pool2d`. Bins of one column are runs of memory, and summed as
such. Of others the rows are added up first, neighbouring columns side by side, then the columns.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.door.inputs import as_float
from nbdl.kernels.door.options import pair, shape4
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.pooling.avg_pool2d import _avg_pool2d, _avg_pool2d_dx, _sum
from nbdl.kernels.pooling.bins import _adaptive_shape, _bins, _check_elements, _tiles
from nbdl.kernels.simd.registers import hsum, load, pointer, splat
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
    p, q = pointer(x), pointer(y)
    L, tile = lanes(p), _tiles(H, W, P, Q)
    if Q > 1 and tile[0] > 0:
        zero, one = np.int64(0), np.int64(1)
        _avg_pool2d(x, tile, tile, (zero, zero, zero, zero), (one, one), one, y)
        return
    rows, columns, shares = _bins(H, P), _bins(W, Q), np.empty(Q, x.dtype)
    for j in range(Q):
        shares[j] = 1.0 / columns[j, 1]
    group = max(1, 4096 // W)
    strips = np.empty(group * W + L, x.dtype)
    for n in range(N * C):
        if Q == 1:
            for i in range(P):
                size = rows[i, 1] * W
                q[n * P + i] = _total(p, (n * H + rows[i, 0]) * W, size) / x.dtype.type(size)
            continue
        for i0 in range(0, P, group):  # strips are filled before the first is read: nothing waits for it
            i1 = min(P, i0 + group)
            for i in range(i0, i1):
                start, strip = (n * H + rows[i, 0]) * W, (i - i0) * W
                for c in range(0, W, L):
                    total = _sum(p, start + c, rows[i, 1], W, W - c)
                    store_rest(pointer(strips), strip + c, total, W - c)
            for i in range(i0, i1):
                row, share = (n * P + i) * Q, x.dtype.type(1.0 / rows[i, 1])
                for j in range(Q):
                    first = (i - i0) * W + columns[j, 0]
                    mean = strips[first]
                    for c in range(first + 1, first + columns[j, 1]):
                        mean += strips[c]
                    q[row + j] = mean * (share * shares[j])


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
    dx = as_grad("adaptive_avg_pool2d_dx: `dx`", dx, x_shape, dy)
    _adaptive_avg_pool2d_dx(dy, dx)
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
    dx = as_grad("global_avg_pool2d_dx: `dx`", dx, x_shape, dy)
    _adaptive_avg_pool2d_dx(dy.reshape((dy.shape[0], dy.shape[1], 1, 1)), dx)
    return dx


@jit
def _adaptive_avg_pool2d_dx(dy, dx):
    H, W = dx.shape[2:]
    N, C, P, Q = dy.shape
    p, q = pointer(dx), pointer(dy)
    L, tile = lanes(p), _tiles(H, W, P, Q)
    if Q > 1 and tile[0] > 0:
        zero, one = np.int64(0), np.int64(1)
        _avg_pool2d_dx(dy, tile, tile, (zero, zero, zero, zero), (one, one), one, dx)
        return
    rows, columns, strip = _bins(H, P), _bins(W, Q), np.empty(W + L, dy.dtype)
    for n in range(N * C):
        for i in range(P):
            start, row = (n * H + rows[i, 0]) * W, (n * P + i) * Q
            if Q == 1:
                share, size = splat(q[row] / dy.dtype.type(rows[i, 1] * W)), rows[i, 1] * W
                for c in range(0, size, L):
                    store_rest(p, start + c, load_rest(p, start + c, size - c) + share, size - c)
                continue
            for c in range(W):
                strip[c] = 0.0
            for j in range(Q):
                part = q[row + j] / dy.dtype.type(rows[i, 1] * columns[j, 1])
                for c in range(columns[j, 0], columns[j, 0] + columns[j, 1]):
                    strip[c] += part
            for r in range(rows[i, 1]):
                for c in range(0, W, L):
                    at = start + r * W + c
                    share = load_rest(pointer(strip), c, W - c)
                    store_rest(p, at, load_rest(p, at, W - c) + share, W - c)


adaptive_avg_pool2d_outputs = outputs(adaptive_avg_pool2d)
global_avg_pool2d_outputs = outputs(global_avg_pool2d)
