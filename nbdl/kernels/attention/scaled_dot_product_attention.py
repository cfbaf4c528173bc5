r"""Scaled dot-product attention.

.. math::
    y_t = \sum_s p_{ts} v_s \qquad p_{ts} = e^{a_{ts} - \mathrm{lse}_t} \qquad
    \mathrm{lse}_t = \log \sum_s e^{a_{ts}} \qquad a_{ts} = \mathrm{scale}\; q_t^T k_s + \mathrm{mask}_{ts}

q (N, H, T, D): samples, heads, queries; k (N, K, S, D) and v (N, K, S, V): keys and values, of heads that K
divides H by: each serves H / K heads of queries that follow one another. y (N, H, T, V), lse (N, H, T).

A key that a query does not attend (mask, lengths, causal, window) has the score -inf. A key whose weight is 0
counts for nothing, even where its value is infinite or NaN; of a query that attends no key y is 0 and lse
-inf, and no gradient flows.

Scores are not kept: memory is linear in T and S, forward and backward, which computes the weights again from
lse. Vaswani et al. 2017, Attention Is All You Need, section 3.2; Zhang et al., Dive into Deep Learning,
section 11.3; Dao et al. 2022, FlashAttention; softcap: Gemma Team 2024, Gemma 2, section 2; heads in groups:
Ainslie et al. 2023, GQA.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.attention.backward import _scaled_dot_product_attention_backward
from nbdl.kernels.attention.forward import _scaled_dot_product_attention
from nbdl.kernels.attention.masks import (
    as_key_lengths,
    as_masks,
    check_key_lengths,
    limits,
    mask_strides,
)
from nbdl.kernels.door.inputs import as_float, as_like
from nbdl.kernels.door.keys import check_key
from nbdl.kernels.door.options import integer, pair
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs


@jit
def scaled_dot_product_attention_shape(q_shape, k_shape, v_shape):
    """Shape (N, H, T, V) of y; raises `ShapeError` unless q (N, H, T, D), k (N, K, S, D), v (N, K, S, V) fit.

    Call it once before a parallel loop: Numba drops exceptions raised inside ``prange``.
    """
    if len(q_shape) != 4 or len(k_shape) != 4 or len(v_shape) != 4:
        raise ShapeError(
            "scaled_dot_product_attention: `q` (N, H, T, D), `k` (N, K, S, D) and `v` (N, K, S, V) must have "
            "4 dimensions, got {}, {} and {}",
            len(q_shape), len(k_shape), len(v_shape),
        )  # fmt: skip
    if k_shape[0] != q_shape[0] or k_shape[3] != q_shape[3]:
        raise ShapeError(
            "scaled_dot_product_attention: `k` (N, K, S, D) must have the samples and the size D of `q` "
            "(N, H, T, D), got shapes {} and {}",
            k_shape, q_shape,
        )  # fmt: skip
    if v_shape[:3] != k_shape[:3]:
        raise ShapeError(
            "scaled_dot_product_attention: `v` (N, K, S, V) must have the samples, heads and keys of `k` "
            "(N, K, S, D), got shapes {} and {}",
            v_shape, k_shape,
        )  # fmt: skip
    if k_shape[1] == 0 or q_shape[1] % max(k_shape[1], 1):
        raise ShapeError(
            "scaled_dot_product_attention: the heads of `k` must divide those of `q`, got {} heads for {}",
            k_shape[1], q_shape[1],
        )  # fmt: skip
    return q_shape[0], q_shape[1], q_shape[2], v_shape[3]


@jit
def scaled_dot_product_attention(
    q, k, v, mask=None, lengths=None, scale=None, causal=False, softcap=0.0, window=-1, offset=0, p=0.0,
    seed=0, op=0, step=0, out=None,
):  # fmt: skip
    """For each query the mean of the values, weighted by softmax of how the query agrees with their keys.

    Parameters
    ----------
    q : (N, H, T, D) float array
        Queries.
    k : (N, K, S, D) float array
        Keys; K divides H.
    v : (N, K, S, V) float array
        Values.
    mask : array that can be broadcast to (N, H, T, S), optional
        Of bool: true where the query attends the key. Of floats like `q`: added to the scores; -inf masks.
    lengths : (N,) or (N, T) array of integers, optional
        How many keys, from the first on, count for a sample or for a query: from 0 to S.
    scale : float, optional
        What products are multiplied by; None: 1 / sqrt(D).
    causal : bool
        Query t attends the keys up to t + offset.
    softcap : float
        Scores become softcap tanh(score / softcap), before the mask; 0: they stay.
    window : int or pair
        How many keys before the place t + offset, and how many behind it, query t attends besides that at
        the place itself; -1: all.
    offset : int
        Place of the first query among the keys: S - T where the queries are the last of a sequence. Negative
        ones are before the first key.
    p : float
        From 0 to 1: weights are set to 0 with this probability, the others divided by 1 - p.
    seed, op, step : int
        Key of the random numbers, as in `dropout` of an array (N, H, T, S).
    out : (N, H, T, V) array, optional
        Where y goes; must not overlap the inputs.

    Returns
    -------
    y : (N, H, T, V) array of the dtype of `q`
        0 for a query that attends no key.
    lse : (N, H, T) array
        The logarithm of the sum of exp(score), -inf for a query that attends no key.

    Raises
    ------
    ShapeError, DtypeError, LabelError, OptionError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> q, k = np.zeros((1, 1, 1, 2)), np.zeros((1, 1, 3, 2))
    >>> v = np.array([[[[1.0], [2.0], [6.0]]]])
    >>> y, lse = scaled_dot_product_attention(q, k, v)
    >>> y[0, 0], scaled_dot_product_attention(q, k, v, causal=True)[0][0, 0]
    (array([[3.]]), array([[1.]]))
    """
    q = as_float("scaled_dot_product_attention: `q` (N, H, T, D)", q, 4)
    k = as_like("scaled_dot_product_attention: `k` (N, K, S, D)", k, 4, q)
    v = as_like("scaled_dot_product_attention: `v` (N, K, S, V)", v, 4, q)
    shape = scaled_dot_product_attention_shape(q.shape, k.shape, v.shape)
    options = _options(
        q, k, mask, lengths, scale, causal, softcap, window, offset, p, seed, op, step
    )  # fmt: skip
    y = as_out("scaled_dot_product_attention: `out`", out, shape, q)
    check_key_lengths("scaled_dot_product_attention", options[3], k.shape[2])
    lse = np.empty(q.shape[:3], q.dtype)
    _scaled_dot_product_attention(q, k, v, options, y, lse)
    return y, lse


@jit
def _options(q, k, mask, lengths, scale, causal, softcap, window, offset, p, seed, op, step):
    """All that is no array of the dtype of `q`, and the mask, as the cores take them; one tuple."""
    (N, H, T, D), S = q.shape, k.shape[2]
    kept, added, mask_shape = as_masks("scaled_dot_product_attention: `mask`", mask, q)
    strides = mask_strides("scaled_dot_product_attention", mask_shape, (N, H, T, S))
    counts, each = as_key_lengths(
        "scaled_dot_product_attention",
        "scaled_dot_product_attention: `lengths` (N,) or (N, T)",
        lengths,
        N,
        T,
    )
    factor = 1 / np.sqrt(np.float64(D)) if scale is None else np.float64(scale)
    sides = pair("scaled_dot_product_attention: `window`", window)
    offset = integer("scaled_dot_product_attention: `offset`", offset)
    before, behind = limits("scaled_dot_product_attention", bool(causal), sides, offset)
    top = _checked_cap(softcap, abs(factor) / np.float64(np.finfo(q.dtype).max))
    p, seed, op, step = _checked_key(p, seed, op, step)
    return kept, added, strides, counts, each, factor, offset, before, behind, top, p, seed, op, step


@jit
def _checked_cap(softcap, least):
    softcap = np.float64(softcap)
    if not (softcap >= 0 and softcap < np.inf):
        raise OptionError(
            "scaled_dot_product_attention: `softcap` must be a number from 0 (none) on, got {}", softcap
        )
    # Scores are multiplied by scale / softcap: infinity times 0 is NaN.
    if softcap > 0 and softcap < least:
        raise OptionError(
            "scaled_dot_product_attention: scale / `softcap` must be finite in the dtype of `q`, got {}",
            softcap,
        )
    return softcap


@jit
def _checked_key(p, seed, op, step):
    p, seed = np.float64(p), integer("scaled_dot_product_attention: `seed`", seed)
    op = integer("scaled_dot_product_attention: `op`", op)
    step = integer("scaled_dot_product_attention: `step`", step)
    if not (p >= 0 and p <= 1):
        raise OptionError("scaled_dot_product_attention: `p` must be from 0 to 1, got {}", p)
    check_key("scaled_dot_product_attention", seed, op, step)
    return p, seed, op, step


@jit
def _given(dy, q, k, v, y, lse):
    """What all gradients look at: the arrays as those of the first."""
    dy = as_float("gradient of scaled_dot_product_attention: `dy` (N, H, T, V)", dy, 4)
    q = as_like("gradient of scaled_dot_product_attention: `q` (N, H, T, D)", q, 4, dy)
    k = as_like("gradient of scaled_dot_product_attention: `k` (N, K, S, D)", k, 4, dy)
    v = as_like("gradient of scaled_dot_product_attention: `v` (N, K, S, V)", v, 4, dy)
    y = as_like("gradient of scaled_dot_product_attention: `y` (N, H, T, V)", y, 4, dy)
    lse = as_like("gradient of scaled_dot_product_attention: `lse` (N, H, T)", lse, 3, dy)
    shape = scaled_dot_product_attention_shape(q.shape, k.shape, v.shape)
    if dy.shape != shape or y.shape != shape:
        raise ShapeError(
            "gradient of scaled_dot_product_attention: `dy` and `y` must have shape {}, got {} and {}",
            shape, dy.shape, y.shape,
        )  # fmt: skip
    if lse.shape != shape[:3]:
        raise ShapeError(
            "gradient of scaled_dot_product_attention: `lse` must have shape {}, got {}", shape[:3], lse.shape
        )
    return dy, q, k, v, y, lse


@jit
def scaled_dot_product_attention_dq(
    dy, q, k, v, y, lse, mask, lengths, scale, causal, softcap, window, offset, p, seed, op, step, dq=None
):  # fmt: skip
    """Adds the gradient with respect to `q` to `dq` (N, H, T, D), new (zeros) if it is not given; returns it.

    `dy` is the cotangent of y; the other arguments are those of the kernel, and its outputs.
    """
    given = _given(dy, q, k, v, y, lse)
    dq = as_grad("scaled_dot_product_attention_dq: `dq`", dq, given[1].shape, given[0])
    options = _options(
        given[1], given[2], mask, lengths, scale, causal, softcap, window, offset, p, seed, op, step
    )  # fmt: skip
    check_key_lengths("scaled_dot_product_attention_dq", options[3], k.shape[2])
    none = np.empty((0, 0, 0, 0), given[0].dtype)  # a gradient that is not computed
    _scaled_dot_product_attention_backward(given, options, dq, none, none)
    return dq


@jit
def scaled_dot_product_attention_dk(
    dy, q, k, v, y, lse, mask, lengths, scale, causal, softcap, window, offset, p, seed, op, step, dk=None
):  # fmt: skip
    """Adds the gradient with respect to `k` to `dk` (N, K, S, D), new (zeros) if it is not given; returns it.

    `dy` is the cotangent of y; the other arguments are those of the kernel, and its outputs.
    """
    given = _given(dy, q, k, v, y, lse)
    dk = as_grad("scaled_dot_product_attention_dk: `dk`", dk, given[2].shape, given[0])
    options = _options(
        given[1], given[2], mask, lengths, scale, causal, softcap, window, offset, p, seed, op, step
    )  # fmt: skip
    check_key_lengths("scaled_dot_product_attention_dk", options[3], k.shape[2])
    none = np.empty((0, 0, 0, 0), given[0].dtype)  # a gradient that is not computed
    _scaled_dot_product_attention_backward(given, options, none, dk, none)
    return dk


@jit
def scaled_dot_product_attention_dv(
    dy, q, k, v, y, lse, mask, lengths, scale, causal, softcap, window, offset, p, seed, op, step, dv=None
):  # fmt: skip
    """Adds the gradient with respect to `v` to `dv` (N, K, S, V), new (zeros) if it is not given; returns it.

    `dy` is the cotangent of y; the other arguments are those of the kernel, and its outputs.
    """
    given = _given(dy, q, k, v, y, lse)
    dv = as_grad("scaled_dot_product_attention_dv: `dv`", dv, given[3].shape, given[0])
    options = _options(
        given[1], given[2], mask, lengths, scale, causal, softcap, window, offset, p, seed, op, step
    )  # fmt: skip
    check_key_lengths("scaled_dot_product_attention_dv", options[3], k.shape[2])
    none = np.empty((0, 0, 0, 0), given[0].dtype)  # a gradient that is not computed
    _scaled_dot_product_attention_backward(given, options, none, none, dv)
    return dv


@jit
def scaled_dot_product_attention_backward(
    dy, q, k, v, y, lse, mask=None, lengths=None, scale=None, causal=False, softcap=0.0, window=-1,
    offset=0, p=0.0, seed=0, op=0, step=0, dq=None, dk=None, dv=None,
):  # fmt: skip
    """All three gradients, (dq, dk, dv), of one pass; given arrays are added to."""
    given = _given(dy, q, k, v, y, lse)
    dq = as_grad("scaled_dot_product_attention_backward: `dq`", dq, given[1].shape, given[0])
    dk = as_grad("scaled_dot_product_attention_backward: `dk`", dk, given[2].shape, given[0])
    dv = as_grad("scaled_dot_product_attention_backward: `dv`", dv, given[3].shape, given[0])
    options = _options(
        given[1], given[2], mask, lengths, scale, causal, softcap, window, offset, p, seed, op, step
    )  # fmt: skip
    check_key_lengths("scaled_dot_product_attention_backward", options[3], k.shape[2])
    _scaled_dot_product_attention_backward(given, options, dq, dk, dv)
    return dq, dk, dv


_outputs = outputs(scaled_dot_product_attention)


def scaled_dot_product_attention_outputs(q, k, v, mask=None, lengths=None, **options):
    """(shape, dtype) of y and lse."""
    ((shape, dtype),) = _outputs(q, k, v, mask, lengths, **options)
    return [(shape, dtype), (shape[:3], dtype)]
