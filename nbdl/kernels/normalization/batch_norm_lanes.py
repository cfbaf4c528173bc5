r"""batch_norm on lanes (`nbdl.kernels.batch_norm` has the formulas).

Statistics. Each lane of a shard sums its values as distances from a number K of its own, the mean of the
first row that it sees, and squares of them: one read of x, right behind what made it. K is the mean of some
of these values, so a mean that is large beside the deviation costs no digits. `finish` puts lanes and shards
together by Chan's formula:

.. math::
    \mu_j = K_j + \frac{s_j}{n_j} \qquad \mu = \frac{1}{n} \sum_j n_j \mu_j \qquad
    M = \sum_j \Big(q_j - \frac{s_j^2}{n_j} + n_j (\mu_j - \mu)^2\Big).

A float32 cannot hold a mean of 10^4 to a deviation of 10^-2: what is left of it is ``low``, and y and dx are
made of (x - mean) - low. dx reads both sums of the gradients; each of the three is one pass.
"""

import math

import numpy as np

from nbdl.kernels.lanes.sums import SHARDS, sum_lanes, sum_shards
from nbdl.kernels.lanes.twin import Reduction, Row, Twin, Unfit, pitch
from nbdl.kernels.simd.local import local
from nbdl.kernels.simd.registers import fma, hsum, larger, load, splat, store, store_part


def shape_of(site):
    """The shape of x if gamma, beta, mean and variance are one number for each channel."""
    shape = site.shapes["x"]
    others = [s for name, s in site.shapes.items() if name not in ("x", *site.samples)]
    if not shape or not math.prod(shape) or any(s != shape[:1] for s in others):
        raise Unfit
    if not isinstance(site["eps"], (int, float)) or not site["eps"] > 0:
        raise Unfit
    return shape


def _shapes(site):
    shape = shape_of(site)
    if not isinstance(site["unbiased"], bool):
        raise Unfit
    if not isinstance(site["momentum"], (int, float)) or not 0 <= site["momentum"] <= 1:
        raise Unfit
    return {"y": shape, **dict.fromkeys(batch_norm.shared, shape[:1])}


def sizes(site):
    """How a block is walked: so many channels, `pitch` apart, of rows of `width`; in floats."""
    shape = site.shapes["x"]
    if len(shape) == 3:
        return {"count": shape[0], "pitch": pitch(shape) * site.L, "width": shape[2] * site.L}
    places = math.prod(shape[1:]) * site.L  # one plane: a channel's values stand together in it
    return {"count": shape[0], "pitch": places, "width": places}


def zero_of(site):
    return np.dtype(site.dtype).type(0)


# --- statistics -------------------------------------------------------------------------------------------


def _reduce(site):
    """acc is [2 + 3 C][L]: how many values a lane has seen, one divided by that (0 if none), and for each
    channel K, the sum and the sum of squares.
    """
    C = site.shapes["x"][0]
    results = dict.fromkeys((*batch_norm.shared, "low", "share"), C)
    collect, finish = Row(_collect(site.L, zero_of(site)), **sizes(site)), _finish(site)
    return Reduction([collect], [finish], acc=(2 + 3 * C) * site.L, results=results)


def _collect(L, zero):
    def leaf(x, acc, left, first, last, count, pitch, width):
        n, fresh, row = min(left, L), acc[0] == 0, 1.0 / (width // L)
        for c in range(count):
            at, start, end = (2 + 3 * c) * L, c * pitch + first * width, c * pitch + last * width
            if fresh:
                total = splat(zero)
                for i in range(start, start + width, L):
                    total = total + load(x, i)
                store_part(acc, at, total * row, n)
            near = load(acc, at)
            s0, s1, q0, q1 = splat(zero), splat(zero), splat(zero), splat(zero)
            for i in range(start, end - L, 2 * L):
                d0, d1 = load(x, i) - near, load(x, i + L) - near
                s0, s1, q0, q1 = s0 + d0, s1 + d1, fma(d0, d0, q0), fma(d1, d1, q1)
            if (end - start) % (2 * L):
                d0 = load(x, end - L) - near
                s0, q0 = s0 + d0, fma(d0, d0, q0)
            store_part(acc, at + L, load(acc, at + L) + (s0 + s1), n)
            store_part(acc, at + 2 * L, load(acc, at + 2 * L) + (q0 + q1), n)
        seen = load(acc, 0) + (last - first) * (width // L)
        store_part(acc, 0, seen, n)
        store_part(acc, L, 1.0 / seen, n)

    return leaf


def _finish(site):
    """An item is a channel."""
    L, eps, m, memory = site.L, float(site["eps"]), float(site["momentum"]), SHARDS * site.L
    unbiased = site["unbiased"]

    def leaf(
        acc, shards, stride, samples, running_mean, running_var, mean, rstd, new_running_mean,
        new_running_var, low, share, item, places,
    ):  # fmt: skip
        at, n = (2 + 3 * item) * L, samples * places
        near, one, parts = acc[at], 1.0 / n, local(acc, memory)
        for shard in range(shards):
            o = shard * stride
            own = fma(load(acc, o + at + L), load(acc, o + L), load(acc, o + at) - near)
            store(parts, shard * L, load(acc, o) * own)
        off = np.float64(hsum(sum_shards(parts, L, shards))) * one
        for shard in range(shards):
            o = shard * stride
            s, share_of_s = load(acc, o + at + L), load(acc, o + at + L) * load(acc, o + L)
            own = (load(acc, o + at) - near) + share_of_s - off
            inner = larger(0.0, load(acc, o + at + 2 * L) - s * share_of_s)
            store(parts, shard * L, fma(load(acc, o) * own, own, inner))
        centre, var = np.float64(near) + off, np.float64(hsum(sum_shards(parts, L, shards))) * one
        if var == np.inf:
            var = np.nan  # the squares are beyond the dtype: no finite answer would be right
        mean[item] = centre
        rstd[item] = 1.0 / np.sqrt(var + eps)
        low[item] = centre - np.float64(mean[item])
        share[item] = one
        new_running_mean[item] = (1.0 - m) * running_mean[item] + m * centre
        new_running_var[item] = (1.0 - m) * running_var[item] + m * var * (n / (n - 1) if unbiased else 1.0)

    C, *rest = site.shapes["x"]
    return Row(leaf, items=C, places=math.prod(rest))


def _checks(site):
    def leaf(samples, status, places):
        if samples * places < 2:  # the kernel refuses it
            status[0] = 1

    return [Row(leaf, places=math.prod(site.shapes["x"][1:]))]


# --- y ----------------------------------------------------------------------------------------------------


def _forward(site):
    L, scaled, shifted = site.L, "gamma" in site.shapes, "beta" in site.shapes
    zero = zero_of(site)

    def leaf(x, gamma, beta, mean, rstd, low, y, first, last, count, pitch, width):
        for c in range(count):
            scale = rstd[c] * gamma[c] if scaled else rstd[c]
            shift = (beta[c] if shifted else zero) - scale * low[c]
            m, a, b = splat(mean[c]), splat(scale), splat(shift)
            for i in range(c * pitch + first * width, c * pitch + last * width, L):
                store(y, i, fma(load(x, i) - m, a, b))

    return [Row(leaf, **sizes(site))]


# --- gradients --------------------------------------------------------------------------------------------


def _dgamma(site):
    L, zero, C = site.L, zero_of(site), site.shapes["x"][0]

    def leaf(dy, x, mean, low, acc, left, first, last, count, pitch, width):
        for c in range(count):
            m, rest = splat(mean[c]), splat(low[c])
            start, end, a, b = c * pitch + first * width, c * pitch + last * width, splat(zero), splat(zero)
            for i in range(start, end - L, 2 * L):
                a = fma(load(dy, i), load(x, i) - m - rest, a)
                b = fma(load(dy, i + L), load(x, i + L) - m - rest, b)
            if (end - start) % (2 * L):
                a = fma(load(dy, end - L), load(x, end - L) - m - rest, a)
            store_part(acc, c * L, load(acc, c * L) + (a + b), min(left, L))

    def finish(acc, shards, stride, rstd, dgamma, item):
        dgamma[item] = hsum(sum_shards(acc + item * L, stride, shards)) * rstd[item]

    finish = Row(finish, items=C)
    return Reduction([Row(leaf, **sizes(site))], [finish], acc=C * L, results={"dgamma": C})


def dbeta(site):
    L, zero, C = site.L, zero_of(site), site.shapes["x"][0]

    def leaf(dy, acc, left, first, last, count, pitch, width):
        for c in range(count):
            start, end, a, b = c * pitch + first * width, c * pitch + last * width, splat(zero), splat(zero)
            for i in range(start, end - L, 2 * L):
                a, b = a + load(dy, i), b + load(dy, i + L)
            if (end - start) % (2 * L):
                a = a + load(dy, end - L)
            store_part(acc, c * L, load(acc, c * L) + (a + b), min(left, L))

    finish = Row(sum_lanes(L), dw="dbeta", size=C, items=1)
    return Reduction([Row(leaf, **sizes(site))], [finish], acc=C * L, results={"dbeta": C})


def _dx(site):
    L, zero, scaled = site.L, zero_of(site), "gamma" in site.shapes

    def leaf(dy, x, gamma, mean, rstd, low, share, dgamma, dbeta, dx, left, first, last, count, pitch, width):
        for c in range(count):
            of_dy = rstd[c] * gamma[c] if scaled else rstd[c]
            of_x = -of_dy * rstd[c] * dgamma[c] * share[c]
            shift = -of_dy * dbeta[c] * share[c] - of_x * low[c]
            m, a, b, s = splat(mean[c]), splat(of_dy), splat(of_x), splat(shift)
            start, end = c * pitch + first * width, c * pitch + last * width
            if left >= L:
                for i in range(start, end, L):
                    store(dx, i, fma(load(dy, i), a, fma(load(x, i) - m, b, s)))
            else:  # lanes that hold no sample would get what the others have
                for i in range(start, end, L):
                    v = fma(load(dy, i), a, fma(load(x, i) - m, b, s))
                    store(dx, i, splat(zero))
                    store_part(dx, i, v, left)

    return [Row(leaf, **sizes(site))]


def flops(site):
    return 3 * math.prod(site.shapes["x"])


batch_norm = Twin(
    _forward,
    {"x": _dx},
    {"gamma": _dgamma, "beta": dbeta},
    shape=_shapes,
    rows=lambda site: 1,
    flops=flops,
    checks=_checks,
    reduce=_reduce,
    shared=("mean", "rstd", "new_running_mean", "new_running_var"),
    needs={"x": ("gamma", "beta")},
)
