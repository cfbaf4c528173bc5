"""Softmax of one slice of an array, the distribution along an axis, or of many side by side.

What kernels, lanes twins and cross entropy share. A slice is walked in `count` vectors, `step` elements
apart, of which vector k has ``rest - k * fewer`` lanes that exist:

- along the last axis vectors lie one behind the other within a slice (`fewer` is the number of lanes) and the
  lanes are combined in the end;
- along another axis, and in a lanes twin, each lane holds a slice of its own (`fewer` is 0).
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.simd.registers import fma, hmax, hsum, larger, splat
from nbdl.kernels.simd.shuffle import load_rest, store_rest
from nbdl.kernels.simd.vector_math import exp, log

BLOCK = 64  # vectors that are summed before their sum is added to the total: the error grows with both alone


@jit(inline=True)
def largest(p, i, rest, count, step, fewer):
    """The largest of `count` vectors from `p[i]` on, `step` apart; vector k has rest - k fewer lanes."""
    # What is beyond the end of a slice must not be its maximum; side by side it is in lanes nobody reads.
    other = -np.inf if fewer else 0.0
    a = load_rest(p, i, rest, other)
    b = c = d = a
    # A NaN that is loaded may be lost here: its exponential brings it back into the sum.
    for k in range(1, count, 4):  # four at a time; what is seen twice changes no maximum
        k1, k2, k3 = min(k + 1, count - 1), min(k + 2, count - 1), min(k + 3, count - 1)
        a = larger(load_rest(p, i + k * step, rest - k * fewer, other), a)
        b = larger(load_rest(p, i + k1 * step, rest - k1 * fewer, other), b)
        c = larger(load_rest(p, i + k2 * step, rest - k2 * fewer, other), c)
        d = larger(load_rest(p, i + k3 * step, rest - k3 * fewer, other), d)
    return larger(larger(a, b), larger(c, d))


@jit(inline=True)
def exps(p, i, rest, count, step, fewer, m, q, j):
    """Write exp(p - m) to q, from `p[i]` and `q[j]` on, vectors as in `largest`; returns their sum."""
    other = -np.inf if fewer else 0.0
    total = zero = load_rest(p, i, 0)
    for k0 in range(0, count, BLOCK):
        part = zero
        for k in range(k0, min(count, k0 + BLOCK)):
            n = rest - k * fewer
            e = exp(load_rest(p, i + k * step, n, other) - m)
            store_rest(q, j + k * step, e, n)
            part = part + e
        total = total + part
    return total


@jit(inline=True)
def softmax_slice(x, y, rest, count, step, fewer):
    """Write the softmax of a slice of x to y, which may be x; both are pointers."""
    # y = exp(x - m) / sum exp(x - m): the exponentials wait in y for their sum.
    m = largest(x, 0, rest, count, step, fewer)
    if fewer:
        m = splat(hmax(m))
    total = exps(x, 0, rest, count, step, fewer, m, y, 0)
    if fewer:
        total = splat(hsum(total))
    # One division, then products: a division takes as long as several of them.
    scale = 1.0 / total
    # A second loop, since every element needs the sum over all; y holds what would be computed twice.
    for k in range(count):
        at, n = k * step, rest - k * fewer
        store_rest(y, at, load_rest(y, at, n) * scale, n)


@jit(inline=True)
def log_softmax_slice(x, y, rest, count, step, fewer):
    """The same of the logarithm; no exponential is kept."""
    other = -np.inf if fewer else 0.0
    m = largest(x, 0, rest, count, step, fewer)
    if fewer:
        m = splat(hmax(m))
    total = zero = load_rest(x, 0, 0)
    for k0 in range(0, count, BLOCK):
        part = zero
        for k in range(k0, min(count, k0 + BLOCK)):
            part = part + exp(load_rest(x, k * step, rest - k * fewer, other) - m)
        total = total + part
    if fewer:
        total = splat(hsum(total))
    # y = x - m - log sum exp(x - m), in this order: m + log sum would lose the digits of the logarithm.
    log_total = log(total)
    for k in range(count):
        at, n = k * step, rest - k * fewer
        store_rest(y, at, load_rest(x, at, n) - m - log_total, n)


@jit(inline=True)
def softmax_dx_slice(dy, y, dx, rest, count, step, fewer, add):
    """dx = y (dy - sum dy y) of a slice, or += if `add`."""
    _dx_slice(_plus_product, _softmax_slope, dy, y, dx, rest, count, step, fewer, add)


@jit(inline=True)
def log_softmax_dx_slice(dy, y, dx, rest, count, step, fewer, add):
    """dx = dy - exp(y) sum dy of a slice, or += if `add`."""
    _dx_slice(_plus, _log_softmax_slope, dy, y, dx, rest, count, step, fewer, add)


@jit(inline=True)
def _dx_slice(accumulate, slope, dy, y, dx, rest, count, step, fewer, add):
    """Write the gradient of a slice to dx, or `add` it.

    First a sum over the slice, ``part = accumulate(dy, y, part)``; then each element is
    ``slope(dy, y, total, before)``, where `before` is what is in dx already, or zero.
    """
    total = zero = load_rest(dy, 0, 0)
    for k0 in range(0, count, BLOCK):
        part = zero
        for k in range(k0, min(count, k0 + BLOCK)):
            at, n = k * step, rest - k * fewer
            part = accumulate(load_rest(dy, at, n), load_rest(y, at, n), part)
        total = total + part
    if fewer:
        total = splat(hsum(total))
    for k in range(count):
        at, n = k * step, rest - k * fewer
        # A dx that is not added to may hold any values, even NaN.
        before = load_rest(dx, at, n) if add else zero
        store_rest(dx, at, slope(load_rest(dy, at, n), load_rest(y, at, n), total, before), n)


@jit(inline=True)
def _plus_product(dy, y, part):
    return fma(dy, y, part)


@jit(inline=True)
def _softmax_slope(dy, y, total, before):
    # The difference first: of near numbers it is exact, that of the two rounded products is not.
    return fma(y, dy - total, before)


@jit(inline=True)
def _plus(dy, y, part):
    return part + dy


@jit(inline=True)
def _log_softmax_slope(dy, y, total, before):
    return before + (dy - exp(y) * total)
