r"""Max pooling into a given number of bins; into one: global max pooling.

.. math:: y_{ncij} = \max_{r \in R_i,\; k \in K_j} x_{ncrk}

x (N, C, H, W), y (N, C, P, Q), R and K the bins of rows and columns of `bins.py`. Global pooling drops the
axes of size 1: y (N, C). The gradient goes to the first element that has the maximum. Zhang et al., Dive into
Deep Learning, section 7.5.

The same as a loop::

    def plain_adaptive_max_pool2d(x, size):
        (N, C, H, W), (P, Q) = x.shape, size
        y = np.empty((N, C, P, Q))
        for n, c, i, j in np.ndindex(N, C, P, Q):
            rows, columns = slice(i * H // P, -(-(i + 1) * H // P)), slice(j * W // Q, -(-(j + 1) * W // Q))
            y[n, c, i, j] = np.max(x[n, c, rows, columns])
        return y
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.inputs import as_float, as_labels
from nbdl.kernels.door.options import pair, shape4
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.pooling.bins import _adaptive_shape, _bins, _check_elements, _tiles
from nbdl.kernels.pooling.max_pool2d import (
    _check_index,
    _check_places,
    _first_places,
    _largest,
    _max_pool2d,
    _max_pool2d_dx,
)
from nbdl.kernels.simd.registers import hmax, load, maximum, pointer, some, splat, where
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest


@jit
def adaptive_max_pool2d(x, size, out=None):
    """The largest element of each of the bins that images are divided into; a bin with NaN gives NaN.

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
    x = as_float("adaptive_max_pool2d: `x` (N, C, H, W)", x, 4)
    shape = _adaptive_shape("adaptive_max_pool2d", x.shape, pair("adaptive_max_pool2d: `size`", size))
    y = as_out("adaptive_max_pool2d: `out`", out, shape, x)
    _adaptive_max_pool2d(x, y)
    return y


@jit
def adaptive_max_pool2d_argmax(x, size, out=None):
    """`adaptive_max_pool2d` of `x` (N, C, H, W), and where each maximum was; arguments and errors as there.

    Returns
    -------
    y : (N, C, P, Q) array of the dtype of `x`
    index : (N, C, P, Q) int64 array
        Positions in the (H, W) planes, counted row by row. The first of equal maxima wins, the first NaN
        before all.
    """
    x = as_float("adaptive_max_pool2d: `x` (N, C, H, W)", x, 4)
    shape = _adaptive_shape("adaptive_max_pool2d", x.shape, pair("adaptive_max_pool2d: `size`", size))
    y = as_out("adaptive_max_pool2d: `out`", out, shape, x)
    index = np.empty(shape, np.int64)
    _adaptive_max_pool2d(x, y)
    _places(x, y, index)
    return y, index


@jit
def global_max_pool2d(x, out=None):
    """The largest element of each image of `x` (N, C, H, W), as an array (N, C); one with NaN gives NaN.

    Raises `ShapeError` or `DtypeError`, but not inside ``prange``, where Numba drops exceptions: call it once
    before the loop.
    """
    x = as_float("global_max_pool2d: `x` (N, C, H, W)", x, 4)
    _check_elements("global_max_pool2d", x.shape)
    y = as_out("global_max_pool2d: `out`", out, (x.shape[0], x.shape[1]), x)
    _adaptive_max_pool2d(x, y.reshape((x.shape[0], x.shape[1], 1, 1)))
    return y


@jit
def global_max_pool2d_argmax(x, out=None):
    """`global_max_pool2d` of `x` (N, C, H, W), and where each maximum was: (y, index), both (N, C).

    `index` is int64, as that of `adaptive_max_pool2d_argmax`; errors are those of `global_max_pool2d`.
    """
    x = as_float("global_max_pool2d: `x` (N, C, H, W)", x, 4)
    _check_elements("global_max_pool2d", x.shape)
    shape = x.shape[0], x.shape[1]
    y = as_out("global_max_pool2d: `out`", out, shape, x)
    index, bins = np.empty(shape, np.int64), (shape[0], shape[1], 1, 1)
    _adaptive_max_pool2d(x, y.reshape(bins))
    _places(x, y.reshape(bins), index.reshape(bins))
    return y, index


@jit
def _adaptive_max_pool2d(x, y):
    H, W = x.shape[2:]
    N, C, P, Q = y.shape
    p, q, least = pointer(x), pointer(y), x.dtype.type(-np.inf)
    L, tile = lanes(p), _tiles(H, W, P, Q)
    if Q > 1 and tile[0] > 0:
        _max_pool2d(x, tile, tile, *_side_by_side(), y)
        return
    group = max(1, 4096 // W)
    rows, columns, strips = _bins(H, P), _bins(W, Q), np.empty(group * W + L, x.dtype)
    for n in range(N * C):
        if Q == 1:
            for i in range(P):
                q[n * P + i] = _largest_of(p, (n * H + rows[i, 0]) * W, rows[i, 1] * W, least)
            continue
        for i0 in range(0, P, group):  # strips are filled before the first is read: nothing waits for it
            i1 = min(P, i0 + group)
            for i in range(i0, i1):
                start, strip = (n * H + rows[i, 0]) * W, (i - i0) * W
                for c in range(0, W, L):
                    best = _largest(p, start + c, rows[i, 1], W, W - c)
                    store_rest(pointer(strips), strip + c, best, W - c)
            for i in range(i0, i1):
                for j in range(Q):
                    first = (i - i0) * W + columns[j, 0]
                    most = strips[first]
                    for c in range(first + 1, first + columns[j, 1]):
                        value = strips[c]
                        if value > most or value != value:
                            most = value
                    q[(n * P + i) * Q + j] = most


@jit
def _side_by_side():
    """Padding and dilation of windows that are bins."""
    zero, one = np.int64(0), np.int64(1)
    return (zero, zero, zero, zero), (one, one)


@jit
def _largest_of(p, i, n, least):
    """The largest of ``p[i : i + n]``, n > 0: of four vectors, which do not wait for each other."""
    L = lanes(p)
    a = splat(least)
    b, c, d = a, a, a
    end = i + n - n % (4 * L)
    for k in range(i, end, 4 * L):
        a, b = maximum(a, load(p, k)), maximum(b, load(p, k + L))
        c, d = maximum(c, load(p, k + 2 * L)), maximum(d, load(p, k + 3 * L))
    for k in range(end, i + n, L):
        a = maximum(a, load_rest(p, k, i + n - k, least))
    return hmax(maximum(maximum(a, b), maximum(c, d)))


@jit
def _places(x, y, index):
    """Where each maximum `y` is first."""
    H, W = x.shape[2:]
    N, C, P, Q = y.shape
    p, q, places, tile = pointer(x), pointer(y), index.reshape(index.size), _tiles(H, W, P, Q)
    if Q > 1 and tile[0] > 0:
        _first_places(x, tile, tile, *_side_by_side(), y, index)
        return
    L, rows, columns = lanes(p), _bins(H, P), _bins(W, Q)
    behind = np.empty(L, x.dtype)
    for k in range(L):
        behind[k] = -k
    for n in range(N * C):
        for i in range(P):
            for j in range(Q):
                best, at = q[(n * P + i) * Q + j], rows[i, 0] * W + columns[j, 0]
                lines, run = (np.int64(1), rows[i, 1] * W) if Q == 1 else (rows[i, 1], columns[j, 1])
                for r in range(lines):
                    found = _first(p, n * H * W + at + r * W, run, best, x.dtype.type(-np.inf), behind)
                    if found < run:
                        places[(n * P + i) * Q + j] = at + r * W + found
                        break


@jit
def _first(p, i, n, best, least, behind):
    """The first of ``p[i : i + n]`` that is `best` or NaN, counted from i; n if there is none.

    `least` stands behind the end; where it is the best, so is the first element. `behind` is 0, -1, -2 ...
    """
    L = lanes(p)
    for k in range(0, n, L):
        v = load_rest(p, i + k, n - k, least)
        found = (v == best) | (v != v)
        if some(found):
            return k - np.int64(hmax(where(found, load(pointer(behind), 0), least)))
    return n


@jit
def adaptive_max_pool2d_dx(dy, index, x_shape, dx=None):
    """Adds each element of `dy` to the element of `dx` that was the maximum; `dx` has shape `x_shape`.

    `dy` and `index` are (N, C, P, Q), `index` as from `adaptive_max_pool2d_argmax`. `dx` is new (zeros) if
    not given. Raises `LabelError` if an index is not in [0, H W), before anything is written.
    """
    dy = as_float("adaptive_max_pool2d_dx: `dy` (N, C, P, Q)", dy, 4)
    index = as_labels("adaptive_max_pool2d_dx: `index` (N, C, P, Q)", index, 4)
    x_shape = shape4("adaptive_max_pool2d_dx: `x_shape` (N, C, H, W)", x_shape)
    _check_index("adaptive_max_pool2d_dx", dy.shape, index.shape, x_shape)
    dx = as_grad("adaptive_max_pool2d_dx: `dx`", dx, x_shape, dy)
    plane, count = x_shape[2] * x_shape[3], dy.shape[2] * dy.shape[3]
    places = index.reshape(index.size)
    _check_places("adaptive_max_pool2d_dx", places, plane)
    _max_pool2d_dx(dy.reshape(dy.size), places, plane, count, dx.reshape(dx.size))
    return dx


@jit
def global_max_pool2d_dx(dy, index, x_shape, dx=None):
    """Adds each element of `dy` to the element of `dx` that was the maximum; `dx` has shape `x_shape`.

    `dy` and `index` are (N, C), `index` as from `global_max_pool2d_argmax`. `dx` is new (zeros) if not given.
    Raises `LabelError` if an index is not in [0, H W), before anything is written.
    """
    dy = as_float("global_max_pool2d_dx: `dy` (N, C)", dy, 2)
    index = as_labels("global_max_pool2d_dx: `index` (N, C)", index, 2)
    x_shape = shape4("global_max_pool2d_dx: `x_shape` (N, C, H, W)", x_shape)
    _check_index("global_max_pool2d_dx", dy.shape, index.shape, x_shape)
    dx = as_grad("global_max_pool2d_dx: `dx`", dx, x_shape, dy)
    plane, places = x_shape[2] * x_shape[3], index.reshape(index.size)
    _check_places("global_max_pool2d_dx", places, plane)
    _max_pool2d_dx(dy.reshape(dy.size), places, plane, np.int64(1), dx.reshape(dx.size))
    return dx


adaptive_max_pool2d_outputs = outputs(adaptive_max_pool2d_argmax, np.int64)
global_max_pool2d_outputs = outputs(global_max_pool2d_argmax, np.int64)
