r"""What norms within a sample share: the statistics of a row, y, and the gradients, in kernels and on lanes.

.. math:: \hat x = (x - \mu) r \qquad r = \frac{1}{\sqrt{\sigma^2 + \epsilon}} \qquad
          dx = r \Big(g - \frac{1}{n} \sum g - \hat x \frac{1}{n} \sum g \hat x\Big) \qquad g = \gamma\, dy

A norm that is not centred has mean 0, and no sum of g. A row is `parts` of `count` vectors, `step` apart, in
a part that begins `apart` behind the one before. In a kernel vectors lie `inside` a row, and a part ends with
one of `tail` elements, if that is not 0; on lanes each vector has an element of as many rows as there are
lanes. gamma is a number for each element of a row, or for each part (`by_part`).

Statistics are sums of distances from a number near the first elements, and of their squares: one pass. Where
that number is so far from the mean that squares lose digits, a second pass takes the mean so found. What the
sums leave of the mean beyond a float is `low`, so x is seen as (x - shift) - low: a mean of 10^8 costs
nothing but what x itself has lost, and a constant row is 0. Where the squares are beyond the dtype, the next
pass is over x times a power of two. A row with a NaN or an infinity is NaN.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.simd.registers import (
    fma,
    hmax,
    hsum,
    larger,
    load,
    load_part,
    pointer,
    some,
    splat,
    sqrt,
    store,
    store_part,
    where,
)  # fmt: skip
from nbdl.kernels.simd.shuffle import lanes, load_rest

BLOCK = 64  # vectors or rows that are summed before their sum is added to the total
FIRST = 8  # vectors on lanes whose mean is near that of the row
SMALL_FLOAT32, SMALL_FLOAT64 = 2.0**-80, 2.0**-600  # bring the largest numbers to where squares are finite


# --- one row, or as many as there are lanes ---------------------------------------------------------------


@jit(inline=True)
def statistics(x, parts, apart, count, step, tail, inside, n, eps, centred, small):
    """(shift, low, rstd) of rows of `n` elements, as vectors; lanes that belong to a row are alike."""
    near, share = load_part(x, 0, 0), 1.0 / n
    scale = back = s = t = near + 1.0
    if centred:
        near = _near(x, count, step, tail, inside)
    for attempt in range(3):
        s, t = _sums(x, parts, apart, count, step, tail, inside, near, scale)
        beyond = (t != t) | (t == np.inf)
        off = s * s * share > (0.75 if centred else np.inf) * t  # n times the variance is below t / 4
        if attempt == 2 or not some(beyond | off):
            break
        near = where(off, near + s * share * back, near)
        scale, back = where(beyond, small, scale), where(beyond, 1.0 / small, back)
    low = near
    if centred:
        mean = s * share
        low, t = mean * back, larger(0.0, t - s * mean)  # rounding may leave less than 0
    t = where(t == np.inf, np.nan, t * share)  # still infinite: so is x
    return near, low, scale / sqrt(t + eps * scale * scale)


@jit(inline=True)
def _near(x, count, step, tail, inside):
    """The mean of the first elements."""
    if inside:
        n = lanes(x) if count else tail
        return splat(hsum(load_part(x, 0, n) * (1.0 / n)))  # of shares: a sum of large x overflows
    n = min(count, FIRST)
    total = load(x, 0) * (1.0 / n)
    for k in range(1, n):
        total = total + load(x, k * step) * (1.0 / n)
    return total


@jit(inline=True)
def _sums(x, parts, apart, count, step, tail, inside, near, scale):
    """Sums of d = (x - near) scale, and of its square."""
    s = t = zero = load_part(x, 0, 0)
    other = hmax(near) if tail else 0.0  # what adds nothing
    for p in range(parts):
        q = x + p * apart
        for k0 in range(0, count, BLOCK):
            s0 = s1 = t0 = t1 = zero
            end = min(count, k0 + BLOCK)
            for k in range(k0, end - 1, 2):
                d, e = (load(q, k * step) - near) * scale, (load(q, k * step + step) - near) * scale
                s0, s1, t0, t1 = s0 + d, s1 + e, fma(d, d, t0), fma(e, e, t1)
            if (end - k0) % 2:
                d = (load(q, (end - 1) * step) - near) * scale
                s0, t0 = s0 + d, fma(d, d, t0)
            s, t = s + (s0 + s1), t + (t0 + t1)
        if tail:
            d = (load_rest(q, count * step, tail, other) - near) * scale
            s, t = s + d, fma(d, d, t)
    if inside:
        s, t = splat(hsum(s)), splat(hsum(t))
    return s, t


@jit(inline=True)
def _of(gamma, p, k, count, step, by_part, inside):
    """gamma, or beta, of vector k of part p."""
    if by_part:
        return splat(gamma[p])
    return load(gamma, k * step) if inside else splat(gamma[p * count + k])


@jit(inline=True)
def _of_tail(gamma, p, count, step, tail, by_part):
    return splat(gamma[p]) if by_part else load_part(gamma, count * step, tail)


@jit(inline=True)
def normalize_row(
    x, gamma, beta, y, parts, apart, count, step, tail, inside, by_part, scaled, shifted, of_row
):
    """y = x_hat gamma + beta, where there are a gamma (`scaled`) and a beta (`shifted`)."""
    shift, low, rstd = of_row
    zero = load_part(x, 0, 0)
    for p in range(parts):
        q, r = x + p * apart, y + p * apart
        for k in range(count):
            a = rstd * _of(gamma, p, k, count, step, by_part, inside) if scaled else rstd
            b = _of(beta, p, k, count, step, by_part, inside) if shifted else zero
            store(r, k * step, fma((load(q, k * step) - shift) - low, a, b))
        if tail:
            a = rstd * _of_tail(gamma, p, count, step, tail, by_part) if scaled else rstd
            b = _of_tail(beta, p, count, step, tail, by_part) if shifted else zero
            v = fma((load_part(q, count * step, tail) - shift) - low, a, b)
            store_part(r, count * step, v, tail)


@jit(inline=True)
def gradient_row(
    dy, x, gamma, dx, parts, apart, count, step, tail, inside, by_part, scaled, n, centred, add, of_row
):  # fmt: skip
    """dx of a row, or += dx if `add`."""
    shift, low, rstd = of_row
    of_g = of_both = zero = load_part(x, 0, 0)
    for p in range(parts):
        g, q = dy + p * apart, x + p * apart
        for k0 in range(0, count, BLOCK):
            s0 = s1 = t0 = t1 = zero
            end = min(count, k0 + BLOCK)
            for k in range(k0, end - 1, 2):
                v, w = load(g, k * step), load(g, k * step + step)
                if scaled:
                    v = v * _of(gamma, p, k, count, step, by_part, inside)
                    w = w * _of(gamma, p, k + 1, count, step, by_part, inside)
                s0, t0 = s0 + v, fma(v, load(q, k * step) - shift, t0)
                s1, t1 = s1 + w, fma(w, load(q, k * step + step) - shift, t1)
            if (end - k0) % 2:
                k = end - 1
                v = load(g, k * step)
                v = v * _of(gamma, p, k, count, step, by_part, inside) if scaled else v
                s0, t0 = s0 + v, fma(v, load(q, k * step) - shift, t0)
            of_g, of_both = of_g + (s0 + s1), of_both + (t0 + t1)
        if tail:
            v = load_part(g, count * step, tail)
            v = v * _of_tail(gamma, p, count, step, tail, by_part) if scaled else v
            of_g, of_both = of_g + v, fma(v, load_part(q, count * step, tail) - shift, of_both)
    if inside:
        of_g, of_both = splat(hsum(of_g)), splat(hsum(of_both))
    of_both = of_both - low * of_g  # once, instead of in each product
    share = of_both * rstd * (1.0 / n) * rstd
    off = (of_g * (1.0 / n) if centred else zero) - low * share
    for p in range(parts):
        g, q, r = dy + p * apart, x + p * apart, dx + p * apart
        for k in range(count):
            v = load(g, k * step)
            v = v * _of(gamma, p, k, count, step, by_part, inside) if scaled else v
            v = (v - off) - (load(q, k * step) - shift) * share  # `off` holds what `low` adds
            store(r, k * step, fma(v, rstd, load(r, k * step)) if add else v * rstd)
        if tail:
            at = count * step
            v = load_part(g, at, tail)
            v = v * _of_tail(gamma, p, count, step, tail, by_part) if scaled else v
            v = (v - off) - (load_part(q, at, tail) - shift) * share
            store_part(r, at, fma(v, rstd, load_part(r, at, tail)) if add else v * rstd, tail)


@jit(inline=True)
def add_products(dy, x, sums, parts, apart, count, step, tail, by_part, of_row):
    """Add dy x_hat to `sums`: a vector for each vector of a row, or for each part."""
    shift, low, rstd = of_row
    L, zero = lanes(dy), load_part(dy, 0, 0)
    for p in range(parts):
        g, q, total = dy + p * apart, x + p * apart, zero
        for k in range(count):
            v = load(g, k * step) * (((load(q, k * step) - shift) - low) * rstd)
            if by_part:
                total = total + v
            else:
                at = (p * count + k) * L
                store(sums, at, load(sums, at) + v)
        if tail:
            v = (load_part(q, count * step, tail) - shift) - low
            v = load_part(g, count * step, tail) * (v * rstd)
            if by_part:
                total = total + v
            else:
                store(sums, count * L, load(sums, count * L) + v)
        if by_part:
            store(sums, p * L, load(sums, p * L) + total)


@jit(inline=True)
def add_cotangents(dy, sums, parts, apart, count, step, tail, by_part):
    """Add dy to `sums`, as `add_products`."""
    L, zero = lanes(dy), load_part(dy, 0, 0)
    for p in range(parts):
        g, total = dy + p * apart, zero
        for k in range(count):
            v, at = load(g, k * step), (p * count + k) * L
            if by_part:
                total = total + v
            else:
                store(sums, at, load(sums, at) + v)
        if tail and by_part:
            total = total + load_part(g, count * step, tail)
        elif tail:
            store(sums, count * L, load(sums, count * L) + load_part(g, count * step, tail))
        if by_part:
            store(sums, p * L, load(sums, p * L) + total)


# --- all rows of an array ---------------------------------------------------------------------------------


@jit
def normalize(x, gamma, beta, groups, by_part, eps, centred, y):
    """y of the rows x (R, C, S), C parts each; of `groups` rows that follow each has its own gamma and beta.

    Where not `by_part` C is 1.
    """
    R, C, S = x.shape
    D, L, small = C * S, lanes(pointer(x)), SMALL_FLOAT32 if x.itemsize == 4 else SMALL_FLOAT64
    own, scaled, shifted = C if by_part else S, gamma.size > 0, beta.size > 0
    for r in range(R if D else 0):
        p, q, first = pointer(x) + r * D, pointer(y) + r * D, r % groups * own
        of_row = statistics(p, 1, 0, D // L, L, D % L, True, D, eps, centred, small)
        normalize_row(
            p, pointer(gamma) + first, pointer(beta) + first, q, C, S, S // L, L, S % L, True, by_part,
            scaled, shifted, of_row,
        )  # fmt: skip


@jit
def add_gradients(dy, x, gamma, groups, by_part, eps, centred, add, dx, dgamma, dbeta):
    """Add to those of `dx`, `dgamma` and `dbeta` that have elements, or write dx if not `add`.

    Arrays are as for `normalize`.
    """
    R, C, S = x.shape
    D, L, small = C * S, lanes(pointer(x)), SMALL_FLOAT32 if x.itemsize == 4 else SMALL_FLOAT64
    own, scaled = C if by_part else S, gamma.size > 0
    width = (C if by_part else (S + L - 1) // L) * L
    of_both, of_dy = np.zeros(groups * width, x.dtype), np.zeros(groups * width, x.dtype)
    totals, more = np.zeros(dgamma.size), np.zeros(dbeta.size)
    for r in range(R if D else 0):
        g, p, first, sums = pointer(dy) + r * D, pointer(x) + r * D, r % groups * own, r % groups * width
        of_row = statistics(p, 1, 0, D // L, L, D % L, True, D, eps, centred, small)
        if dx.size:
            gradient_row(
                g, p, pointer(gamma) + first, pointer(dx) + r * D, C, S, S // L, L, S % L, True, by_part,
                scaled, D, centred, add, of_row,
            )  # fmt: skip
        if dgamma.size and dbeta.size and not by_part:
            _add_both(g, p, pointer(of_both) + sums, pointer(of_dy) + sums, S // L, L, S % L, of_row)
        elif dgamma.size:
            add_products(g, p, pointer(of_both) + sums, C, S, S // L, L, S % L, by_part, of_row)
        if dbeta.size and (by_part or not dgamma.size):
            add_cotangents(g, pointer(of_dy) + sums, C, S, S // L, L, S % L, by_part)
        if (r + 1) % (BLOCK * groups) == 0 or r + 1 == R:
            _move(of_both, width, own, by_part, L, totals)
            _move(of_dy, width, own, by_part, L, more)
    for i in range(dgamma.size):
        dgamma[i] += totals[i]
    for i in range(dbeta.size):
        dbeta[i] += more[i]


@jit(inline=True)
def _add_both(dy, x, of_both, of_dy, count, step, tail, of_row):
    """`add_products` and `add_cotangents` of a row that is one part, in one walk."""
    shift, low, rstd = of_row
    for k in range(count):
        at = k * step
        v, d = load(dy, at), ((load(x, at) - shift) - low) * rstd
        store(of_both, at, fma(v, d, load(of_both, at)))
        store(of_dy, at, load(of_dy, at) + v)
    if tail:
        at = count * step
        v, d = load_part(dy, at, tail), ((load_part(x, at, tail) - shift) - low) * rstd
        store(of_both, at, fma(v, d, load(of_both, at)))
        store(of_dy, at, load(of_dy, at) + v)


@jit
def _move(sums, width, own, by_part, L, totals):
    """Add the sums of some rows to the totals in float64, and begin anew."""
    for first in range(0, totals.size, own):
        at, few = first // own * width, L if by_part else 1
        for i in range(own * few):
            totals[first + i // few] += sums[at + i]
            sums[at + i] = 0
