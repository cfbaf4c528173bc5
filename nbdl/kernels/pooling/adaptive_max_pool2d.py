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
from nbdl.kernels.door.arguments import as_float, as_grad, as_labels, as_out, pair, shape4
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.pooling.bins import _adaptive_shape, _bins, _check_elements
from nbdl.kernels.pooling.max_pool2d import _check_index, _check_places, _largest, _max_pool2d_dx
from nbdl.kernels.simd.registers import hmax, load, maximum, pointer, some, splat
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
    p, q = pointer(x), pointer(y)
    L = lanes(p)
    rows, columns, strip = _bins(H, P), _bins(W, Q), np.empty(W + L, x.dtype)
    for n in range(N * C):
        for i in range(P):
            start, row = (n * H + rows[i, 0]) * W, (n * P + i) * Q
            if Q == 1:  # a run of memory
                q[row] = _largest_of(p, start, rows[i, 1] * W, x.dtype.type(-np.inf))
                continue
            for c in range(0, W, L):
                store_rest(pointer(strip), c, _largest(p, start + c, rows[i, 1], W, W - c), W - c)
            for j in range(Q):
                best = strip[columns[j, 0]]
                for c in range(columns[j, 0] + 1, columns[j, 0] + columns[j, 1]):
                    value = strip[c]
                    if value > best or value != value:
                        best = value
                q[row + j] = best


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
    p, q, places = pointer(x), pointer(y), index.reshape(index.size)
    rows, columns, least = _bins(H, P), _bins(W, Q), x.dtype.type(-np.inf)
    for n in range(N * C):
        for i in range(P):
            for j in range(Q):
                best = q[(n * P + i) * Q + j]
                lines, run = (1, rows[i, 1] * W) if Q == 1 else (rows[i, 1], columns[j, 1])
                for r in range(rows[i, 0], rows[i, 0] + lines):
                    found = _first(p, (n * H + r) * W + columns[j, 0], run, best, least)
                    if found < run:
                        places[(n * P + i) * Q + j] = r * W + columns[j, 0] + found
                        break


@jit
def _first(p, i, n, best, least):
    """The first of ``p[i : i + n]`` that is `best` or NaN, counted from i; n if there is none.

    `least` stands behind the end; where it is the best, so is the first element.
    """
    L = lanes(p)
    for k in range(0, n, L):
        v = load_rest(p, i + k, n - k, least)
        if some((v == splat(best)) | (v != v)):
            for m in range(k, n):
                if p[i + m] == best or p[i + m] != p[i + m]:
                    return m
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
