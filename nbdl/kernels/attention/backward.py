"""The backward pass of fused attention: weights are computed again, from the scores and the saved lse.

With p the weights, kept or scaled by dropout as p', and dp' = dy v^T:

    dv = p'^T dy        ds = p (dp - sum dy y)        dq = scale ds k        dk = scale ds^T q
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
    hull,
    ints,
    mask_tile,
    masked,
    padded,
    parts,
    scores,
    spans,
)
from nbdl.kernels.simd.panels import aligned, round_up
from nbdl.kernels.simd.pow2 import pow2
from nbdl.kernels.simd.registers import fma, hsum, load, pointer, splat, store, where
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.simd.unpacked import product, product_of_others


@jit(apart=True)
def _scaled_dot_product_attention_backward(given, options, dq, dk, dv):
    """Adds to dq, dk and dv; one without elements is not computed."""
    dy, q, k, v, y, lse = given
    (
        kept, added, strides, lengths, each_query, scale, offset, before, behind, softcap, p, seed, op, step,
    ) = options  # fmt: skip
    (N, H, T, D), (heads, S, V), number = q.shape, v.shape[1:], q.dtype.type
    pq, pk, pv, py, pdy = pointer(q), pointer(k), pointer(v), pointer(y), pointer(dy)
    pdq, pdk, pdv, pl = pointer(dq), pointer(dk), pointer(dv), pointer(lse)
    for_scores = dq.size > 0 or dk.size > 0
    L = lanes(pq)
    Q, E, W, group, yes = VECTORS * L, round_up(D, L), round_up(V, L), H // heads, np.bool_(True)
    zero, lowest, highest, kept_scale = number(0), number(-np.inf), number(np.inf), number(0)
    factor, top, slope = number(scale * LOG2E), number(softcap * LOG2E), number(scale)
    if softcap > 0:
        factor = number(scale / softcap)
    if p < 1:
        kept_scale = number(1 / (1 - p))
    changed, capped = kept.size > 0 or added.size > 0, softcap > 0
    sizes = (
        2 * Q + KEYS + 2 * L + (E + W) * Q + L * max(E, W) + 6 * KEYS * Q + Q * (2 * E + W) + S * (2 * E + W)
    )
    room = aligned(sizes, q)
    e = pointer(room)
    mean, ones, bounds = e + Q, e + 2 * Q, e + (2 * Q + KEYS)
    t, yt, rest = bounds + 2 * L, bounds + (2 * L + E * Q), bounds + (2 * L + (E + W) * Q)
    s = rest + L * max(E, W)
    g, tile, turned = s + KEYS * Q, s + 2 * KEYS * Q, s + 3 * KEYS * Q
    dropped, curve, oq = s + 4 * KEYS * Q, s + 5 * KEYS * Q, s + 6 * KEYS * Q
    rows_q, rows_y = oq + Q * E, oq + 2 * Q * E
    ok, keys_k = rows_y + Q * W, rows_y + (Q * W + S * E)
    ov = keys_k + S * E
    for i in range(0, KEYS, L):  # as many as there are rows in any product
        store(ones, i, splat(number(1)))
    span, edges, part = ints(2 * Q), ints(4 * VECTORS), ints(2 * VECTORS)
    for n in range(N):
        for kv in range(heads):
            at_k, at_v = (n * heads + kv) * S * D, (n * heads + kv) * S * V
            hk, hv, wide_k = pk + at_k, pv + at_v, pk + at_k
            finite = are_finite(hk, S * D, zero)
            if E != D:
                padded(hk, S, D, E, keys_k)
                wide_k = keys_k
            for i in range(0, S * E, L):
                store(ok, i, splat(zero))
            for i in range(0, S * W, L):
                store(ov, i, splat(zero))
            for h in range(kv * group, (kv + 1) * group):
                for q0 in range(0, T, Q):
                    rows, row = min(Q, T - q0), (n * H + h) * T + q0
                    vectors = (rows + L - 1) // L
                    first, last = spans(
                        n, q0, T, S, lengths, each_query, offset, before, behind, rows, span, edges
                    )
                    qs, ys = pq + row * D, pdy + row * V
                    flip(qs, rows, D, factor, zero, t, rest)
                    flip(ys, rows, V, number(1), zero, yt, rest)
                    finite_here = finite and are_finite(qs, rows * D, zero) and are_finite(ys, rows * V, zero)
                    if E != D:
                        padded(qs, rows, D, E, rows_q)
                        qs = rows_q
                    for i in range(rows):
                        sums = splat(zero)
                        for d in range(0, V, L):
                            a = load_rest(py, (row + i) * V + d, V - d)
                            sums = fma(a, load_rest(ys, i * V + d, V - d), sums)
                        saved = pl[row + i] * number(LOG2E)
                        # Where no key was attended every weight is to be 0, not NaN.
                        e[i] = highest if saved == lowest else saved
                        mean[i] = hsum(sums)
                    if W != V:
                        padded(ys, rows, V, W, rows_y)
                        ys = rows_y
                    for i in range(0, rows * E, L):
                        store(oq, i, splat(zero))
                    for k0 in range(first, last, KEYS):
                        keys = min(KEYS, last - k0)
                        whole = parts(edges, vectors, k0, keys, part)
                        scores(whole, part, vectors, keys, D, hk + k0 * D, D, t, s, ones)
                        if for_scores:
                            scores(whole, part, vectors, keys, V, hv + k0 * V, V, yt, g, ones)
                        if changed:
                            at = n * strides[0] + h * strides[1] + q0 * strides[2] + k0 * strides[3]
                            mask_tile(kept, added, at, strides[2], strides[3], rows, keys, tile, turned)
                        if p > 0:
                            element = (h * T + q0) * S + k0
                            dropped_tile(
                                p, seed, op, step, n, element, S, rows, keys, kept_scale, tile, dropped
                            )
                        for j in range(vectors):
                            begin, end, lane = part[2 * j], part[2 * j + 1], j * L
                            if capped:
                                cap(s, lane, begin, end, top, curve)
                            if changed:
                                masked(s, lane, begin, end, turned, lowest)
                            if not whole:
                                cut(s, lane, begin, end, k0, span, bounds, lowest)
                                _clear(s, g, 0, begin, lane, zero)
                                _clear(s, g, end, keys, lane, zero)
                            _slopes(
                                s, g, begin, end, lane, e, mean, slope, zero, p > 0, dropped, capped, curve
                            )
                        if whole and finite_here:
                            if dv.size:
                                product(
                                    keys, W // L, rows, s, Q, np.int64(1), ys, W, ov + k0 * W, W, ones, yes
                                )
                            if dk.size:
                                product(
                                    keys, E // L, rows, g, Q, np.int64(1), qs, E, ok + k0 * E, E, ones, yes
                                )
                            if dq.size:
                                kt = wide_k + k0 * E
                                product(rows, E // L, keys, g, np.int64(1), Q, kt, E, oq, E, ones, yes)
                        else:
                            _stairs(
                                finite_here, part, vectors, rows, keys, dq.size > 0, dk.size > 0, dv.size > 0,
                                s, g, qs, wide_k + k0 * E, ys, E, W, oq, ok + k0 * E, ov + k0 * W, ones,
                            )  # fmt: skip
                    if dq.size:
                        _add(oq, rows, D, E, pdq + row * D)
            if dk.size:
                _add(ok, S, D, E, pdk + at_k)
            if dv.size:
                _add(ov, S, V, W, pdv + at_v)
    room[0] = zero  # Numba frees an array after its last use, pointers to it or not: this is the last


@jit
def _stairs(finite, part, vectors, rows, keys, for_q, for_k, for_v, s, g, q, k, y, E, W, oq, ok, ov, ones):
    """The products of a tile at an edge: vectors of queries, each with its own keys, and the reverse."""
    L, one, yes = lanes(s), np.int64(1), np.bool_(True)
    Q = VECTORS * L
    for j in range(vectors):
        begin, i = part[2 * j], j * L
        count, K = min(L, rows - i), part[2 * j + 1] - begin
        a, b, c = g + (begin * Q + i), k + begin * E, oq + i * E
        if for_q and finite:
            product(count, E // L, K, a, one, Q, b, E, c, E, ones, yes)
        elif for_q:
            product_of_others(count, E // L, K, a, one, Q, b, E, c, E, ones)
    for r in range(0, keys, L):
        first, last = hull(part, vectors, r, min(r + L, keys))
        i, count = first * L, min(L, keys - r)
        K = min(last * L, rows) - i
        if K <= 0:
            continue
        if for_v and finite:
            product(count, W // L, K, s + (r * Q + i), Q, one, y + i * W, W, ov + r * W, W, ones, yes)
        elif for_v:
            product_of_others(count, W // L, K, s + (r * Q + i), Q, one, y + i * W, W, ov + r * W, W, ones)
        if for_k and finite:
            product(count, E // L, K, g + (r * Q + i), Q, one, q + i * E, E, ok + r * E, E, ones, yes)
        elif for_k:
            product_of_others(count, E // L, K, g + (r * Q + i), Q, one, q + i * E, E, ok + r * E, E, ones)


@jit
def _slopes(s, g, begin, end, j, e, mean, scale, zero, drops, dropped, capped, curve):
    """One vector of queries: s becomes the kept weights p', and g, dp' until now, the slope of the scores."""
    Q = VECTORS * lanes(s)
    lse, shift, none = load(e, j), load(mean, j), splat(zero)
    for k in range(begin * Q + j, end * Q + j, Q):
        p = pow2(load(s, k) - lse)
        kept, dp = p, load(g, k)
        if drops:
            f = load(dropped, k)
            kept, dp = where(f > 0.0, p * f, none), where(f > 0.0, dp * f, none)
        ds = p * ((dp - shift) * splat(scale))
        if capped:
            ds = ds * load(curve, k)
        store(s, k, kept)
        # A key that is not attended counts for nothing, whatever its value is.
        store(g, k, where(p == none, none, ds))


@jit
def _clear(s, g, begin, end, j, zero):
    Q = VECTORS * lanes(s)
    for k in range(begin * Q + j, end * Q + j, Q):
        store(s, k, splat(zero))
        store(g, k, splat(zero))


@jit
def _add(x, rows, D, wide, to):
    """to[i, d] += x[i, d] for d < D, of rows of `wide`."""
    L = lanes(x)
    for i in range(rows):
        for d in range(0, D, L):
            store_rest(to, i * D + d, load_rest(to, i * D + d, D - d) + load(x, i * wide + d), D - d)
