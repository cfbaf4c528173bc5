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
from nbdl.kernels.simd.panels import zeros
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
    shift, low, rstd, _, _ = _statistics(
        x, x, x, parts, apart, count, step, tail, inside, False, False, False, n, eps, centred, small
    )
    return shift, low, rstd


@jit(inline=True)
def statistics_and_sums(
    dy, x, gamma, parts, apart, count, step, tail, inside, by_part, scaled, n, eps, centred, small
):  # fmt: skip
    """What `statistics` and `gradient_sums` find, from one walk."""
    shift, low, rstd, of_g, of_both = _statistics(
        dy, x, gamma, parts, apart, count, step, tail, inside, True, by_part, scaled, n, eps, centred, small
    )
    return (shift, low, rstd), _shares(of_g, of_both, n, centred, low, rstd)


@jit(inline=True)
def _statistics(
    dy, x, gamma, parts, apart, count, step, tail, inside, also, by_part, scaled, n, eps, centred, small
):  # fmt: skip
    near, share = load_part(x, 0, 0), 1.0 / n
    scale = back = s = t = of_g = of_both = near + 1.0
    if centred:
        near = _near(x, count, step, tail, inside)
    for attempt in range(3):
        s, t, of_g, of_both = _sums(
            dy, x, gamma, parts, apart, count, step, tail, inside, also, by_part, scaled, near, scale
        )
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
    return near, low, scale / sqrt(t + eps * scale * scale), of_g, of_both * back


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
def _sums(dy, x, gamma, parts, apart, count, step, tail, inside, also, by_part, scaled, near, scale):
    """Sums of d = (x - near) scale and of its square; if `also`, of g and g d."""
    s = t = a = b = zero = load_part(x, 0, 0)
    other = hmax(near) if tail else 0.0  # what adds nothing
    off = -(near * scale)  # a power of two: nothing but the sum is rounded
    for p in range(parts):
        q, g = x + p * apart, dy + p * apart
        for k0 in range(0, count, BLOCK):
            s0 = s1 = t0 = t1 = a0 = a1 = b0 = b1 = zero
            end = min(count, k0 + BLOCK)
            for k in range(k0, end - 1, 2):
                d, e = fma(load(q, k * step), scale, off), fma(load(q, k * step + step), scale, off)
                s0, s1, t0, t1 = s0 + d, s1 + e, fma(d, d, t0), fma(e, e, t1)
                if also:
                    v, w = load(g, k * step), load(g, k * step + step)
                    if scaled:
                        v = v * _of(gamma, p, k, count, step, by_part, inside)
                        w = w * _of(gamma, p, k + 1, count, step, by_part, inside)
                    a0, a1, b0, b1 = a0 + v, a1 + w, fma(v, d, b0), fma(w, e, b1)
            if (end - k0) % 2:
                d = fma(load(q, (end - 1) * step), scale, off)
                s0, t0 = s0 + d, fma(d, d, t0)
                if also:
                    v = load(g, (end - 1) * step)
                    v = v * _of(gamma, p, end - 1, count, step, by_part, inside) if scaled else v
                    a0, b0 = a0 + v, fma(v, d, b0)
            s, t = s + (s0 + s1), t + (t0 + t1)
            a, b = a + (a0 + a1), b + (b0 + b1)
        if tail:
            d = fma(load_rest(q, count * step, tail, other), scale, off)
            s, t = s + d, fma(d, d, t)
            if also:
                v = load_part(g, count * step, tail)
                v = v * _of_tail(gamma, p, count, step, tail, by_part) if scaled else v
                a, b = a + v, fma(v, d, b)
    if inside:
        s, t, a, b = splat(hsum(s)), splat(hsum(t)), splat(hsum(a)), splat(hsum(b))
    return s, t, a, b


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
def gradient_sums(
    dy, x, gamma, parts, apart, count, step, tail, inside, by_part, scaled, n, centred, of_row
):  # fmt: skip
    """(a, b), with which dx = r (g + a x_hat + b)."""
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
    return _shares(of_g, of_both, n, centred, low, rstd)


@jit(inline=True)
def _shares(of_g, of_both, n, centred, low, rstd):
    of_both = of_both - low * of_g  # once, instead of in each product
    return of_both * rstd * (-1.0 / n), of_g * (-1.0 / n if centred else 0.0)


@jit(inline=True)
def gradient_row(
    dy, x, gamma, dx, sums, more, parts, apart, count, step, tail, inside, by_part, scaled, centred, add,
    collect, of_row, of_g,
):  # fmt: skip
    """dx of a row, or += dx if `add`; `of_g` is what `gradient_sums` found.

    Where `collect`, of a row that is one part, dy x_hat is added to `sums` and, if `centred`, dy to `more`.
    """
    (shift, low, rstd), (slope, off) = of_row, of_g
    for p in range(parts):
        g, q, r = dy + p * apart, x + p * apart, dx + p * apart
        for k in range(count):
            at = k * step
            v, d = load(g, at), ((load(q, at) - shift) - low) * rstd
            if collect:
                store(sums, at, fma(v, d, load(sums, at)))
                if centred:
                    store(more, at, load(more, at) + v)
            d = fma(d, slope, off)
            d = fma(v, _of(gamma, p, k, count, step, by_part, inside), d) if scaled else d + v
            store(r, at, fma(d, rstd, load(r, at)) if add else d * rstd)
        if tail:
            at = count * step
            v, d = load_part(g, at, tail), ((load_part(q, at, tail) - shift) - low) * rstd
            if collect:
                store(sums, at, fma(v, d, load(sums, at)))
                if centred:
                    store(more, at, load(more, at) + v)
            d = fma(d, slope, off)
            d = fma(v, _of_tail(gamma, p, count, step, tail, by_part), d) if scaled else d + v
            store_part(r, at, fma(d, rstd, load_part(r, at, tail)) if add else d * rstd, tail)


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


@jit(inline=True)
def normalize(x, gamma, beta, groups, by_part, eps, centred, y):
    """y of the rows x (R, C, S), C parts each; of `groups` rows that follow each has its own gamma and beta.

    Where not `by_part` C is 1.
    """
    R, S = len(x), x.shape[2]
    C = x.shape[1] if by_part else 1
    D, L, small = C * S, lanes(pointer(x)), SMALL_FLOAT32 if x.itemsize == 4 else SMALL_FLOAT64
    own, scaled, shifted = C if by_part else S, gamma.size > 0, beta.size > 0
    for r in range(R if D else 0):
        p, q, first = pointer(x) + r * D, pointer(y) + r * D, r % groups * own
        of_row = statistics(p, 1, 0, D // L, L, D % L, True, D, eps, centred, small)
        normalize_row(
            p, pointer(gamma) + first, pointer(beta) + first, q, C, S, S // L, L, S % L, True, by_part,
            scaled, shifted, of_row,
        )  # fmt: skip


@jit(inline=True)
def add_gradients(dy, x, gamma, groups, by_part, eps, centred, add, dx, dgamma, dbeta):
    """Add to those of `dx`, `dgamma` and `dbeta` that have elements, or write dx if not `add`.

    Arrays are as for `normalize`.
    """
    R, S = len(x), x.shape[2]
    C = x.shape[1] if by_part else 1
    D, L, small = C * S, lanes(pointer(x)), SMALL_FLOAT32 if x.itemsize == 4 else SMALL_FLOAT64
    own, scaled = C if by_part else S, gamma.size > 0
    width = (C if by_part else (S + L - 1) // L) * L
    of_both, of_dy = zeros(groups * width, x), zeros(groups * width, x)
    totals, more = np.zeros(dgamma.size), np.zeros(dbeta.size)
    # In one walk, if all are asked for and dx is new, as it nearly always is.
    together = dx.size > 0 and dgamma.size > 0 and (dbeta.size > 0 or not centred) and not by_part and not add
    count, tail = S // L, S % L
    for r in range(R if D else 0):
        at, group = r * D, r % groups
        g, p, d = pointer(dy) + at, pointer(x) + at, pointer(dx) + at
        of_row, of_g = statistics_and_sums(
            g, p, pointer(gamma) + group * own, C, S, count, L, tail, True, by_part, scaled, D, eps, centred,
            small,
        )  # fmt: skip
        sums, others = pointer(of_both) + group * width, pointer(of_dy) + group * width
        if together:
            gradient_row(
                g, p, pointer(gamma) + group * own, d, sums, others, 1, 0, count, L, tail, True, False,
                scaled, centred, False, True, of_row, of_g,
            )  # fmt: skip
        elif dx.size:
            gradient_row(
                g, p, pointer(gamma) + group * own, d, sums, others, C, S, count, L, tail, True, by_part,
                scaled, centred, add, False, of_row, of_g,
            )  # fmt: skip
        if dgamma.size and not together:
            add_products(g, p, sums, C, S, count, L, tail, by_part, of_row)
        if dbeta.size and not together:
            add_cotangents(g, others, C, S, count, L, tail, by_part)
        if (r + 1) % (BLOCK * groups) == 0 or r + 1 == R:
            _move(of_both, width, own, by_part, L, totals)
            _move(of_dy, width, own, by_part, L, more)
    for i in range(dgamma.size):
        dgamma[i] += totals[i]
    for i in range(dbeta.size):
        dbeta[i] += more[i]


@jit
def _move(sums, width, own, by_part, L, totals):
    """Add the sums of some rows to the totals in float64, and begin anew."""
    for first in range(0, totals.size, own):
        at, few = first // own * width, L if by_part else 1
        for i in range(own * few):
            totals[first + i // few] += sums[at + i]
            sums[at + i] = 0
