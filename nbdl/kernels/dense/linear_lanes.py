r"""linear on lanes, and its gradients: :math:`y_q = \sum_d w_{dq} x_d + b_q` for each row of each sample.

That of `linear_transposed` has w (Q, D): other steps through w, and in dw x and dy exchanged.

A weight is one number for all lanes. Two rows are done at once, of one block or of two: each weight is then
loaded once for both. dw is a sum over samples, made when all blocks are done: x and dy are kept with the
features of a row side by side, and neighbouring lanes are neighbouring columns of w.
"""

import math
from functools import partial

import numpy as np

from nbdl.kernels.lanes.rows import rows, transpose_rows
from nbdl.kernels.lanes.sums import SHARDS, sum_lanes, sum_shards
from nbdl.kernels.lanes.twin import Gradient, Row, Twin, Unfit
from nbdl.kernels.simd.local import local
from nbdl.kernels.simd.registers import load, splat, store
from nbdl.kernels.simd.shuffle import store_rest
from nbdl.kernels.simd.tile import groups, part, rectangle, shape, spec, tile

TOGETHER = 4  # groups of rows of dw that one item makes


def _sizes(site, transposed):
    """(D, Q)."""
    w = site.shapes["w"]
    return w[::-1] if transposed else w


def _shape(site, transposed):
    x, w = site.shapes["x"], _sizes(site, transposed)
    if len(w) != 2 or x[-1:] != w[:1] or 0 in (*x, *w) or site.shapes.get("b", w[1:]) != w[1:]:
        raise Unfit
    return x[:-1] + w[1:]


def _places(site, Q):
    """What a leaf is told of where rows lie, and the floats from one plane to the next of x and of y."""
    x = site.shapes["x"]
    return rows(site.L, x, (*x[:-1], Q))


def _products(L, terms, results, a_step, k_step, planes, count, x_plane, y_plane):
    """The leaf ``(x, w, y, blocks)`` of y[i] += sum_k w[i a_step + k k_step] x[k]: that of both y and dx."""
    x_row, y_row = terms * L, results * L
    pair, single = (_tiles(L, results, a_step, k_step, x_row, y_row, n) for n in (2, 1))
    few = 256  # steps of the sum whose x, of two rows, stay in the first cache

    def leaf(x, w, y, blocks):
        outer, inner = (blocks * planes, count) if planes > 1 else (1, blocks * count)
        for p in range(outer):
            for n in range(0, inner, 2):
                source, target = x + (p * x_plane + n * x_row), y + (p * y_plane + n * y_row)
                for k in range(0, terms, few):
                    if n + 1 < inner:
                        tile(pair, k, min(terms, k + few), w, source, target, target)
                    else:
                        tile(single, k, min(terms, k + few), w, source, target, target)

    return leaf


def _tiles(L, results, a_step, k_step, x_row, y_row, columns):
    parts = []
    for first, few, count in groups(results, shape(results, columns)[0]):
        fmas, places = rectangle(few, columns, a_step, x_row, L, y_row)
        fmas = [(i, a + first * a_step, b) for i, a, b in fmas]
        places = [place + first * L for place in places]
        parts.append(part(fmas, places, count, a=few * a_step, c=few * L))
    return spec(parts, k_step, L, init="add")


def _forward(site, transposed):
    D, Q = _sizes(site, transposed)
    L, (places, (x_plane, y_plane)) = site.L, _places(site, Q)
    bias, zero = "b" in site.shapes, np.dtype(site.dtype).type(0)

    def start(b, y, blocks, planes, count, plane, features):
        for p in range(blocks * planes):
            for n in range(count):
                for q in range(features):
                    store(y, p * plane + (n * features + q) * L, splat(b[q] if bias else zero))

    steps = (D, 1) if transposed else (1, Q)
    products = _products(L, D, Q, *steps, **places, x_plane=x_plane, y_plane=y_plane)
    return [Row(start, **places, plane=y_plane, features=Q), Row(products)]


def _dx(site, transposed):
    D, Q = _sizes(site, transposed)
    L, (places, (x_plane, y_plane)) = site.L, _places(site, Q)
    zero = np.dtype(site.dtype).type(0)

    def start(dx, blocks, planes, plane, size):
        for p in range(blocks * planes):
            for i in range(p * plane, p * plane + size, L):
                store(dx, i, splat(zero))

    steps = (1, D) if transposed else (Q, 1)
    products = _products(L, Q, D, *steps, **places, x_plane=y_plane, y_plane=x_plane)
    size = places["count"] * D * L
    return [Row(start, planes=places["planes"], plane=x_plane, size=size), Row(products, x="dy", y="dx")]


def _dw(site, transposed):
    """A row of dw for each feature of x, in which neighbours are those of dy; transposed, for one of dy."""
    D, Q = _sizes(site, transposed)
    L, (places, (x_plane, y_plane)) = site.L, _places(site, Q)
    pair = ("x", D, x_plane), ("dy", Q, y_plane)
    (one, R, one_plane), (other, C, other_plane) = pair[::-1] if transposed else pair
    wide = -(-C // L) * L  # what stands behind C is never written, and what it would add to is not stored

    collect = [
        Row(transpose_rows(L), value=one, kept="down", **places, plane=one_plane, features=R, pitch=R),
        Row(
            transpose_rows(L), value=other, kept="across", **places, plane=other_plane, features=C, pitch=wide
        ),
    ]
    few, columns = shape(R, wide // L)
    finish = [
        Row(_dw_rows(site, first, n, count, columns, wide), items=-(-count // TOGETHER))
        for first, n, count in groups(R, few)
    ]
    lanes = math.prod(site.shapes["x"][:-1]) * L
    return Gradient(collect, finish, keep={"down": lanes * R, "across": lanes * wide})


def _dw_rows(site, first, rows, count, columns, wide):
    """The leaf that makes `count` times `rows` rows of dw from row `first` on, over the whole minibatch.

    An item makes a few of them together, some columns at a time: each shard has its sum in the first cache.
    """
    (R, C), L = site.shapes["w"], site.L
    per_block, vectors, size = math.prod(site.shapes["x"][:-1]) * L, wide // L, rows * columns * L
    memory = SHARDS * size

    def products(n):
        fmas, places = rectangle(rows, n, 1, L, n * L, L)
        return spec([part(fmas, places)], R, wide)

    most, rest = products(columns), products(vectors % columns or columns)

    def leaf(down, across, shards, bounds, dw, item):
        start, end = first + item * TOGETHER * rows, first + min(count, (item + 1) * TOGETHER) * rows
        sums = local(dw, memory)
        for v in range(0, vectors, columns):
            n, right = min(columns, vectors - v), across + v * L
            for row in range(start, end, rows):
                for s in range(shards):
                    k0, k1 = bounds[s] * per_block, bounds[s + 1] * per_block
                    if n == columns:
                        tile(most, k0, k1, down + row, right, sums + s * size, right)
                    else:
                        tile(rest, k0, k1, down + row, right, sums + s * size, right)
                for i in range(rows):
                    for j in range(n):
                        total = sum_shards(sums + (i * n + j) * L, size, shards)
                        store_rest(dw, (row + i) * C + (v + j) * L, total, C - (v + j) * L)

    return leaf


def _db(site, transposed):
    _, Q = _sizes(site, transposed)
    L, (places, (_, y_plane)) = site.L, _places(site, Q)

    def leaf(dy, acc, planes, count, plane, size):
        for p in range(planes):
            for n in range(count):
                for i in range(0, size, L):
                    store(acc, i, load(acc, i) + load(dy, p * plane + n * size + i))

    collect = [Row(leaf, **places, plane=y_plane, size=Q * L)]
    return Gradient(collect, [Row(sum_lanes(L), dw="db", size=Q, items=1)], acc=Q * L)


def _flops(site, transposed):
    return 2 * math.prod(site.shapes["x"]) * _sizes(site, transposed)[1]


def _twin(transposed):
    forward, dx, dw, db, shape, flops = (
        partial(f, transposed=transposed) for f in (_forward, _dx, _dw, _db, _shape, _flops)
    )
    return Twin(forward, {"x": dx}, {"w": dw, "b": db}, shape=shape, flops=flops)


linear, linear_transposed = _twin(transposed=False), _twin(transposed=True)
