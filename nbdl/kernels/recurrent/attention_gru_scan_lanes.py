"""attention_gru_scan on lanes: the loop of `gru_scan_lanes`, and in each turn what the state attends.

Units, weights and states of all steps of a block are kept for the way back, and so are the gates. `queries`
becomes the cotangents of the queries.
"""

import math
from dataclasses import replace

import numpy as np

from nbdl.kernels.lanes.products import matrix_gradient
from nbdl.kernels.lanes.sums import sum_lanes
from nbdl.kernels.lanes.twin import Gradient, Loop, Row, Twin, Unfit, Walk
from nbdl.kernels.recurrent.gru_cell_lanes import cell_leaf, slopes_leaf, steps_of
from nbdl.kernels.recurrent.gru_scan_lanes import dbh, dwh
from nbdl.kernels.recurrent.walk_lanes import checked_lengths, copied, products, zeroed
from nbdl.kernels.simd.local import local
from nbdl.kernels.simd.registers import fma, larger, load, splat, store, where
from nbdl.kernels.simd.vector_math import exp, tanh


def _gru(site):
    """The site of the recurrent unit alone, which knows no keys."""
    shapes = {name: shape for name, shape in site.shapes.items() if name != "lengths"}
    return replace(site, shapes=shapes, constants={"reset": "after", "reverse": False})


def _shape(site):
    z, keys, values, wq, wv, wh = (site.shapes[n] for n in ("z", "keys", "values", "wq", "wv", "wh"))
    if [len(s) for s in (z, keys, values, wq, wv, wh)] != [2, 2, 2, 2, 1, 2] or 0 in (*z, *keys):
        raise Unfit
    (T, G), (S, U), H = z, keys, wh[0]
    if G != 3 * H or wh[1] != G or values != (S, G) or wq != (H, U) or wv != (U,):
        raise Unfit
    if site.shapes.get("h0", (H,)) != (H,) or site.shapes.get("bh", (G,)) != (G,):
        raise Unfit
    if site.shapes.get("lengths", ()) != ():
        raise Unfit
    return {"y": (T, H), "h": (H,), "weights": (T, S)}


def _sizes(site):
    """T, S, U, H, and where rows find the operands of a step."""
    (T, H, steps), (S, U) = steps_of(_gru(site)), site.shapes["keys"]
    return T, S, U, H, steps


def _saves(site):
    (T, S, U, H, _), L = _sizes(site), site.L
    return {
        "state": (T + 1) * H * L, "gates": 4 * T * H * L, "carry": H * L, "queries": T * U * L,
        "sums": 3 * T * H * L, "units": T * S * U * L, "slopes": T * S * L,
    }  # fmt: skip


def _attend(site):
    """The leaf that makes units, weights, and what inputs and values give, of the queries of a step."""
    (T, S, U, H, _), L, number = _sizes(site), site.L, np.dtype(site.dtype).type
    some, zero, lowest = "lengths" in site.shapes, number(0), number(-np.inf)

    def leaf(queries, keys, values, wv, z, sums, units, weights, lengths, idx, blocks):
        ends = local(z, L)
        for b in range(blocks):
            if some:
                for lane in range(L):
                    ends[lane] = lengths[idx[b * L + lane]]
            query, key, unit = queries + b * T * U * L, keys + b * S * U * L, units + b * T * S * U * L
            weight, value = weights + b * T * S * L, values + b * S * 3 * H * L
            inputs, result = z + b * T * 3 * H * L, sums + b * T * 3 * H * L
            m = splat(lowest)
            for s in range(S):
                total = splat(zero)
                for u in range(U):
                    i = (s * U + u) * L
                    a = tanh(load(query, u * L) + load(key, i))
                    store(unit, i, a)
                    total = fma(a, splat(wv[u]), total)
                if some:
                    total = where(load(ends, 0) > s, total, splat(lowest))
                store(weight, s * L, total)
                m = larger(total, m)
            far, total = where(m == splat(lowest), splat(zero), m), splat(zero)
            for s in range(S):
                e = exp(load(weight, s * L) - far)
                store(weight, s * L, e)
                total = total + e
            by = where(total == splat(zero), splat(zero), 1.0 / total)
            for s in range(S):
                store(weight, s * L, load(weight, s * L) * by)
            for i in range(0, 3 * H * L, L):
                total = load(inputs, i)
                for s in range(S):
                    w, v = load(weight, s * L), load(value, s * 3 * H * L + i)
                    total = fma(w, where(w == splat(zero), splat(zero), v) if some else v, total)
                store(result, i, total)

    return leaf


def _forward(site):
    (T, S, U, H, steps), L, gru = _sizes(site), site.L, _gru(site)
    states, block = (T + 1) * H, 4 * T * H
    start, h, after = steps.start("state", H), steps.before("state", H), steps.after("state", H)
    gates, y, z, sums = (steps.at(*of) for of in (("gates", 4 * H), ("y", H), ("z", 3 * H), ("sums", 3 * H)))
    queries, units, weights = steps.at("queries", U), steps.at("units", S * U), steps.at("weights", S)
    turn = [
        products(L, H, U, states, T * U, pitch=U, x=h, w="wq", y=queries),
        Row(_attend(site), queries=queries, z=z, sums=sums, units=units, weights=weights),
        products(L, H, 3 * H, states, block, pitch=3 * H, x=h, w="wh", y=gates),
        Row(cell_leaf(gru), h=h, after=after, y=y, z=sums, gates=gates),
    ]
    return [
        copied(L, H, H, states, x="h0", y=start) if "h0" in site.shapes else zeroed(site, H, states, start),
        Loop(T, turn),
        copied(L, H, states, H, x=steps.end("state", H), y="h"),
    ]


def _attend_back(site):
    """The leaf that makes the cotangents of scores and queries, of those of the sums in the gates, dz."""
    (T, S, U, H, _), L, zero = _sizes(site), site.L, np.dtype(site.dtype).type(0)

    def leaf(dz, dweights, values, wv, weights, units, slopes, queries, blocks):
        for b in range(blocks):
            cotangent, given = dz + b * T * 3 * H * L, dweights + b * T * S * L
            value, weight, slope = values + b * S * 3 * H * L, weights + b * T * S * L, slopes + b * T * S * L
            unit, query, mean = units + b * T * S * U * L, queries + b * T * U * L, splat(zero)
            for s in range(S):
                w, total = load(weight, s * L), load(given, s * L)
                for i in range(0, 3 * H * L, L):
                    total = fma(load(cotangent, i), load(value, s * 3 * H * L + i), total)
                # What is not attended counts for nothing, whatever its value is.
                total = where(w == splat(zero), splat(zero), total)
                store(slope, s * L, total)
                mean = fma(w, total, mean)
            for s in range(S):
                store(slope, s * L, load(weight, s * L) * (load(slope, s * L) - mean))
            for u in range(U):
                total = splat(zero)
                for s in range(S):
                    m, d = load(unit, (s * U + u) * L), load(slope, s * L)
                    total = total + where(d == splat(zero), splat(zero), d * (1.0 - m * m))
                store(query, u * L, total * splat(wv[u]))

    return leaf


def _backward(site):
    (T, S, U, H, steps), L, gru = _sizes(site), site.L, _gru(site)
    gates, dz = steps.at("gates", 4 * H, back=True), steps.at("dz", 3 * H, back=True)
    h, dy = steps.before("state", H, back=True), steps.at("dy", H, back=True)
    queries, units = steps.at("queries", U, back=True), steps.at("units", S * U, back=True)
    attended = {n: steps.at(n, S, back=True) for n in ("weights", "dweights", "slopes")}
    back = {"transposed": True, "add": True, "y": "carry"}
    turn = [
        Row(slopes_leaf(gru), h=h, dy=dy, dz=dz, gates=gates),
        Row(_attend_back(site), dz=dz, queries=queries, units=units, **attended),
        products(L, 3 * H, H, 4 * T * H, H, pitch=3 * H, x=gates, w="wh", **back),
        products(L, U, H, T * U, H, pitch=U, x=queries, w="wq", **back),
    ]
    return [copied(L, H, H, H, x="dh", y="carry"), Loop(T, turn)]


def _dkeys(site):
    (T, S, U, _, _), L, zero = _sizes(site), site.L, np.dtype(site.dtype).type(0)

    def leaf(slopes, units, wv, dkeys):
        for s in range(S):
            for u in range(U):
                total = splat(zero)
                for t in range(T):
                    d, m = load(slopes, (t * S + s) * L), load(units, ((t * S + s) * U + u) * L)
                    total = total + where(d == splat(zero), splat(zero), d * (1.0 - m * m))
                store(dkeys, (s * U + u) * L, total * splat(wv[u]))

    return [Row(leaf)]


def _dvalues(site):
    (T, S, _, H, _), L, zero = _sizes(site), site.L, np.dtype(site.dtype).type(0)

    def leaf(weights, dz, dvalues):
        for s in range(S):
            for i in range(0, 3 * H * L, L):
                total = splat(zero)
                for t in range(T):
                    total = fma(load(weights, (t * S + s) * L), load(dz, t * 3 * H * L + i), total)
                store(dvalues, s * 3 * H * L + i, total)

    return [Row(leaf)]


def _dh0(site):
    H = site.shapes["wh"][0]
    return [copied(site.L, H, H, H, x="carry", y="dh0")]


def _dwq(site):
    (T, _, U, H, steps), L = _sizes(site), site.L
    states = {"value": steps.states("state", H), "planes": 1, "count": T, "plane": 0}
    queries = {"value": Walk("queries", 0), "planes": 1, "count": T, "plane": 0}
    return matrix_gradient(H, U, L, T, states, queries, dw="dwq")


def _dwv(site):
    (T, S, U, _, _), L, zero = _sizes(site), site.L, np.dtype(site.dtype).type(0)

    def leaf(slopes, units, acc):
        for k in range(T * S):
            d = load(slopes, k * L)
            for u in range(U):
                m = load(units, (k * U + u) * L)
                store(acc, u * L, load(acc, u * L) + where(d == splat(zero), splat(zero), d * m))

    return Gradient([Row(leaf)], [Row(sum_lanes(L), dw="dwv", size=U, items=1)], acc=U * L)


def _flops(site):
    T, S, U, H, _ = _sizes(site)
    return 2 * T * (math.prod(site.shapes["wh"]) + H * U + S * U + 3 * S * H)


attention_gru_scan = Twin(
    _forward,
    {"z": lambda site: [], "keys": _dkeys, "values": _dvalues, "h0": _dh0},
    {"wq": _dwq, "wv": _dwv, "wh": lambda site: dwh(_gru(site)), "bh": lambda site: dbh(_gru(site))},
    shape=_shape,
    saves=_saves,
    index=("lengths",),
    checks=lambda site: checked_lengths(site, site.shapes["keys"][0]),
    backward=_backward,
    flops=_flops,
)
