r"""The scan of a gated recurrent unit that attends to keys at each step: the decoder of Bahdanau et al.

.. math::
    e_{ts} = w_v^T \tanh(h_{t-1} w_q + k_s) \qquad a_t = \mathrm{softmax}(e_t) \qquad
    z'_t = z_t + \sum_s a_{ts} v_s

.. math:: h_t = (1 - u_t) \odot n_t + u_t \odot h_{t-1} \qquad y_t = h_t

The state before a step is its query, so the attention is part of the recurrence. z (N, T, 3 H) is what the
inputs contribute to the gates, as in `gru_scan`, h (N, H) the state, w_h (H, 3 H), b_h (3 H,); the gates r, u
and n, of z' and h, are those of `gru_cell` with ``reset="after"``. Keys (N, S, U) and values (N, S, 3 H) are
products of what is attended, x: k = x w_k, and v = x w_c, of which the mean is the same as that of x times
w_c; `linear` makes them for all s at once. w_q is (H, U), w_v (U,). Keys from `lengths` (N,) on count for
nothing; a sequence without keys attends nothing.

The gradients are those of `attention_gru_scan_back`. Bahdanau, Cho, Bengio 2015, Neural Machine Translation
by Jointly Learning to Align and Translate; Zhang et al., Dive into Deep Learning, section 11.4.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.door.inputs import as_float, as_like, as_optional
from nbdl.kernels.door.results import as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.recurrent.gru_cell import activate, room
from nbdl.kernels.recurrent.gru_scan import new_state
from nbdl.kernels.recurrent.walk import (
    add_products,
    as_lengths,
    check_lengths,
    check_shape,
    check_steps,
    copy_step,
)
from nbdl.kernels.simd.panels import copy
from nbdl.kernels.simd.registers import fma, hsum, pointer, splat
from nbdl.kernels.simd.shuffle import lanes, load_rest
from nbdl.kernels.simd.vector_math import tanh


@jit
def attention_gru_scan(z, keys, values, h0, wq, wv, wh, bh=None, lengths=None, out=None):
    """The states of a gated recurrent unit that attends to keys, step by step.

    Parameters
    ----------
    z : (N, T, 3 H) float array
        What the inputs contribute to reset gate, update gate and candidate at each step, at least one.
    keys : (N, S, U) float array
        At least one.
    values : (N, S, 3 H) float array
        What each key has to contribute to the three.
    h0 : (N, H) float array or None
        The state before the first step; None: zeros.
    wq : (H, U) float array
        Makes the query of a state.
    wv : (U,) float array
        Makes a score of the units.
    wh : (H, 3 H) float array
        How the state acts on the gates: inputs by outputs.
    bh : (3 H,) float array, optional
    lengths : (N,) array of integers, optional
        How many keys count, from the first on: from 0 to S; None: all S.
    out : (N, T, H) array, optional
        Where y goes; must not overlap the inputs.

    Returns
    -------
    y : (N, T, H) array of the dtype of `z`
        The state after each step.
    h : (N, H) array
        The last state.
    weights : (N, T, S) array
        How much each step attends each key: rows sum to 1, or are 0 where no key counts.

    Raises
    ------
    ShapeError, DtypeError, LabelError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> z, keys, values = np.zeros((1, 2, 3)), np.zeros((1, 2, 4)), np.zeros((1, 2, 3))
    >>> y, h, weights = attention_gru_scan(
    ...     z, keys, values, np.ones((1, 1)), np.zeros((1, 4)), np.ones(4), np.zeros((1, 3))
    ... )
    >>> y[0, :, 0], weights[0, 0]
    (array([0.5 , 0.25]), array([0.5, 0.5]))
    """
    given, some, biased = h0 is not None, lengths is not None, bh is not None
    z = as_float("attention_gru_scan: `z` (N, T, 3 H)", z, 3)
    keys = as_like("attention_gru_scan: `keys` (N, S, U)", keys, 3, z)
    values = as_like("attention_gru_scan: `values` (N, S, 3 H)", values, 3, z)
    h0 = as_optional("attention_gru_scan: `h0` (N, H)", h0, 2, z)
    wq = as_like("attention_gru_scan: `wq` (H, U)", wq, 2, z)
    wv = as_like("attention_gru_scan: `wv` (U,)", wv, 1, z)
    wh = as_like("attention_gru_scan: `wh` (H, 3 H)", wh, 2, z)
    bh = as_optional("attention_gru_scan: `bh` (3 H,)", bh, 1, z)
    lengths = as_lengths("attention_gru_scan: `lengths` (N,)", lengths)
    (N, T, G), (S, U), H = z.shape, keys.shape[1:], z.shape[2] // 3
    check_steps("attention_gru_scan: `z` (N, T, 3 H)", z.shape)
    if S == 0:
        raise ShapeError("attention_gru_scan: `keys` (N, S, U) must have at least 1 key, got {}", keys.shape)
    if G != 3 * H:
        raise ShapeError(
            "attention_gru_scan: the last axis of `z` (N, T, 3 H) must be a multiple of 3, got {}", G
        )
    check_shape("attention_gru_scan: `keys`", keys.shape, (N, S, U), True)
    check_shape("attention_gru_scan: `values`", values.shape, (N, S, G), True)
    check_shape("attention_gru_scan: `h0`", h0.shape, (N, H), given)
    check_shape("attention_gru_scan: `wq`", wq.shape, (H, U), True)
    check_shape("attention_gru_scan: `wv`", wv.shape, (U,), True)
    check_shape("attention_gru_scan: `wh`", wh.shape, (H, G), True)
    check_shape("attention_gru_scan: `bh`", bh.shape, (G,), biased)
    check_shape("attention_gru_scan: `lengths`", lengths.shape, (N,), some)
    y = as_out("attention_gru_scan: `out`", out, (N, T, H), z)
    check_lengths("attention_gru_scan", lengths, S)
    h, weights = np.zeros((N, H), z.dtype), np.empty((N, T, S), z.dtype)
    _attention_gru_scan(z, keys, values, h0, wq, wv, wh, bh, lengths, y, h, weights)
    return y, h, weights


@jit
def _attention_gru_scan(z, keys, values, h0, wq, wv, wh, bh, lengths, y, h, weights):
    (N, T, H), (S, U) = y.shape, keys.shape[1:]
    before = np.bool_(False)
    gates, n, rh, scratch = room(N, H, before, z)
    sums, zero = np.empty((N, 3 * H), z.dtype), splat(z.dtype.type(0))
    # Without h0 nothing is copied, and h stays zeros.
    copy(flat(h0), np.int64(0), h0.size, flat(h), np.int64(0))
    for t in range(T):
        queries = np.zeros((N, U), z.dtype)
        add_products(h, wq, queries)
        copy_step(z, np.int64(t), sums)
        for i in range(N):
            end = lengths[i] if lengths.size else S
            _attend(queries[i], keys[i], wv, end, weights[i, t])
            add_mean(weights[i, t], values[i], sums[i])
        activate(sums, h, wh, bh, before, gates, n, rh, scratch)
        for i in range(N):
            u, row = pointer(gates) + (3 * i + 1) * H, pointer(y) + (i * T + t) * H
            new_state(u, pointer(n) + i * H, True, H, zero, pointer(h) + i * H, row)


@jit
def _attend(query, keys, wv, end, weights):
    """weights (S,) = softmax of the scores of the first `end` keys (S, U), 0 for the others."""
    U, zero = keys.shape[1], weights.dtype.type(0)
    highest = weights.dtype.type(-np.inf)
    for s in range(end):
        weights[s] = _score(pointer(query), pointer(keys) + s * U, pointer(wv), U, zero)
        highest = max(highest, weights[s])
    if highest == -np.inf:
        highest = zero
    total = zero
    for s in range(end):
        weights[s] = np.exp(weights[s] - highest)
        total += weights[s]
    for s in range(end):
        weights[s] = weights[s] / total if total != 0 else zero
    weights[end:] = zero


@jit(inline=True)
def _score(query, key, wv, U, zero):
    total = splat(zero)
    for i in range(0, U, lanes(key)):
        unit = tanh(load_rest(query, i, U - i) + load_rest(key, i, U - i))
        total = fma(unit, load_rest(wv, i, U - i), total)
    return hsum(total)


@jit
def add_mean(weights, values, sums):
    """sums (G,) += weights (S,) values (S, G); what has no weight counts for nothing, whatever it is."""
    for s in range(weights.size):
        if weights[s] != 0:
            for j in range(sums.size):
                sums[j] += weights[s] * values[s, j]


_outputs = outputs(attention_gru_scan)


def attention_gru_scan_outputs(z, keys, values, h0, wq, wv, wh, bh=None, lengths=None):
    """(shape, dtype) of y, h and weights."""
    ((N, T, H), dtype), *_ = _outputs(z, keys, values, h0, wq, wv, wh, bh, lengths)
    return [((N, T, H), dtype), ((N, H), dtype), ((N, T, keys.shape[1]), dtype)]
