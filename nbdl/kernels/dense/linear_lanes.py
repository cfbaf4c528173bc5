r"""linear on lanes, and its gradients: :math:`y_q = \sum_d w_{dq} x_d + b_q` for each sample.

A weight is one number for all lanes. Two blocks are done at once where the program gives two: each weight is
then loaded once for both. dw is a sum over samples, made when all blocks are done: x and dy are kept with the
features of a sample side by side, and neighbouring lanes are neighbouring columns of w.
"""

import numpy as np

from nbdl.kernels.lanes.sums import sum_lanes
from nbdl.kernels.lanes.twin import Gradient, Row, Twin, Unfit
from nbdl.kernels.simd.registers import load, splat, store
from nbdl.kernels.simd.tile import groups, part, rectangle, shape, spec, tile
from nbdl.kernels.simd.transpose import transpose

TOGETHER = 4  # groups of rows of dw that one item makes
SAMPLES = 128  # that a sum of dw goes over before the next one: their dy are then used from the first cache


def _shape(site):
    x, w = site.shapes["x"], site.shapes["w"]
    if len(w) != 2 or x != w[:1] or 0 in w or site.shapes.get("b", w[1:]) != w[1:]:
        raise Unfit
    return w[1:]


def _products(L, terms, results, a_step, k_step):
    """The leaf ``(x, w, y, blocks)`` of y[i] += sum_k w[i a_step + k k_step] x[k]: that of both y and dx."""
    x_block, y_block = terms * L, results * L
    pair, single = (_tiles(L, results, a_step, k_step, x_block, y_block, blocks) for blocks in (2, 1))
    few = 256  # steps of the sum whose x, of two blocks, stay in the first cache

    def leaf(x, w, y, blocks):
        for n in range(0, blocks, 2):
            source, target = x + n * x_block, y + n * y_block
            for k in range(0, terms, few):
                if n + 1 < blocks:
                    tile(pair, k, min(terms, k + few), w, source, target, target)
                else:
                    tile(single, k, min(terms, k + few), w, source, target, target)

    return leaf


def _tiles(L, results, a_step, k_step, x_block, y_block, blocks):
    parts = []
    for first, rows, count in groups(results, shape(results, blocks)[0]):
        fmas, places = rectangle(rows, blocks, a_step, x_block, L, y_block)
        fmas = [(i, a + first * a_step, b) for i, a, b in fmas]
        places = [place + first * L for place in places]
        parts.append(part(fmas, places, count, a=rows * a_step, c=rows * L))
    return spec(parts, k_step, L, init="add")


def _forward(site):
    (D, Q), L = site.shapes["w"], site.L
    bias, zero = "b" in site.shapes, np.dtype(site.dtype).type(0)

    def start(b, y, blocks, features):
        for n in range(blocks):
            for q in range(features):
                store(y, (n * features + q) * L, splat(b[q] if bias else zero))

    return [Row(start, features=Q), Row(_products(L, D, Q, 1, Q))]


def _dx(site):
    (D, Q), L = site.shapes["w"], site.L
    zero = np.dtype(site.dtype).type(0)

    def start(dx, blocks, size):
        for i in range(0, blocks * size, L):
            store(dx, i, splat(zero))

    return [Row(start, size=D * L), Row(_products(L, Q, D, Q, 1), x="dy", y="dx")]


def _dw(site):
    (D, Q), L = site.shapes["w"], site.L
    wide = -(-Q // L) * L  # what stands behind Q is never written, and what it would add to is not stored

    def turn(value, features, kept, pitch):
        if features < L:
            for i in range(L):
                for j in range(features):
                    kept[i * pitch + j] = value[j * L + i]
        else:
            for j in range(0, features, L):
                j = min(j, features - L)
                transpose(value + j * L, L, kept + j, pitch)

    collect = [
        Row(turn, value="x", kept="inputs", features=D, pitch=D),
        Row(turn, value="dy", kept="cotangents", features=Q, pitch=wide),
    ]
    rows, columns = shape(D, wide // L)
    finish = [
        Row(_dw_rows(site, first, n, count, columns, wide), items=-(-count // TOGETHER))
        for first, n, count in groups(D, rows)
    ]
    return Gradient(collect, finish, keep={"inputs": L * D, "cotangents": L * wide})


def _dw_rows(site, first, rows, count, columns, wide):
    """The leaf that makes `count` times `rows` rows of dw from row `first` on, over the whole minibatch.

    An item makes a few of them together, over some samples at a time.
    """
    (D, Q), L = site.shapes["w"], site.L
    zero, parts = np.dtype(site.dtype).type(0), []
    for vector, n, times in groups(wide // L, columns):
        for v in range(vector, vector + n * times, n):
            fmas, places = rectangle(rows, n, 1, L, Q, L)
            fmas = [(i, a, b + v * L) for i, a, b in fmas]
            places = [(p + v * L, min(L, Q - v * L - p % Q)) for p in places]
            parts.append(part(fmas, [p if n == L else (p, n) for p, n in places]))
    products = spec(parts, D, wide, init="add")

    def leaf(inputs, cotangents, shards, bounds, dw, item):
        start, end = item * TOGETHER, min(count, (item + 1) * TOGETHER)
        for i in range((first + start * rows) * Q, (first + end * rows) * Q):
            dw[i] = zero
        samples = bounds[shards] * L
        for k in range(0, samples, SAMPLES):
            for n in range(start, end):
                row = first + n * rows
                tile(products, k, min(samples, k + SAMPLES), inputs + row, cotangents, dw + row * Q, dw)

    return leaf


def _db(site):
    Q, L = site.shapes["w"][1], site.L

    def leaf(dy, acc, size):
        for i in range(0, size, L):
            store(acc, i, load(acc, i) + load(dy, i))

    return Gradient([Row(leaf, size=Q * L)], [Row(sum_lanes(L), dw="db", size=Q, items=1)], acc=Q * L)


def _flops(site):
    D, Q = site.shapes["w"]
    return 2 * D * Q


linear = Twin(_forward, {"x": _dx}, {"w": _dw, "b": _db}, shape=_shape, flops=_flops)
