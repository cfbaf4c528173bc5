"""Sums over pairs of distributions: the walk that cross entropy and the divergences share."""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels._shuffle import lanes
from nbdl.kernels._simd import hmax, hsum, pointer, smaller, splat, store, where
from nbdl.kernels._tables import AHEAD, BLOCK, is_bad, refuse, vectors
from nbdl.kernels._wide import prefetch, wide

ALIKE = 1e-14  # sums that differ by this part of them are one sum: what is equal stays equal to the last bit


@jit(inline=True)
def sum_and_least(p, q, i, rest, count, step, fewer):
    """The sums of p and of q over `count` vectors from `i` on, and of each the smaller of 0 and the smallest.

    Four sums side by side: one after the other, each addition would wait for the last one.
    """
    s = t = s_least = t_least = splat(0.0)
    for k0 in range(0, count, BLOCK):
        even_s = odd_s = even_t = odd_t = splat(0.0)
        for k in range(k0, min(count, k0 + BLOCK), 2):
            at, r = i + k * step, rest - k * fewer
            then, less = at + step, r - fewer if k + 1 < count else 0
            even, odd = wide(p, at, r), wide(p, then, less)
            even_s, odd_s, s_least = even_s + even, odd_s + odd, smaller(smaller(even, odd), s_least)
            even, odd = wide(q, at, r), wide(q, then, less)
            even_t, odd_t, t_least = even_t + even, odd_t + odd, smaller(smaller(even, odd), t_least)
        s, t = s + (even_s + odd_s), t + (even_t + odd_t)
    return s, s_least, t, t_least


@jit(inline=True)
def sum_terms(term, work, p, q, scale, i, rest, count, step, fewer, ahead):
    """The sum of ``term(p, scale q)`` over vectors; memory is asked for what lies `ahead` of each."""
    total = splat(0.0)
    for k0 in range(0, count, BLOCK):
        part = splat(0.0)
        for k in range(k0, min(count, k0 + BLOCK)):
            at, r = i + k * step, rest - k * fewer
            prefetch(p, at + ahead)
            prefetch(q, at + ahead)
            part = part + term(wide(p, at, r), wide(q, at, r) * scale)
        total = total + part
    return total


@jit(inline=True)
def compare(sum_all, term, work, where_p, where_q, p, q, normalize):
    """The sums of a term over the pairs of distributions of `p` and `q` (outer, n, inner), and those of `p`.

    With `normalize` they are the sums of ``term(p, q s_p / s_q) / s_p``: a term is multiplied by what p and q
    are both multiplied by, so these are those of the normalised pair. NaN where `p` or `q` is all zero.
    `sum_all` is `sum_terms`, or does as it does; `work` is memory for it.
    """
    outer, n, inner = p.shape
    y, mass, bad_p, bad_q = np.empty(outer * inner), np.empty(outer * inner), -1, -1
    lane = np.empty((5, 16))
    a, b, L = pointer(p), pointer(q), lanes(pointer(lane))
    count, step, fewer = vectors(p.shape, L)
    ahead = AHEAD * step  # or what is next, where that is near enough to stay in the cache until then
    if inner > 1:
        ahead = L
    elif n <= 2048:
        ahead = n
    for o in range(outer):
        for i in range(o * n * inner, o * n * inner + inner, L):
            rest = n if inner == 1 else (o * n + 1) * inner - i
            s, s_least, t, t_least = sum_and_least(a, b, i, rest, count, step, fewer)
            if inner == 1:
                s, s_least = splat(hsum(s)), splat(-hmax(-s_least))
                t, t_least = splat(hsum(t)), splat(-hmax(-t_least))
            scale = splat(1.0)
            if normalize:
                scale = where(abs(s - t) <= s * ALIKE, 1.0, s / t)
            total = sum_all(term, work, a, b, scale, i, rest, count, step, fewer, ahead)
            if inner == 1:
                total = splat(hsum(total))
            store(pointer(lane), 0, s)
            store(pointer(lane), 16, s_least)
            store(pointer(lane), 32, t)
            store(pointer(lane), 48, t_least)
            store(pointer(lane), 64, total)
            for j in range(1 if inner == 1 else min(rest, L)):
                number = i - o * (n - 1) * inner + j
                if bad_p < 0 and is_bad(lane[0, j], lane[1, j], normalize, p):
                    bad_p = number
                if bad_q < 0 and is_bad(lane[2, j], lane[3, j], normalize, p):
                    bad_q = number
                empty = lane[0, j] == 0 or lane[2, j] == 0
                mass[number] = lane[0, j]
                y[number] = np.nan if empty else lane[4, j] / (lane[0, j] if normalize else 1.0)
    if bad_p >= 0:
        refuse(where_p, p, bad_p, normalize)
    if bad_q >= 0:
        refuse(where_q, q, bad_q, normalize)
    return y, mass
