"""gru_scan on lanes: a loop over the steps of a block, which `gru_cell_lanes` has, and the sums over samples.

The states of a block are kept for the way back, and so are the gates of all steps.
"""

import math

from nbdl.kernels.lanes.products import matrix_gradient
from nbdl.kernels.lanes.sums import sum_lanes
from nbdl.kernels.lanes.twin import Gradient, Loop, Row, Twin, Unfit, Walk
from nbdl.kernels.recurrent.gru_cell import RESETS
from nbdl.kernels.recurrent.gru_cell_lanes import (
    acts_before,
    cell_leaf,
    gates_leaf,
    reset_slopes_leaf,
    slopes_leaf,
    steps_of,
)
from nbdl.kernels.recurrent.walk_lanes import checked_lengths, copied, features_on, products, zeroed
from nbdl.kernels.simd.registers import load, store


def _shape(site):
    z, wh = site.shapes["z"], site.shapes["wh"]
    if len(z) != 2 or 0 in z or len(wh) != 2 or z[1] != 3 * wh[0] or wh[1] != z[1]:
        raise Unfit
    if site.shapes.get("h0", wh[:1]) != wh[:1] or site.shapes.get("bh", z[1:]) != z[1:]:
        raise Unfit
    if site["reset"] not in RESETS or site.shapes.get("lengths", ()) != ():
        raise Unfit
    return {"y": (z[0], wh[0]), "h": wh[:1]}


def _saves(site):
    (T, H, _), L = steps_of(site), site.L
    product = H * L if acts_before(site) else 0
    return {"state": (T + 1) * H * L, "gates": 4 * T * H * L, "carry": H * L, "product": product}


def _forward(site):
    (T, H, steps), L = steps_of(site), site.L
    states, block = (T + 1) * H, 4 * T * H
    start, h, after = steps.start("state", H), steps.before("state", H), steps.after("state", H)
    gates, y, z = steps.at("gates", 4 * H), steps.at("y", H), steps.at("z", 3 * H)
    cell = Row(cell_leaf(site), h=h, after=after, y=y, z=z, gates=gates)
    if acts_before(site):
        candidate, rh = features_on(gates, 3 * H, L), features_on(gates, 2 * H, L)
        turn = [
            products(L, H, 2 * H, states, block, pitch=3 * H, x=h, w="wh", y=gates),
            Row(gates_leaf(site), h=h, z=z, gates=gates),
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


def _backward(site):
    (T, H, steps), L = steps_of(site), site.L
    block = 4 * T * H
    gates, dz = steps.at("gates", 4 * H, back=True), steps.at("dz", 3 * H, back=True)
    h, dy = steps.before("state", H, back=True), steps.at("dy", H, back=True)
    slopes = Row(slopes_leaf(site), h=h, dy=dy, dz=dz, gates=gates)
    if acts_before(site):
        candidate, w = features_on(gates, 3 * H, L), Walk("wh", 2 * H)
        back = {"pitch": 3 * H, "transposed": True}
        turn = [
            slopes,
            products(L, H, H, block, H, **back, x=candidate, w=w, y="product"),
            Row(reset_slopes_leaf(site), h=h, dz=dz, gates=gates),
            products(L, 2 * H, H, block, H, **back, add=True, x=gates, w="wh", y="carry"),
        ]
    else:
        back = {"pitch": 3 * H, "transposed": True, "add": True}
        turn = [slopes, products(L, 3 * H, H, block, H, **back, x=gates, w="wh", y="carry")]
    return [copied(L, H, H, H, x="dh", y="carry"), Loop(T, turn)]


def _dh0(site):
    _, H, _ = steps_of(site)
    return [copied(site.L, H, H, H, x="carry", y="dh0")]


def dwh(site):
    (T, H, steps), L = steps_of(site), site.L
    rows = {"planes": T, "count": 1, "plane": 4 * H * L}
    states = {"value": steps.states("state", H), "planes": 1, "count": T, "plane": 0}
    if not acts_before(site):
        return matrix_gradient(H, 3 * H, L, T, states, {"value": "gates", **rows}, dw="dwh")
    gates = matrix_gradient(
        H, 2 * H, L, T, states, {"value": "gates", **rows}, "dwh", 3 * H, kept=("states", "of gates")
    )
    candidate = matrix_gradient(
        H, H, L, T, {"value": Walk("gates", 2 * H * L), **rows}, {"value": Walk("gates", 3 * H * L), **rows},
        Walk("dwh", 2 * H), 3 * H, kept=("reset states", "of candidates"),
    )  # fmt: skip
    keep = {**gates.keep, **candidate.keep}
    return Gradient(gates.collect + candidate.collect, gates.finish + candidate.finish, keep=keep)


def dbh(site):
    (T, H, _), L = steps_of(site), site.L
    last = 3 if acts_before(site) else 2  # where the cotangent of what the state contributes to n is

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
    {"wh": dwh, "bh": dbh},
    shape=_shape,
    saves=_saves,
    index=("lengths",),
    checks=lambda site: checked_lengths(site, site.shapes["z"][0]),
    backward=_backward,
    flops=_flops,
)
