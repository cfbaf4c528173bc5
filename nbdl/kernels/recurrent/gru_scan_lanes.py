r"""gru_scan on lanes: a loop over the steps of a block (`nbdl.kernels.recurrent.gru_scan` has the formulas).

The states of a block are kept for the way back, and for each step 4 H numbers of `gates`: r, u, a third, and
n. The third is what the state contributes to n where r acts after the product, and r h where it acts before.
The way back writes over them the cotangents of the sums in r and u, of what the state contributes to n, and,
where r acts before, in the last place that of n; r h stays.
"""

import math

import numpy as np

from nbdl.kernels.lanes.products import matrix_gradient
from nbdl.kernels.lanes.sums import sum_lanes
from nbdl.kernels.lanes.twin import Gradient, Loop, Row, Twin, Unfit, Walk
from nbdl.kernels.recurrent.gru_formula import (
    RESETS,
    candidate_of,
    gate_of,
    mixed,
    mixed_slopes,
    reset_slope,
)
from nbdl.kernels.recurrent.walk_lanes import Steps, checked_lengths, copied, features_on, products, zeroed
from nbdl.kernels.simd.local import local
from nbdl.kernels.simd.registers import load, splat, store, where


def _shape(site):
    z, wh = site.shapes["z"], site.shapes["wh"]
    if len(z) != 2 or 0 in z or len(wh) != 2 or z[1] != 3 * wh[0] or wh[1] != z[1]:
        raise Unfit
    if site.shapes.get("h0", wh[:1]) != wh[:1] or site.shapes.get("bh", z[1:]) != z[1:]:
        raise Unfit
    if site["reset"] not in RESETS or site.shapes.get("lengths", ()) != ():
        raise Unfit
    return {"y": (z[0], wh[0]), "h": wh[:1]}


def _steps(site):
    T, H = site.shapes["z"][0], site.shapes["wh"][0]
    return T, H, Steps(site.L, T, bool(site["reverse"]))


def _before(site):
    return site["reset"] == "before"


def _saves(site):
    (T, H, _), L = _steps(site), site.L
    return {"state": (T + 1) * H * L, "gates": 4 * T * H * L, "carry": H * L, "product": H * L}


def _forward(site):
    (T, H, steps), L = _steps(site), site.L
    states, block = (T + 1) * H, 4 * T * H
    start, h, after = steps.start("state", H), steps.before("state", H), steps.after("state", H)
    gates, y, z = steps.at("gates", 4 * H), steps.at("y", H), steps.at("z", 3 * H)
    cell = Row(_cell(site), h=h, after=after, y=y, z=z, gates=gates)
    if _before(site):
        candidate, rh = features_on(gates, 3 * H, L), features_on(gates, 2 * H, L)
        turn = [
            products(L, H, 2 * H, states, block, pitch=3 * H, x=h, w="wh", y=gates),
            Row(_gates(site), h=h, z=z, gates=gates),
            products(L, H, H, block, block, pitch=3 * H, x=rh, w=Walk("wh", 2 * H), y=candidate),
            cell,
        ]
    else:
        turn = [products(L, H, 3 * H, states, block, pitch=3 * H, x=h, w="wh", y=gates), cell]
    return [
        copied(L, H, H, states, x="h0", y=start) if "h0" in site.shapes else zeroed(site, H, states, start),
        Loop(T, turn),
        copied(L, H, states, H, x=steps.end("state", H), y="h"),
    ]


def _numbers(site):
    """Whether there are lengths and biases, whether r acts before; 0 and 1 of the dtype."""
    number = np.dtype(site.dtype).type
    return "lengths" in site.shapes, "bh" in site.shapes, np.int64(_before(site)), number(0), number(1)


def _gates(site):
    """The leaf that makes r and u of the products in their places, and r h: 0 where there is no step."""
    (T, H, steps), L, (some, biased, _, zero, one) = _steps(site), site.L, _numbers(site)
    (first, step), n = steps.time(), H * L

    def leaf(h, z, bh, gates, lengths, idx, turn, blocks):
        there = local(z, L)
        for b in range(blocks):
            if some:
                for lane in range(L):
                    there[lane] = one if first + turn * step < lengths[idx[b * L + lane]] else zero
            inputs, gate, state = z + b * T * 3 * n, gates + b * T * 4 * n, h + b * (T + 1) * n
            for j in range(H):
                i = j * L
                r = gate_of(load(inputs, i), load(gate, i) + splat(bh[j] if biased else zero))
                sum_u = load(gate, n + i) + splat(bh[H + j] if biased else zero)
                rh = r * load(state, i)
                store(gate, i, r)
                store(gate, n + i, gate_of(load(inputs, n + i), sum_u))
                store(gate, 2 * n + i, where(load(there, 0) > splat(zero), rh, splat(zero)) if some else rh)

    return leaf


def _cell(site):
    """The leaf that makes the new state, and what gates are still sums; the state stays where is no step."""
    (T, H, steps), L, (some, biased, before, zero, one) = _steps(site), site.L, _numbers(site)
    (first, step), n = steps.time(), H * L

    def leaf(h, after, y, z, bh, gates, lengths, idx, turn, blocks):
        there = local(y, L)
        for b in range(blocks):
            if some:
                for lane in range(L):
                    there[lane] = one if first + turn * step < lengths[idx[b * L + lane]] else zero
            inputs, gate = z + b * T * 3 * n, gates + b * T * 4 * n
            state, result, out = h + b * (T + 1) * n, after + b * (T + 1) * n, y + b * T * n
            for j in range(H):
                i, bias = j * L, splat(bh[2 * H + j] if biased else zero)
                if before:
                    r, u, s = load(gate, i), load(gate, n + i), load(gate, 3 * n + i) + bias
                else:
                    sum_u = load(gate, n + i) + splat(bh[H + j] if biased else zero)
                    r = gate_of(load(inputs, i), load(gate, i) + splat(bh[j] if biased else zero))
                    u, s = gate_of(load(inputs, n + i), sum_u), load(gate, 2 * n + i) + bias
                    store(gate, i, r)
                    store(gate, n + i, u)
                    store(gate, 2 * n + i, s)
                candidate, old = candidate_of(load(inputs, 2 * n + i), s, r, before), load(state, i)
                new = shown = mixed(u, candidate, old)
                if some:
                    mask = load(there, 0) > splat(zero)
                    shown, new = where(mask, new, splat(zero)), where(mask, new, old)
                store(gate, 3 * n + i, candidate)
                store(out, i, shown)
                store(result, i, new)

    return leaf


def _backward(site):
    (T, H, steps), L = _steps(site), site.L
    block = 4 * T * H
    gates, dz = steps.at("gates", 4 * H, back=True), steps.at("dz", 3 * H, back=True)
    h, dy = steps.before("state", H, back=True), steps.at("dy", H, back=True)
    slopes = Row(_slopes(site), h=h, dy=dy, dz=dz, gates=gates)
    if _before(site):
        candidate, w = features_on(gates, 3 * H, L), Walk("wh", 2 * H)
        back = {"pitch": 3 * H, "transposed": True}
        turn = [
            slopes,
            products(L, H, H, block, H, **back, x=candidate, w=w, y="product"),
            Row(_reset_slopes(site), h=h, dz=dz, gates=gates),
            products(L, 2 * H, H, block, H, **back, add=True, x=gates, w="wh", y="carry"),
        ]
    else:
        row = products(
            L, 3 * H, H, block, H, pitch=3 * H, transposed=True, add=True, x=gates, w="wh", y="carry"
        )
        turn = [slopes, row]
    return [copied(L, H, H, H, x="dh", y="carry"), Loop(T, turn)]


def _slopes(site):
    """The leaf that makes the cotangents of all sums but that in r where it acts before.

    What is left of that of the state is the part of u h; where there is no step it stays as it is.
    """
    (T, H, steps), L, (some, _, before, zero, one) = _steps(site), site.L, _numbers(site)
    (first, step), n = steps.time(back=True), H * L

    def leaf(dy, carry, h, dz, gates, lengths, idx, turn, blocks):
        there = local(dy, L)
        for b in range(blocks):
            if some:
                for lane in range(L):
                    there[lane] = one if first + turn * step < lengths[idx[b * L + lane]] else zero
            gate, inputs = gates + b * T * 4 * n, dz + b * T * 3 * n
            cotangent, left, state = dy + b * T * n, carry + b * n, h + b * (T + 1) * n
            for i in range(0, n, L):
                behind, r, u = load(left, i), load(gate, i), load(gate, n + i)
                dh = load(cotangent, i) + behind
                du, dn = mixed_slopes(dh, u, load(gate, 3 * n + i), load(state, i))
                rest = dh * u
                if some:
                    mask = load(there, 0) > splat(zero)
                    du, dn = where(mask, du, splat(zero)), where(mask, dn, splat(zero))
                    rest = where(mask, rest, behind)
                store(left, i, rest)
                store(gate, n + i, du)
                store(inputs, n + i, du)
                store(inputs, 2 * n + i, dn)
                if before:
                    store(gate, 3 * n + i, dn)
                else:
                    dr, ds = reset_slope(dn, load(gate, 2 * n + i), r), dn * r
                    if some:
                        dr, ds = where(mask, dr, splat(zero)), where(mask, ds, splat(zero))
                    store(gate, i, dr)
                    store(gate, 2 * n + i, ds)
                    store(inputs, i, dr)

    return leaf


def _reset_slopes(site):
    """The leaf that makes the cotangents of r and of h from that of r h, which `product` is."""
    (T, H, steps), L, (some, _, _, zero, one) = _steps(site), site.L, _numbers(site)
    (first, step), n = steps.time(back=True), H * L

    def leaf(product, carry, h, dz, gates, lengths, idx, turn, blocks):
        there = local(dz, L)
        for b in range(blocks):
            if some:
                for lane in range(L):
                    there[lane] = one if first + turn * step < lengths[idx[b * L + lane]] else zero
            gate, inputs, left = gates + b * T * 4 * n, dz + b * T * 3 * n, carry + b * n
            state, cotangent = h + b * (T + 1) * n, product + b * n
            for i in range(0, n, L):
                d, r = load(cotangent, i), load(gate, i)
                dr, more = reset_slope(d, load(state, i), r), d * r
                if some:
                    mask = load(there, 0) > splat(zero)
                    dr, more = where(mask, dr, splat(zero)), where(mask, more, splat(zero))
                store(gate, i, dr)
                store(inputs, i, dr)
                store(left, i, load(left, i) + more)

    return leaf


def _dh0(site):
    _, H, _ = _steps(site)
    return [copied(site.L, H, H, H, x="carry", y="dh0")]


def _dwh(site):
    (T, H, steps), L = _steps(site), site.L
    rows = {"planes": T, "count": 1, "plane": 4 * H * L}
    states = {"value": steps.states("state", H), "planes": 1, "count": T, "plane": 0}
    if not _before(site):
        return matrix_gradient(H, 3 * H, L, T, states, {"value": "gates", **rows}, dw="dwh")
    gates = matrix_gradient(H, 2 * H, L, T, states, {"value": "gates", **rows}, dw="dwh", pitch=3 * H)
    candidate = matrix_gradient(
        H, H, L, T, {"value": Walk("gates", 2 * H * L), **rows}, {"value": Walk("gates", 3 * H * L), **rows},
        dw=Walk("dwh", 2 * H), pitch=3 * H, kept=("reset states", "of candidates"),
    )  # fmt: skip
    keep = {**gates.keep, **candidate.keep}
    return Gradient(gates.collect + candidate.collect, gates.finish + candidate.finish, keep=keep)


def _dbh(site):
    (T, H, _), L = _steps(site), site.L
    last = 3 if _before(site) else 2  # where the cotangent of what the state contributes to n is

    def leaf(gates, acc, H, T, last):
        for t in range(T):
            row = gates + t * 4 * H * L
            for i in range(0, 2 * H * L, L):
                store(acc, i, load(acc, i) + load(row, i))
            for i in range(0, H * L, L):
                store(acc, 2 * H * L + i, load(acc, 2 * H * L + i) + load(row, last * H * L + i))

    collect = [Row(leaf, H=H, T=T, last=last)]
    return Gradient(collect, [Row(sum_lanes(L), dw="dbh", size=3 * H, items=1)], acc=3 * H * L)


def _flops(site):
    return 2 * math.prod(site.shapes["z"]) * site.shapes["wh"][0]


gru_scan = Twin(
    _forward,
    {"z": lambda site: [], "h0": _dh0},
    {"wh": _dwh, "bh": _dbh},
    shape=_shape,
    saves=_saves,
    index=("lengths",),
    checks=lambda site: checked_lengths(site, site.shapes["z"][0]),
    backward=_backward,
    flops=_flops,
)
