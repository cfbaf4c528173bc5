"""One step of a GRU on lanes, there and back; the formula is that of `nbdl.kernels.recurrent.gru_cell`.

`gates` holds 4 H numbers for each step: r, u, a third, and n. The third is what the state contributes to n
where r acts after the product, and r h where it acts before. The way back writes over them the cotangents of
the sums in r and u, of what the state contributes to n, and, where r acts before, in the last place that of
n; r h stays.
"""

import numpy as np

from nbdl.kernels.recurrent.gru_cell import candidate_of, gate_of, mixed, mixed_slopes, reset_slope
from nbdl.kernels.recurrent.walk_lanes import Steps, mark_steps
from nbdl.kernels.simd.local import local
from nbdl.kernels.simd.registers import load, splat, store, where


def steps_of(site):
    T, H = site.shapes["z"][0], site.shapes["wh"][0]
    return T, H, Steps(site.L, T, bool(site["reverse"]))


def acts_before(site):
    return site["reset"] == "before"


def _numbers(site):
    """Whether there are lengths and biases, whether r acts before; 0 of the dtype."""
    zero = np.dtype(site.dtype).type(0)
    return "lengths" in site.shapes, "bh" in site.shapes, np.int64(acts_before(site)), zero


def gates_leaf(site):
    """The leaf that makes r and u of the products in their places, and r h: 0 where there is no step."""
    (T, H, steps), L, (some, biased, _, zero) = steps_of(site), site.L, _numbers(site)
    (first, step), n = steps.time(), H * L

    def leaf(h, z, bh, gates, lengths, idx, turn, blocks):
        there = local(z, L)
        for b in range(blocks):
            if some:
                mark_steps(there, lengths, idx + b * L, first + turn * step)
            inputs, gate, state = z + b * T * 3 * n, gates + b * T * 4 * n, h + b * (T + 1) * n
            for j in range(H):
                i = j * L
                r = gate_of(load(inputs, i), load(gate, i) + splat(bh[j] if biased else zero))
                sum_u = load(gate, n + i) + splat(bh[H + j] if biased else zero)
                rh = r * load(state, i)
                store(gate, i, r)
                store(gate, n + i, gate_of(load(inputs, n + i), sum_u))
                store(gate, 2 * n + i, where(load(there, 0) > 0.0, rh, 0.0) if some else rh)

    return leaf


def cell_leaf(site):
    """The leaf that makes the new state, and what gates are still sums; the state stays where is no step."""
    (T, H, steps), L, (some, biased, before, zero) = steps_of(site), site.L, _numbers(site)
    (first, step), n = steps.time(), H * L

    def leaf(h, after, y, z, bh, gates, lengths, idx, turn, blocks):
        there = local(y, L)
        for b in range(blocks):
            if some:
                mark_steps(there, lengths, idx + b * L, first + turn * step)
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
                    mask = load(there, 0) > 0.0
                    shown, new = where(mask, new, 0.0), where(mask, new, old)
                store(gate, 3 * n + i, candidate)
                store(out, i, shown)
                store(result, i, new)

    return leaf


def slopes_leaf(site):
    """The leaf that makes the cotangents of all sums but that in r where it acts before.

    What is left of that of the state is the part of u h; where there is no step it stays as it is.
    """
    (T, H, steps), L, (some, _, before, _) = steps_of(site), site.L, _numbers(site)
    (first, step), n = steps.time(back=True), H * L

    def leaf(dy, carry, h, dz, gates, lengths, idx, turn, blocks):
        there = local(dy, L)
        for b in range(blocks):
            if some:
                mark_steps(there, lengths, idx + b * L, first + turn * step)
            gate, inputs = gates + b * T * 4 * n, dz + b * T * 3 * n
            cotangent, left, state = dy + b * T * n, carry + b * n, h + b * (T + 1) * n
            for i in range(0, n, L):
                behind, r, u = load(left, i), load(gate, i), load(gate, n + i)
                dh = load(cotangent, i) + behind
                du, dn = mixed_slopes(dh, u, load(gate, 3 * n + i), load(state, i))
                rest = dh * u
                if some:
                    mask = load(there, 0) > 0.0
                    du, dn = where(mask, du, 0.0), where(mask, dn, 0.0)
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
                        dr, ds = where(mask, dr, 0.0), where(mask, ds, 0.0)
                    store(gate, i, dr)
                    store(gate, 2 * n + i, ds)
                    store(inputs, i, dr)

    return leaf


def reset_slopes_leaf(site):
    """The leaf that makes the cotangents of r and of h from that of r h, which `product` is."""
    (T, H, steps), L, (some, *_) = steps_of(site), site.L, _numbers(site)
    (first, step), n = steps.time(back=True), H * L

    def leaf(product, carry, h, dz, gates, lengths, idx, turn, blocks):
        there = local(dz, L)
        for b in range(blocks):
            if some:
                mark_steps(there, lengths, idx + b * L, first + turn * step)
            gate, inputs, left = gates + b * T * 4 * n, dz + b * T * 3 * n, carry + b * n
            state, cotangent = h + b * (T + 1) * n, product + b * n
            for i in range(0, n, L):
                d, r = load(cotangent, i), load(gate, i)
                dr, more = reset_slope(d, load(state, i), r), d * r
                if some:
                    mask = load(there, 0) > 0.0
                    dr, more = where(mask, dr, 0.0), where(mask, more, 0.0)
                store(gate, i, dr)
                store(inputs, i, dr)
                store(left, i, load(left, i) + more)

    return leaf
