r"""The scan of the gated recurrent unit over time.

.. math::
    r_t = \sigma(z_t^r + h_{t-1} w_h^r + b_h^r) \qquad u_t = \sigma(z_t^u + h_{t-1} w_h^u + b_h^u)

.. math::
    n_t = \tanh(z_t^n + r_t \odot (h_{t-1} w_h^n + b_h^n)) \qquad
    h_t = (1 - u_t) \odot n_t + u_t \odot h_{t-1} = y_t

z (N, T, 3 H) is what the inputs contribute, x w_x + b, which `linear` computes for all steps at once;
h (N, H) the state, w_h (H, 3 H), b_h (3 H,). Their thirds are, in this order, those of the reset gate r, the
update gate u and the candidate n: the order of PyTorch, which calls u z (`gru_gates` has that of others).

There are two conventions for the reset gate. ``reset="after"`` is the one above: it acts after the product of
state and weights, as in PyTorch, cuDNN and Keras, and in ONNX with linear_before_reset=1. With
``reset="before"`` it acts on the state, before the product, as in the paper, the book, and ONNX by default:

.. math:: n_t = \tanh(z_t^n + (r_t \odot h_{t-1}) w_h^n + b_h^n)

There b_h could be part of b. With `reverse` the walk begins at the last step. Behind the end of a sequence
(`lengths`) the state stays as it is and y is 0; a walk in reverse begins at its last step.

Gradients go back through all steps. The states before all steps are known from y, so the walk back makes the
gates of all steps anew, by one product, and nothing but y is kept.

Cho et al. 2014, Learning Phrase Representations using RNN Encoder-Decoder; Zhang et al., Dive into Deep
Learning, section 10.2.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.door.choice import choice
from nbdl.kernels.door.inputs import as_float, as_like, as_optional
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.recurrent.gru_formula import RESETS, mixed
from nbdl.kernels.recurrent.gru_walk import activate, room, walk_back
from nbdl.kernels.recurrent.walk import (
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
            _step(u, pointer(n) + i * H, is_in(lengths, i, t), H, zero, pointer(h) + i * H, row)


@jit(inline=True)
def _step(u, n, is_there, H, zero, h, y):
    for i in range(0, H, lanes(y)):
        if is_there:
            new = mixed(load_rest(u, i, H - i), load_rest(n, i, H - i), load_rest(h, i, H - i))
            store_rest(h, i, new, H - i)
            store_rest(y, i, new, H - i)
        else:
            store_rest(y, i, zero, H - i)


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
    _add_part(flat(carry), np.int64(0), carry.size, flat(dh0), np.int64(0))
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


@jit
def _gru_scan_backward(dy, carry, z, y, h0, wh, bh, lengths, before, reverse, dz, dwh, dbh):
    """Adds to dz, dwh and dbh, or leaves out those without elements; `carry` is dh first, then dh0."""
    dgates, dn, h, rh = walk_back(dy, carry, z, y, h0, wh, bh, lengths, before, reverse)
    (N, T, H), one, add = y.shape, np.int64(1), np.bool_(True)
    for row in range(N * T if dz.size else 0):
        to = (row % N * T + step_of(row // N, T, reverse)) * 3 * H
        _add_part(flat(dgates), 3 * row * H, 2 * H, flat(dz), to)
        _add_part(flat(dn), row * H, H, flat(dz), to + 2 * H)
    if dwh.size and before:
        parts, rest = np.empty((H, 2 * H), y.dtype), np.empty((H, H), y.dtype)
        gemm(one, H, 2 * H, N * T, flat(h), one, H, flat(dgates), 3 * H, one, flat(parts), np.bool_(False))
        gemm(one, H, H, N * T, flat(rh), one, H, flat(dn), H, one, flat(rest), np.bool_(False))
        for k in range(H):
            _add_part(flat(parts), 2 * k * H, 2 * H, flat(dwh), 3 * k * H)
            _add_part(flat(rest), k * H, H, flat(dwh), (3 * k + 2) * H)
    elif dwh.size:
        gemm(one, H, 3 * H, N * T, flat(h), one, H, flat(dgates), 3 * H, one, flat(dwh), add)
    for row in range(N * T if dbh.size else 0):
        _add_part(flat(dgates), 3 * row * H, 3 * H, dbh, np.int64(0))


@jit
def _add_part(a, start, n, b, to):
    """b[to : to + n] += a[start : start + n]."""
    for i in range(n):
        b[to + i] += a[start + i]


_outputs = outputs(gru_scan)


def gru_scan_outputs(z, h0, wh, bh=None, lengths=None, **constants):
    """(shape, dtype) of y and h."""
    ((N, T, H), dtype), *_ = _outputs(z, h0, wh, bh, lengths, **constants)
    return [((N, T, H), dtype), ((N, H), dtype)]
