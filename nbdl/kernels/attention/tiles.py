"""What the two passes of fused attention share: tiles of scores, and the keys that are masked in them.

Lanes are queries: scores are made transposed, s[key, query], for a block of four vectors of queries and a
tile of `KEYS` keys. Softmax is then a scalar program in each lane, and no product packs anything: queries
alone are transposed, once for each block.

A query attends one span of keys (causal, window, lengths), less those that a mask takes from it. Tiles beyond
all spans of a block are not computed; in a tile at an edge every vector has its own part of the keys.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.attention.masks import EVERY
from nbdl.kernels.simd.panels import transpose_blocks
from nbdl.kernels.simd.philox import words
from nbdl.kernels.simd.pow2 import LN2
from nbdl.kernels.simd.registers import fma, hsum, load, load_part, splat, store, where
from nbdl.kernels.simd.shuffle import lanes, load_rest
from nbdl.kernels.simd.unpacked import product
from nbdl.kernels.simd.vector_math import tanh

KEYS = 64  # of a tile; 64 to 256 are alike
VECTORS = 4  # of queries, of a block: as many as a register tile has
LOG2E = 1 / LN2


@jit
def ints(n):
    return np.empty(n, np.int64)


@jit
def spans(n, q0, T, S, lengths, each_query, offset, before, behind, rows, span, edges):
    """The keys that each of `rows` queries from q0 on attends: span[i] <= key < span[Q + i].

    ``edges[4 j : 4 j + 4]`` are the least and the largest begin, the least and the largest end in vector j;
    the hull of all is returned.
    """
    Q = span.size // 2
    L, first, last = Q // VECTORS, S, np.int64(0)
    for j in range(VECTORS):
        edges[4 * j], edges[4 * j + 1], edges[4 * j + 2], edges[4 * j + 3] = S, 0, S, 0
    if lengths.size == 0 and before == EVERY and behind == EVERY:
        for j in range(VECTORS):
            edges[4 * j], edges[4 * j + 1], edges[4 * j + 2], edges[4 * j + 3] = 0, 0, S, S
        return np.int64(0), S
    for i in range(rows):
        place = q0 + i + offset
        begin, end = max(place - before, 0), min(place + behind + 1, S)
        if lengths.size:
            end = min(end, lengths[n * T + q0 + i] if each_query else lengths[n])
        if begin >= end:
            begin = end = 0
        span[i], span[Q + i] = begin, end
        j = 4 * (i // L)
        edges[j], edges[j + 1] = min(edges[j], begin), max(edges[j + 1], begin)
        edges[j + 2], edges[j + 3] = min(edges[j + 2], end), max(edges[j + 3], end)
        if begin < end:
            first, last = min(first, begin), max(last, end)
    return first // KEYS * KEYS, last


@jit
def parts(edges, vectors, k0, keys, part):
    """The keys part[2 j] <= k < part[2 j + 1] of a tile that any query of vector j attends.

    Returns whether all queries attend all keys of the tile.
    """
    whole = True
    for j in range(vectors):
        begin, end = max(edges[4 * j] - k0, 0), min(edges[4 * j + 3] - k0, keys)
        if edges[4 * j] >= edges[4 * j + 3]:
            begin = end = 0
        part[2 * j], part[2 * j + 1] = begin, max(end, begin)
        whole = whole and edges[4 * j + 1] <= k0 and edges[4 * j + 2] >= k0 + keys
    return whole


@jit
def hull(part, vectors, first, last):
    """The vectors a <= j < b that attend any of the keys first <= k < last of a tile."""
    a, b = vectors, 0
    for j in range(vectors):
        if part[2 * j] < last and part[2 * j + 1] > first and part[2 * j] < part[2 * j + 1]:
            a, b = min(a, j), j + 1
    return a, b


@jit
def scores(whole, part, vectors, keys, D, k, pitch, t, s, one):
    """s[key, query] = k[key] t[:, query], where any query of a vector attends any of L keys."""
    L = lanes(s)
    Q = VECTORS * L
    if whole:
        product(keys, vectors, D, k, pitch, np.int64(1), t, Q, s, Q, one, np.bool_(False))
        return
    for r in range(0, keys, L):
        a, b = hull(part, vectors, r, min(r + L, keys))
        if a < b:
            to = s + (r * Q + a * L)
            product(
                min(L, keys - r), b - a, D, k + r * pitch, pitch, np.int64(1), t + a * L, Q, to, Q, one,
                np.bool_(False),
            )  # fmt: skip


@jit
def flip(x, rows, D, factor, zero, t, rest):
    """t[d, i] = factor x[i, d] for i < `rows`, zeros up to whole vectors; `rest` is scratch of L rows.

    t has room for a multiple of L rows d; what those behind D hold is undefined.
    """
    L = lanes(x)
    Q, whole, by, nothing = VECTORS * L, rows // L * L, splat(factor), splat(zero)
    transpose_blocks(x, D, t, Q, whole, D)
    if rows > whole:  # rows that are missing are made first: parts of blocks turn four times as slowly
        wide = -(-D // L) * L
        for i in range(L):
            for d in range(0, wide, L):
                missing = whole + i >= rows
                store(rest, i * wide + d, nothing if missing else load_part(x, (whole + i) * D + d, D - d))
        transpose_blocks(rest, wide, t + whole, Q, L, wide)
    for d in range(0, D * Q, Q):
        for j in range(d, d + rows, L):
            store(t, j, load(t, j) * by)


@jit
def padded(x, rows, D, wide, to):
    """to[i, d] = x[i, d], zeros for D <= d < wide."""
    L = lanes(x)
    for i in range(rows):
        for d in range(0, wide, L):
            store(to, i * wide + d, load_part(x, i * D + d, D - d))


@jit(inline=True)
def are_finite(x, n, zero):
    """Whether all of n elements are finite."""
    L = lanes(x)
    a = b = splat(zero)
    for i in range(0, n, 2 * L):
        a = fma(load_rest(x, i, n - i), 0.0, a)
        b = fma(load_rest(x, i + L, n - i - L), 0.0, b)
    return hsum(a + b) == 0


# --- scores that are changed --------------------------------------------------------------------------------


@jit
def cap(s, j, begin, end, top, curve):
    """s = top tanh(s) for one vector of queries; `curve` becomes the slope of tanh."""
    Q = VECTORS * lanes(s)
    for k in range(begin * Q + j, end * Q + j, Q):
        x = tanh(load(s, k))
        store(s, k, x * top)
        store(curve, k, 1.0 - x * x)


@jit
def cut(s, j, begin, end, k0, span, bounds, lowest):
    """-inf for the keys beyond the spans of one vector of queries; `bounds` is scratch of two vectors."""
    L = lanes(s)
    Q = VECTORS * L
    for i in range(L):
        # Counted from the tile, where no float is rounded.
        bounds[i] = min(max(span[j + i] - k0, -1), KEYS + 1)
        bounds[L + i] = min(max(span[Q + j + i] - k0, -1), KEYS + 1)
    first, last = load(bounds, 0), load(bounds, L)
    for k in range(begin, end):
        inside = (first <= k) & (last > k)
        store(s, k * Q + j, where(inside, load(s, k * Q + j), splat(lowest)))


@jit
def masked(s, j, begin, end, turned, lowest):
    """Adds what `turned` has for one vector of queries; -inf is put in place of a score, even of a NaN."""
    L = lanes(s)
    Q = VECTORS * L
    for k in range(begin * Q + j, end * Q + j, Q):
        m = load(turned, k)
        store(s, k, where(m == splat(lowest), m, load(s, k) + m))


@jit
def mask_tile(kept, added, at, of_query, of_key, rows, keys, tile, turned):
    """turned[key, query] = what the mask adds to the scores of a tile, in units of log 2.

    The element of the first query and the first key is `at`. `tile` is scratch, rows by keys.
    """
    L = lanes(tile)
    number = added.dtype.type
    log2e, zero, lowest = number(LOG2E), number(0), number(-np.inf)
    for i in range(rows):
        row, to = at + i * of_query, i * KEYS
        if kept.size and of_key == 1:
            for k in range(keys):
                tile[to + k] = zero if kept[row + k] else lowest
        elif kept.size:
            for k in range(keys):
                tile[to + k] = zero if kept[row + k * of_key] else lowest
        else:
            for k in range(keys):
                tile[to + k] = added[row + k * of_key] * log2e
    transpose_blocks(tile, np.int64(KEYS), turned, VECTORS * L, -(-rows // L) * L, -(-keys // L) * L)


@jit
def dropped_tile(p, seed, op, step, n, element, S, rows, keys, scale, tile, turned):
    """turned[key, query] = 1 / (1 - p) where the weight is kept, else 0: numbered as `dropout` would do.

    `element` is the place of the first weight of the tile in those of the sample, (H, T, S).
    """
    L = lanes(tile)
    floor, zero = np.uint64(np.ceil(p * 4294967296.0)), scale * 0
    for i in range(rows):
        first = element + i * S
        skip = first % 4
        for b in range((skip + keys + 3) // 4):
            drawn = words(seed, op, step, n, first // 4 + b)
            for w in range(4):
                k = 4 * b + w - skip
                if 0 <= k < keys:
                    tile[i * KEYS + k] = scale if drawn[w] >= floor else zero
    transpose_blocks(tile, np.int64(KEYS), turned, VECTORS * L, -(-rows // L) * L, -(-keys // L) * L)
