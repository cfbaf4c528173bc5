r"""The simple recurrent net (Elman's) in one call, `linear` of all inputs, then `rnn_scan`; one step of it.

.. math:: h_t = f(x_t w_x + h_{t-1} w_h + b) \qquad y_t = h_t

x (N, T, D), w_x (D, H), w_h (H, H), b (H,), h (N, H), y (N, T, H); f tanh or relu. On the tape and in
programs the two parts are calls of their own (`nbdl.nn.RNN`), so that each has its gradients and its lanes
twin. PyTorch and ONNX have two biases, of which b is the sum. Zhang et al., Dive into Deep Learning, section
9.4.
"""

from nbdl._jit import jit
from nbdl.kernels.dense.linear import linear, linear_backward
from nbdl.kernels.door.choice import choice
from nbdl.kernels.door.inputs import as_float, as_like, as_optional
from nbdl.kernels.door.results import as_out
from nbdl.kernels.door.views import flat
from nbdl.kernels.recurrent.cell import ACTIVATIONS, state_of
from nbdl.kernels.recurrent.rnn_scan import rnn_scan, rnn_scan_backward
from nbdl.kernels.recurrent.walk import add_products, check_shape, check_steps
from nbdl.kernels.simd.registers import pointer
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest


@jit
def rnn(x, h0, wx, wh, b=None, lengths=None, activation="tanh", reverse=False, out=None):
    """The states of a recurrent net, step by step.

    Parameters
    ----------
    x : (N, T, D) float array
        Sequences of at least one step.
    h0 : (N, H) float array or None
        The state before the first step; None: zeros.
    wx : (D, H) float array
    wh : (H, H) float array
    b : (H,) float array, optional
    lengths, activation, reverse, out
        As `rnn_scan` has them.

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
    >>> x, w = np.ones((1, 3, 2)), np.ones((1, 1))
    >>> rnn(x, None, np.ones((2, 1)), w, np.array([0.5]), activation="relu")[0][0, :, 0]
    array([2.5, 5. , 7.5])
    """
    # Asked first: `as_optional` turns None into an array without elements.
    given, bias = h0 is not None, b is not None
    x = as_float("rnn: `x` (N, T, D)", x, 3)
    wx = as_like("rnn: `wx` (D, H)", wx, 2, x)
    wh = as_like("rnn: `wh` (H, H)", wh, 2, x)
    offset = as_optional("rnn: `b` (H,)", b, 1, x)
    before = as_optional("rnn: `h0` (N, H)", h0, 2, x)
    H = wx.shape[1]
    # `linear` and `rnn_scan` would refuse too, but by other names of their arguments.
    check_steps("rnn: `x` (N, T, D)", x.shape)
    check_shape("rnn: `wx`", wx.shape, (x.shape[2], H), True)
    check_shape("rnn: `wh`", wh.shape, (H, H), True)
    check_shape("rnn: `b`", offset.shape, (H,), bias)
    check_shape("rnn: `h0`", before.shape, (len(x), H), given)
    # All inputs in one product: wx is read once, not once for each step.
    return rnn_scan(linear(x, wx, b), h0, wh, lengths, activation, reverse, out)


@jit
def rnn_backward(dy, dh, x, y, h0, wx, wh, lengths=None, activation="tanh", reverse=False):
    """All gradients of `rnn`, (dx, dh0, dwx, dwh, db), from one walk back.

    `dy` (N, T, H) and `dh` (N, H) are the cotangents of y and h.
    """
    dz, dh0, dwh = rnn_scan_backward(dy, dh, y, h0, wh, lengths, activation, reverse)
    # The walk back needs wh alone: what x, wx and b get comes from all steps in one product.
    if lengths is not None:
        x = without_padding(x, lengths)
    dx, dwx, db = linear_backward(dz, x, wx)
    return dx, dh0, dwx, dwh, db


@jit
def without_padding(x, lengths):
    """x (N, T, D) with zeros behind the end of each sequence."""
    # dz is 0 there, but the padding may hold NaN, and a product with 0 would keep it.
    y = x.copy()
    for n in range(len(x)):
        y[n, lengths[n] :] = 0
    return y


@jit
def rnn_cell(x, h, wx, wh, b=None, activation="tanh", out=None):
    """One step of `rnn`: the state after x.

    Parameters
    ----------
    x : (N, D) float array
    h : (N, H) float array or None
        The state before; None: zeros.
    wx : (D, H) float array
    wh : (H, H) float array
    b : (H,) float array, optional
    activation : "tanh" or "relu"
    out : (N, H) array, optional
        Where the result goes; must not overlap the inputs.

    Returns
    -------
    (N, H) array of the dtype of `x`. Its gradients are those of `rnn` (`rnn_backward`) over one step.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> rnn_cell(np.array([[1.0]]), np.array([[2.0]]), np.ones((1, 1)), np.ones((1, 1)), activation="relu")
    array([[3.]])
    """
    given, bias = h is not None, b is not None
    x = as_float("rnn_cell: `x` (N, D)", x, 2)
    h = as_optional("rnn_cell: `h` (N, H)", h, 2, x)
    wx = as_like("rnn_cell: `wx` (D, H)", wx, 2, x)
    wh = as_like("rnn_cell: `wh` (H, H)", wh, 2, x)
    offset = as_optional("rnn_cell: `b` (H,)", b, 1, x)
    (N, D), H = x.shape, wx.shape[1]
    check_shape("rnn_cell: `wx`", wx.shape, (D, H), True)
    check_shape("rnn_cell: `wh`", wh.shape, (H, H), True)
    check_shape("rnn_cell: `b`", offset.shape, (H,), bias)
    check_shape("rnn_cell: `h`", h.shape, (N, H), given)
    y = as_out("rnn_cell: `out`", out, (N, H), x)
    relu = choice("rnn_cell: `activation`", activation, ACTIVATIONS)
    gates = linear(x, wx, b)
    # An empty h stands for zeros, whose products would add nothing.
    if h.size:
        add_products(h, wh, gates)
    _rnn_cell(flat(gates), relu, flat(y))
    return y


@jit
def _rnn_cell(gates, relu, y):
    p, q, n = pointer(gates), pointer(y), y.size
    for i in range(0, n, lanes(q)):
        store_rest(q, i, state_of(load_rest(p, i, n - i), relu), n - i)
