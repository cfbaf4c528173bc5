r"""The gated recurrent unit in one call, `linear` of all inputs, then `gru_scan`; one step of it.

.. math:: z_t = x_t w_x + b \qquad h_t = (1 - u_t) \odot n_t + u_t \odot h_{t-1}

x (N, T, D), w_x (D, 3 H), w_h (H, 3 H), b and b_h (3 H,), h (N, H), y (N, T, H). The gates r, u and n, their
order and the two conventions of `reset` are those of `gru_scan`. On the tape and in programs the two parts
are calls of their own (`nbdl.nn.GRU`). Cho et al. 2014; Zhang et al., Dive into Deep Learning, section 10.2.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.dense.linear import linear, linear_backward
from nbdl.kernels.door.choice import choice
from nbdl.kernels.door.inputs import as_float, as_like, as_optional
from nbdl.kernels.door.results import as_out
from nbdl.kernels.door.views import flat
from nbdl.kernels.recurrent.gru_formula import RESETS, mixed
from nbdl.kernels.recurrent.gru_scan import gru_scan, gru_scan_backward
from nbdl.kernels.recurrent.gru_walk import activate, room
from nbdl.kernels.recurrent.rnn import without_padding
from nbdl.kernels.recurrent.walk import check_shape, check_steps
from nbdl.kernels.simd.registers import pointer
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest


@jit
def gru(x, h0, wx, wh, b=None, bh=None, lengths=None, reset="after", reverse=False, out=None):
    """The states of a gated recurrent unit, step by step.

    Parameters
    ----------
    x : (N, T, D) float array
        Sequences of at least one step.
    h0 : (N, H) float array or None
        The state before the first step; None: zeros.
    wx : (D, 3 H) float array
        Of reset gate, update gate and candidate, side by side.
    wh : (H, 3 H) float array
    b, bh : (3 H,) float array, optional
    lengths, reset, reverse, out
        As `gru_scan` has them.

    Returns
    -------
    y : (N, T, H) array of the dtype of `x`
        The state after each step; 0 behind the end of a sequence.
    h : (N, H) array
        The last state of each sequence.

    Raises
    ------
    ShapeError, DtypeError, LabelError, OptionError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> x, wx = np.ones((1, 3, 2)), np.zeros((2, 3))  # u is 1 / 2 and n is 0
    >>> gru(x, np.ones((1, 1)), wx, np.zeros((1, 3)))[0][0, :, 0]
    array([0.5  , 0.25 , 0.125])
    """
    # Asked first: `as_optional` turns None into an array without elements.
    given, bias, biased = h0 is not None, b is not None, bh is not None
    x = as_float("gru: `x` (N, T, D)", x, 3)
    wx = as_like("gru: `wx` (D, 3 H)", wx, 2, x)
    wh = as_like("gru: `wh` (H, 3 H)", wh, 2, x)
    b = as_optional("gru: `b` (3 H,)", b, 1, x)
    before = as_optional("gru: `h0` (N, H)", h0, 2, x)
    extra = as_optional("gru: `bh` (3 H,)", bh, 1, x)
    H = len(wh)
    # `linear` and `gru_scan` would refuse too, but by other names of their arguments.
    check_steps("gru: `x` (N, T, D)", x.shape)
    check_shape("gru: `wh`", wh.shape, (H, 3 * H), True)
    check_shape("gru: `wx`", wx.shape, (x.shape[2], 3 * H), True)
    check_shape("gru: `b`", b.shape, (3 * H,), bias)
    check_shape("gru: `bh`", extra.shape, (3 * H,), biased)
    check_shape("gru: `h0`", before.shape, (len(x), H), given)
    # All inputs in one product: wx is read once, not once for each step.
    return gru_scan(linear(x, wx, b), h0, wh, bh, lengths, reset, reverse, out)


@jit
def gru_backward(dy, dh, x, y, h0, wx, wh, b=None, bh=None, lengths=None, reset="after", reverse=False):
    """All gradients of `gru`, (dx, dh0, dwx, dwh, db, dbh), from one walk back.

    `dy` (N, T, H) and `dh` (N, H) are the cotangents of y and h. db is that of a bias also where b is None.
    """
    if lengths is not None:
        x = without_padding(x, lengths)
    dz, dh0, dwh, dbh = gru_scan_backward(dy, dh, linear(x, wx, b), y, h0, wh, bh, lengths, reset, reverse)
    # The walk back needs wh alone: what x, wx and b get comes from all steps in one product.
    dx, dwx, db = linear_backward(dz, x, wx)
    return dx, dh0, dwx, dwh, db, dbh


@jit
def gru_cell(x, h, wx, wh, b=None, bh=None, reset="after", out=None):
    """One step of `gru`: the state after x.

    Parameters
    ----------
    x : (N, D) float array
    h : (N, H) float array or None
        The state before; None: zeros.
    wx : (D, 3 H) float array
    wh : (H, 3 H) float array
    b, bh : (3 H,) float array, optional
    reset : "after" or "before"
    out : (N, H) array, optional
        Where the result goes; must not overlap the inputs.

    Returns
    -------
    (N, H) array of the dtype of `x`. Its gradients are those of `gru` (`gru_backward`) over one step.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> gru_cell(np.array([[1.0]]), np.array([[2.0]]), np.zeros((1, 3)), np.zeros((1, 3)))
    array([[1.]])
    """
    given, bias, biased = h is not None, b is not None, bh is not None
    x = as_float("gru_cell: `x` (N, D)", x, 2)
    before = as_optional("gru_cell: `h` (N, H)", h, 2, x)
    wx = as_like("gru_cell: `wx` (D, 3 H)", wx, 2, x)
    wh = as_like("gru_cell: `wh` (H, 3 H)", wh, 2, x)
    b = as_optional("gru_cell: `b` (3 H,)", b, 1, x)
    extra = as_optional("gru_cell: `bh` (3 H,)", bh, 1, x)
    (N, D), H = x.shape, len(wh)
    check_shape("gru_cell: `wh`", wh.shape, (H, 3 * H), True)
    check_shape("gru_cell: `wx`", wx.shape, (D, 3 * H), True)
    check_shape("gru_cell: `b`", b.shape, (3 * H,), bias)
    check_shape("gru_cell: `bh`", extra.shape, (3 * H,), biased)
    check_shape("gru_cell: `h`", before.shape, (N, H), given)
    y = as_out("gru_cell: `out`", out, (N, H), x)
    acts_before = choice("gru_cell: `reset`", reset, RESETS)
    # An empty h stands for zeros.
    state = before if given else np.zeros((N, H), x.dtype)
    _gru_cell(linear(x, wx, b), state, wh, extra, acts_before, flat(y))
    return y


@jit
def _gru_cell(z, h, wh, bh, before, y):
    N, H = h.shape
    gates, n, rh, scratch = room(N, H, before, z)
    activate(z, h, wh, bh, before, gates, n, rh, scratch)
    p, q = pointer(gates), pointer(y)
    for k in range(N):
        for i in range(0, H, lanes(q)):
            u, left, at = load_rest(p, (3 * k + 1) * H + i, H - i), H - i, k * H + i
            new = mixed(u, load_rest(pointer(n), at, left), load_rest(pointer(h), at, left))
            store_rest(q, at, new, left)
