r"""rnn_scan on lanes: a loop over the steps of a block (`nbdl.kernels.recurrent.rnn_scan` has the formulas).

The states of a block are kept for the way back. It makes dz, of which the other gradients come.
"""

import math

import numpy as np

from nbdl.kernels.lanes.products import matrix_gradient
from nbdl.kernels.lanes.twin import Loop, Row, Twin, Unfit
from nbdl.kernels.recurrent.cell import ACTIVATIONS, state_of, state_slope
from nbdl.kernels.recurrent.walk_lanes import Steps, added_products, checked_lengths, copied, zeroed
from nbdl.kernels.simd.local import local
from nbdl.kernels.simd.registers import load, splat, store, where


def _shape(site):
    z, wh = site.shapes["z"], site.shapes["wh"]
    if len(z) != 2 or 0 in z or wh != z[1:] * 2 or site.shapes.get("h0", z[1:]) != z[1:]:
        raise Unfit
    if site["activation"] not in ACTIVATIONS or site.shapes.get("lengths", ()) != ():
        raise Unfit
    return {"y": z, "h": z[1:]}


def _steps(site):
    T, H = site.shapes["z"]
    return T, H, Steps(site.L, T, bool(site["reverse"]))


def _saves(site):
    T, H, _ = _steps(site)
    return {"state": (T + 1) * H * site.L, "carry": H * site.L}


def _forward(site):
    (T, H, steps), L = _steps(site), site.L
    states = (T + 1) * H
    start, before, after = steps.start("state", H), steps.before("state", H), steps.after("state", H)
    turn = [
        copied(L, H, T * H, states, x=steps.at("z", H), y=after),
        added_products(L, H, H, False, states, states, x=before, w="wh", y=after),
        Row(_cell(site), before=before, state=after, y=steps.at("y", H)),
    ]
    return [
        copied(L, H, H, states, x="h0", y=start) if "h0" in site.shapes else zeroed(site, H, states, start),
        Loop(T, turn),
        copied(L, H, states, H, x=steps.end("state", H), y="h"),
    ]


def _numbers(site):
    """Whether sequences have lengths, which activation it is, 0 and 1 of the dtype."""
    number = np.dtype(site.dtype).type
    return "lengths" in site.shapes, np.int64(ACTIVATIONS.index(site["activation"])), number(0), number(1)


def _cell(site):
    """The leaf that makes the new state of what lies in its place; that before where there is no step."""
    (T, H, steps), L, (some, relu, zero, one) = _steps(site), site.L, _numbers(site)
    (first, step), n, y_block, block = steps.time(), H * L, T * H * L, (T + 1) * H * L

    def leaf(before, state, y, lengths, idx, turn, blocks):
        there = local(y, L)
        for b in range(blocks):
            if some:
                for lane in range(L):
                    there[lane] = one if first + turn * step < lengths[idx[b * L + lane]] else zero
            for i in range(0, n, L):
                new = old = state_of(load(state, b * block + i), relu)
                if some:
                    mask = load(there, 0) > splat(zero)
                    new, old = where(mask, new, splat(zero)), where(mask, new, load(before, b * block + i))
                store(y, b * y_block + i, new)
                store(state, b * block + i, old)

    return leaf


def _backward(site):
    (T, H, steps), L = _steps(site), site.L
    dz = steps.at("dz", H, back=True)
    state, dy = steps.after("state", H, back=True), steps.at("dy", H, back=True)
    turn = [
        Row(_slope(site), state=state, dy=dy, dz=dz),
        added_products(L, H, H, True, T * H, H, x=dz, w="wh", y="carry"),
    ]
    return [copied(L, H, H, H, x="dh", y="carry"), Loop(T, turn)]


def _slope(site):
    """The leaf that makes dz, and room for the cotangent of the state before; it stays where is no step."""
    (T, H, steps), L, (some, relu, zero, one) = _steps(site), site.L, _numbers(site)
    (first, step), n, y_block, block = steps.time(back=True), H * L, T * H * L, (T + 1) * H * L

    def leaf(dy, carry, state, dz, lengths, idx, turn, blocks):
        there = local(dy, L)
        for b in range(blocks):
            if some:
                for lane in range(L):
                    there[lane] = one if first + turn * step < lengths[idx[b * L + lane]] else zero
            for i in range(0, n, L):
                dh, rest = load(carry, b * n + i), splat(zero)
                gate = state_slope(load(dy, b * y_block + i) + dh, load(state, b * block + i), relu)
                if some:
                    mask = load(there, 0) > splat(zero)
                    gate, rest = where(mask, gate, splat(zero)), where(mask, splat(zero), dh)
                store(dz, b * y_block + i, gate)
                store(carry, b * n + i, rest)

    return leaf


def _dh0(site):
    _, H, _ = _steps(site)
    return [copied(site.L, H, H, H, x="carry", y="dh0")]


def _dwh(site):
    T, H, steps = _steps(site)
    places = {"planes": 1, "count": T, "plane": 0}
    x, dy = {"value": steps.states("state", H), **places}, {"value": "dz", **places}
    return matrix_gradient(H, H, site.L, T, x, dy, dw="dwh")


def _checks(site):
    return checked_lengths(site, site.shapes["z"][0])


def _flops(site):
    return 2 * math.prod(site.shapes["z"]) * site.shapes["wh"][1]


rnn_scan = Twin(
    _forward,
    {"z": lambda site: [], "h0": _dh0},
    {"wh": _dwh},
    shape=_shape,
    saves=_saves,
    index=("lengths",),
    checks=_checks,
    backward=_backward,
    flops=_flops,
)
