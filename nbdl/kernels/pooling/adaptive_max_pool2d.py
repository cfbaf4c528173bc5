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
from nbdl.kernels.door.results import as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.pooling.bins import (
    _adaptive_shape,
    _bins,
    _check_elements,
    side_by_side,
    strips_at_a_time,
)
from nbdl.kernels.pooling.max_pool2d import _check_index, _check_places, _max_pool2d_dx
from nbdl.kernels.simd.panels import transpose_blocks, zeros
from nbdl.kernels.simd.registers import hmax, load, maximum, pointer, some, splat, store, where
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest

SHORT = 8  # vectors: so few are walked through once for the maximum and its place


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
    _adaptive_max_pool2d(x, y, np.empty(0, np.int64))
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
    _adaptive_max_pool2d(x, y, flat(index))
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
    _adaptive_max_pool2d(x, y.reshape((x.shape[0], x.shape[1], 1, 1)), np.empty(0, np.int64))
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
    index = np.empty(shape, np.int64)
    _adaptive_max_pool2d(x, y.reshape((shape[0], shape[1], 1, 1)), flat(index))
    return y, index


@jit
def _adaptive_max_pool2d(x, y, places):
    """Fill `y` and, if it has elements, `places`."""
    H, W = x.shape[2:]
    N, C, P, Q = y.shape
    rows, columns = _bins(H, P), _bins(W, Q)
    if not side_by_side(H, W, rows, Q, x):
        _one_by_one(x, y, places)
        return
    p, q, L, many = pointer(x), pointer(y), lanes(pointer(x)), strips_at_a_time(W, P, x)
    strips, band = zeros(2 * many * W * L, x), zeros(2 * many * W * L, x)  # values, then their rows
    best, at, ordered = zeros(P * Q * L, x), zeros(P * Q * L, x), zeros(P * Q * L, x)
    of_best, of_at = pointer(best), pointer(at)
    for n in range(0, N * C, L):
        count = min(L, N * C - n)
        for i0 in range(0, P, many):
            i1 = min(P, i0 + many)
            size = (i1 - i0) * W
            values, lines = pointer(strips), pointer(strips) + L * size
            for k in range(count):
                for i in range(i0, i1):
                    start, to = ((n + k) * H + rows[i, 0]) * W, k * size + (i - i0) * W
                    here = splat(x.dtype.type(rows[i, 0]))  # exact as a float: see `side_by_side`
                    for c in range(0, W, L):
                        store_rest(values, to + c, load_rest(p, start + c, W - c), W - c)
                        store_rest(lines, to + c, here, W - c)
                    for r in range(1, rows[i, 1]):
                        here = here + 1.0
                        for c in range(0, W, L):
                            left, place = W - c, to + c
                            v, most = load_rest(p, start + r * W + c, left), load_rest(values, place, left)
                            line = load_rest(lines, place, left)
                            better = (v > most) | ((v != v) & (most == most))  # the first NaN wins, and stays
                            store_rest(values, place, where(better, v, most), left)
                            store_rest(lines, place, where(better, here, line), left)
            values_of, lines_of = pointer(band), pointer(band) + L * size
            transpose_blocks(values, size, values_of, L, count, size)
            transpose_blocks(lines, size, lines_of, L, count, size)
            for i in range(i0, i1):
                for j in range(Q):
                    to, first = (i * Q + j) * L, ((i - i0) * W + columns[j, 0]) * L
                    most, line = load(values_of, first), load(lines_of, first)
                    place = line * W + columns[j, 0]
                    for c in range(1, columns[j, 1]):
                        v, r = load(values_of, first + c * L), load(lines_of, first + c * L)
                        earlier = r < line  # columns go one by one: an equal one may lie further up
                        better = (
                            (v > most) | ((v == most) & earlier) | ((v != v) & ((most == most) | earlier))
                        )
                        most, line = where(better, v, most), where(better, r, line)
                        place = where(better, r * W + (columns[j, 0] + c), place)
                    store(of_best, to, most)
                    store(of_at, to, place)
        transpose_blocks(of_best, L, q + n * P * Q, P * Q, P * Q, count)
        if places.size:
            transpose_blocks(of_at, L, pointer(ordered), P * Q, P * Q, count)
            _as_integers(pointer(ordered), count * P * Q, pointer(places) + n * P * Q)


@jit(inline=True)
def _as_integers(p, n, q):
    for k in range(n):
        q[k] = np.int64(p[k])


@jit
def _one_by_one(x, y, places):
    """Of large bins: the maximum of each, then where it is first, which lies in a cache by then."""
    H, W = x.shape[2:]
    N, C, P, Q = y.shape
    p, q, least, L = pointer(x), pointer(y), x.dtype.type(-np.inf), lanes(pointer(x))
    rows, columns, behind = _bins(H, P), _bins(W, Q), np.empty(L, x.dtype)
    for k in range(L):
        behind[k] = -k  # so the largest of some places is the first
    for n in range(N * C):
        for i in range(P):
            for j in range(Q):
                to, first = (n * P + i) * Q + j, rows[i, 0] * W + columns[j, 0]
                at = n * H * W + first
                lines, run = (np.int64(1), rows[i, 1] * W) if Q == 1 else (rows[i, 1], columns[j, 1])
                if lines == 1 and run <= SHORT * L:
                    best, place = _largest_and_first(p, at, run, least, pointer(behind))
                    q[to] = best
                    if places.size:
                        places[to] = first + place
                    continue
                best = _largest_of(p, at, run, least)
                for r in range(1, lines):
                    value = _largest_of(p, at + r * W, run, least)
                    if value > best or value != value:
                        best = value
                q[to] = best
                for r in range(lines if places.size else 0):
                    place = _first(p, at + r * W, run, best, least, behind)
                    if place < run:
                        places[to] = first + r * W + place  # row by row: the first place
                        break


@jit
def _largest_and_first(p, i, n, least, behind):
    """The largest of ``p[i : i + n]``, n > 0, and where it is first, counted from i, in one walk."""
    L = lanes(p)
    most = load_rest(p, i, n, least)
    vector = here = load_rest(p, i, 0)
    for k in range(L, n, L):
        v, here = load_rest(p, i + k, n - k, least), here + 1.0
        better = (v > most) | ((v != v) & (most == most))
        most, vector = where(better, v, most), where(better, here, vector)
    best = hmax(most)
    found = (most == best) | (most != most)
    return best, -np.int64(hmax(where(found, load(behind, 0) - vector * L, least)))


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
    dx, add = as_grad_or_new("adaptive_max_pool2d_dx: `dx`", dx, x_shape, dy)
    plane, count = x_shape[2] * x_shape[3], dy.shape[2] * dy.shape[3]
    places = flat(index)
    _check_places("adaptive_max_pool2d_dx", places, plane)
    _max_pool2d_dx(flat(dy), places, plane, count, add, flat(dx))
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
    dx, add = as_grad_or_new("global_max_pool2d_dx: `dx`", dx, x_shape, dy)
    plane, places = x_shape[2] * x_shape[3], flat(index)
    _check_places("global_max_pool2d_dx", places, plane)
    _max_pool2d_dx(flat(dy), places, plane, np.int64(1), add, flat(dx))
    return dx


adaptive_max_pool2d_outputs = outputs(adaptive_max_pool2d_argmax, np.int64)
global_max_pool2d_outputs = outputs(global_max_pool2d_argmax, np.int64)
