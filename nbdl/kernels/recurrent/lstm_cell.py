r"""The cell of an LSTM (long short-term memory): its formula, and one step of it as a kernel.

.. math::
    (z_i, z_f, z_g, z_o) = x w_x + h w_h + b

    i = \sigma(z_i + p_i c) \qquad f = \sigma(z_f + p_f c) \qquad g = \tanh(z_g)

    c' = f c + i g \qquad o = \sigma(z_o + p_o c') \qquad h' = o \tanh(c')

x (N, D), state h and memory c (N, H), w_x (D, 4H), w_h (H, 4H), b (4H,): input gate i, forget gate f, input
node g and output gate o, H columns each, in this order, that of PyTorch and Keras (`lstm_gates` has others).
Peepholes p (3, H), those of i, f and o, let the gates see the memory; without them the terms with p are not
there. Gates saturate at 0 and 1: nothing overflows.

Hochreiter and Schmidhuber 1997; Gers and Schmidhuber 2000 (forget gate, peepholes); Zhang et al., Dive into
Deep Learning, section 10.1.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.activation.elementwise import sigmoid_slope, tanh_slope
from nbdl.kernels.dense.linear import linear
from nbdl.kernels.door.inputs import as_float, as_like, as_optional
from nbdl.kernels.door.views import flat
from nbdl.kernels.recurrent.walk import add_products, check_shape
from nbdl.kernels.simd.panels import copy
from nbdl.kernels.simd.registers import pointer
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.simd.vector_math import sigmoid, tanh

# --- the formula, on one number or one vector of them -----------------------------------------------------


@jit
def gates_of(z, c, p, some):
    """(i, f, g, o) and the new (c, h), from what inputs and state give; p are read if there are `some`."""
    zi, zf, zg, zo = z
    pi, pf, po = p
    i = sigmoid(zi + pi * c if some else zi)
    f = sigmoid(zf + pf * c if some else zf)
    g = tanh(zg)
    new = f * c + i * g
    o = sigmoid(zo + po * new if some else zo)
    return i, f, g, o, new, o * tanh(new)


@jit
def gate_slopes(dh, dc, gates, c, p, some):
    """The cotangents of the four z and of c, the memory before, from those of what came of them."""
    i, f, g, o = gates
    pi, pf, po = p
    t = tanh(f * c + i * g)
    do = sigmoid_slope(dh * t, o)
    new = dc + tanh_slope(dh * o, t)
    # The output gate has seen the new memory, the other two the one before.
    new = new + po * do if some else new
    di, df, dg = sigmoid_slope(new * g, i), sigmoid_slope(new * c, f), tanh_slope(new * i, g)
    old = new * f
    return di, df, dg, do, old + pi * di + pf * df if some else old


# --- one step ---------------------------------------------------------------------------------------------


@jit
def lstm_cell(x, h, c, wx, wh, b=None, peepholes=None):
    """One step of `lstm`: state and memory after x.

    Parameters
    ----------
    x : (N, D) float array
    h : (N, H) float array or None
        The state before; None: zeros.
    c : (N, H) float array or None
        The memory before; None: zeros.
    wx : (D, 4H) float array
    wh : (H, 4H) float array
    b : (4H,) float array, optional
    peepholes : (3, H) float array, optional
        Those of the input, forget and output gate.

    Returns
    -------
    h : (N, H) array of the dtype of `x`
    c : (N, H) array
        Gradients are those of `lstm` (`lstm_backward`) over one step.

    Raises
    ------
    ShapeError, DtypeError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> one = np.ones((1, 4))
    >>> h, c = lstm_cell(np.ones((1, 1)), None, np.array([[2.0]]), one, one)
    >>> h.round(4), c.round(4)
    (array([[0.7057]]), array([[2.0189]]))
    """
    # Asked first: `as_optional` turns None into an array without elements.
    some, given, filled, bias = peepholes is not None, h is not None, c is not None, b is not None
    x = as_float("lstm_cell: `x` (N, D)", x, 2)
    h = as_optional("lstm_cell: `h` (N, H)", h, 2, x)
    c = as_optional("lstm_cell: `c` (N, H)", c, 2, x)
    wx = as_like("lstm_cell: `wx` (D, 4H)", wx, 2, x)
    wh = as_like("lstm_cell: `wh` (H, 4H)", wh, 2, x)
    offset = as_optional("lstm_cell: `b` (4H,)", b, 1, x)
    peepholes = as_optional("lstm_cell: `peepholes` (3, H)", peepholes, 2, x)
    (N, D), H = x.shape, wx.shape[1] // 4
    check_shape("lstm_cell: `wx`", wx.shape, (D, 4 * H), True)
    check_shape("lstm_cell: `wh`", wh.shape, (H, 4 * H), True)
    check_shape("lstm_cell: `b`", offset.shape, (4 * H,), bias)
    check_shape("lstm_cell: `h`", h.shape, (N, H), given)
    check_shape("lstm_cell: `c`", c.shape, (N, H), filled)
    check_shape("lstm_cell: `peepholes`", peepholes.shape, (3, H), some)
    gates, y, new = linear(x, wx, b), np.empty((N, H), x.dtype), np.zeros((N, H), x.dtype)
    # Arrays without elements stand for zeros, whose products would add nothing.
    if h.size:
        add_products(h, wh, gates)
    copy(flat(c), np.int64(0), c.size, flat(new), np.int64(0))
    for n in range(N):
        step_of_cell(pointer(gates) + 4 * n * H, H, peepholes, pointer(new) + n * H, pointer(y) + n * H)
    return y, new


@jit(inline=True)
def step_of_cell(gates, H, peepholes, c, h):
    """The new c and h (H,) in their places, those of i, f, g, o in `gates` (4H,)."""
    p, some = pointer(peepholes), peepholes.size > 0
    for k in range(0, H, lanes(c)):
        n = H - k
        i, f, g, o, new, y = gates_of(
            loaded(gates, k, H), load_rest(c, k, n), loaded_peepholes(p, k, H, some), some
        )
        store_rest(gates, k, i, n)
        store_rest(gates, H + k, f, n)
        store_rest(gates, 2 * H + k, g, n)
        store_rest(gates, 3 * H + k, o, n)
        store_rest(c, k, new, n)
        store_rest(h, k, y, n)


@jit
def loaded(gates, k, H):
    """Elements from `k` on of each of the four parts of `gates` (4H,)."""
    n = H - k
    return (
        load_rest(gates, k, n), load_rest(gates, H + k, n), load_rest(gates, 2 * H + k, n),
        load_rest(gates, 3 * H + k, n),
    )  # fmt: skip


@jit
def loaded_peepholes(p, k, H, some):
    """Elements from `k` on of each of the three rows (H,), or anything where there are none."""
    n = H - k if some else 0
    return load_rest(p, k, n), load_rest(p, H + k, n), load_rest(p, 2 * H + k, n)
