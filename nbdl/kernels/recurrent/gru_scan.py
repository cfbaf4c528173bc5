r"""The scan of the gated recurrent unit over time.

.. math:: h_t = (1 - u_t) \odot n_t + u_t \odot h_{t-1} \qquad y_t = h_t

z (N, T, 3 H) is what the inputs contribute, x w_x + b, which `linear` computes for all steps at once;
h (N, H) the state, w_h (H, 3 H), b_h (3 H,). The gates r, u and n, their order and the two conventions of
`reset` are those of `gru_cell`. With `reverse` the walk begins at the last step. Behind the end of a sequence
(`lengths`) the state stays as it is and y is 0; a walk in reverse begins at its last step.

The gradients are those of `gru_scan_back`. Cho et al. 2014, Learning Phrase Representations using RNN
Encoder-Decoder; Zhang et al., Dive into Deep Learning, section 10.2.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.door.choice import choice
from nbdl.kernels.door.inputs import as_float, as_like, as_optional
from nbdl.kernels.door.results import as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.recurrent.gru_cell import RESETS, activate, mixed, room
from nbdl.kernels.recurrent.walk import (
    as_lengths,
    check_lengths,
    check_shape,
    check_steps,
    copy_step,
    is_in,
    step_of,
)
from nbdl.kernels.simd.panels import copy
from nbdl.kernels.simd.registers import pointer, splat
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest


@jit
def gru_scan(z, h0, wh, bh=None, lengths=None, reset="after", reverse=False, out=None):
    """The states of a gated recurrent unit, step by step.

    Parameters
    ----------
    z : (N, T, 3 H) float array
        What the inputs contribute to reset gate, update gate and candidate at each step, at least one.
    h0 : (N, H) float array or None
        The state before the first step; None: zeros.
    wh : (H, 3 H) float array
        How the state acts on the three: inputs by outputs.
    bh : (3 H,) float array, optional
        Biases of the products with `wh`, which the reset gate scales with them.
    lengths : (N,) array of integers, optional
        How many steps each sequence has, from 0 to T; None: all T.
    reset : "after" or "before"
        Whether the reset gate acts after the product of state and weights or before it, on the state.
    reverse : bool
        Walk from the last step to the first.
    out : (N, T, H) array, optional
        Where y goes; must not overlap the inputs.

    Returns
    -------
    y : (N, T, H) array of the dtype of `z`
        The state after each step; 0 behind the end of a sequence.
    h : (N, H) array
        The last state of each sequence.

    Raises
    ------
    ShapeError, DtypeError, LabelError, OptionError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> y, h = gru_scan(np.zeros((1, 3, 3)), np.ones((1, 1)), np.zeros((1, 3)))  # u is 1 / 2 and n is 0
    >>> y[0, :, 0], h[0]
    (array([0.5  , 0.25 , 0.125]), array([0.125]))
    """
    given, some, biased = h0 is not None, lengths is not None, bh is not None
    z = as_float("gru_scan: `z` (N, T, 3 H)", z, 3)
    h0 = as_optional("gru_scan: `h0` (N, H)", h0, 2, z)
    wh = as_like("gru_scan: `wh` (H, 3 H)", wh, 2, z)
    bh = as_optional("gru_scan: `bh` (3 H,)", bh, 1, z)
    lengths = as_lengths("gru_scan: `lengths` (N,)", lengths)
    (N, T, G), H = z.shape, z.shape[2] // 3
    before = choice("gru_scan: `reset`", reset, RESETS)
    check_steps("gru_scan: `z` (N, T, 3 H)", z.shape)
    if G != 3 * H:
        raise ShapeError("gru_scan: the last axis of `z` (N, T, 3 H) must be a multiple of 3, got {}", G)
    check_shape("gru_scan: `h0`", h0.shape, (N, H), given)
    check_shape("gru_scan: `wh`", wh.shape, (H, G), True)
    check_shape("gru_scan: `bh`", bh.shape, (G,), biased)
    check_shape("gru_scan: `lengths`", lengths.shape, (N,), some)
    y = as_out("gru_scan: `out`", out, (N, T, H), z)
    check_lengths("gru_scan", lengths, T)
    h = np.zeros((N, H), z.dtype)
    _gru_scan(z, h0, wh, bh, lengths, before, bool(reverse), y, h)
    return y, h


@jit
def _gru_scan(z, h0, wh, bh, lengths, before, reverse, y, h):
    N, T, H = y.shape
    gates, n, rh, scratch = room(N, H, before, z)
    one, zero = np.empty((N, 3 * H), z.dtype), splat(z.dtype.type(0))
    # Without h0 nothing is copied, and h stays zeros.
    copy(flat(h0), np.int64(0), h0.size, flat(h), np.int64(0))
    for turn in range(T):
        t = step_of(turn, T, reverse)
        copy_step(z, t, one)
        activate(one, h, wh, bh, before, gates, n, rh, scratch)
        for i in range(N):
            u, row = pointer(gates) + (3 * i + 1) * H, pointer(y) + (i * T + t) * H
            new_state(u, pointer(n) + i * H, is_in(lengths, i, t), H, zero, pointer(h) + i * H, row)


@jit(inline=True)
def new_state(u, n, is_there, H, zero, h, y):
    """The state after a step, which is h and y then; y is 0 where there is no step."""
    for i in range(0, H, lanes(y)):
        if is_there:
            new = mixed(load_rest(u, i, H - i), load_rest(n, i, H - i), load_rest(h, i, H - i))
            store_rest(h, i, new, H - i)
            store_rest(y, i, new, H - i)
        else:
            store_rest(y, i, zero, H - i)


_outputs = outputs(gru_scan)


def gru_scan_outputs(z, h0, wh, bh=None, lengths=None, **constants):
    """(shape, dtype) of y and h."""
    ((N, T, H), dtype), *_ = _outputs(z, h0, wh, bh, lengths, **constants)
    return [((N, T, H), dtype), ((N, H), dtype)]
