r"""The gradients of `lstm_scan`, back through all steps (Werbos 1990), from y, h and c.

.. math::
    dz_t, dc_{t-1} = \mathrm{slopes}(dy_t + dz_{t+1} w_h^T, dc_t) \qquad dw_h = \sum_t h_{t-1}^T dz_t

    dp_i = \sum_t dz_{i,t} c_{t-1} \qquad dp_f = \sum_t dz_{f,t} c_{t-1} \qquad dp_o = \sum_t dz_{o,t} c_t

Shapes are those of `lstm_scan`; the slopes of the cell stand in `lstm_cell`. Gates are not kept: the way back
makes them again, with the products of all steps in one. In each gradient `dy` (N, T, H), `dh` and `dc` (N, H)
are the cotangents of y, h and c, and y is the result.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.inputs import as_float, as_like, as_optional
from nbdl.kernels.door.results import as_grad
from nbdl.kernels.door.views import flat
from nbdl.kernels.recurrent.lstm_cell import gate_slopes, loaded, loaded_peepholes, step_of_cell
from nbdl.kernels.recurrent.lstm_scan import copy_row
from nbdl.kernels.recurrent.walk import (
    add_products_dh,
    as_lengths,
    check_lengths,
    check_shape,
    check_steps,
    is_in,
    states_before,
    step_of,
)
from nbdl.kernels.simd.gemm import gemm
from nbdl.kernels.simd.panels import copy
from nbdl.kernels.simd.registers import pointer, splat
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest


@jit
def lstm_scan_dz(dy, dh, dc, z, y, h0, c0, wh, peepholes, lengths, reverse=False, dz=None):
    """Adds the gradient with respect to z to `dz` (N, T, 4H), new (zeros) if it is not given; returns it."""
    made, _, _, _, _ = _walked(dy, dh, dc, z, y, h0, c0, wh, peepholes, lengths, reverse)
    dz = as_grad("lstm_scan_dz: `dz`", dz, made.shape, made)
    _add(flat(made), flat(dz))
    return dz


@jit
def lstm_scan_dh0(dy, dh, dc, z, y, h0, c0, wh, peepholes, lengths, reverse=False, dh0=None):
    """Adds the gradient with respect to h0 to `dh0` (N, H), new (zeros) if it is not given; returns it."""
    _, made, _, _, _ = _walked(dy, dh, dc, z, y, h0, c0, wh, peepholes, lengths, reverse)
    dh0 = as_grad("lstm_scan_dh0: `dh0`", dh0, made.shape, made)
    _add(flat(made), flat(dh0))
    return dh0


@jit
def lstm_scan_dc0(dy, dh, dc, z, y, h0, c0, wh, peepholes, lengths, reverse=False, dc0=None):
    """Adds the gradient with respect to c0 to `dc0` (N, H), new (zeros) if it is not given; returns it."""
    _, _, made, _, _ = _walked(dy, dh, dc, z, y, h0, c0, wh, peepholes, lengths, reverse)
    dc0 = as_grad("lstm_scan_dc0: `dc0`", dc0, made.shape, made)
    _add(flat(made), flat(dc0))
    return dc0


@jit
def lstm_scan_dwh(dy, dh, dc, z, y, h0, c0, wh, peepholes, lengths, reverse=False, dwh=None):
    """Adds the gradient with respect to wh to `dwh` (H, 4H), new (zeros) if it is not given; returns it."""
    dz, _, _, states, _ = _walked(dy, dh, dc, z, y, h0, c0, wh, peepholes, lengths, reverse)
    dwh = as_grad("lstm_scan_dwh: `dwh`", dwh, wh.shape, dz)
    _add_dwh(dz, states, dwh)
    return dwh


@jit
def lstm_scan_dpeepholes(
    dy, dh, dc, z, y, h0, c0, wh, peepholes, lengths, reverse=False, dpeepholes=None
):  # fmt: skip
    """Adds the gradient with respect to peepholes to `dpeepholes` (3, H), new if not given; returns it."""
    dz, _, memory, _, memories = _walked(dy, dh, dc, z, y, h0, c0, wh, peepholes, lengths, reverse)
    dpeepholes = as_grad("lstm_scan_dpeepholes: `dpeepholes`", dpeepholes, (3, memory.shape[1]), dz)
    _add_dpeepholes(dz, memories, bool(reverse), dpeepholes)
    return dpeepholes


@jit
def lstm_scan_backward(dy, dh, dc, z, y, h0, c0, wh, peepholes=None, lengths=None, reverse=False):
    """All gradients of `lstm_scan`, (dz, dh0, dc0, dwh, dpeepholes), from one walk back.

    `dy` (N, T, H), `dh` and `dc` (N, H) are the cotangents of y, h and c. dpeepholes (3, H) is zeros where
    there are none.
    """
    dz, dh0, dc0, states, memories = _walked(dy, dh, dc, z, y, h0, c0, wh, peepholes, lengths, reverse)
    dwh, dpeepholes = np.zeros(wh.shape, dz.dtype), np.zeros((3, dh0.shape[1]), dz.dtype)
    _add_dwh(dz, states, dwh)
    if peepholes is not None:
        _add_dpeepholes(dz, memories, bool(reverse), dpeepholes)
    return dz, dh0, dc0, dwh, dpeepholes


@jit(apart=True)
def _walked(dy, dh, dc, z, y, h0, c0, wh, peepholes, lengths, reverse):
    """(dz, dh0, dc0), the states before each step, the memories at both its ends, [n, t] and [n, t + 1]."""
    some, given, filled, short = peepholes is not None, h0 is not None, c0 is not None, lengths is not None
    dy = as_float("gradient of lstm_scan: `dy` (N, T, H)", dy, 3)
    dh = as_like("gradient of lstm_scan: `dh` (N, H)", dh, 2, dy)
    dc = as_like("gradient of lstm_scan: `dc` (N, H)", dc, 2, dy)
    z = as_like("gradient of lstm_scan: `z` (N, T, 4H)", z, 3, dy)
    y = as_like("gradient of lstm_scan: `y` (N, T, H)", y, 3, dy)
    h0 = as_optional("gradient of lstm_scan: `h0` (N, H)", h0, 2, dy)
    c0 = as_optional("gradient of lstm_scan: `c0` (N, H)", c0, 2, dy)
    wh = as_like("gradient of lstm_scan: `wh` (H, 4H)", wh, 2, dy)
    peepholes = as_optional("gradient of lstm_scan: `peepholes` (3, H)", peepholes, 2, dy)
    lengths = as_lengths("gradient of lstm_scan: `lengths` (N,)", lengths)
    N, T, H = y.shape
    check_steps("gradient of lstm_scan: `y` (N, T, H)", y.shape)
    check_shape("gradient of lstm_scan: `dy`", dy.shape, y.shape, True)
    check_shape("gradient of lstm_scan: `dh`", dh.shape, (N, H), True)
    check_shape("gradient of lstm_scan: `dc`", dc.shape, (N, H), True)
    check_shape("gradient of lstm_scan: `z`", z.shape, (N, T, 4 * H), True)
    check_shape("gradient of lstm_scan: `h0`", h0.shape, (N, H), given)
    check_shape("gradient of lstm_scan: `c0`", c0.shape, (N, H), filled)
    check_shape("gradient of lstm_scan: `wh`", wh.shape, (H, 4 * H), True)
    check_shape("gradient of lstm_scan: `peepholes`", peepholes.shape, (3, H), some)
    check_shape("gradient of lstm_scan: `lengths`", lengths.shape, (N,), short)
    check_lengths("gradient of lstm_scan", lengths, T)
    dz, memories = np.zeros(z.shape, z.dtype), np.zeros((N, T + 1, H), z.dtype)
    # Copies: the walk writes over its carries, and dh and dc are the caller's.
    dh, dc, states = dh.copy(), dc.copy(), states_before(y, h0, lengths, bool(reverse))
    _lstm_scan_back(dy, dh, dc, z, states, c0, wh, peepholes, lengths, bool(reverse), memories, dz)
    return dz, dh, dc, states, memories


@jit
def _lstm_scan_back(dy, dh, dc, z, states, c0, wh, peepholes, lengths, reverse, memories, dz):
    """The walk back: `dh` and `dc` come as the cotangents of h and c, and go as those of h0 and c0."""
    (N, T, H), G = dy.shape, z.shape[2]
    gates, dgates, zero = z.copy(), np.empty((N, G), z.dtype), splat(z.dtype.type(0))
    _again(gates, states, c0, wh, peepholes, lengths, reverse, memories)
    for s in range(T):
        t = step_of(s, T, not reverse)
        for n in range(N):
            row, before = n * T + t, n * (T + 1) + t + int(reverse)
            step, there = pointer(dgates) + n * G, is_in(lengths, n, t)
            _step_back(
                pointer(dy) + row * H, pointer(gates) + row * G, pointer(memories) + before * H, H, peepholes,
                there, zero, pointer(dh) + n * H, pointer(dc) + n * H, step,
            )  # fmt: skip
            copy_row(step, G, pointer(dz) + row * G)
        add_products_dh(dgates, wh, dh)


@jit
def _again(gates, states, c0, wh, peepholes, lengths, reverse, memories):
    """The gates of all steps, in the place of z, and the memories before and behind them."""
    (N, T, H), G, one, h = states.shape, gates.shape[2], np.int64(1), np.empty(states.shape[2], gates.dtype)
    # The states are there: no step waits for another, but for the memories.
    gemm(one, N * T, G, H, flat(states), H, one, flat(wh), G, one, flat(gates), np.bool_(True))
    for n in range(N):
        end, first = lengths[n] if lengths.size else T, n * (T + 1)
        if c0.size:
            copy(flat(c0), n * H, H, flat(memories), (first + (end if reverse else 0)) * H)
        for s in range(end):
            t = step_of(s, end, reverse)
            after = pointer(memories) + (first + t + int(not reverse)) * H
            copy_row(pointer(memories) + (first + t + int(reverse)) * H, H, after)
            step_of_cell(pointer(gates) + (n * T + t) * G, H, peepholes, after, pointer(h))


@jit(inline=True)
def _step_back(dy, gates, before, H, peepholes, is_there, zero, dh, dc, dgates):
    """Without a step the cotangents of state and memory stay as they are."""
    p, some = pointer(peepholes), peepholes.size > 0
    for k in range(0, H, lanes(dy)):
        n = H - k
        di = df = dg = do = zero
        if is_there:
            di, df, dg, do, memory = gate_slopes(
                load_rest(dy, k, n) + load_rest(dh, k, n), load_rest(dc, k, n), loaded(gates, k, H),
                load_rest(before, k, n), loaded_peepholes(p, k, H, some), some,
            )  # fmt: skip
            store_rest(dc, k, memory, n)
            # Used up: what goes on to the step before is added by `add_products_dh`.
            store_rest(dh, k, zero, n)
        # The product is over all sequences: zeros leave the carry of one without a step as it is.
        store_rest(dgates, k, di, n)
        store_rest(dgates, H + k, df, n)
        store_rest(dgates, 2 * H + k, dg, n)
        store_rest(dgates, 3 * H + k, do, n)


@jit
def _add_dwh(dz, states, dwh):
    """After the walk, as one product over all steps instead of one for each."""
    (N, T, G), H, one = dz.shape, dwh.shape[0], np.int64(1)
    gemm(one, H, G, N * T, flat(states), one, H, flat(dz), G, one, flat(dwh), np.bool_(True))


@jit
def _add_dpeepholes(dz, memories, reverse, dpeepholes):
    """dz is zero where a sequence has no step."""
    (N, T, G), H = dz.shape, dpeepholes.shape[1]
    p = pointer(dpeepholes)
    for n in range(N):
        for t in range(T):
            gates, first = pointer(dz) + (n * T + t) * G, n * (T + 1) + t
            before = pointer(memories) + (first + int(reverse)) * H
            after = pointer(memories) + (first + int(not reverse)) * H
            for k in range(0, H, lanes(p)):
                rest = H - k
                old, new = load_rest(before, k, rest), load_rest(after, k, rest)
                di, df, _, do = loaded(gates, k, H)
                store_rest(p, k, load_rest(p, k, rest) + di * old, rest)
                store_rest(p, H + k, load_rest(p, H + k, rest) + df * old, rest)
                store_rest(p, 2 * H + k, load_rest(p, 2 * H + k, rest) + do * new, rest)


@jit
def _add(a, b):
    for i in range(a.size):
        b[i] += a[i]
