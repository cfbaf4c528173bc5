r"""The gated recurrent unit in one call, `linear` of all inputs, then `gru_scan`.

.. math:: z_t = x_t w_x + b \qquad h_t = (1 - u_t) \odot n_t + u_t \odot h_{t-1}

x (N, T, D), w_x (D, 3 H), w_h (H, 3 H), b and b_h (3 H,), h (N, H), y (N, T, H). The gates r, u and n, their
order and the two conventions of `reset` are those of `gru_cell`. On the tape and in programs the two parts
are calls of their own (`nbdl.nn.GRU`). Cho et al. 2014; Zhang et al., Dive into Deep Learning, section 10.2.
"""

from nbdl._jit import jit
from nbdl.kernels.dense.linear import linear, linear_backward
from nbdl.kernels.door.inputs import as_float, as_like, as_optional
from nbdl.kernels.recurrent.gru_scan import gru_scan
from nbdl.kernels.recurrent.gru_scan_back import gru_scan_backward
from nbdl.kernels.recurrent.rnn import without_padding
from nbdl.kernels.recurrent.walk import check_shape, check_steps


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
    offset = as_optional("gru: `b` (3 H,)", b, 1, x)
    before = as_optional("gru: `h0` (N, H)", h0, 2, x)
    extra = as_optional("gru: `bh` (3 H,)", bh, 1, x)
    H = len(wh)
    # `linear` and `gru_scan` would refuse too, but by other names of their arguments.
    check_steps("gru: `x` (N, T, D)", x.shape)
    check_shape("gru: `wh`", wh.shape, (H, 3 * H), True)
    check_shape("gru: `wx`", wx.shape, (x.shape[2], 3 * H), True)
    check_shape("gru: `b`", offset.shape, (3 * H,), bias)
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
