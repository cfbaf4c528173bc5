"""The truth of `scaled_dot_product_attention`."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, LabelError, OptionError, ShapeError
from nbdl.kernels.regularization.dropout_truth import dropout_mask


@np.errstate(divide="ignore", invalid="ignore")  # rows that attend nothing; infinite scores
def scaled_dot_product_attention(
    q, k, v, mask=None, lengths=None, scale=None, causal=False, softcap=0.0, window=-1, offset=0, p=0.0,
    seed=0, op=0, step=0,
):  # fmt: skip
    (N, H, T, D), (_, K, S, _) = q.shape, k.shape
    k, v = (np.repeat(a, H // K, axis=1) for a in (k, v))
    a = np.einsum("nhtd,nhsd->nhts", q, k) * (1 / np.sqrt(D) if scale is None else scale)
    if softcap:
        a = softcap * np.tanh(a / softcap)
    attended = np.ones(a.shape, bool)
    if mask is not None and mask.dtype == bool:
        attended &= mask
    elif mask is not None:
        attended &= mask != -np.inf
        a = np.where(attended, a + mask, a)
    t, s = np.arange(T)[:, None] + offset, np.arange(S)
    before, behind = (window, window) if np.ndim(window) == 0 else window
    attended &= (s <= t) | (not causal)
    attended &= (s >= t - before) | (before < 0)
    attended &= (s <= t + behind) | (behind < 0)
    if lengths is not None:
        attended &= s < np.reshape(lengths, (N, 1, -1, 1))
    a = np.where(attended, a, -np.inf)
    m = np.max(a, axis=-1, keepdims=True, initial=-np.inf)
    e = np.exp(a - np.where(m == -np.inf, 0, m))
    total = np.sum(e, axis=-1, keepdims=True)
    weights = e / np.where(total == 0, 1, total)
    if p:
        kept = dropout_mask(a, p, seed, op, step)
        weights = np.where(kept, weights / (1 - p if p < 1 else 1), 0)
    terms = np.where(weights[..., None] == 0, 0, weights[..., None] * v[:, :, None])
    return terms.sum(axis=-2), (np.log(total) + m)[..., 0]


def scaled_dot_product_attention_cases(rng):
    """Few kinds of arguments: of each the doors are compiled once more."""

    def made(N, H, T, D, K=None, S=None, V=None):
        K, S = K or H, T if S is None else S
        return [rng.standard_normal(s) for s in ((N, H, T, D), (N, K, S, D), (N, K, S, V or D))]

    q, k, v = usual = made(3, 2, 5, 4)
    long = made(1, 1, 70, 3, S=150)
    bools, far_bools = rng.random((3, 2, 5, 5)) < 0.6, rng.random((1, 1, 70, 150)) < 0.5
    counts, longer = np.array([5, 0, 2]), np.array([131])
    added = np.where(rng.random((3, 2, 5, 5)) < 0.3, -np.inf, rng.standard_normal((3, 2, 5, 5)))
    each, far_each = rng.integers(0, 6, (3, 5)), rng.integers(0, 151, (1, 70))
    nan_k, inf_v, odd_q, odd_k = k.copy(), v.copy(), q.copy(), k.copy()
    nan_k[:, :, 3], inf_v[:, :, 3] = np.nan, np.inf
    odd_q[0, 0, 1, 2], odd_q[1, 1, 2, 0], odd_k[2, 0, 1, 1] = np.nan, np.inf, -np.inf
    key, behind = {"seed": 3, "op": 1, "step": 2}, {"causal": True, "offset": 80}
    three = np.broadcast_to([True, True, True, False, False], (1, 1, 1, 5))
    plain = [
        Case("3 samples, 2 heads, 5 queries", usual),
        Case("keys of another number", made(2, 2, 3, 4, S=7, V=6)),
        Case("more than a tile of keys and of queries", long),
        Case("causal", usual, {"causal": True}),
        Case("causal, of several tiles", made(1, 2, 70, 3), {"causal": True}),
        Case("causal, more keys than queries", long, behind),
        Case("queries before the first key", usual, {"causal": True, "offset": -2}),
        Case("causal, fewer keys than queries", made(2, 1, 9, 2, S=4), {"causal": True}),
        Case("a window", made(1, 1, 150, 2), {"window": 20}),
        Case("a window, causal", made(1, 1, 150, 2), {"window": 9, "causal": True}),
        Case("a window of nothing but itself", usual, {"window": 0}, grad=False),
        Case("softcap", usual, {"softcap": 1.5}),
        Case("groups of heads", made(2, 6, 4, 3, K=2)),
        Case("one head of keys, causal", made(1, 4, 20, 16, K=1), {"causal": True}),
        Case("dropout", usual, {"p": 0.4, **key}),
        Case("dropout of several tiles", long, {"p": 0.3, **key, **behind}),
        Case("everything dropped", usual, {"p": 1.0, **key}),
        Case("one of all", made(1, 1, 1, 1)),
        Case("vectors of odd size", made(1, 2, 19, 37, V=21)),
        Case("whole vectors", made(1, 1, 33, 16, V=32)),
        Case("no samples", made(0, 2, 3, 4)),
        Case("no queries", made(2, 2, 0, 4, S=3)),
        Case("no keys", made(2, 2, 3, 4, S=0)),
        Case("large", (q * 1e4, k * 1e4, v), grad=False),
        Case("infinite behind a query", (q, k, inf_v), {"causal": True}, grad=False),
        Case("NaN and infinite scores", (odd_q, odd_k, v), grad=False),
    ]
    kept = [  # all with lengths
        Case("lengths alone", (*usual, None, counts)),
        Case("a mask of bool", (*usual, bools, counts)),
        Case("for all samples", (*usual, bools[:1, :1], counts)),
        Case("for each sample", (*usual, bools[:, :1, :1], counts)),
        Case("for each query", (*usual, bools[:, :1, :, :1], counts)),
        Case("of several tiles", (*long, far_bools, longer), behind),
        Case("with all options", (*usual, bools, counts), {"causal": True, "window": 3, "softcap": 2.0}),
        Case("NaN behind the lengths", (q, nan_k, inf_v, three | True, np.array([3, 0, 2])), grad=False),
        Case("NaN that is masked", (q, nan_k, inf_v, three, np.array([5, 4, 5])), grad=False),
        Case("NaN and infinite scores, masked", (odd_q, odd_k, v, bools, counts), grad=False),
    ]
    floats = [  # all with lengths for each query, a scale, a window of two sides
        Case("a mask that is added", (*usual, added, each), {"scale": 0.3, "window": (2, 3)}),
        Case("to all samples", (*usual, added[:1], each), {"scale": -0.7, "window": (-1, 5), "causal": True}),
        Case("with softcap", (*usual, added, each), {"scale": 2.0, "window": (-1, 1), "softcap": 0.7}),
        Case("of tiles", (*long, rng.random((1, 1, 1, 1)), far_each), {"scale": 1.0, "window": (90, 20)}),
        Case(
            "NaN and infinity added",
            (*usual, np.array([np.nan, np.inf, -np.inf, 0.0, 1.0]).reshape(1, 1, 1, 5), each),
            {"scale": 1.0, "window": (-1, -1)}, grad=False,
        ),
    ]  # fmt: skip
    bad = [
        Bad("q of 3 dimensions", (q[0], k, v), {}, ShapeError, "q"),
        Bad("k of another size", (q, k[..., :3], v), {}, ShapeError, "k"),
        Bad("k of fewer samples", (q, k[:2], v[:2]), {}, ShapeError, "k"),
        Bad("v of fewer keys", (q, k, v[:, :, :4]), {}, ShapeError, "v"),
        Bad("3 heads for 2", (q, *made(3, 3, 5, 4)[1:]), {}, ShapeError, "k"),
        Bad("no heads of keys", (q, k[:, :0], v[:, :0]), {}, ShapeError, "k"),
        Bad("a mask of fewer keys", (*usual, bools[..., :4], counts), {}, ShapeError, "mask"),
        Bad("a mask of 5 dimensions", (*usual, bools[None]), {}, ShapeError, "mask"),
        Bad("a mask of integers", (*usual, bools.astype(int)), {}, DtypeError, "mask"),
        Bad("a mask of another dtype", (*usual, half(added)), {}, DtypeError, "mask"),
        Bad("fewer lengths", (*usual, None, np.array([1, 2])), {}, ShapeError, "lengths"),
        Bad("too long", (*usual, None, np.array([1, 6, 2])), {}, LabelError, "lengths"),
        Bad("a negative length", (*usual, None, np.array([1, -1, 2])), {}, LabelError, "lengths"),
        Bad("lengths that are floats", (*usual, None, np.ones(3)), {}, DtypeError, "lengths"),
        Bad("a softcap without an inverse", usual, {"softcap": 1e-320}, OptionError, "softcap"),
        Bad("a negative softcap", usual, {"softcap": -1.0}, OptionError, "softcap"),
        Bad("a window of -2", usual, {"window": -2}, OptionError, "window"),
        Bad("a window of a fraction", usual, {"window": 0.5}, DtypeError, "window"),
        Bad("an offset too far", usual, {"offset": 2**41}, OptionError, "offset"),
        Bad("p above 1", usual, {"p": 1.1}, OptionError, "p"),
        Bad("a negative seed", usual, {"seed": -1}, OptionError, "seed"),
        Bad("half of k", (q, half(k), v), {}, DtypeError, "k"),
        Bad("integers", tuple(a.astype(int) for a in usual), {}, DtypeError, "q"),
    ]
    return plain + kept + floats + bad
