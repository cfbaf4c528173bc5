r"""The LSTM (long short-term memory) in one call, `linear` of all inputs, then `lstm_scan`.

.. math:: (h_t, c_t) = \mathrm{cell}(x_t w_x + h_{t-1} w_h + b,\; c_{t-1}) \qquad y_t = h_t

x (N, T, D), w_x (D, 4H), w_h (H, 4H), b (4H,), h and c (N, H), y (N, T, H); the formula of the cell is that
of `lstm_cell`. On the tape and in programs the two parts are calls of their own (`nbdl.nn.LSTM`), so that
each has its gradients and its lanes twin. PyTorch and ONNX have two biases, of which b is the sum;
`lstm_gates` brings their weights into this form.
"""

from nbdl._jit import jit
from nbdl.kernels.dense.linear import linear, linear_backward
from nbdl.kernels.door.inputs import as_float, as_like, as_optional
from nbdl.kernels.recurrent.lstm_scan import lstm_scan
from nbdl.kernels.recurrent.lstm_scan_back import lstm_scan_backward
from nbdl.kernels.recurrent.rnn import without_padding
from nbdl.kernels.recurrent.walk import check_shape, check_steps


@jit
def lstm(x, h0, c0, wx, wh, b=None, peepholes=None, lengths=None, reverse=False, out=None):
    """The states of an LSTM, step by step.

    Parameters
    ----------
    x : (N, T, D) float array
        Sequences of at least one step.
    h0 : (N, H) float array or None
        The state before the first step; None: zeros.
    c0 : (N, H) float array or None
        The memory before the first step; None: zeros.
    wx : (D, 4H) float array
        Columns of the gates i, f, g, o.
    wh : (H, 4H) float array
    b : (4H,) float array, optional
    peepholes, lengths, reverse, out
        As `lstm_scan` has them.

    Returns
    -------
    y : (N, T, H) array of the dtype of `x`
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
    >>> w = np.ones((1, 4))
    >>> y, h, c = lstm(np.ones((1, 2, 1)), None, None, w, w)
    >>> y[0, :, 0].round(4), c[0].round(4)
    (array([0.3696, 0.6505]), array([1.1444]))
    """
    # Asked first: `as_optional` turns None into an array without elements.
    some, given, filled, bias = peepholes is not None, h0 is not None, c0 is not None, b is not None
    x = as_float("lstm: `x` (N, T, D)", x, 3)
    wx = as_like("lstm: `wx` (D, 4H)", wx, 2, x)
    wh = as_like("lstm: `wh` (H, 4H)", wh, 2, x)
    offset = as_optional("lstm: `b` (4H,)", b, 1, x)
    state = as_optional("lstm: `h0` (N, H)", h0, 2, x)
    memory = as_optional("lstm: `c0` (N, H)", c0, 2, x)
    holes = as_optional("lstm: `peepholes` (3, H)", peepholes, 2, x)
    H = wx.shape[1] // 4
    # `linear` and `lstm_scan` would refuse too, but by other names of their arguments.
    check_steps("lstm: `x` (N, T, D)", x.shape)
    check_shape("lstm: `wx`", wx.shape, (x.shape[2], 4 * H), True)
    check_shape("lstm: `wh`", wh.shape, (H, 4 * H), True)
    check_shape("lstm: `b`", offset.shape, (4 * H,), bias)
    check_shape("lstm: `h0`", state.shape, (len(x), H), given)
    check_shape("lstm: `c0`", memory.shape, (len(x), H), filled)
    check_shape("lstm: `peepholes`", holes.shape, (3, H), some)
    # All inputs in one product: wx is read once, not once for each step.
    return lstm_scan(linear(x, wx, b), h0, c0, wh, peepholes, lengths, reverse, out)


@jit
def lstm_backward(dy, dh, dc, x, y, h0, c0, wx, wh, b=None, peepholes=None, lengths=None, reverse=False):
    """All gradients of `lstm`, (dx, dh0, dc0, dwx, dwh, db, dpeepholes), from one walk back.

    `dy` (N, T, H), `dh` and `dc` (N, H) are the cotangents of y, h and c. dpeepholes (3, H) is zeros where
    there are none.
    """
    if lengths is not None:
        x = without_padding(x, lengths)
    z = linear(x, wx, b)
    dz, dh0, dc0, dwh, dpeepholes = lstm_scan_backward(
        dy, dh, dc, z, y, h0, c0, wh, peepholes, lengths, reverse
    )
    # The walk back needs wh alone: what x, wx and b get comes from all steps in one product.
    dx, dwx, db = linear_backward(dz, x, wx)
    return dx, dh0, dc0, dwx, dwh, db, dpeepholes
