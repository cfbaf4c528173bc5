"""lstm_scan on lanes: a loop over the steps of a block; the formula of the cell is that of `lstm_cell`.

States, memories and gates of a block are kept for the way back. It makes dz, of which the other gradients
come.
"""

import math

import numpy as np

from nbdl.kernels.lanes.panels import is_large, packed, panel_products, panels_size
from nbdl.kernels.lanes.products import matrix_gradient
from nbdl.kernels.lanes.sums import sum_lanes
from nbdl.kernels.lanes.twin import Gradient, Loop, Row, Twin, Unfit
from nbdl.kernels.recurrent.lstm_cell import gate_slopes, gates_of
from nbdl.kernels.recurrent.walk_lanes import Steps, added_products, checked_lengths, copied, zeroed
from nbdl.kernels.simd.local import local
from nbdl.kernels.simd.registers import load, splat, store, where


def _shape(site):
    z, wh = site.shapes["z"], site.shapes["wh"]
    if len(z) != 2 or 0 in z or z[1] % 4 or site.shapes.get("lengths", ()) != ():
        raise Unfit
    T, H = z[0], z[1] // 4
    if wh != (H, 4 * H) or any(site.shapes.get(name, (H,)) != (H,) for name in ("h0", "c0")):
        raise Unfit
    if site.shapes.get("peepholes", (3, H)) != (3, H):
        raise Unfit
    return {"y": (T, H), "h": (H,), "c": (H,)}


def _steps(site):
    T, H = site.shapes["z"][0], site.shapes["z"][1] // 4
    return T, H, Steps(site.L, T, bool(site["reverse"]))


def _saves(site):
    (T, H, _), L = _steps(site), site.L
    states = (T + 1) * H * L
    kept = {"state": states, "memory": states, "gates": 4 * T * H * L, "carry": H * L, "fade": H * L}
    if is_large(site, H, 4 * H):
        kept |= {"ahead": panels_size(H, 4 * H), "across": panels_size(4 * H, H)}
    return kept


def _forward(site):
    (T, H, steps), L = _steps(site), site.L
    G, states = 4 * H, (T + 1) * H
    before, gates = steps.before("state", H), steps.at("gates", G)
    turn = [
        copied(L, G, T * G, T * G, x=steps.at("z", G), y=gates),
        _products(site, H, G, False, states, T * G, x=before, y=gates),
        Row(
            _cell(site), gates=gates, before=before, state=steps.after("state", H), y=steps.at("y", H),
            old=steps.before("memory", H), memory=steps.after("memory", H),
        ),
    ]  # fmt: skip
    return [
        *(
            copied(L, H, H, states, x=given, y=steps.start(name, H)) if given in site.shapes
            else zeroed(site, H, states, steps.start(name, H))
            for name, given in (("state", "h0"), ("memory", "c0"))
        ),
        *_panels(site, H, G, False, "ahead"),
        Loop(T, turn),
        copied(L, H, states, H, x=steps.end("state", H), y="h"),
        copied(L, H, states, H, x=steps.end("memory", H), y="c"),
    ]  # fmt: skip


def _options(site):
    """Whether sequences have lengths, whether there are peepholes, 0 and 1 of the dtype."""
    number = np.dtype(site.dtype).type
    return "lengths" in site.shapes, "peepholes" in site.shapes, number(0), number(1)


def _panels(site, terms, results, transposed, name):
    """The row that copies wh into panels, where it is large: each serves all steps."""
    if not is_large(site, terms, results):
        return []
    return [packed(terms, results, transposed, w="wh", panels=name)]


def _products(site, terms, results, transposed, x_block, y_block, x, y):
    """The row that adds the products of one step with wh, or its transpose."""
    sizes = site.L, terms, results
    if is_large(site, terms, results):
        return panel_products(*sizes, x_block, y_block, x=x, panels="across" if transposed else "ahead", y=y)
    return added_products(*sizes, transposed, x_block, y_block, x=x, w="wh", y=y)


def _cell(site):
    """The leaf that makes gates, memory and state of z in their place; the latter stay where is no step."""
    (T, H, steps), L, (some, holes, zero, one) = _steps(site), site.L, _options(site)
    (first, step), size, y_block, block = steps.time(), H * L, T * H * L, (T + 1) * H * L

    def leaf(gates, before, state, y, old, memory, peepholes, lengths, idx, turn, blocks):
        there = local(y, L)
        for b in range(blocks):
            if some:
                for lane in range(L):
                    there[lane] = one if first + turn * step < lengths[idx[b * L + lane]] else zero
            for u in range(H):
                g, at = gates + (4 * b * y_block + u * L), b * block + u * L
                c, p = load(old, at), splat(zero)
                p = (p, p, p)
                if holes:
                    p = splat(peepholes[u]), splat(peepholes[H + u]), splat(peepholes[2 * H + u])
                z = load(g, 0), load(g, size), load(g, 2 * size), load(g, 3 * size)
                i, f, n, o, new, h = gates_of(z, c, p, holes)
                store(g, 0, i)
                store(g, size, f)
                store(g, 2 * size, n)
                store(g, 3 * size, o)
                shown = h
                if some:
                    mask = load(there, 0) > splat(zero)
                    new, shown, h = (
                        where(mask, new, c), where(mask, h, splat(zero)), where(mask, h, load(before, at))
                    )  # fmt: skip
                store(memory, at, new)
                store(state, at, h)
                store(y, b * y_block + u * L, shown)

    return leaf


def _backward(site):
    (T, H, steps), L = _steps(site), site.L
    G = 4 * H
    dz = steps.at("dz", G, back=True)
    turn = [
        Row(
            _slope(site), gates=steps.at("gates", G, back=True), old=steps.before("memory", H, back=True),
            dy=steps.at("dy", H, back=True), dz=dz,
        ),
        _products(site, G, H, True, T * G, H, x=dz, y="carry"),
    ]  # fmt: skip
    start = [copied(L, H, H, H, x="dh", y="carry"), copied(L, H, H, H, x="dc", y="fade")]
    return [*start, *_panels(site, G, H, True, "across"), Loop(T, turn)]


def _slope(site):
    """The leaf that makes dz, the cotangent of the memory before, and room for that of the state before."""
    (T, H, steps), L, (some, holes, zero, one) = _steps(site), site.L, _options(site)
    (first, step), size, y_block, block = steps.time(back=True), H * L, T * H * L, (T + 1) * H * L

    def leaf(dy, carry, fade, gates, old, dz, peepholes, lengths, idx, turn, blocks):
        there = local(dy, L)
        for b in range(blocks):
            if some:
                for lane in range(L):
                    there[lane] = one if first + turn * step < lengths[idx[b * L + lane]] else zero
            for u in range(H):
                at, place = b * size + u * L, 4 * b * y_block + u * L
                g, d = gates + place, dz + place
                p = splat(zero)
                p = (p, p, p)
                if holes:
                    p = splat(peepholes[u]), splat(peepholes[H + u]), splat(peepholes[2 * H + u])
                dh, dc, rest = load(carry, at), load(fade, at), splat(zero)
                made = load(g, 0), load(g, size), load(g, 2 * size), load(g, 3 * size)
                di, df, dn, do, before = gate_slopes(
                    load(dy, b * y_block + u * L) + dh, dc, made, load(old, b * block + u * L), p, holes
                )
                if some:
                    mask, none = load(there, 0) > splat(zero), splat(zero)
                    di, df = where(mask, di, none), where(mask, df, none)
                    dn, do = where(mask, dn, none), where(mask, do, none)
                    before, rest = where(mask, before, dc), where(mask, none, dh)
                store(d, 0, di)
                store(d, size, df)
                store(d, 2 * size, dn)
                store(d, 3 * size, do)
                store(fade, at, before)
                store(carry, at, rest)

    return leaf


def _start(name, carry):
    def rows(site):
        _, H, _ = _steps(site)
        return [copied(site.L, H, H, H, x=carry, y=name)]

    return rows


def _dwh(site):
    T, H, steps = _steps(site)
    places = {"planes": 1, "count": T, "plane": 0}
    x, dy = {"value": steps.states("state", H), **places}, {"value": "dz", **places}
    return matrix_gradient(H, 4 * H, site.L, T, x, dy, dw="dwh")


def _dpeepholes(site):
    """Lane by lane over the steps of a block: what the gates are given is zero where is no step."""
    (T, H, steps), L = _steps(site), site.L
    size = H * L

    def leaf(dz, old, memory, acc):
        for t in range(T):
            for i in range(0, size, L):
                d, at = dz + (4 * t * size + i), t * size + i
                before, after = load(old, at), load(memory, at)
                store(acc, i, load(acc, i) + load(d, 0) * before)
                store(acc, i + size, load(acc, i + size) + load(d, size) * before)
                store(acc, i + 2 * size, load(acc, i + 2 * size) + load(d, 3 * size) * after)

    row = Row(leaf, old=steps.states("memory", H), memory=steps.states_behind("memory", H))
    finish = [Row(sum_lanes(L), dw="dpeepholes", size=3 * H, items=1)]
    return Gradient([row], finish, acc=3 * size)


def _checks(site):
    return checked_lengths(site, site.shapes["z"][0])


def _flops(site):
    return 2 * math.prod(site.shapes["z"]) * site.shapes["wh"][0]


lstm_scan = Twin(
    _forward,
    {"z": lambda site: [], "h0": _start("dh0", "carry"), "c0": _start("dc0", "fade")},
    {"wh": _dwh, "peepholes": _dpeepholes},
    shape=_shape,
    saves=_saves,
    overwrites="gates",
    index=("lengths",),
    checks=_checks,
    backward=_backward,
    flops=_flops,
)
