r"""conv2d on lanes, and its gradients (`nbdl.kernels.conv2d` has the formula and explains the options).

y and dx are the same loop: an element of the result is a sum over rows u of the kernel, channels c and
columns v of the kernel,

.. math:: out_{m,i,j} = \sum_{u,c,v} w \cdot in_{c,\; row(i, u),\; column(j, v)},

where `row` and `column` (`_Axis`) say which element of the other image a tap meets, or that there is none.
Taps that would fall outside are not in the list of products: nothing is padded, no product with zero is
computed. Neighbouring elements of a row share the pixels they load.

dw is a sum over samples and pixels. With few input channels every lane sums by itself; with many, x is turned
so that neighbouring lanes are neighbouring channels, and one sum is left.
"""

import functools

import numpy as np

from nbdl._jit import plain
from nbdl.errors import NbdlError
from nbdl.kernels.convolution.conv2d import conv2d_shape
from nbdl.kernels.door.options import integer, pair, sides
from nbdl.kernels.door.window import LIMIT
from nbdl.kernels.lanes.sums import sum_lanes, sum_shards
from nbdl.kernels.lanes.twin import Gradient, Row, Twin, Unfit, pitch
from nbdl.kernels.simd.emit import ACCUMULATORS
from nbdl.kernels.simd.local import local
from nbdl.kernels.simd.registers import load, splat, store
from nbdl.kernels.simd.tile import far_tile, groups, part, shape, spec, tile
from nbdl.kernels.simd.transpose import transpose

STRAIGHT = 448  # products of a step of dw, at most: they are code without a loop
ROWS = ACCUMULATORS // 3  # channels of dy in a tile of dw that has up to three vectors of channels of x


class Geometry:
    """The sizes of a convolution, and its options as numbers: what other pages' twins say theirs are."""

    def __init__(self, site):
        (self.C, self.H, self.W), w = site.shapes["x"], site.shapes["w"]
        self.O, _, self.KH, self.KW = w
        self.sh, self.sw = stride = pair("stride", site["stride"])
        self.dh, self.dw = dilation = pair("dilation", site["dilation"])
        self.top, _, self.left, _ = padding = sides("padding", site["padding"])
        self.L, self.dtype, self.groups = site.L, site.dtype, integer("groups", site["groups"])
        self.bias = "b" in site.shapes
        x_shape = 1, *site.shapes["x"]
        _, _, self.P, self.Q = plain(conv2d_shape)(x_shape, w, stride, padding, dilation, self.groups)
        self.Cg, self.Og, self.taps = self.C // self.groups, self.O // self.groups, self.KH * self.KW
        self.x_pitch = pitch((self.C, self.H, self.W)) * self.L
        self.y_pitch = pitch((self.O, self.P, self.Q)) * self.L


def _shape(site):
    if len(site.shapes["x"]) != 3 or len(site.shapes["w"]) != 4:
        raise Unfit
    try:
        g = Geometry(site)
    except NbdlError:  # the kernel raises it
        raise Unfit from None
    if min(g.C, g.O) < 1 or g.O * g.P * g.Q >= LIMIT or site.shapes.get("b", (g.O,)) != (g.O,):
        raise Unfit
    return g.O, g.P, g.Q


# --- y and dx -------------------------------------------------------------------------------------------


class _Axis:
    """Rows or columns: tap u of element i of the result meets ``base(i) + distance(u)``, if `meets`."""

    def __init__(self, kernel, stride, dilation, padding, size, backward):
        self.kernel, self.stride, self.dilation = kernel, stride, dilation
        self.padding, self.size, self.backward = padding, size, backward

    def base(self, i):
        return (i + self.padding) // self.stride if self.backward else i * self.stride - self.padding

    def distance(self, u):
        return -(u * self.dilation // self.stride) if self.backward else u * self.dilation

    def meets(self, i, u):
        whole = not self.backward or (i + self.padding - u * self.dilation) % self.stride == 0
        return whole and 0 <= self.base(i) + self.distance(u) < self.size

    def order(self):
        """The taps, in an order in which those that an element of the result meets stand together."""
        remainder = self.stride if self.backward else 1
        return sorted(range(self.kernel), key=lambda u: (u * self.dilation % remainder, u))


def _runs(axis, width, step):
    """The columns of the result in chunks of `step`: (first, chunks, columns, products, move).

    `products` lists (j, v, source - base): chunks that have one list are one run, `move` sources apart.
    """
    runs = []
    for first in range(0, width, step):
        n, start = min(step, width - first), axis.base(first)
        met = [
            (j, v, axis.base(first + j) + axis.distance(v) - start)
            for v in range(axis.kernel)
            for j in range(n)
            if axis.meets(first + j, v)
        ]
        if runs and runs[-1][2:4] == (n, met):
            first, count, _, _, _ = runs[-1]
            runs[-1] = (first, count + 1, n, met, axis.base(first + step) - axis.base(first))
        else:
            runs.append((first, 1, n, met, 0))
    return runs


def _correlate(L, result, source, backward, rows, columns, bias=False):
    """The leaf of either loop; `result` and `source` are (channels of a group, rows, columns, pitch).

    Their channels, and so the steps in w from one to the next, are numbers that it is given: convolutions
    that differ in nothing else share it.
    """
    (M, height, width, y_pitch), (_, _, x_width, x_pitch) = result, source
    mr, nv = shape(M, width)
    taps, order = rows.kernel * columns.kernel, rows.order()
    next_m, next_k = ((0, taps), (1, 0)) if backward else ((1, 0), (0, taps))  # (1, 0): what the leaf is told
    parts = []
    for first, count, n, met, move in _runs(columns, width, nv):
        start = columns.base(first)
        fmas = [
            (i * n + j, (i * next_m[0], i * next_m[1] + v), (start + b) * L)
            for v in range(columns.kernel)
            for i in range(mr)  # one weight at a time: the pixels stay in registers, and so all sums do
            for j, t, b in met
            if t == v
        ]
        places = [i * y_pitch + (first + j) * L for i in range(mr) for j in range(n)]
        biases = [i for i in range(mr) for _ in range(n)]
        parts.append(part(fmas, places, count, b=move * L, c=n * L, bias=biases))
    ta = [u * columns.kernel for u in order]
    tb = [rows.distance(u) * x_width * L for u in order]
    row_tile = spec(parts, ta, tb, init="bias" if bias else "0", inner=(next_k, x_pitch))
    table = np.zeros((height, 3), np.int64)  # of each row: the taps that it meets, first and last, its base
    for i in range(height):
        met = [n for n, u in enumerate(order) if rows.meets(i, u)]
        if met:
            table[i] = met[0], met[-1] + 1, rows.base(i) * x_width * L
    row_step = width * L

    def leaf(x, w, b, y, first, last, groups, M, K, far):
        m_step = taps if backward else far
        for i in range(first, last):
            for g in range(groups):
                source, target = x + (g * K * x_pitch + table[i, 2]), y + (g * M * y_pitch + i * row_step)
                for m in range(0, M, mr):
                    c = min(m, M - mr)  # the last tile may overlap the one before: it writes the same
                    weights = w + (g * M * K * taps + c * m_step)
                    far_tile(
                        row_tile, table[i, 0], table[i, 1], K, far, 0, 0,
                        weights, source, target + c * y_pitch, b + (g * M + c),
                    )  # fmt: skip

    return leaf


def rows_of_y(g):
    leaf = _correlate(
        g.L, (g.Og, g.P, g.Q, g.y_pitch), (g.Cg, g.H, g.W, g.x_pitch), False,
        _Axis(g.KH, g.sh, g.dh, g.top, g.H, False), _Axis(g.KW, g.sw, g.dw, g.left, g.W, False),
        g.bias,
    )  # fmt: skip
    return [Row(leaf, groups=g.groups, M=g.Og, K=g.Cg, far=g.Cg * g.taps)]


def rows_of_dx(g):
    return [row_of_dx(g, x="dy", y="dx", b=0, first=0, last=g.H)]


def row_of_dx(g, bias=False, **given):
    """The row of dx from dy, which its leaf calls y and x; with `bias` its channels begin with ``b``."""
    leaf = _correlate(
        g.L, (g.Cg, g.H, g.W, g.x_pitch), (g.Og, g.P, g.Q, g.y_pitch), True,
        _Axis(g.KH, g.sh, g.dh, g.top, g.P, True), _Axis(g.KW, g.sw, g.dw, g.left, g.Q, True),
        bias,
    )  # fmt: skip
    return Row(leaf, groups=g.groups, M=g.Cg, K=g.Og, far=g.Cg * g.taps, **given)


# --- dw and db ------------------------------------------------------------------------------------------


def sum_of_dw(g):
    return _dw_channels(g) if g.C >= g.L and (g.groups == 1 or g.Cg % g.L == 0) else _dw_lanes(g)


def _dw_lanes(g):
    """A sum for each lane: acc [O][Cg][KH][KW][L] += dy x, over the pixels of some rows at a time."""
    mr, nv = shape(g.Og, g.KW)
    columns = _Axis(g.KW, g.sw, g.dw, g.left, g.W, False)
    pixels = -(-g.Q // -(-g.Q * mr * nv // STRAIGHT))
    runs = _runs(columns, g.Q, pixels)
    rows = [Row(_dw_some(g, *some, nv, run)) for some in groups(g.Og, mr) for run in runs]
    weights = g.O * g.Cg * g.taps
    return Gradient(rows, [Row(sum_lanes(g.L), size=weights, items=64)], acc=weights * g.L)


def _dw_some(g, start, rows, count, nv, run):
    """The leaf for `count` times `rows` channels of dy from `start` on: each few stay in the first cache.

    A step of the sum is a chunk of a row of dy, pixel after pixel: one of x is loaded once for all that it
    meets.
    """
    L, Cg, Og, KH, KW, taps, y_pitch, x_pitch = g.L, g.Cg, g.Og, g.KH, g.KW, g.taps, g.y_pitch, g.x_pitch
    first_column, chunks, n, met, move = run
    column, parts = first_column * g.sw - g.left, []
    for v0, width, times in groups(KW, nv):
        for v in range(v0, v0 + width * times, width):
            fmas = [
                (i * width + t - v, i * y_pitch + (first_column + j) * L, (column + b) * L)
                for j in range(n)
                for i in range(rows)
                for q, t, b in met
                if q == j and v <= t < v + width
            ]
            places = [(i * Cg * taps + t) * L for i in range(rows) for t in range(v, v + width)]
            parts.append(part(fmas, places))
    ta, tb = g.Q * L, g.sh * g.W * L
    if chunks > 1:
        steps = [(i, m) for i in range(g.P) for m in range(chunks)]
        ta, tb = [i * ta + m * n * L for i, m in steps], [i * tb + m * move * L for i, m in steps]
    products = spec(parts, ta, tb, init="add", a_vector=True)
    axis = _Axis(KH, g.sh, g.dh, g.top, g.H, False)
    met = [[i for i in range(g.P) if axis.meets(i, u)] for u in range(KH)]
    reach = np.array([(m[0], m[-1] + 1) if m else (0, 0) for m in met], np.int64)
    parted, row, u_step, end = g.groups, g.W * L, g.dh * g.W * L, start + rows * count
    top = g.top * row

    def leaf(dy, x, acc, first, last):
        for n in range(parted):
            for o in range(n * Og + start, n * Og + end, rows):
                for c in range(Cg):
                    for u in range(KH):
                        k0, k1 = max(first, reach[u, 0]) * chunks, min(last, reach[u, 1]) * chunks
                        b = x + ((n * Cg + c) * x_pitch + u * u_step - top)
                        d = acc + ((o * Cg + c) * taps + u * KW) * L
                        tile(products, k0, k1, dy + o * y_pitch, b, d, d)

    return leaf


def _dw_channels(g):
    """One sum: acc [KH][KW][O][C] += dy x, with x turned to [H][W][L samples][C], channels side by side.

    All sizes are numbers that the leaves are given: a net of many convolutions compiles few.
    """
    L, wide = g.L, -(-g.C // g.L) * g.L
    vectors = -(-g.Cg // L)
    nv = 2 if vectors == 4 else min(3, vectors)
    mr = min(2 * ROWS if nv == 1 else ROWS, g.Og)
    pixels = {"pixels": g.H * g.W, "C": g.C, "wide": wide, "x_pitch": g.x_pitch}
    sizes = np.array([
        g.Og, g.Cg, wide, g.groups, g.H, g.W, g.Q, g.y_pitch,
        g.KH, g.KW, g.sh, g.dh, g.dw, g.top, g.left,
    ])  # fmt: skip
    leaf = _dw_tiles(L, mr, g.Og % mr, nv, vectors % nv, g.sw)
    finish = Row(_dw_finish(L), items=g.O, taps=g.taps, O=g.O, Cg=g.Cg, wide=wide)
    return Gradient(
        [Row(_turn(L), **pixels), Row(leaf, sizes=sizes)],
        [finish], acc=g.taps * g.O * wide, scratch=g.H * g.W * L * wide,
    )  # fmt: skip


@functools.cache
def _turn(L):
    def leaf(x, scratch, pixels, C, wide, x_pitch):
        for i in range(pixels):
            for c in range(0, C, L):
                c = min(c, C - L)
                transpose(x + (c * x_pitch + i * L), x_pitch, scratch + (i * L * wide + c), wide)

    return leaf


@functools.cache
def _dw_tiles(L, mr, rest_m, nv, rest_n, sw):
    """The leaf of tiles of `mr` channels of dy by `nv` vectors of x, and of the rest of either."""

    def products(m, n):  # an element of dy lies `y_pitch` behind that of the channel before, of x `wide`
        cells = [(i, j) for i in range(m) for j in range(n)]
        fmas = [(i * n + j, (i, 0), j * L) for i, j in cells]
        steps = (1, (1, 0), ()) if sw == 1 else (L, (sw * L, 0), (1, (1, 0)))
        places = [(i, j * L) for i, j in cells]
        return spec([part(fmas, places)], *steps[:2], init="add", inner=steps[2])

    whole, low, narrow, corner = (
        products(m or 1, n or 1) for m, n in ((mr, nv), (rest_m, nv), (mr, rest_n), (rest_m, rest_n))
    )
    few = max(1, 128 // L)  # columns at a time, whose turned pixels stay in the first cache
    samples = L if sw == 1 else 1  # steps of a pixel

    def leaf(dy, scratch, acc, first, last, sizes):
        Og, Cg, wide, groups = sizes[0], sizes[1], sizes[2], sizes[3]
        H, W, Q, y_pitch = sizes[4], sizes[5], sizes[6], sizes[7]
        KH, KW, sh, dh, dw, top, left = (
            sizes[8], sizes[9], sizes[10], sizes[11], sizes[12], sizes[13], sizes[14],
        )  # fmt: skip
        vectors = (Cg + L - 1) // L
        rows, columns = Og - rest_m, (vectors - rest_n) * L
        for p in range(first, last):
            for u in range(KH):
                row = p * sh + u * dh - top
                if row < 0 or row >= H:
                    continue
                for n in range(groups):
                    a = dy + (n * Og * y_pitch + p * Q * L)
                    b = scratch + (row * W * L * wide + n * Cg)
                    for q in range(0, Q, few):
                        for v in range(KW):
                            near = v * dw - left  # of x, to the first column of dy
                            k0, k1 = max(q, -(near // sw)), min(min(q + few, Q), (W - 1 - near) // sw + 1)
                            k0, k1, x = k0 * samples, k1 * samples, b + near * L * wide
                            d = acc + ((u * KW + v) * groups + n) * Og * wide
                            for c in range(0, columns, nv * L):
                                for o in range(0, rows, mr):
                                    y, t = a + o * y_pitch, d + (o * wide + c)
                                    far_tile(whole, k0, k1, L, y_pitch, wide, wide, y, x + c, t, t)
                                if rest_m:
                                    y, t = a + rows * y_pitch, d + (rows * wide + c)
                                    far_tile(low, k0, k1, L, y_pitch, wide, wide, y, x + c, t, t)
                            if rest_n:
                                for o in range(0, rows, mr):
                                    y, t = a + o * y_pitch, d + (o * wide + columns)
                                    far_tile(narrow, k0, k1, L, y_pitch, wide, wide, y, x + columns, t, t)
                                if rest_m:
                                    y, t = a + rows * y_pitch, d + (rows * wide + columns)
                                    far_tile(corner, k0, k1, L, y_pitch, wide, wide, y, x + columns, t, t)

    return leaf


@functools.cache
def _dw_finish(L):
    def leaf(acc, shards, stride, dw, item, taps, O, Cg, wide):
        total = local(dw, L)
        for n in range(taps):
            for c in range(0, Cg, L):
                store(total, 0, sum_shards(acc + ((n * O + item) * wide + c), stride, shards))
                for i in range(min(L, Cg - c)):
                    dw[(item * Cg + c + i) * taps + n] = total[i]

    return leaf


def sum_of_db(site, channels, pitch, width):
    """The `Gradient` of a bias: dy summed, of channels `pitch` apart, in rows of `width` floats."""
    L, zero = site.L, np.dtype(site.dtype).type(0)

    def leaf(dy, acc, first, last, count, pitch, width):
        for o in range(count):
            start, end = o * pitch + first * width, o * pitch + last * width
            a, b, c, d = load(acc, o * L), splat(zero), splat(zero), splat(zero)
            for i in range(start, end - 3 * L, 4 * L):  # four sums: one would wait for each addition
                a, b = a + load(dy, i), b + load(dy, i + L)
                c, d = c + load(dy, i + 2 * L), d + load(dy, i + 3 * L)
            for i in range(end - (end - start) % (4 * L), end, L):
                a = a + load(dy, i)
            store(acc, o * L, (a + b) + (c + d))

    collect = [Row(leaf, count=channels, pitch=pitch, width=width)]
    return Gradient(collect, [Row(sum_lanes(L), dw="db", size=channels, items=1)], acc=channels * L)


def _db(site):
    g = Geometry(site)
    return sum_of_db(site, g.O, g.y_pitch, g.Q * g.L)


def flops(g):
    return 2 * g.P * g.Q * g.O * g.Cg * g.taps


conv2d = Twin(
    lambda site: rows_of_y(Geometry(site)),
    {"x": lambda site: rows_of_dx(Geometry(site))},
    {"w": lambda site: sum_of_dw(Geometry(site)), "b": _db},
    shape=_shape,
    flops=lambda site: flops(Geometry(site)),
)
