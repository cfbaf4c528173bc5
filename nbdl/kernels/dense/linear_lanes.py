r"""linear on lanes, and its gradients: :math:`y_q = \sum_d w_{dq} x_d + b_q` for each row of each sample.

That of `linear_transposed` has w (Q, D): other steps through w, and in dw x and dy exchanged.

Two rows are done at once, of one block or of two: each weight is then loaded once for both.
"""

import math
from functools import partial

import numpy as np

from nbdl.kernels.lanes.panels import SEVERAL, is_large, row_products
from nbdl.kernels.lanes.products import STEPS, matrix_gradient, tiles
from nbdl.kernels.lanes.rows import rows
from nbdl.kernels.lanes.sums import sum_lanes
from nbdl.kernels.lanes.twin import Gradient, Row, Twin, Unfit
from nbdl.kernels.simd.registers import load, splat, store
from nbdl.kernels.simd.tile import tile


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
    return rows(site, x, (*x[:-1], Q))


def _products(L, terms, results, a_step, k_step, planes, count, x_plane, y_plane):
    """The leaf ``(x, w, y, blocks)`` of y[i] += sum_k w[i a_step + k k_step] x[k]: that of both y and dx."""
    x_row, y_row = terms * L, results * L
    pair, single = (tiles(L, results, a_step, k_step, x_row, y_row, n) for n in (2, 1))

    def leaf(x, w, y, blocks):
        outer, inner = (blocks * planes, count) if planes > 1 else (1, blocks * count)
        for p in range(outer):
            for n in range(0, inner, 2):
                source, target = x + (p * x_plane + n * x_row), y + (p * y_plane + n * y_row)
                for k in range(0, terms, STEPS):
                    if n + 1 < inner:
                        tile(pair, k, min(terms, k + STEPS), w, source, target, target)
                    else:
                        tile(single, k, min(terms, k + STEPS), w, source, target, target)

    return leaf


def _is_panelled(site, terms, results, count):
    """Whether a panel of w serves enough rows of a block to be worth its copy."""
    return count >= SEVERAL and is_large(site, terms, results)


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
    make = row_products if _is_panelled(site, D, Q, places["count"]) else _products
    products = make(L, D, Q, *steps, **places, x_plane=x_plane, y_plane=y_plane)
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
    make = row_products if _is_panelled(site, Q, D, places["count"]) else _products
    products = make(L, Q, D, *steps, **places, x_plane=y_plane, y_plane=x_plane)
    size = places["count"] * D * L
    return [Row(start, planes=places["planes"], plane=x_plane, size=size), Row(products, x="dy", y="dx")]


def _dw(site, transposed):
    """A row of dw for each feature of x, in which neighbours are those of dy; transposed, for one of dy."""
    L, (places, (x_plane, y_plane)) = site.L, _places(site, _sizes(site, transposed)[1])
    x, dy = {"value": "x", **places, "plane": x_plane}, {"value": "dy", **places, "plane": y_plane}
    down, across = (dy, x) if transposed else (x, dy)
    return matrix_gradient(*site.shapes["w"], L, math.prod(site.shapes["x"][:-1]), down, across)


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
    return Twin(forward, {"x": dx}, {"w": dw, "b": db}, shape=shape, flops=flops, packed=True)


linear, linear_transposed = _twin(transposed=False), _twin(transposed=True)
