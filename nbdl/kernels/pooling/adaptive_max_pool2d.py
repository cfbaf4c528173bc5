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
    deliver,
    most_places,
    runs_of_bins,
    side_by_side,
    strips_at_a_time,
)
from nbdl.kernels.pooling.max_pool2d import _check_index, _check_places, _max_pool2d_dx
from nbdl.kernels.simd.panels import round_up, transpose_blocks, zeros
from nbdl.kernels.simd.registers import (
    first,
    hmax,
    larger,
    load,
    load_part,
    pointer,
    some,
    splat,
    store,
    where,
)
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.simd.transpose import transpose

SHORT = 8  # vectors: so few are compared one by one


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
    _check_elements("global_max_pool2d", "the images of `x`", x.shape)
    y = as_out("global_max_pool2d: `out`", out, (x.shape[0], x.shape[1]), x)
    _adaptive_max_pool2d(x, y.reshape((x.shape[0], x.shape[1], 1, 1)), np.empty(0, np.int64))
    return y


@jit
def global_max_pool2d_argmax(x, out=None):
    """`global_max_pool2d` of `x` (N, C, H, W), and where each maximum was: (y, index), both (N, C).

    `index` is int64, as that of `adaptive_max_pool2d_argmax`; errors are those of `global_max_pool2d`.
    """
    x = as_float("global_max_pool2d: `x` (N, C, H, W)", x, 4)
    _check_elements("global_max_pool2d", "the images of `x`", x.shape)
    shape = x.shape[0], x.shape[1]
    y = as_out("global_max_pool2d: `out`", out, shape, x)
    index = np.empty(shape, np.int64)
    _adaptive_max_pool2d(x, y.reshape((shape[0], shape[1], 1, 1)), flat(index))
    return y, index


@jit
def _adaptive_max_pool2d(x, y, places):
    """Fill `y` and, if it has elements, `places`."""
    rows, columns = _bins(x.shape[2], y.shape[2]), _bins(x.shape[3], y.shape[3])
    if side_by_side(x.shape[2], x.shape[3], rows, y.shape[3], x):
        _largest_of_strips(x, rows, columns, y, places)
    else:
        _largest_of_runs(x, rows, columns, y, places)


@jit(inline=True)
def _comes_before(v, at, most, place):
    """Where `v` replaces `most`: it is larger, or as large and `at` is before `place`; NaN is the largest."""
    equal = (v == most) | ((v != v) & (most != most))
    return (~(v <= most) & (most == most)) | (equal & (at < place))


@jit(inline=True)
def _as_integers(p, n, more, q):
    for k in range(n):
        q[k] = np.int64(p[k]) + more[k]


# --- narrow bins --------------------------------------------------------------------------------------------


@jit
def _largest_of_strips(x, rows, columns, y, places):
    """L planes at a time, so that they fill lanes with planes instead of columns."""
    (H, W), (N, C, P, Q) = x.shape[2:], y.shape
    L, many, B = lanes(pointer(x)), strips_at_a_time(W, P, x), round_up(P * Q, lanes(pointer(x)))
    wide = W if W <= L else round_up(W, L)  # of a strip
    all_planes = (many * wide + 2 * L) * L
    strips, band = zeros(2 * all_planes, x), zeros(2 * all_planes, x)  # values, then their rows
    best, at, ordered = zeros(B * L, x), zeros(B * L, x), zeros((P * Q + 1) * L, x)
    p, q, top, left = pointer(x), pointer(y), pointer(flat(rows)), pointer(flat(columns))
    values, lines, of_best, of_at = pointer(strips), pointer(strips) + all_planes, pointer(best), pointer(at)
    values_of, lines_of = pointer(band), pointer(band) + all_planes
    none = np.zeros(P * Q * L, np.int64)
    for n in range(0, N * C, L):
        count = min(L, N * C - n)
        for i0 in range(0, P, many):
            i1 = min(P, i0 + many)
            size = round_up((i1 - i0) * wide, L)
            for k in range(count):
                plane = (n + k) * H * W
                for c in range(0, W, L):
                    _compare_rows(
                        p + (plane + c), W, top, i0, i1, x.size - plane - c,
                        values + (k * size + c), lines + (k * size + c), wide,
                    )  # fmt: skip
            transpose_blocks(values, size, values_of, L, L, size)
            transpose_blocks(lines, size, lines_of, L, L, size)
            for i in range(i0, i1):
                for j in range(Q):
                    to, first = (i * Q + j) * L, ((i - i0) * wide + left[2 * j]) * L
                    most, line = load(values_of, first), load(lines_of, first)
                    place = line * W + left[2 * j]
                    # Columns go one by one: an equal element of a later one may lie further up.
                    for c in range(1, left[2 * j + 1]):
                        v, r = load(values_of, first + c * L), load(lines_of, first + c * L)
                        better = _comes_before(v, r, most, line)
                        most, line = where(better, v, most), where(better, r, line)
                        place = where(better, r * W + (left[2 * j] + c), place)
                    store(of_best, to, most)
                    store(of_at, to, place)
        deliver(of_best, P * Q, q, n * P * Q, y.size, count)
        if places.size:
            deliver(of_at, P * Q, pointer(ordered), 0, ordered.size, count)
            _as_integers(pointer(ordered), count * P * Q, pointer(none), pointer(places) + n * P * Q)


@jit
def _compare_rows(p, W, top, i0, i1, left, values, lines, wide):
    """Of L columns, the largest of each of the bins from `i0` on, and its row, every `wide` elements.

    `left` elements exist from p on. What lies in the lanes behind the end of a row does not matter.
    """
    L = lanes(p)
    whole = (top[2 * i1 - 2] + top[2 * i1 - 1] - 1) * W + L <= left
    for i in range(i0, i1):
        at = top[2 * i] * W
        most = load(p, at) if whole else load_part(p, at, left - at)
        line = here = load_part(p, at, 0) + top[2 * i]
        for _ in range(1, top[2 * i + 1]):
            at += W
            here = here + 1.0
            v = load(p, at) if whole else load_part(p, at, left - at)
            better = ~(v <= most) & (most == most)  # the first NaN wins, and stays
            most, line = where(better, v, most), where(better, here, line)
        store(values, (i - i0) * wide, most)
        store(lines, (i - i0) * wide, line)


# --- wide bins ----------------------------------------------------------------------------------------------


@jit
def _largest_of_runs(x, rows, columns, y, places):
    W, all_lines = x.shape[3], np.int64(1)
    starts, lines, runs, _ = runs_of_bins(W, rows, columns, x)
    for i in range(starts.size):
        all_lines = max(all_lines, lines[i])
    if all_lines == 1 and x.shape[2] * W < most_places(x):
        _of_single_runs(x, starts, runs, y, places)
    else:
        _of_lines(x, starts, lines, runs, y, places)


@jit
def _of_single_runs(x, starts, runs, y, places):
    """For each bin a vector of maxima and which vector of it they are from; then L bins across, at once."""
    p, q, L, least = pointer(x), pointer(y), lanes(pointer(x)), x.dtype.type(-np.inf)
    scratch, more = zeros(4 * L * L, x), np.zeros(L, np.int64)
    most_of, vector_of = pointer(scratch), pointer(scratch) + L * L
    across, vectors = most_of + 2 * L * L, most_of + 3 * L * L
    of_start, of_run, offset = pointer(starts), pointer(runs), pointer(more)
    plane, bins, i = np.int64(0), starts.size, 0
    for k in range(0, y.size, L):
        for lane in range(min(L, y.size - k)):
            _compare_vectors(p + (plane + of_start[i]), of_run[i], least, most_of, vector_of, lane * L)
            offset[lane] = of_start[i]
            i += 1
            if i == bins:
                i, plane = 0, plane + x.shape[2] * x.shape[3]
        transpose(most_of, L, across, L)
        transpose(vector_of, L, vectors, L)
        for lane in range(L):
            store(vectors, lane * L, load(vectors, lane * L) * L + lane)
        half = L // 2
        while half:  # a tree: half as many each time, which do not wait for each other
            for lane in range(half):
                here, there = lane * L, (lane + half) * L
                most, place = load(across, here), load(vectors, here)
                v, at = load(across, there), load(vectors, there)
                better = _comes_before(v, at, most, place)
                store(across, here, where(better, v, most))
                store(vectors, here, where(better, at, place))
            half //= 2
        store_rest(q, k, load(across, 0), y.size - k)
        if places.size:
            _as_integers(vectors, min(L, y.size - k), offset, pointer(places) + k)


@jit
def _compare_vectors(p, n, least, most_of, vector_of, to):
    """Of n elements, n > 0, the largest in each lane, and the first vector that has it, counted from 0."""
    L = lanes(p)
    most, vector, here, done = load_rest(p, 0, n, least), load_part(p, 0, 0), load_part(p, 0, 0), L
    # Of many, each of four takes every fourth vector: they do not wait for each other.
    if n >= SHORT * L:
        b, c, d = load(p, L), load(p, 2 * L), load(p, 3 * L)
        of_b, of_c, of_d = here, here, here
        done = n - n % (4 * L)
        for k in range(4 * L, done, 4 * L):
            e, f, g, h, here = load(p, k), load(p, k + L), load(p, k + 2 * L), load(p, k + 3 * L), here + 4.0
            first, second = ~(e <= most) & (most == most), ~(f <= b) & (b == b)
            third, fourth = ~(g <= c) & (c == c), ~(h <= d) & (d == d)
            most, vector = where(first, e, most), where(first, here, vector)
            b, of_b = where(second, f, b), where(second, here, of_b)
            c, of_c = where(third, g, c), where(third, here, of_c)
            d, of_d = where(fourth, h, d), where(fourth, here, of_d)
        of_b, of_c, of_d, here = of_b + 1.0, of_c + 2.0, of_d + 3.0, here + 3.0
        better = _comes_before(b, of_b, most, vector)
        most, vector = where(better, b, most), where(better, of_b, vector)
        better = _comes_before(d, of_d, c, of_c)
        c, of_c = where(better, d, c), where(better, of_d, of_c)
        better = _comes_before(c, of_c, most, vector)
        most, vector = where(better, c, most), where(better, of_c, vector)
    for k in range(done, n, L):
        v, here = load_rest(p, k, n - k, least), here + 1.0
        better = ~(v <= most) & (most == most)  # the first NaN wins, and stays
        most, vector = where(better, v, most), where(better, here, vector)
    store(most_of, to, most)
    store(vector_of, to, vector)


@jit
def _of_lines(x, starts, lines, runs, y, places):
    """The maximum of each bin, then where it is first, which lies in a cache by then."""
    p, q, least, W = pointer(x), pointer(y), x.dtype.type(-np.inf), x.shape[3]
    of_start, of_lines, of_run = pointer(starts), pointer(lines), pointer(runs)
    plane, bins, i = np.int64(0), starts.size, 0
    for k in range(y.size):
        at, run = plane + of_start[i], of_run[i]
        best = _largest_of(p, at, run, least)
        for r in range(1, of_lines[i]):
            value = _largest_of(p, at + r * W, run, least)
            if value > best or value != value:
                best = value
        q[k] = best
        for r in range(of_lines[i] if places.size else 0):
            place = _first(p, at + r * W, run, best, least)
            if place < run:
                places[k] = of_start[i] + r * W + place  # row by row: the first place
                break
        i += 1
        if i == bins:
            i, plane = 0, plane + x.shape[2] * W


@jit
def _largest_of(p, i, n, least):
    """The largest of ``p[i : i + n]``, n > 0: of four vectors, which do not wait for each other."""
    L = lanes(p)
    a = splat(least)
    b, c, d, lost = a, a, a, a != a
    end = i + n - n % (4 * L)
    for k in range(i, end, 4 * L):
        e, f, g, h = load(p, k), load(p, k + L), load(p, k + 2 * L), load(p, k + 3 * L)
        # One instruction for a maximum that forgets NaN, half a one to notice them.
        lost = lost | ((e != e) | (f != f)) | ((g != g) | (h != h))
        a, b, c, d = larger(e, a), larger(f, b), larger(g, c), larger(h, d)
    for k in range(end, i + n, L):
        e = load_rest(p, k, i + n - k, least)
        lost, a = lost | (e != e), larger(e, a)
    best = hmax(larger(larger(a, b), larger(c, d)))
    return least - least if some(lost) else best  # that is NaN


@jit
def _first(p, i, n, best, least):
    """The first of ``p[i : i + n]`` that is `best`, which may be NaN, counted from i; n if there is none.

    `least` stands behind the end; where it is the best, so is an element before.
    """
    L = lanes(p)
    for k in range(0, n, L):
        v = load_rest(p, i + k, n - k, least)
        found = (v == best) if best == best else (v != v)
        if some(found):
            return min(n, k + first(found))
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
