r"""What norms need of each channel of x (N, C, S): mean and variance, sums with a cotangent, a linear map.

S is the product of the axes behind the channels. Where it is 1, lanes are channels; else they are places
within a plane. All sums are float64, whatever the dtype.

Statistics take one read of memory: some hundred values of a channel are summed twice while they are in the
first cache, the second time as distances from their own mean, and the results put together by the formula of
Chan, Golub and LeVeque (1979), which loses nothing where the mean is large beside the deviation:

.. math:: n = n_a + n_b \qquad \mu = \mu_a + \delta \frac{n_b}{n} \qquad
          M = M_a + M_b + \delta^2 \frac{n_a n_b}{n} \qquad \delta = \mu_b - \mu_a
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.simd.registers import LANES, fma, hsum, larger, pointer, splat
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.simd.wide import wide

BLOCK = 64  # vectors of a block of statistics
WIDE = LANES["float64"]


@jit
def moments(x, mean, square):
    """Fill `mean` and `square` (C,), float64: the mean of each channel, its sum of squared deviations."""
    if x.shape[2] == 1:
        _moments_of_columns(x, mean, square)
    else:
        _moments_of_planes(x, mean, square)


@jit
def _moments_of_columns(x, mean, square):
    N, C, _ = x.shape
    p = pointer(x)
    for c in range(0, C, WIDE):
        m = q = zero = splat(0.0)
        for first in range(0, N, BLOCK):
            last = min(N, first + BLOCK)
            shift, s, t = zero, zero, zero
            for n in range(first, last):
                shift = shift + wide(p, n * C + c, C - c)
            # The block is in the first cache when it is read again, for distances from its own mean.
            shift = shift * (1.0 / (last - first))
            for n in range(first, last):
                d = wide(p, n * C + c, C - c) - shift
                s, t = s + d, fma(d, d, t)
            m, q = _merged(m, q, float(first), shift, s, t, float(last - first))
        store_rest(pointer(mean), c, m, C - c)
        # Rounding may leave less than 0, whose root would be NaN; a NaN itself stays.
        store_rest(pointer(square), c, larger(0.0, q), C - c)


@jit
def _moments_of_planes(x, mean, square):
    N, C, S = x.shape
    p, part = pointer(x), S if S <= 4 * BLOCK * WIDE else BLOCK * WIDE  # whole planes, where they are small
    # Small planes of several samples are one block, so that a merge is worth its divisions.
    together = max(1, BLOCK * WIDE // S)  # samples
    mean[:] = 0.0
    square[:] = 0.0
    for first in range(0, N, together):
        rows = min(N - first, together)
        for start in range(0, S, part):
            size = min(part, S - start)
            # What the channel has seen: the samples before, and of these the parts before `start`.
            before, count = float(first * S + rows * start), float(rows * size)
            for c in range(C):
                at = (first * C + c) * S + start
                total, _ = _deviations(p, at, C * S, rows, size, 0.0)
                shift = total / count
                s, t = _deviations(p, at, C * S, rows, size, shift)
                mean[c], square[c] = _merged(mean[c], square[c], before, shift, s, t, count)
    for c in range(C):
        if square[c] < 0.0:
            square[c] = 0.0


@jit(inline=True)
def _merged(mean, square, before, shift, s, t, count):
    """(mean, square) of `before` values and of `count` more, whose distances from `shift` sum to s, squared
    to t; numbers or vectors.
    """
    # s is not quite 0: the shift is a rounded mean, for which mean and squares are corrected.
    off = shift + s * (1.0 / count) - mean
    share = count / (before + count)
    return mean + off * share, square + (t - s * s * (1.0 / count)) + off * off * (before * share)


@jit(inline=True)
def _deviations(p, start, step, rows, size, shift):
    """Sums of p - shift and of its square, over `rows` times `size` elements, `step` apart."""
    a = b = aa = bb = splat(0.0)
    s = t = 0.0
    for n in range(rows):
        q = p + (start + n * step)
        for i in range(0, size - 2 * WIDE + 1, 2 * WIDE):
            # Two sums of each kind, which do not wait for each other.
            d, e = wide(q, i, WIDE) - shift, wide(q, i + WIDE, WIDE) - shift
            a, b, aa, bb = a + d, b + e, fma(d, d, aa), fma(e, e, bb)
        for i in range(size - size % (2 * WIDE), size):
            d = np.float64(q[i]) - shift
            s, t = s + d, t + d * d
    return s + hsum(a + b), t + hsum(aa + bb)


@jit
def products(dy, x, mean, of_dy, of_d, of_both):
    """Fill (C,) sums, float64: of dy, of d = x - mean, and of dy d."""
    N, C, S = dy.shape
    p, q, m = pointer(dy), pointer(x), pointer(mean)
    of_dy[:] = 0.0
    of_d[:] = 0.0
    of_both[:] = 0.0
    if S == 1:
        for c in range(0, C, WIDE):
            a = b = ab = splat(0.0)
            centre = wide(m, c, C - c)
            for n in range(N):
                # x less its mean, before the product: where the mean is large, sums of dy x would cancel.
                g, d = wide(p, n * C + c, C - c), wide(q, n * C + c, C - c) - centre
                a, b, ab = a + g, b + d, fma(g, d, ab)
            store_rest(pointer(of_dy), c, a, C - c)
            store_rest(pointer(of_d), c, b, C - c)
            store_rest(pointer(of_both), c, ab, C - c)
        return
    for k in range(N * C):
        # Planes in the order of memory; the sums by channel are few beside them.
        c = k % C
        s, t, st = _products(p + k * S, q + k * S, S, np.float64(mean[c]))
        of_dy[c] += s
        of_d[c] += t
        of_both[c] += st


@jit(inline=True)
def _products(p, q, size, centre):
    a = b = ab = splat(0.0)
    s = t = st = 0.0
    for i in range(0, size - WIDE + 1, WIDE):
        g, d = wide(p, i, WIDE), wide(q, i, WIDE) - centre
        a, b, ab = a + g, b + d, fma(g, d, ab)
    for i in range(size - size % WIDE, size):
        g, d = np.float64(p[i]), np.float64(q[i]) - centre
        s, t, st = s + g, t + d, st + g * d
    return s + hsum(a), t + hsum(b), st + hsum(ab)


@jit
def add_totals(dy, dbeta):
    """Add the sums of dy to `dbeta` (C,)."""
    N, C, S = dy.shape
    p, total = pointer(dy), np.zeros(C)
    if S == 1:
        for c in range(0, C, WIDE):
            a = splat(0.0)
            for n in range(N):
                a = a + wide(p, n * C + c, C - c)
            store_rest(pointer(total), c, a, C - c)
    else:
        for k in range(N * C):
            # From 0; the sum of squares comes along and is dropped.
            s, _ = _deviations(p, k * S, S, 1, S, 0.0)
            total[k % C] += s
    for c in range(C):
        dbeta[c] += total[c]


@jit
def scaled(x, centre, scale, shift, y):
    """y = (x - centre) scale + shift, with numbers for each channel (C,)."""
    N, C, S = x.shape
    p, q, L = pointer(x), pointer(y), lanes(pointer(x))
    if S == 1:
        for n in range(N):
            for c in range(0, C, L):
                r, at = C - c, n * C + c
                d = load_rest(p, at, r) - load_rest(pointer(centre), c, r)
                v = fma(d, load_rest(pointer(scale), c, r), load_rest(pointer(shift), c, r))
                store_rest(q, at, v, r)
        return
    for k in range(N * C):
        m, a, b = splat(centre[k % C]), splat(scale[k % C]), splat(shift[k % C])
        for i in range(0, S, L):
            at = k * S + i
            store_rest(q, at, fma(load_rest(p, at, S - i) - m, a, b), S - i)


@jit
def add_scaled(dy, scale, add, dx):
    """dx += dy scale, or = if not `add`, with a number for each channel (C,)."""
    N, C, S = dy.shape
    p, q, L = pointer(dy), pointer(dx), lanes(pointer(dy))
    zero = load_rest(p, 0, 0)
    if S == 1:
        for n in range(N):
            for c in range(0, C, L):
                r, at = C - c, n * C + c
                v = load_rest(p, at, r) * load_rest(pointer(scale), c, r)
                store_rest(q, at, (load_rest(q, at, r) if add else zero) + v, r)
        return
    for k in range(N * C):
        a = splat(scale[k % C])
        for i in range(0, S, L):
            at, r = k * S + i, S - i
            store_rest(q, at, (load_rest(q, at, r) if add else zero) + load_rest(p, at, r) * a, r)


@jit
def add_combined(dy, x, of_dy, of_x, centre, shift, add, dx):
    """dx += dy of_dy + (x - centre) of_x + shift, or = if not `add`, with numbers for each channel (C,)."""
    N, C, S = dy.shape
    g, p, q, L = pointer(dy), pointer(x), pointer(dx), lanes(pointer(x))
    zero = load_rest(p, 0, 0)
    if S == 1:
        for n in range(N):
            for c in range(0, C, L):
                r, at = C - c, n * C + c
                d = load_rest(p, at, r) - load_rest(pointer(centre), c, r)
                v = fma(d, load_rest(pointer(of_x), c, r), load_rest(pointer(shift), c, r))
                v = fma(load_rest(g, at, r), load_rest(pointer(of_dy), c, r), v)
                store_rest(q, at, (load_rest(q, at, r) if add else zero) + v, r)
        return
    for k in range(N * C):
        m, a, b, s = splat(centre[k % C]), splat(of_dy[k % C]), splat(of_x[k % C]), splat(shift[k % C])
        for i in range(0, S, L):
            at, r = k * S + i, S - i
            v = fma(load_rest(g, at, r), a, fma(load_rest(p, at, r) - m, b, s))
            store_rest(q, at, (load_rest(q, at, r) if add else zero) + v, r)
