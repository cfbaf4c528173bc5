r"""The gradients of `attention_gru_scan`, through all steps.

The cotangents of the sums in the gates, dz', and of the state are those of `gru_scan_back`; what is attended
has its share of both:

.. math::
    dv_s = \sum_t a_{ts}\, dz'_t \qquad da_{ts} = dz'_t \cdot v_s + \overline{a}_{ts} \qquad
    de_{ts} = a_{ts} (da_{ts} - \sum_j a_{tj}\, da_{tj})

.. math::
    g_{ts} = de_{ts}\, w_v \odot (1 - m_{ts}^2) \qquad dk_s = \sum_t g_{ts} \qquad dq_t = \sum_s g_{ts} \qquad
    dh_{t-1} \mathrel{+}= dq_t w_q^T

with the units m = tanh(q + k), and what is known of the weights otherwise in :math:`\overline{a}`. States and
weights are results, so the gates and units of all steps are made anew: nothing else is kept.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.inputs import as_float, as_like, as_optional
from nbdl.kernels.door.results import as_grad
from nbdl.kernels.door.views import flat, rows
from nbdl.kernels.recurrent.attention_gru_scan import add_mean
from nbdl.kernels.recurrent.gru_cell import activate, room
from nbdl.kernels.recurrent.gru_scan_back import add_part, back_to_gates, states_before_turns
from nbdl.kernels.recurrent.walk import add_products, add_products_dh, check_shape, copy_step
from nbdl.kernels.simd.gemm import gemm
from nbdl.kernels.simd.registers import fma, pointer, splat
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.simd.vector_math import tanh


@jit(apart=True)
def attention_gru_scan_backward(dy, dh, dweights, z, keys, values, y, weights, h0, wq, wv, wh, bh=None):
    """All gradients, (dz, dkeys, dvalues, dh0, dwq, dwv, dwh, dbh), from one walk back; dbh also without bh.

    `dy` (N, T, H), `dh` (N, H) and `dweights` (N, T, S) are the cotangents of the results.
    """
    given, biased = h0 is not None, bh is not None
    dy = as_float("gradient of attention_gru_scan: `dy` (N, T, H)", dy, 3)
    dh = as_like("gradient of attention_gru_scan: `dh` (N, H)", dh, 2, dy)
    dweights = as_like("gradient of attention_gru_scan: `dweights` (N, T, S)", dweights, 3, dy)
    z = as_like("gradient of attention_gru_scan: `z` (N, T, 3 H)", z, 3, dy)
    keys = as_like("gradient of attention_gru_scan: `keys` (N, S, U)", keys, 3, dy)
    values = as_like("gradient of attention_gru_scan: `values` (N, S, 3 H)", values, 3, dy)
    y = as_like("gradient of attention_gru_scan: `y` (N, T, H)", y, 3, dy)
    weights = as_like("gradient of attention_gru_scan: `weights` (N, T, S)", weights, 3, dy)
    h0 = as_optional("gradient of attention_gru_scan: `h0` (N, H)", h0, 2, dy)
    wq = as_like("gradient of attention_gru_scan: `wq` (H, U)", wq, 2, dy)
    wv = as_like("gradient of attention_gru_scan: `wv` (U,)", wv, 1, dy)
    wh = as_like("gradient of attention_gru_scan: `wh` (H, 3 H)", wh, 2, dy)
    bh = as_optional("gradient of attention_gru_scan: `bh` (3 H,)", bh, 1, dy)
    (N, T, H), (S, U) = y.shape, keys.shape[1:]
    check_shape("gradient of attention_gru_scan: `dy`", dy.shape, y.shape, True)
    check_shape("gradient of attention_gru_scan: `dh`", dh.shape, (N, H), True)
    check_shape("gradient of attention_gru_scan: `dweights`", dweights.shape, (N, T, S), True)
    check_shape("gradient of attention_gru_scan: `z`", z.shape, (N, T, 3 * H), True)
    check_shape("gradient of attention_gru_scan: `keys`", keys.shape, (N, S, U), True)
    check_shape("gradient of attention_gru_scan: `values`", values.shape, (N, S, 3 * H), True)
    check_shape("gradient of attention_gru_scan: `weights`", weights.shape, (N, T, S), True)
    check_shape("gradient of attention_gru_scan: `h0`", h0.shape, (N, H), given)
    check_shape("gradient of attention_gru_scan: `wq`", wq.shape, (H, U), True)
    check_shape("gradient of attention_gru_scan: `wv`", wv.shape, (U,), True)
    check_shape("gradient of attention_gru_scan: `wh`", wh.shape, (H, 3 * H), True)
    check_shape("gradient of attention_gru_scan: `bh`", bh.shape, (3 * H,), biased)
    dz, dkeys, dvalues = np.zeros_like(z), np.zeros_like(keys), np.zeros_like(values)
    dwq, dwv, dwh, dbh = np.zeros_like(wq), np.zeros_like(wv), np.zeros_like(wh), np.zeros(3 * H, dy.dtype)
    dh0 = dh.copy()
    _attention_gru_scan_backward(
        dy, dweights, z, keys, values, y, weights, h0, wq, wv, wh, bh,
        dz, dkeys, dvalues, dh0, dwq, dwv, dwh, dbh,
    )  # fmt: skip
    return dz, dkeys, dvalues, dh0, dwq, dwv, dwh, dbh


@jit
def _attention_gru_scan_backward(
    dy, dweights, z, keys, values, y, weights, h0, wq, wv, wh, bh, dz, dkeys, dvalues, carry, dwq, dwv, dwh,
    dbh,
):  # fmt: skip
    """Adds to all gradients; `carry` is dh first, then dh0."""
    (N, T, H), (S, U), one = y.shape, keys.shape[1:], np.int64(1)
    before, add, zero = np.bool_(False), np.bool_(True), splat(y.dtype.type(0))
    h, sums = states_before_turns(y, h0, np.empty(0, np.int64), before), np.empty((T, N, 3 * H), y.dtype)
    queries, dqueries = np.zeros((T * N, U), y.dtype), np.zeros((T * N, U), y.dtype)
    add_products(rows(h), wq, queries)
    for t in range(T):
        copy_step(z, np.int64(t), sums[t])
        for i in range(N):
            add_mean(weights[i, t], values[i], sums[t, i])
    gates, n, rh, scratch = room(T * N, H, before, y)
    activate(rows(sums), rows(h), wh, bh, before, gates, n, rh, scratch)
    ds = np.empty(S, y.dtype)
    for t in range(T - 1, -1, -1):
        for i in range(N):
            row, to = t * N + i, (i * T + t) * H
            back_to_gates(
                pointer(dy) + to, pointer(h) + row * H, True, before, H, zero, pointer(carry) + i * H,
                pointer(gates) + 3 * row * H, pointer(n) + row * H,
            )  # fmt: skip
            dz[i, t, : 2 * H] = gates[row, : 2 * H]
            dz[i, t, 2 * H :] = n[row]
            _back_to_scores(dz[i, t], values[i], weights[i, t], dweights[i, t], ds, dvalues[i])
            for s in range(S):
                _back_to_units(
                    ds[s], pointer(queries) + row * U, pointer(keys) + (i * S + s) * U, pointer(wv), U,
                    pointer(dqueries) + row * U, pointer(dkeys) + (i * S + s) * U, pointer(dwv),
                )  # fmt: skip
        these = slice(t * N, (t + 1) * N)
        add_products_dh(gates[these], wh, carry)
        add_products_dh(dqueries[these], wq, carry)
    gemm(one, H, 3 * H, N * T, flat(h), one, H, flat(gates), 3 * H, one, flat(dwh), add)
    gemm(one, H, U, N * T, flat(h), one, H, flat(dqueries), U, one, flat(dwq), add)
    for row in range(N * T):
        for j in range(3 * H):
            dbh[j] += gates[row, j]


@jit
def _back_to_scores(dz, values, weights, dweights, ds, dvalues):
    """ds (S,), the cotangents of the scores of one step, and its share of `dvalues`."""
    mean = ds.dtype.type(0)
    for s in range(ds.size):
        ds[s] = 0
        if weights[s] != 0:
            ds[s] = dweights[s]
            for j in range(dz.size):
                ds[s] += dz[j] * values[s, j]
                dvalues[s, j] += weights[s] * dz[j]
            mean += weights[s] * ds[s]
    for s in range(ds.size):
        if weights[s] != 0:
            ds[s] = weights[s] * (ds[s] - mean)


@jit(inline=True)
def _back_to_units(slope, query, key, wv, U, dquery, dkey, dwv):
    if slope != 0:
        d = splat(slope)
        for i in range(0, U, lanes(key)):
            left = U - i
            unit = tanh(load_rest(query, i, left) + load_rest(key, i, left))
            g = d * load_rest(wv, i, left) * (1.0 - unit * unit)
            store_rest(dquery, i, load_rest(dquery, i, left) + g, left)
            store_rest(dkey, i, load_rest(dkey, i, left) + g, left)
            store_rest(dwv, i, fma(d, unit, load_rest(dwv, i, left)), left)


@jit
def attention_gru_scan_dz(dy, dh, dweights, z, keys, values, y, weights, h0, wq, wv, wh, bh, dz=None):
    """Adds the gradient of `z` to `dz` (N, T, 3 H), new (zeros) if not given; returns it."""
    found = attention_gru_scan_backward(dy, dh, dweights, z, keys, values, y, weights, h0, wq, wv, wh, bh)[0]
    total = as_grad("attention_gru_scan_dz: `dz`", dz, found.shape, found)
    add_part(flat(found), np.int64(0), found.size, flat(total), np.int64(0))
    return total


@jit
def attention_gru_scan_dkeys(dy, dh, dweights, z, keys, values, y, weights, h0, wq, wv, wh, bh, dkeys=None):
    """Adds the gradient of `keys` to `dkeys` (N, S, U), new (zeros) if not given; returns it."""
    found = attention_gru_scan_backward(dy, dh, dweights, z, keys, values, y, weights, h0, wq, wv, wh, bh)[1]
    total = as_grad("attention_gru_scan_dkeys: `dkeys`", dkeys, found.shape, found)
    add_part(flat(found), np.int64(0), found.size, flat(total), np.int64(0))
    return total


@jit
def attention_gru_scan_dvalues(
    dy, dh, dweights, z, keys, values, y, weights, h0, wq, wv, wh, bh, dvalues=None
):  # fmt: skip
    """Adds the gradient of `values` to `dvalues` (N, S, 3 H), new (zeros) if not given; returns it."""
    found = attention_gru_scan_backward(dy, dh, dweights, z, keys, values, y, weights, h0, wq, wv, wh, bh)[2]
    total = as_grad("attention_gru_scan_dvalues: `dvalues`", dvalues, found.shape, found)
    add_part(flat(found), np.int64(0), found.size, flat(total), np.int64(0))
    return total


@jit
def attention_gru_scan_dh0(dy, dh, dweights, z, keys, values, y, weights, h0, wq, wv, wh, bh, dh0=None):
    """Adds the gradient of `h0` to `dh0` (N, H), new (zeros) if not given; returns it."""
    found = attention_gru_scan_backward(dy, dh, dweights, z, keys, values, y, weights, h0, wq, wv, wh, bh)[3]
    total = as_grad("attention_gru_scan_dh0: `dh0`", dh0, found.shape, found)
    add_part(flat(found), np.int64(0), found.size, flat(total), np.int64(0))
    return total


@jit
def attention_gru_scan_dwq(dy, dh, dweights, z, keys, values, y, weights, h0, wq, wv, wh, bh, dwq=None):
    """Adds the gradient of `wq` to `dwq` (H, U), new (zeros) if not given; returns it."""
    found = attention_gru_scan_backward(dy, dh, dweights, z, keys, values, y, weights, h0, wq, wv, wh, bh)[4]
    total = as_grad("attention_gru_scan_dwq: `dwq`", dwq, found.shape, found)
    add_part(flat(found), np.int64(0), found.size, flat(total), np.int64(0))
    return total


@jit
def attention_gru_scan_dwv(dy, dh, dweights, z, keys, values, y, weights, h0, wq, wv, wh, bh, dwv=None):
    """Adds the gradient of `wv` to `dwv` (U,), new (zeros) if not given; returns it."""
    found = attention_gru_scan_backward(dy, dh, dweights, z, keys, values, y, weights, h0, wq, wv, wh, bh)[5]
    total = as_grad("attention_gru_scan_dwv: `dwv`", dwv, found.shape, found)
    add_part(flat(found), np.int64(0), found.size, flat(total), np.int64(0))
    return total


@jit
def attention_gru_scan_dwh(dy, dh, dweights, z, keys, values, y, weights, h0, wq, wv, wh, bh, dwh=None):
    """Adds the gradient of `wh` to `dwh` (H, 3 H), new (zeros) if not given; returns it."""
    found = attention_gru_scan_backward(dy, dh, dweights, z, keys, values, y, weights, h0, wq, wv, wh, bh)[6]
    total = as_grad("attention_gru_scan_dwh: `dwh`", dwh, found.shape, found)
    add_part(flat(found), np.int64(0), found.size, flat(total), np.int64(0))
    return total


@jit
def attention_gru_scan_dbh(dy, dh, dweights, z, keys, values, y, weights, h0, wq, wv, wh, bh, dbh=None):
    """Adds the gradient of `bh` to `dbh` (3 H,), new (zeros) if not given; returns it."""
    found = attention_gru_scan_backward(dy, dh, dweights, z, keys, values, y, weights, h0, wq, wv, wh, bh)[7]
    total = as_grad("attention_gru_scan_dbh: `dbh`", dbh, found.shape, found)
    add_part(flat(found), np.int64(0), found.size, flat(total), np.int64(0))
    return total
