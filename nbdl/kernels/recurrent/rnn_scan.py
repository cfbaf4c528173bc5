r"""The scan of the simple recurrent net (Elman's) over time.

.. math:: h_t = f(z_t + h_{t-1} w_h) \qquad y_t = h_t

z (N, T, H) is what the inputs contribute, x w_x + b, which `linear` computes for all steps at once, or
`embedding` where x is one of some tokens; h (N, H) the state, w_h (H, H), f tanh or relu. With `reverse` the
walk begins at the last step. Behind the end of a sequence (`lengths`) the state stays as it is and y is 0, as
in torch's packed sequences and in ONNX; a walk in reverse begins at its last step.

Gradients go back through all steps (Werbos 1990):

.. math::
    g_t = (dy_t + g_{t+1} w_h^T) f'(h_t) = dz_t \qquad dh_0 = g_1 w_h^T \qquad dw_h = \sum_t h_{t-1}^T g_t

Zhang et al., Dive into Deep Learning, sections 9.4 and 9.7.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.choice import choice
from nbdl.kernels.door.inputs import as_float, as_like, as_optional
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.recurrent.cell import ACTIVATIONS, state_of, state_slope
from nbdl.kernels.recurrent.walk import (
    add_products,
    add_products_dh,
    add_products_dw,
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
def rnn_scan(z, h0, wh, lengths=None, activation="tanh", reverse=False, out=None):
    """The states of a recurrent net, step by step.

    Parameters
    ----------
    z : (N, T, H) float array
        What the inputs contribute at each step, at least one.
    h0 : (N, H) float array or None
        The state before the first step; None: zeros.
    wh : (H, H) float array
        How the state acts on the next one: inputs by outputs.
    lengths : (N,) array of integers, optional
        How many steps each sequence has, from 0 to T; None: all T.
    activation : "tanh" or "relu"
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
    >>> y, h = rnn_scan(np.ones((1, 3, 1)), None, np.ones((1, 1)), activation="relu")
    >>> y[0, :, 0], h[0]
    (array([1., 2., 3.]), array([3.]))
    """
    given, some = h0 is not None, lengths is not None
    z = as_float("rnn_scan: `z` (N, T, H)", z, 3)
    h0 = as_optional("rnn_scan: `h0` (N, H)", h0, 2, z)
    wh = as_like("rnn_scan: `wh` (H, H)", wh, 2, z)
    lengths = as_lengths("rnn_scan: `lengths` (N,)", lengths)
    N, T, H = z.shape
    relu = choice("rnn_scan: `activation`", activation, ACTIVATIONS)
    check_steps("rnn_scan: `z` (N, T, H)", z.shape)
    check_shape("rnn_scan: `h0`", h0.shape, (N, H), given)
    check_shape("rnn_scan: `wh`", wh.shape, (H, H), True)
    check_shape("rnn_scan: `lengths`", lengths.shape, (N,), some)
    y = as_out("rnn_scan: `out`", out, z.shape, z)
    check_lengths("rnn_scan", lengths, T)
    h = np.zeros((N, H), z.dtype)
    _rnn_scan(z, h0, wh, lengths, relu, bool(reverse), y, h)
    return y, h


@jit
def _rnn_scan(z, h0, wh, lengths, relu, reverse, y, h):
    N, T, H = z.shape
    gates, zero = np.empty((N, H), z.dtype), splat(z.dtype.type(0))
    # Without h0 nothing is copied, and h stays zeros.
    copy(flat(h0), np.int64(0), h0.size, flat(h), np.int64(0))
    for s in range(T):
        t = step_of(s, T, reverse)
        # The products are added to a copy of one step: z is only read.
        copy_step(z, t, gates)
        add_products(h, wh, gates)
        for n in range(N):
            row = pointer(y) + (n * T + t) * H
            _step(pointer(gates) + n * H, is_in(lengths, n, t), H, relu, zero, pointer(h) + n * H, row)


@jit(inline=True)
def _step(gates, is_there, H, relu, zero, h, y):
    for i in range(0, H, lanes(y)):
        new = state_of(load_rest(gates, i, H - i), relu)
        if is_there:
            store_rest(h, i, new, H - i)
            store_rest(y, i, new, H - i)
        else:
            store_rest(y, i, zero, H - i)


@jit
def rnn_scan_dz(dy, dh, y, wh, lengths, activation="tanh", reverse=False, dz=None):
    """Adds the gradient with respect to z to `dz` (N, T, H), new (zeros) if it is not given; returns it.

    `dy` (N, T, H) and `dh` (N, H) are the cotangents of y and h.
    """
    relu, dy, dh, y, wh, lengths = _given(dy, dh, y, wh, lengths, activation)
    dz = as_grad("rnn_scan_dz: `dz`", dz, dy.shape, dy)
    # A copy: the walk writes over its carry, and dh is the caller's.
    _rnn_scan_back(dy, dh.copy(), y, wh, lengths, relu, bool(reverse), dz)
    return dz


@jit
def rnn_scan_dh0(dy, dh, y, wh, lengths, activation="tanh", reverse=False, dh0=None):
    """Adds the gradient with respect to h0 to `dh0` (N, H), new (zeros) if it is not given; returns it."""
    relu, dy, dh, y, wh, lengths = _given(dy, dh, y, wh, lengths, activation)
    dh0 = as_grad("rnn_scan_dh0: `dh0`", dh0, dh.shape, dy)
    # dh0 is added to, so the walk needs a carry of its own.
    carry = dh.copy()
    _rnn_scan_back(dy, carry, y, wh, lengths, relu, bool(reverse), np.zeros(dy.shape, dy.dtype))
    _add(carry, dh0)
    return dh0


@jit
def rnn_scan_dwh(dy, dh, y, h0, wh, lengths, activation="tanh", reverse=False, dwh=None):
    """Adds the gradient with respect to wh to `dwh` (H, H), new (zeros) if it is not given; returns it."""
    given = h0 is not None
    relu, dy, dh, y, wh, lengths = _given(dy, dh, y, wh, lengths, activation)
    h0 = as_optional("rnn_scan_dwh: `h0` (N, H)", h0, 2, dy)
    check_shape("rnn_scan_dwh: `h0`", h0.shape, dh.shape, given)
    dwh = as_grad("rnn_scan_dwh: `dwh`", dwh, wh.shape, dy)
    dz = np.zeros(dy.shape, dy.dtype)
    _rnn_scan_back(dy, dh.copy(), y, wh, lengths, relu, bool(reverse), dz)
    # After the walk, as one product over all steps instead of one for each.
    add_products_dw(dz, y, h0, lengths, bool(reverse), dwh)
    return dwh


@jit
def rnn_scan_backward(dy, dh, y, h0, wh, lengths=None, activation="tanh", reverse=False):
    """All three gradients of `rnn_scan`, (dz, dh0, dwh), from one walk back.

    `dy` (N, T, H) and `dh` (N, H) are the cotangents of y and h.
    """
    given = h0 is not None
    relu, dy, dh, y, wh, lengths = _given(dy, dh, y, wh, lengths, activation)
    h0 = as_optional("rnn_scan_backward: `h0` (N, H)", h0, 2, dy)
    check_shape("rnn_scan_backward: `h0`", h0.shape, dh.shape, given)
    dz, dh0, dwh = np.zeros(dy.shape, dy.dtype), dh.copy(), np.zeros(wh.shape, dy.dtype)
    _rnn_scan_back(dy, dh0, y, wh, lengths, relu, bool(reverse), dz)
    add_products_dw(dz, y, h0, lengths, bool(reverse), dwh)
    return dz, dh0, dwh


@jit
def _given(dy, dh, y, wh, lengths, activation):
    """What all gradients look at."""
    some = lengths is not None
    dy = as_float("gradient of rnn_scan: `dy` (N, T, H)", dy, 3)
    dh = as_like("gradient of rnn_scan: `dh` (N, H)", dh, 2, dy)
    y = as_like("gradient of rnn_scan: `y` (N, T, H)", y, 3, dy)
    wh = as_like("gradient of rnn_scan: `wh` (H, H)", wh, 2, dy)
    lengths = as_lengths("gradient of rnn_scan: `lengths` (N,)", lengths)
    N, T, H = y.shape
    check_steps("gradient of rnn_scan: `y` (N, T, H)", y.shape)
    check_shape("gradient of rnn_scan: `dy`", dy.shape, y.shape, True)
    check_shape("gradient of rnn_scan: `dh`", dh.shape, (N, H), True)
    check_shape("gradient of rnn_scan: `wh`", wh.shape, (H, H), True)
    check_shape("gradient of rnn_scan: `lengths`", lengths.shape, (N,), some)
    check_lengths("gradient of rnn_scan", lengths, T)
    return choice("gradient of rnn_scan: `activation`", activation, ACTIVATIONS), dy, dh, y, wh, lengths


@jit(apart=True)
def _rnn_scan_back(dy, carry, y, wh, lengths, relu, reverse, dz):
    """The walk back: adds to dz; `carry` comes as the cotangent of h, and goes as that of h0."""
    N, T, H = y.shape
    gates, zero = np.empty((N, H), y.dtype), splat(y.dtype.type(0))
    for s in range(T - 1, -1, -1):
        t = step_of(s, T, reverse)
        for n in range(N):
            at = (n * T + t) * H
            _step_back(
                pointer(dy) + at, pointer(y) + at, is_in(lengths, n, t), H, relu, zero,
                pointer(carry) + n * H, pointer(gates) + n * H, pointer(dz) + at,
            )  # fmt: skip
        add_products_dh(gates, wh, carry)


@jit(inline=True)
def _step_back(dy, y, is_there, H, relu, zero, carry, gates, dz):
    """Without a step the cotangent of the state stays as it is."""
    for i in range(0, H, lanes(y)):
        n, dh = H - i, load_rest(carry, i, H - i)
        if is_there:
            gate = state_slope(load_rest(dy, i, n) + dh, load_rest(y, i, n), relu)
            store_rest(gates, i, gate, n)
            # Used up: what goes on to the step before is added by `add_products_dh`.
            store_rest(carry, i, zero, n)
            store_rest(dz, i, load_rest(dz, i, n) + gate, n)
        else:
            # The product is over all sequences: zeros leave the carry of this one as it is.
            store_rest(gates, i, zero, n)


@jit
def _add(a, b):
    p, q = flat(a), flat(b)
    for i in range(p.size):
        q[i] += p[i]


_outputs = outputs(rnn_scan)


def rnn_scan_outputs(z, h0, wh, lengths=None, **constants):
    """(shape, dtype) of y and h."""
    ((N, T, H), dtype), *_ = _outputs(z, h0, wh, lengths, **constants)
    return [((N, T, H), dtype), ((N, H), dtype)]
