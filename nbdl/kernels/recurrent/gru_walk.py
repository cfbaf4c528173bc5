"""What the cores of `gru_scan` and `gru_cell` share: the gates of some states, and the walk back.

Rows of gates (R, 3 H) are r, u, and behind them what the state contributes to n, where r acts after the
product; for the walk back their cotangents take their places.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.views import flat, rows
from nbdl.kernels.recurrent.gru_formula import candidate_of, gate_of, mixed_slopes, reset_slope
from nbdl.kernels.recurrent.walk import add_products, add_products_dh, copy_step, is_in, step_of
from nbdl.kernels.simd.gemm import gemm
from nbdl.kernels.simd.panels import copy
from nbdl.kernels.simd.registers import pointer, splat
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest


@jit
def room(R, H, before, like):
    """(gates, n, r h, scratch) for R states: the last two only where r acts before the product."""
    dtype, more = like.dtype, R if before else 0
    gates, n = np.empty((R, 3 * H), dtype), np.empty((R, H), dtype)
    return gates, n, np.empty((more, H), dtype), np.empty((more, 2 * H), dtype)


@jit
def activate(z, h, wh, bh, before, gates, n, rh, scratch):
    """The gates and candidates of states h (R, H), into what `room` gives."""
    (R, H), one, add = h.shape, np.int64(1), np.bool_(True)
    s = scratch if before else gates
    _begin(bh, np.int64(0), s)
    if before:
        gemm(one, R, 2 * H, H, flat(h), H, one, flat(wh), 3 * H, one, flat(s), add)
    else:
        add_products(h, wh, s)
    for i in range(R):
        _gates(pointer(z) + 3 * i * H, pointer(s) + i * s.shape[1], H, pointer(gates) + 3 * i * H)
    if before:
        for i in range(R):
            _product(pointer(gates) + 3 * i * H, pointer(h) + i * H, H, pointer(rh) + i * H)
        _begin(bh, 2 * H, n)
        gemm(one, R, H, H, flat(rh), H, one, flat(wh)[2 * H :], 3 * H, one, flat(n), add)
    for i in range(R):
        r, candidate = pointer(gates) + 3 * i * H, pointer(n) + i * H
        _candidate(pointer(z) + (3 * i + 2) * H, candidate if before else r + 2 * H, r, before, H, candidate)


@jit
def _begin(bh, first, s):
    """Each row of s = bh[first:], or 0 without biases."""
    for i in range(len(s)):
        for j in range(s.shape[1]):
            s[i, j] = bh[first + j] if bh.size else 0


@jit(inline=True)
def _gates(z, s, H, gates):
    for i in range(0, 2 * H, lanes(gates)):
        store_rest(gates, i, gate_of(load_rest(z, i, 2 * H - i), load_rest(s, i, 2 * H - i)), 2 * H - i)


@jit(inline=True)
def _product(a, b, n, c):
    for i in range(0, n, lanes(c)):
        store_rest(c, i, load_rest(a, i, n - i) * load_rest(b, i, n - i), n - i)


@jit(inline=True)
def _candidate(z, s, r, before, H, n):
    for i in range(0, H, lanes(n)):
        left = H - i
        given = load_rest(z, i, left), load_rest(s, i, left), load_rest(r, i, left)
        store_rest(n, i, candidate_of(*given, before), left)


@jit
def walk_back(dy, carry, z, y, h0, wh, bh, lengths, before, reverse):
    """The cotangents of all sums in the gates, in the order of the turns; `carry` is dh first, then dh0.

    That of what the state contributes to r, u and n (T N, 3 H), and of what z does to n (T N, H); then the
    states before the turns, and r times them where r acts before the product.
    """
    (N, T, H), one, add = y.shape, np.int64(1), np.bool_(True)
    h, zs = _states(y, h0, lengths, reverse), np.empty((T, N, 3 * H), y.dtype)
    for turn in range(T):
        copy_step(z, step_of(turn, T, reverse), zs[turn])
    gates, n, rh, scratch = room(T * N, H, before, y)
    # All states are known, so one product over all steps makes the gates once more: none need be kept.
    activate(rows(zs), rows(h), wh, bh, before, gates, n, rh, scratch)
    product, zero = np.empty((N, H), y.dtype), splat(y.dtype.type(0))
    for turn in range(T - 1, -1, -1):
        t, these = step_of(turn, T, reverse), gates[turn * N : (turn + 1) * N]
        for i in range(N):
            row, to = turn * N + i, (i * T + t) * H
            _back(
                pointer(dy) + to, pointer(h) + row * H, is_in(lengths, i, t), before, H, zero,
                pointer(carry) + i * H, pointer(gates) + 3 * row * H, pointer(n) + row * H,
            )  # fmt: skip
            if before and not is_in(lengths, i, t):
                for j in range(H):
                    rh[row, j] = 0
        if before:
            ds, w = flat(these)[2 * H :], flat(wh)[2 * H :]
            gemm(one, N, H, H, ds, 3 * H, one, w, one, 3 * H, flat(product), np.bool_(False))
            for i in range(N):
                row = turn * N + i
                _back_to_reset(
                    pointer(product) + i * H, pointer(h) + row * H, is_in(lengths, i, t), H,
                    pointer(carry) + i * H, pointer(gates) + 3 * row * H,
                )  # fmt: skip
            gemm(one, N, H, 2 * H, flat(these), 3 * H, one, flat(wh), one, 3 * H, flat(carry), add)
        else:
            add_products_dh(these, wh, carry)
    return gates, n, rows(h), rh


@jit
def _states(y, h0, lengths, reverse):
    """The states before each turn (T, N, H)."""
    N, T, H = y.shape
    h = np.zeros((T, N, H), y.dtype)
    copy(flat(h0), np.int64(0), h0.size, flat(h), np.int64(0))
    for turn in range(1, T):
        t = step_of(turn - 1, T, reverse)
        for i in range(N):
            to = (turn * N + i) * H
            if is_in(lengths, i, t):
                copy(flat(y), (i * T + t) * H, H, flat(h), to)
            else:
                copy(flat(h), to - N * H, H, flat(h), to)
    return h


@jit(inline=True)
def _back(dy, h, is_there, before, H, zero, carry, gates, n):
    """The cotangents take the place of the gates; that of r must wait for a product where it acts before."""
    for i in range(0, H, lanes(dy)):
        left, r, u, s = H - i, gates, gates + H, gates + 2 * H
        if is_there:
            dh, gate = load_rest(dy, i, left) + load_rest(carry, i, left), load_rest(u, i, left)
            du, dn = mixed_slopes(dh, gate, load_rest(n, i, left), load_rest(h, i, left))
            store_rest(carry, i, dh * gate, left)
            store_rest(u, i, du, left)
            store_rest(n, i, dn, left)
            if before:
                store_rest(s, i, dn, left)
            else:
                scale = load_rest(r, i, left)
                store_rest(r, i, reset_slope(dn, load_rest(s, i, left), scale), left)
                store_rest(s, i, dn * scale, left)
        else:
            # What the padding holds may be NaN: nothing of it goes into the products over all sequences.
            store_rest(r, i, zero, left)
            store_rest(u, i, zero, left)
            store_rest(s, i, zero, left)
            store_rest(n, i, zero, left)


@jit(inline=True)
def _back_to_reset(product, h, is_there, H, carry, r):
    """From the cotangent of r h, which `product` is, to those of both."""
    for i in range(0, H if is_there else 0, lanes(h)):
        left = H - i
        d, gate = load_rest(product, i, left), load_rest(r, i, left)
        store_rest(carry, i, load_rest(carry, i, left) + d * gate, left)
        store_rest(r, i, reset_slope(d, load_rest(h, i, left), gate), left)
