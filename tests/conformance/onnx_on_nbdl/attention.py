"""Attention and rotary embedding."""

import numpy as np

from nbdl import kernels
from onnx_on_nbdl.arrays import on_tape


def attention(
    q, k, v, mask=None, past_k=None, past_v=None, lengths=None, *, is_causal=0, scale=None, softcap=0.0,
    q_num_heads=0, kv_num_heads=0, qk_matmul_output_mode=0, softmax_precision=1, left_window_size=-1,
    right_window_size=-1, outputs=1,
):  # fmt: skip
    """All calls of the kernel are of one kind: a mask that is added, lengths, a scale, two sides of a window.

    With `lengths` the queries are the last of the keys that count, in each sample: an offset of its own.
    """
    flat = q.ndim == 3
    if flat:
        q, k, v = (heads(a, n) for a, n in ((q, q_num_heads), (k, kv_num_heads), (v, kv_num_heads)))
    if past_k is not None:
        k, v = (on_tape("concatenate", a, b, axis=2) for a, b in ((past_k, k), (past_v, v)))
    (N, _, T, D), S = q.shape, k.shape[2]
    mask = added(mask, S, q.dtype)
    scale = 1 / np.sqrt(D) if scale is None else float(scale)
    options = {
        "scale": scale, "causal": bool(is_causal), "softcap": float(softcap),
        "window": (left_window_size, right_window_size),
    }  # fmt: skip
    if lengths is None:
        counts, offsets = np.full(N, S), np.full(N, 0 if past_k is None else past_k.shape[2])
    else:
        counts, offsets = lengths, lengths - T

    def attend(values):
        each = [
            kernels.scaled_dot_product_attention(
                q[n : n + 1], k[n : n + 1], values[n : n + 1], mask if len(mask) == 1 else mask[n : n + 1],
                counts[n : n + 1], **options, offset=int(offsets[n]),
            )[0]
            for n in range(N)
        ]  # fmt: skip
        return np.concatenate(each)

    y = attend(v)
    y = y.transpose(0, 2, 1, 3).reshape(N, T, -1) if flat else y
    results = [y, k, v]
    if outputs == 4 and qk_matmul_output_mode == 3:
        identity = np.broadcast_to(np.eye(S, dtype=q.dtype), (*k.shape[:2], S, S))
        results.append(attend(identity))  # the means of unit vectors are the weights
    elif outputs == 4:
        results.append(scores(q, k, mask, scale, softcap, qk_matmul_output_mode, options, offsets))
    return tuple(results[:outputs]) if outputs > 1 else y


def scores(q, k, mask, scale, softcap, mode, options, offsets):
    """Before softmax: 0 as they are, 1 with the cap, 2 with all that masks."""
    repeated = np.repeat(k, q.shape[1] // k.shape[1], axis=1)
    a = on_tape("mul", on_tape("matmul", q, repeated.transpose(0, 1, 3, 2)), scale)
    if mode > 0 and softcap:
        a = (softcap * np.tanh(a / softcap)).astype(a.dtype)
    if mode == 2:
        place = np.arange(q.shape[2])[:, None] + offsets.reshape(-1, 1, 1, 1)
        later = options["causal"] & (np.arange(k.shape[2]) > place)
        a = on_tape("where", later, np.array(-np.inf, a.dtype), on_tape("add", a, mask))
    return a


def heads(x, n):
    """x (N, T, n D) as (N, n, T, D)."""
    return np.ascontiguousarray(x.reshape(*x.shape[:2], n, -1).transpose(0, 2, 1, 3))


def added(mask, S, dtype):
    """A mask as numbers that are added, of four axes; what it does not say of keys behind its end is -inf."""
    if mask is None:
        return np.zeros((1, 1, 1, 1), dtype)
    if mask.dtype == bool:
        mask = np.where(mask, 0, -np.inf).astype(dtype)
    mask = mask.reshape((1,) * (4 - mask.ndim) + mask.shape)
    missing = [(0, 0)] * 3 + [(0, S - mask.shape[3] if mask.shape[3] > 1 else 0)]
    return np.pad(mask, missing, constant_values=-np.inf)


def rotary_embedding(x, cos, sin, positions=None, *, interleaved=0, num_heads=0, rotary_embedding_dim=0):
    """The angles are (N, T, R / 2), or the rows of a table for the positions."""
    cos, sin = (cos, sin) if positions is None else (cos[positions], sin[positions])
    if x.ndim == 4:
        return kernels.rotary_embedding(x, cos, sin, bool(interleaved))
    y = kernels.rotary_embedding(heads(x, num_heads), cos, sin, bool(interleaved))
    return y.transpose(0, 2, 1, 3).reshape(x.shape)


OPERATORS = {"Attention": attention, "RotaryEmbedding": rotary_embedding}
