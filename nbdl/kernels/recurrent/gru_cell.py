r"""The formula of the gated recurrent unit; one step of it, for loops of your own.

.. math::
    r = \sigma(z^r + h w_h^r + b_h^r) \qquad u = \sigma(z^u + h w_h^u + b_h^u)

.. math::
    n = \tanh(z^n + r \odot (h w_h^n + b_h^n)) \qquad h' = (1 - u) \odot n + u \odot h

z (N, 3 H) is x w_x + b, x (N, D), h (N, H). The thirds of z, w_x (D, 3 H), w_h (H, 3 H), b and b_h (3 H,)
are, in this order, those of the reset gate r, the update gate u and the candidate n: the order of PyTorch,
which calls u z (`gru_gates` has that of others). There are two conventions for the reset gate.
``reset="after"`` is the one above: it acts after the product of state and weights, as in PyTorch, cuDNN and
Keras, and in ONNX with linear_before_reset=1. With ``reset="before"`` it acts on the state, before the
product, as in the paper, the book, and ONNX by default; b_h could be part of b there:

.. math:: n = \tanh(z^n + (r \odot h) w_h^n + b_h^n)

Cho et al. 2014, Learning Phrase Representations using RNN Encoder-Decoder; Zhang et al., Dive into Deep
Learning, section 10.2.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.activation.elementwise import sigmoid_slope, tanh_slope
from nbdl.kernels.dense.linear import linear
from nbdl.kernels.door.choice import choice
from nbdl.kernels.door.inputs import as_float, as_like, as_optional
from nbdl.kernels.door.results import as_out
from nbdl.kernels.door.views import flat
from nbdl.kernels.recurrent.walk import add_products, check_shape
from nbdl.kernels.simd.gemm import gemm
from nbdl.kernels.simd.registers import pointer
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.simd.vector_math import sigmoid, tanh

RESETS = "after", "before"  # where r acts: on the product of the state with its weights, or on the state

# --- the formula, on one number or one vector of them: z is what inputs give, s what the state does --------


@jit
def gate_of(z, s):
    """r or u."""
    return sigmoid(z + s)


@jit
def candidate_of(z, s, r, before):
    """n; where r acts before the product, s has it already."""
    return tanh(z + s) if before else tanh(z + r * s)


@jit
def mixed(u, n, h):
    """The new state: the former one h as far as u is 1, the candidate as far as it is 0."""
    return (1.0 - u) * n + u * h


@jit
def mixed_slopes(dh, u, n, h):
    """The cotangents of the sums in u and in n, from that of the new state."""
    return sigmoid_slope(dh * (h - n), u), tanh_slope(dh * (1.0 - u), n)


@jit
def reset_slope(d, scaled, r):
    """The cotangent of the sum in r, from that of its product with what it has `scaled`."""
    return sigmoid_slope(d * scaled, r)


# --- the gates of some states -----------------------------------------------------------------------------
# Rows of gates (R, 3 H) are r, u, and behind them what the state contributes to n, where r acts after the
# product.


@jit
def room(R, H, before, like):
    """(gates, n, r h, scratch) for R states: the last two only where r acts before the product."""
    dtype, more = like.dtype, R if before else 0
    gates, n = np.empty((R, 3 * H), dtype), np.empty((R, H), dtype)
    return gates, n, np.empty((more, H), dtype), np.empty((more, 2 * H), dtype)


@jit
def activate(z, h, wh, bh, before, gates, n, rh, scratch):
    """The gates and candidates of states h (R, H), into what `room` gives."""
    (R, H), one, add = h.shape, np.int64(1), np.bool_(True)
    s = scratch if before else gates
    _begin(bh, np.int64(0), s)
    if before:
        gemm(one, R, 2 * H, H, flat(h), H, one, flat(wh), 3 * H, one, flat(s), add)
    else:
        add_products(h, wh, s)
    for i in range(R):
        _gates(pointer(z) + 3 * i * H, pointer(s) + i * s.shape[1], H, pointer(gates) + 3 * i * H)
    if before:
        for i in range(R):
            _product(pointer(gates) + 3 * i * H, pointer(h) + i * H, H, pointer(rh) + i * H)
        _begin(bh, 2 * H, n)
        gemm(one, R, H, H, flat(rh), H, one, flat(wh)[2 * H :], 3 * H, one, flat(n), add)
    for i in range(R):
        r, candidate = pointer(gates) + 3 * i * H, pointer(n) + i * H
        _candidate(pointer(z) + (3 * i + 2) * H, candidate if before else r + 2 * H, r, before, H, candidate)


@jit
def _begin(bh, first, s):
    """Each row of s = bh[first:], or 0 without biases."""
    for i in range(len(s)):
        for j in range(s.shape[1]):
            s[i, j] = bh[first + j] if bh.size else 0


@jit(inline=True)
def _gates(z, s, H, gates):
    for i in range(0, 2 * H, lanes(gates)):
        store_rest(gates, i, gate_of(load_rest(z, i, 2 * H - i), load_rest(s, i, 2 * H - i)), 2 * H - i)


@jit(inline=True)
def _product(a, b, n, c):
    for i in range(0, n, lanes(c)):
        store_rest(c, i, load_rest(a, i, n - i) * load_rest(b, i, n - i), n - i)


@jit(inline=True)
def _candidate(z, s, r, before, H, n):
    for i in range(0, H, lanes(n)):
        left = H - i
        given = load_rest(z, i, left), load_rest(s, i, left), load_rest(r, i, left)
        store_rest(n, i, candidate_of(*given, before), left)


# --- one step ---------------------------------------------------------------------------------------------


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
    offset = as_optional("gru_cell: `b` (3 H,)", b, 1, x)
    extra = as_optional("gru_cell: `bh` (3 H,)", bh, 1, x)
    (N, D), H = x.shape, len(wh)
    check_shape("gru_cell: `wh`", wh.shape, (H, 3 * H), True)
    check_shape("gru_cell: `wx`", wx.shape, (D, 3 * H), True)
    check_shape("gru_cell: `b`", offset.shape, (3 * H,), bias)
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
