r"""linear on lanes, and its gradients: :math:`y_q = \sum_d w_{dq} x_d + b_q` for each row of each sample.

A weight is one number for all lanes. Two rows are done at once, of one block or of two: each weight is then
loaded once for both. dw is a sum over samples, made when all blocks are done: x and dy are kept with the
features of a row side by side, and neighbouring lanes are neighbouring columns of w.
"""

import math

import numpy as np

from nbdl.kernels.lanes.rows import rows, transpose_rows
from nbdl.kernels.lanes.sums import SHARDS, sum_lanes, sum_shards
from nbdl.kernels.lanes.twin import Gradient, Row, Twin, Unfit
from nbdl.kernels.simd.local import local
from nbdl.kernels.simd.registers import load, splat, store
from nbdl.kernels.simd.shuffle import store_rest
from nbdl.kernels.simd.tile import groups, part, rectangle, shape, spec, tile

TOGETHER = 4  # groups of rows of dw that one item makes


def _shape(site):
    x, w = site.shapes["x"], site.shapes["w"]
    if len(w) != 2 or x[-1:] != w[:1] or 0 in (*x, *w) or site.shapes.get("b", w[1:]) != w[1:]:
        raise Unfit
    return x[:-1] + w[1:]


def _places(site):
    """What a leaf is told of where rows lie, and the floats from one plane to the next of x and of y."""
    x = site.shapes["x"]
    return rows(site.L, x, x[:-1] + site.shapes["w"][1:])


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


def _forward(site):
    (D, Q), L, (places, (x_plane, y_plane)) = site.shapes["w"], site.L, _places(site)
    bias, zero = "b" in site.shapes, np.dtype(site.dtype).type(0)

    def start(b, y, blocks, planes, count, plane, features):
        for p in range(blocks * planes):
            for n in range(count):
                for q in range(features):
                    store(y, p * plane + (n * features + q) * L, splat(b[q] if bias else zero))

    products = _products(L, D, Q, 1, Q, **places, x_plane=x_plane, y_plane=y_plane)
    return [Row(start, **places, plane=y_plane, features=Q), Row(products)]


def _dx(site):
    (D, Q), L, (places, (x_plane, y_plane)) = site.shapes["w"], site.L, _places(site)
    zero = np.dtype(site.dtype).type(0)

    def start(dx, blocks, planes, plane, size):
        for p in range(blocks * planes):
            for i in range(p * plane, p * plane + size, L):
                store(dx, i, splat(zero))

    products = _products(L, Q, D, Q, 1, **places, x_plane=y_plane, y_plane=x_plane)
    size = places["count"] * D * L
    return [Row(start, planes=places["planes"], plane=x_plane, size=size), Row(products, x="dy", y="dx")]


def _dw(site):
    (D, Q), L, (places, (x_plane, y_plane)) = site.shapes["w"], site.L, _places(site)
    wide = -(-Q // L) * L  # what stands behind Q is never written, and what it would add to is not stored

    collect = [
        Row(transpose_rows(L), value="x", kept="inputs", **places, plane=x_plane, features=D, pitch=D),
        Row(
            transpose_rows(L), value="dy", kept="cotangents", **places, plane=y_plane, features=Q, pitch=wide
        ),
    ]
    few, columns = shape(D, wide // L)
    finish = [
        Row(_dw_rows(site, first, n, count, columns, wide), items=-(-count // TOGETHER))
        for first, n, count in groups(D, few)
    ]
    lanes = math.prod(site.shapes["x"][:-1]) * L
    return Gradient(collect, finish, keep={"inputs": lanes * D, "cotangents": lanes * wide})


def _dw_rows(site, first, rows, count, columns, wide):
    """The leaf that makes `count` times `rows` rows of dw from row `first` on, over the whole minibatch.

    An item makes a few of them together, some columns at a time: each shard has its sum in the first cache.
    """
    (D, Q), L = site.shapes["w"], site.L
    per_block, vectors, size = math.prod(site.shapes["x"][:-1]) * L, wide // L, rows * columns * L
    memory = SHARDS * size

    def products(n):
        fmas, places = rectangle(rows, n, 1, L, n * L, L)
        return spec([part(fmas, places)], D, wide)

    most, rest = products(columns), products(vectors % columns or columns)

    def leaf(inputs, cotangents, shards, bounds, dw, item):
        start, end = first + item * TOGETHER * rows, first + min(count, (item + 1) * TOGETHER) * rows
        sums = local(dw, memory)
        for v in range(0, vectors, columns):
            n, dy = min(columns, vectors - v), cotangents + v * L
            for row in range(start, end, rows):
                for s in range(shards):
                    k0, k1 = bounds[s] * per_block, bounds[s + 1] * per_block
                    if n == columns:
                        tile(most, k0, k1, inputs + row, dy, sums + s * size, dy)
                    else:
                        tile(rest, k0, k1, inputs + row, dy, sums + s * size, dy)
                for i in range(rows):
                    for j in range(n):
                        total = sum_shards(sums + (i * n + j) * L, size, shards)
                        store_rest(dw, (row + i) * Q + (v + j) * L, total, Q - (v + j) * L)

    return leaf


def _db(site):
    Q, L, (places, (_, y_plane)) = site.shapes["w"][1], site.L, _places(site)

    def leaf(dy, acc, planes, count, plane, size):
        for p in range(planes):
            for n in range(count):
                for i in range(0, size, L):
                    store(acc, i, load(acc, i) + load(dy, p * plane + n * size + i))

    collect = [Row(leaf, **places, plane=y_plane, size=Q * L)]
    return Gradient(collect, [Row(sum_lanes(L), dw="db", size=Q, items=1)], acc=Q * L)


def _flops(site):
    return 2 * math.prod(site.shapes["x"]) * site.shapes["w"][1]


linear = Twin(_forward, {"x": _dx}, {"w": _dw, "b": _db}, shape=_shape, flops=_flops)
