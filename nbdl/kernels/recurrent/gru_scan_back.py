r"""The gradients of `gru_scan`, through all steps: the cotangents of the sums in the gates.

.. math::
    g = dy_t + dh_t \qquad dn = g \odot (1 - u) \odot (1 - n^2) \qquad
    du = g \odot (h_{t-1} - n) \odot u \odot (1 - u)

.. math::
    dr = dn \odot s \odot r \odot (1 - r) \qquad
    dh_{t-1} = g \odot u + dr \, w_r^T + du \, w_u^T + (r \odot dn) w_n^T

s is what the state contributes to n, where r acts after the product. Where it acts before, d(r h) is
dn w_n^T, of which r and h have their shares. The states before all steps are known from y, so the gates of
all steps are made anew, by one product, and nothing but y is kept.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.choice import choice
from nbdl.kernels.door.inputs import as_float, as_like, as_optional
from nbdl.kernels.door.results import as_grad
from nbdl.kernels.door.views import flat, rows
from nbdl.kernels.recurrent.gru_cell import RESETS, activate, mixed_slopes, reset_slope, room
from nbdl.kernels.recurrent.walk import (
    add_products_dh,
    as_lengths,
    check_lengths,
    check_shape,
    check_steps,
    copy_step,
    is_in,
    step_of,
)
from nbdl.kernels.simd.gemm import gemm
from nbdl.kernels.simd.panels import copy
from nbdl.kernels.simd.registers import pointer, splat
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest


@jit
def gru_scan_dz(dy, dh, z, y, h0, wh, bh, lengths, reset="after", reverse=False, dz=None):
    """Adds the gradient with respect to z to `dz` (N, T, 3 H), new (zeros) if it is not given; returns it.

    `dy` (N, T, H) and `dh` (N, H) are the cotangents of y and h.
    """
    dy, dh, z, y, h0, wh, bh, lengths, before = _given(dy, dh, z, y, h0, wh, bh, lengths, reset)
    dz = as_grad("gru_scan_dz: `dz`", dz, z.shape, dy)
    _gru_scan_backward(
        # A copy: the walk writes over its carry, and dh is the caller's.
        dy, dh.copy(), z, y, h0, wh, bh, lengths, before, bool(reverse),
        dz, np.empty((0, 0), dz.dtype), np.empty(0, dz.dtype),
    )  # fmt: skip
    return dz


@jit
def gru_scan_dh0(dy, dh, z, y, h0, wh, bh, lengths, reset="after", reverse=False, dh0=None):
    """Adds the gradient with respect to h0 to `dh0` (N, H), new (zeros) if it is not given; returns it."""
    dy, dh, z, y, h0, wh, bh, lengths, before = _given(dy, dh, z, y, h0, wh, bh, lengths, reset)
    dh0 = as_grad("gru_scan_dh0: `dh0`", dh0, dh.shape, dy)
    carry = dh.copy()
    _gru_scan_backward(
        dy, carry, z, y, h0, wh, bh, lengths, before, bool(reverse),
        np.empty((0, 0, 0), dy.dtype), np.empty((0, 0), dy.dtype), np.empty(0, dy.dtype),
    )  # fmt: skip
    # dh0 is added to, so the walk needed a carry of its own.
    add_part(flat(carry), np.int64(0), carry.size, flat(dh0), np.int64(0))
    return dh0


@jit
def gru_scan_dwh(dy, dh, z, y, h0, wh, bh, lengths, reset="after", reverse=False, dwh=None):
    """Adds the gradient with respect to wh to `dwh` (H, 3 H), new (zeros) if it is not given; returns it."""
    dy, dh, z, y, h0, wh, bh, lengths, before = _given(dy, dh, z, y, h0, wh, bh, lengths, reset)
    dwh = as_grad("gru_scan_dwh: `dwh`", dwh, wh.shape, dy)
    _gru_scan_backward(
        dy, dh.copy(), z, y, h0, wh, bh, lengths, before, bool(reverse),
        np.empty((0, 0, 0), dwh.dtype), dwh, np.empty(0, dwh.dtype),
    )  # fmt: skip
    return dwh


@jit
def gru_scan_dbh(dy, dh, z, y, h0, wh, bh, lengths, reset="after", reverse=False, dbh=None):
    """Adds the gradient with respect to bh to `dbh` (3 H,), new (zeros) if it is not given; returns it."""
    dy, dh, z, y, h0, wh, bh, lengths, before = _given(dy, dh, z, y, h0, wh, bh, lengths, reset)
    dbh = as_grad("gru_scan_dbh: `dbh`", dbh, wh.shape[1:], dy)
    _gru_scan_backward(
        dy, dh.copy(), z, y, h0, wh, bh, lengths, before, bool(reverse),
        np.empty((0, 0, 0), dbh.dtype), np.empty((0, 0), dbh.dtype), dbh,
    )  # fmt: skip
    return dbh


@jit
def gru_scan_backward(dy, dh, z, y, h0, wh, bh=None, lengths=None, reset="after", reverse=False):
    """All four gradients of `gru_scan`, (dz, dh0, dwh, dbh), from one walk back; dbh also where bh is None.

    `dy` (N, T, H) and `dh` (N, H) are the cotangents of y and h.
    """
    dy, dh, z, y, h0, wh, bh, lengths, before = _given(dy, dh, z, y, h0, wh, bh, lengths, reset)
    dz, dh0 = np.zeros(z.shape, dy.dtype), dh.copy()
    dwh, dbh = np.zeros(wh.shape, dy.dtype), np.zeros(wh.shape[1:], dy.dtype)
    _gru_scan_backward(dy, dh0, z, y, h0, wh, bh, lengths, before, bool(reverse), dz, dwh, dbh)
    return dz, dh0, dwh, dbh


@jit
def _given(dy, dh, z, y, h0, wh, bh, lengths, reset):
    """What all gradients look at."""
    given, some, biased = h0 is not None, lengths is not None, bh is not None
    dy = as_float("gradient of gru_scan: `dy` (N, T, H)", dy, 3)
    dh = as_like("gradient of gru_scan: `dh` (N, H)", dh, 2, dy)
    z = as_like("gradient of gru_scan: `z` (N, T, 3 H)", z, 3, dy)
    y = as_like("gradient of gru_scan: `y` (N, T, H)", y, 3, dy)
    h0 = as_optional("gradient of gru_scan: `h0` (N, H)", h0, 2, dy)
    wh = as_like("gradient of gru_scan: `wh` (H, 3 H)", wh, 2, dy)
    bh = as_optional("gradient of gru_scan: `bh` (3 H,)", bh, 1, dy)
    lengths = as_lengths("gradient of gru_scan: `lengths` (N,)", lengths)
    N, T, H = y.shape
    check_steps("gradient of gru_scan: `y` (N, T, H)", y.shape)
    check_shape("gradient of gru_scan: `dy`", dy.shape, y.shape, True)
    check_shape("gradient of gru_scan: `dh`", dh.shape, (N, H), True)
    check_shape("gradient of gru_scan: `z`", z.shape, (N, T, 3 * H), True)
    check_shape("gradient of gru_scan: `h0`", h0.shape, (N, H), given)
    check_shape("gradient of gru_scan: `wh`", wh.shape, (H, 3 * H), True)
    check_shape("gradient of gru_scan: `bh`", bh.shape, (3 * H,), biased)
    check_shape("gradient of gru_scan: `lengths`", lengths.shape, (N,), some)
    check_lengths("gradient of gru_scan", lengths, T)
    return dy, dh, z, y, h0, wh, bh, lengths, choice("gradient of gru_scan: `reset`", reset, RESETS)


@jit(apart=True)
def _gru_scan_backward(dy, carry, z, y, h0, wh, bh, lengths, before, reverse, dz, dwh, dbh):
    """Adds to dz, dwh and dbh, or leaves out those without elements; `carry` is dh first, then dh0."""
    dgates, dn, h, rh = _walk_back(dy, carry, z, y, h0, wh, bh, lengths, before, reverse)
    (N, T, H), one, add = y.shape, np.int64(1), np.bool_(True)
    for row in range(N * T if dz.size else 0):
        to = (row % N * T + step_of(row // N, T, reverse)) * 3 * H
        add_part(flat(dgates), 3 * row * H, 2 * H, flat(dz), to)
        add_part(flat(dn), row * H, H, flat(dz), to + 2 * H)
    if dwh.size and before:
        parts, rest = np.empty((H, 2 * H), y.dtype), np.empty((H, H), y.dtype)
        gemm(one, H, 2 * H, N * T, flat(h), one, H, flat(dgates), 3 * H, one, flat(parts), np.bool_(False))
        gemm(one, H, H, N * T, flat(rh), one, H, flat(dn), H, one, flat(rest), np.bool_(False))
        for k in range(H):
            add_part(flat(parts), 2 * k * H, 2 * H, flat(dwh), 3 * k * H)
            add_part(flat(rest), k * H, H, flat(dwh), (3 * k + 2) * H)
    elif dwh.size:
        gemm(one, H, 3 * H, N * T, flat(h), one, H, flat(dgates), 3 * H, one, flat(dwh), add)
    for row in range(N * T if dbh.size else 0):
        add_part(flat(dgates), 3 * row * H, 3 * H, dbh, np.int64(0))


@jit
def add_part(a, start, n, b, to):
    """b[to : to + n] += a[start : start + n]."""
    for i in range(n):
        b[to + i] += a[start + i]


@jit
def _walk_back(dy, carry, z, y, h0, wh, bh, lengths, before, reverse):
    """The cotangents of all sums in the gates, in the order of the turns; `carry` is dh first, then dh0.

    That of what the state contributes to r, u and n (T N, 3 H), and of what z does to n (T N, H); then the
    states before the turns, and r times them where r acts before the product.
    """
    (N, T, H), one, add = y.shape, np.int64(1), np.bool_(True)
    h, zs = states_before_turns(y, h0, lengths, reverse), np.empty((T, N, 3 * H), y.dtype)
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
            back_to_gates(
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
def states_before_turns(y, h0, lengths, reverse):
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
def back_to_gates(dy, h, is_there, before, H, zero, carry, gates, n):
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
