"""The forward pass of fused attention: online softmax over tiles of keys, in memory that is linear in T.

Milakov, Gimelshein 2018, Online normalizer calculation for softmax; Rabe, Staats 2021, Self-attention Does
Not Need O(n^2) Memory; Dao et al. 2022, FlashAttention.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.attention.tiles import (
    KEYS,
    LOG2E,
    VECTORS,
    are_finite,
    cap,
    cut,
    dropped_tile,
    flip,
    ints,
    mask_tile,
    masked,
    padded,
    parts,
    scores,
    spans,
)
from nbdl.kernels.simd.panels import aligned, round_up
from nbdl.kernels.simd.pow2 import LN2, pow2
from nbdl.kernels.simd.registers import fma, larger, load, pointer, splat, store, where
from nbdl.kernels.simd.shuffle import lanes, store_rest
from nbdl.kernels.simd.unpacked import product, product_of_others
from nbdl.kernels.simd.vector_math import log


@jit
def _scaled_dot_product_attention(q, k, v, options, y, lse):
    """Writes y (N, H, T, V) and lse (N, H, T)."""
    (
        kept, added, strides, lengths, each_query, scale, offset, before, behind, softcap, p, seed, op, step,
    ) = options  # fmt: skip
    (N, H, T, D), (heads, S, V), number = q.shape, v.shape[1:], q.dtype.type
    pq, pk, pv, py, pl = pointer(q), pointer(k), pointer(v), pointer(y), pointer(lse)
    L = lanes(pq)
    Q, E, W, X, one = VECTORS * L, round_up(D, L), round_up(V, L), round_up(V, L) // L, np.int64(1)
    zero, lowest, log2e, kept_scale = number(0), number(-np.inf), number(LOG2E), number(0)
    factor, top = number(scale * LOG2E), number(softcap * LOG2E)
    if softcap > 0:
        factor = number(scale / softcap)
    if p < 1:
        kept_scale = number(1 / (1 - p))
    changed = kept.size > 0 or added.size > 0
    sizes = 3 * Q + 2 * L + E * Q + L * E + 3 * KEYS * Q + Q * W
    room = aligned(sizes + (S * W if W != V else 0), q)
    m = pointer(room)
    total, shrink, bounds = m + Q, m + 2 * Q, m + 3 * Q
    t, rest = bounds + 2 * L, bounds + (2 * L + E * Q)
    s = rest + L * E
    tile, turned, o = s + KEYS * Q, s + 2 * KEYS * Q, s + 3 * KEYS * Q
    span, edges, part = ints(2 * Q), ints(4 * VECTORS), ints(2 * VECTORS)
    for n in range(N):
        for h in range(H):
            g = n * heads + h // (H // heads)
            hk, hv = pk + g * S * D, pv + g * S * V
            finite = are_finite(hv, S * V, zero)
            if W != V:
                padded(hv, S, V, W, o + Q * W)
                hv = o + Q * W
            for q0 in range(0, T, Q):
                rows, row = min(Q, T - q0), (n * H + h) * T + q0
                vectors = (rows + L - 1) // L
                first, last = spans(
                    n, q0, T, S, lengths, each_query, offset, before, behind, rows, span, edges
                )
                flip(pq + row * D, rows, D, factor, zero, t, rest)
                for j in range(0, Q, L):
                    store(m, j, splat(lowest))
                    store(total, j, splat(zero))
                for i in range(0, rows * W, L):
                    store(o, i, splat(zero))
                for k0 in range(first, last, KEYS):
                    keys = min(KEYS, last - k0)
                    whole = parts(edges, vectors, k0, keys, part)
                    scores(whole, part, vectors, keys, D, hk + k0 * D, D, t, s, m)
                    if changed:
                        at = n * strides[0] + h * strides[1] + q0 * strides[2] + k0 * strides[3]
                        mask_tile(kept, added, at, strides[2], strides[3], rows, keys, tile, turned)
                    for j in range(vectors):
                        begin, end, lane = part[2 * j], part[2 * j + 1], j * L
                        if softcap > 0:
                            cap(s, lane, begin, end, top, tile)
                        if changed:
                            masked(s, lane, begin, end, turned, lowest)
                        if not whole:
                            cut(s, lane, begin, end, k0, span, bounds, lowest)
                        if begin < end:
                            _softmax(s, begin, end, lane, m, total, shrink, zero, lowest)
                    if p > 0:
                        element = (h * T + q0) * S + k0
                        dropped_tile(p, seed, op, step, n, element, S, rows, keys, kept_scale, tile, turned)
                        for j in range(vectors):
                            _drop(s, part[2 * j], part[2 * j + 1], j * L, turned, zero)
                    to, values = o, hv + k0 * W
                    if whole and finite:
                        product(rows, X, keys, s, one, Q, values, W, to, W, shrink, np.bool_(True))
                    else:
                        for j in range(vectors):
                            begin, end, i = part[2 * j], part[2 * j + 1], j * L
                            if begin < end and finite:
                                product(
                                    min(L, rows - i), X, end - begin, s + (begin * Q + i), one, Q,
                                    values + begin * W, W, to + i * W, W, shrink + i, np.bool_(True),
                                )  # fmt: skip
                            elif begin < end:
                                product_of_others(
                                    min(L, rows - i), X, end - begin, s + (begin * Q + i), one, Q,
                                    values + begin * W, W, to + i * W, W, shrink + i,
                                )  # fmt: skip
                for j in range(0, rows, L):
                    sums = load(total, j)
                    store_rest(pl, row + j, fma(load(m, j), number(LN2), log(sums)), rows - j)
                    # Of no key the sum of values is 0, and stays so.
                    store(shrink, j, 1.0 / where(sums == 0.0, splat(number(1)), sums))
                for i in range(rows):
                    for d in range(0, V, L):
                        store_rest(py, (row + i) * V + d, load(o, i * W + d) * splat(shrink[i]), V - d)
    room[0] = log2e  # Numba frees an array after its last use, pointers to it or not: this is the last


@jit
def _softmax(s, begin, end, j, m, total, shrink, zero, lowest):
    """One vector of queries meets more keys: s becomes 2^(s - m), with the new maximum m and the sum."""
    Q = VECTORS * lanes(s)
    a = b = load(s, begin * Q + j)
    for k in range(begin + 1, end, 2):
        a = larger(load(s, k * Q + j), a)
        b = larger(load(s, min(k + 1, end - 1) * Q + j), b)
    old, sums = load(m, j), splat(zero)
    new = larger(larger(a, b), old)
    # Where nothing is attended yet the maximum is -inf, from which nothing can be taken away.
    far = where(new == splat(lowest), splat(zero), new)
    for k in range(begin * Q + j, end * Q + j, Q):
        weight = pow2(load(s, k) - far)
        store(s, k, weight)
        sums = sums + weight
    less = pow2(old - far)
    store(m, j, new)
    store(shrink, j, less)
    store(total, j, fma(load(total, j), less, sums))


@jit
def _drop(s, begin, end, j, turned, zero):
    """Weights of one vector of queries times 1 / (1 - p), or 0 also where they are infinite or NaN."""
    Q = VECTORS * lanes(s)
    for k in range(begin * Q + j, end * Q + j, Q):
        f = load(turned, k)
        store(s, k, where(f > 0.0, load(s, k) * f, splat(zero)))
