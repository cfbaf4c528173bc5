"""Sums over pairs of distributions: the walk that cross entropy and all divergences share."""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.information.log_terms import SMALLEST
from nbdl.kernels.information.walk import add_to, fold, is_bad, refuse, walk
from nbdl.kernels.simd.registers import larger, load, pointer, smaller, splat, store, where
from nbdl.kernels.simd.shuffle import lanes
from nbdl.kernels.simd.wide import prefetch, wide

ALIKE = 1e-14  # sums that differ by this part of them are one sum: what is equal stays equal to the last bit


@jit(inline=True)
def sums_and_least(p, q, i, rest, step, fewer, first, last):
    """The sums of vectors `first` to `last` of p and of q, and of each the smaller of 0 and the smallest.

    Four sums side by side: one after the other, each addition would wait for the last one.
    """
    even_s = odd_s = even_t = odd_t = s_least = t_least = splat(0.0)
    for k in range(first, last, 2):
        at, r = i + k * step, rest - k * fewer
        # An odd last vector has no partner: of the one that stands for it no lane exists, and none is read.
        then, less = at + step, r - fewer if k + 1 < last else 0
        even, odd = wide(p, at, r), wide(p, then, less)
        even_s, odd_s, s_least = even_s + even, odd_s + odd, smaller(smaller(even, odd), s_least)
        even, odd = wide(q, at, r), wide(q, then, less)
        even_t, odd_t, t_least = even_t + even, odd_t + odd, smaller(smaller(even, odd), t_least)
    return even_s + odd_s, s_least, even_t + odd_t, t_least


@jit(inline=True)
def sum_terms(term, work, p, q, scale, i, rest, step, fewer, first, last, ahead):
    """The sum of ``term(p, scale q)`` over vectors `first` to `last`; asks memory for what lies `ahead`."""
    total = splat(0.0)
    for k in range(first, last):
        at, r = i + k * step, rest - k * fewer
        prefetch(p, at + ahead)
        prefetch(q, at + ahead)
        total = total + term(wide(p, at, r), wide(q, at, r) * scale)
    return total


@jit(inline=True)
def compare(sum_all, term, work, pair, normalize):
    """The sums of a term over the pairs of distributions of two tables p and q, and the sums of p.

    With `normalize` they are the sums of ``term(p, q s_p / s_q) / s_p``: a term is multiplied by what p and q
    are both multiplied by, so these are those of the normalised pair. NaN where p or q is all zero.
    `sum_all` is `sum_terms`, or does as it does; `work` is memory for it.
    """
    p, q = pair.p, pair.q
    size, inner = p.shape[0] * p.shape[2], p.shape[2]
    y, mass = np.empty(size), np.empty(size)
    L = lanes(pointer(y))
    w = walk(p.shape, L)
    size = w.strip * L
    sums = np.empty((5, size))
    s, s_least, t = pointer(sums), pointer(sums) + size, pointer(sums) + 2 * size
    t_least, total = pointer(sums) + 3 * size, pointer(sums) + 4 * size
    for o in range(w.slabs):
        for first in range(0, w.units, w.strip):
            units = min(w.units - first, w.strip)
            for j in range(0, 5 * size, L):
                store(s, j, splat(0.0))
            # First the sums alone: the terms are scaled by them, and what is bad is refused before any term.
            for k0 in range(0, w.count, w.block):
                for u in range(units):
                    i, last = o * w.slab + (first + u) * w.unit, min(w.count, k0 + w.block)
                    rest = p.shape[1] if inner == 1 else inner - (first + u) * L
                    a, a_least, b, b_least = sums_and_least(
                        pointer(p), pointer(q), i, rest, w.step, w.fewer, k0, last
                    )
                    add_to(s, u * L, a)
                    add_to(s_least, u * L, a_least)
                    add_to(t, u * L, b)
                    add_to(t_least, u * L, b_least)
            if inner == 1:
                fold(s, 4 * size, L)
            for j in range(units if inner == 1 else min(units * L, inner - first * L)):
                number, lane = (first + j, j * L) if inner == 1 else (o * inner + first * L + j, j)
                if is_bad(s[lane], s_least[lane], normalize, p):
                    refuse(pair.where_p, p, number, normalize)
                if is_bad(t[lane], t_least[lane], normalize, p):
                    refuse(pair.where_q, q, number, normalize)
            # Once more over the strip, which is in the cache unless its distributions are long.
            for k0 in range(0, w.count, w.block):
                for u in range(units):
                    i, last = o * w.slab + (first + u) * w.unit, min(w.count, k0 + w.block)
                    rest = p.shape[1] if inner == 1 else inner - (first + u) * L
                    scale = splat(1.0)
                    if normalize:
                        a, b = load(s, u * L), load(t, u * L)
                        scale = where(abs(a - b) <= a * ALIKE, 1.0, a / larger(b, SMALLEST))
                    part = sum_all(
                        term, work, pointer(p), pointer(q), scale, i, rest, w.step, w.fewer, k0, last, w.ahead
                    )
                    add_to(total, u * L, part)
            if inner == 1:
                fold(total, size, L)
            for j in range(units if inner == 1 else min(units * L, inner - first * L)):
                number, lane = (first + j, j * L) if inner == 1 else (o * inner + first * L + j, j)
                mass[number], y[number] = sums[0, lane], np.nan  # by its name: pointers keep no array alive
                if sums[0, lane] > 0 and sums[2, lane] > 0:
                    y[number] = sums[4, lane] / (sums[0, lane] if normalize else 1.0)
    return y, mass
