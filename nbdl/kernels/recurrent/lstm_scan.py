r"""The scan of an LSTM (long short-term memory) over time.

.. math:: (h_t, c_t) = \mathrm{cell}(z_t + h_{t-1} w_h,\; c_{t-1}) \qquad y_t = h_t

z (N, T, 4H) is what the inputs contribute, x w_x + b, which `linear` computes for all steps at once, or
`embedding` where x is one of some tokens; h and c (N, H) are state and memory, w_h (H, 4H). The formula of
the cell, its four gates and the peepholes are those of `lstm_cell`. With `reverse` the walk begins at the
last step. Behind the end of a sequence (`lengths`) state and memory stay as they are and y is 0, as in
torch's packed sequences and in ONNX; a walk in reverse begins at its last step.

The gradients stand in `lstm_scan_back`.

Hochreiter and Schmidhuber 1997; Zhang et al., Dive into Deep Learning, section 10.1.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.door.inputs import as_float, as_like, as_optional
from nbdl.kernels.door.results import as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.recurrent.lstm_cell import step_of_cell
from nbdl.kernels.recurrent.walk import (
    add_products,
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
def lstm_scan(z, h0, c0, wh, peepholes=None, lengths=None, reverse=False, out=None):
    """The states of an LSTM, step by step.

    Parameters
    ----------
    z : (N, T, 4H) float array
        What the inputs contribute to the gates i, f, g, o at each step, at least one.
    h0 : (N, H) float array or None
        The state before the first step; None: zeros.
    c0 : (N, H) float array or None
        The memory before the first step; None: zeros.
    wh : (H, 4H) float array
        How the state acts on the next gates: inputs by outputs.
    peepholes : (3, H) float array, optional
        How the memory acts on the input, forget and output gate.
    lengths : (N,) array of integers, optional
        How many steps each sequence has, from 0 to T; None: all T.
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
    c : (N, H) array
        Its last memory.

    Raises
    ------
    ShapeError, DtypeError, LabelError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> y, h, c = lstm_scan(np.zeros((1, 2, 4)), None, np.ones((1, 1)), np.ones((1, 4)))
    >>> y[0, :, 0].round(4), h[0].round(4), c[0].round(4)
    (array([0.2311, 0.2785]), array([0.2785]), array([0.5062]))
    """
    some, given, filled, short = peepholes is not None, h0 is not None, c0 is not None, lengths is not None
    z = as_float("lstm_scan: `z` (N, T, 4H)", z, 3)
    h0 = as_optional("lstm_scan: `h0` (N, H)", h0, 2, z)
    c0 = as_optional("lstm_scan: `c0` (N, H)", c0, 2, z)
    wh = as_like("lstm_scan: `wh` (H, 4H)", wh, 2, z)
    peepholes = as_optional("lstm_scan: `peepholes` (3, H)", peepholes, 2, z)
    lengths = as_lengths("lstm_scan: `lengths` (N,)", lengths)
    check_steps("lstm_scan: `z` (N, T, 4H)", z.shape)
    if z.shape[2] % 4:
        raise ShapeError("lstm_scan: `z` must have 4 gates, a last axis of 4 H, got shape {}", z.shape)
    (N, T, G), H = z.shape, z.shape[2] // 4
    check_shape("lstm_scan: `h0`", h0.shape, (N, H), given)
    check_shape("lstm_scan: `c0`", c0.shape, (N, H), filled)
    check_shape("lstm_scan: `wh`", wh.shape, (H, G), True)
    check_shape("lstm_scan: `peepholes`", peepholes.shape, (3, H), some)
    check_shape("lstm_scan: `lengths`", lengths.shape, (N,), short)
    y = as_out("lstm_scan: `out`", out, (N, T, H), z)
    check_lengths("lstm_scan", lengths, T)
    h, c = np.zeros((N, H), z.dtype), np.zeros((N, H), z.dtype)
    _lstm_scan(z, h0, c0, wh, peepholes, lengths, bool(reverse), y, h, c)
    return y, h, c


@jit
def _lstm_scan(z, h0, c0, wh, peepholes, lengths, reverse, y, h, c):
    (N, T, G), H = z.shape, h.shape[1]
    gates, zero = np.empty((N, G), z.dtype), splat(z.dtype.type(0))
    # Without h0 and c0 nothing is copied, and h and c stay zeros.
    copy(flat(h0), np.int64(0), h0.size, flat(h), np.int64(0))
    copy(flat(c0), np.int64(0), c0.size, flat(c), np.int64(0))
    for s in range(T):
        t = step_of(s, T, reverse)
        # The products are added to a copy of one step: z is only read.
        copy_step(z, t, gates)
        add_products(h, wh, gates)
        for n in range(N):
            row, state = pointer(y) + (n * T + t) * H, pointer(h) + n * H
            if is_in(lengths, n, t):
                step_of_cell(pointer(gates) + n * G, H, peepholes, pointer(c) + n * H, state)
                copy_row(state, H, row)
            else:
                for k in range(0, H, lanes(row)):
                    store_rest(row, k, zero, H - k)


@jit(inline=True)
def copy_row(p, n, q):
    """q = p, `n` elements."""
    for k in range(0, n, lanes(p)):
        store_rest(q, k, load_rest(p, k, n - k), n - k)


_outputs = outputs(lstm_scan)


def lstm_scan_outputs(z, h0, c0, wh, peepholes=None, lengths=None, **constants):
    """(shape, dtype) of y, h and c."""
    ((N, T, H), dtype), *_ = _outputs(z, h0, c0, wh, peepholes, lengths, **constants)
    return [((N, T, H), dtype), ((N, H), dtype), ((N, H), dtype)]
