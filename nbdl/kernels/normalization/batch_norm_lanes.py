r"""batch_norm and batch_norm_inference on lanes (`nbdl.kernels.batch_norm` has the formulas).

Statistics. Each lane of a shard sums its values as distances from a number K of its own, the mean of the
first row that it sees, and squares of them: one read of x, right behind what made it. K is the mean of some
of these values, so a mean that is large beside the deviation costs no digits. `finish` puts lanes and shards
together, in order, by Chan's formula:

.. math::
    \mu_j = K_j + \frac{s_j}{n_j} \qquad \mu = \frac{1}{n} \sum_j n_j \mu_j \qquad
    M = \sum_j \Big(q_j - \frac{s_j^2}{n_j} + n_j (\mu_j - \mu)^2\Big).

A float32 cannot hold a mean of 10^4 to a deviation of 10^-2: what is left of it is ``low``, and y and dx are
made of (x - mean) - low. dx reads both sums of the gradients; each of the three is one pass.
"""

import math

import numpy as np

from nbdl.kernels.lanes.sums import sum_lanes
from nbdl.kernels.lanes.twin import Reduction, Row, Twin, Unfit, pitch
from nbdl.kernels.simd.registers import fma, hsum, larger, load, splat, store, store_part


def _shape(site):
    """The shape of x if gamma, beta, mean and variance are one number for each channel."""
    shape = site.shapes["x"]
    others = [s for name, s in site.shapes.items() if name not in ("x", *site.samples)]
    if not shape or not math.prod(shape) or any(s != shape[:1] for s in others):
        raise Unfit
    if not isinstance(site["eps"], (int, float)) or not site["eps"] > 0:
        raise Unfit
    return shape


def _shapes(site):
    shape = _shape(site)
    if not isinstance(site["momentum"], (int, float)) or not 0 <= site["momentum"] <= 1:
        raise Unfit
    return {"y": shape, **dict.fromkeys(batch_norm.shared, shape[:1])}


def _sizes(site):
    """How a block is walked: so many channels, `pitch` apart, of rows of `width`; in floats."""
    shape = site.shapes["x"]
    if len(shape) == 3:
        return {"count": shape[0], "pitch": pitch(shape) * site.L, "width": shape[2] * site.L}
    places = math.prod(shape[1:]) * site.L  # one plane: a channel's values stand together in it
    return {"count": shape[0], "pitch": places, "width": places}


def _zero(site):
    return np.dtype(site.dtype).type(0)


# --- statistics -------------------------------------------------------------------------------------------


def _reduce(site):
    """acc is [1 + 3 C][L]: how many values a lane has seen; K, sum and sum of squares for each channel."""
    C = site.shapes["x"][0]
    results = dict.fromkeys((*batch_norm.shared, "low", "share"), C)
    collect, finish = Row(_collect(site.L, _zero(site)), **_sizes(site)), _finish(site)
    return Reduction([collect], [finish], acc=(1 + 3 * C) * site.L, results=results)


def _collect(L, zero):
    def leaf(x, acc, left, first, last, count, pitch, width):
        n, fresh, row = min(left, L), acc[0] == 0, 1.0 / (width // L)
        for c in range(count):
            at, start, end = L + 3 * c * L, c * pitch + first * width, c * pitch + last * width
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
        store_part(acc, 0, load(acc, 0) + (last - first) * (width // L), n)

    return leaf


def _finish(site):
    """An item is a channel."""
    L, zero, eps, m = site.L, _zero(site), float(site["eps"]), float(site["momentum"])

    def leaf(
        acc, shards, stride, samples, running_mean, running_var, mean, rstd, new_running_mean,
        new_running_var, low, share, item, places,
    ):  # fmt: skip
        at, n = L + 3 * item * L, samples * places
        near, total, square = acc[at], splat(zero), splat(zero)
        for shard in range(shards):
            o = shard * stride
            seen = load(acc, o)
            own = (load(acc, o + at) - near) + load(acc, o + at + L) / larger(1.0, seen)
            total = total + seen * own
        off = np.float64(hsum(total)) / n
        for shard in range(shards):
            o = shard * stride
            seen, s = load(acc, o), load(acc, o + at + L)
            inner = load(acc, o + at + 2 * L) - s * s / larger(1.0, seen)
            own = (load(acc, o + at) - near) + s / larger(1.0, seen) - off
            square = square + (larger(0.0, inner) + seen * own * own)
        centre, var = np.float64(near) + off, np.float64(hsum(square)) / n
        if var == np.inf:
            var = np.nan  # the squares are beyond the dtype: no finite answer would be right
        mean[item] = centre
        rstd[item] = 1.0 / np.sqrt(var + eps)
        low[item] = centre - np.float64(mean[item])
        share[item] = 1.0 / n
        new_running_mean[item] = (1.0 - m) * running_mean[item] + m * centre
        new_running_var[item] = (1.0 - m) * running_var[item] + m * var * (n / (n - 1))

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
    zero = _zero(site)

    def leaf(x, gamma, beta, mean, rstd, low, y, first, last, count, pitch, width):
        for c in range(count):
            scale = rstd[c] * gamma[c] if scaled else rstd[c]
            shift = (beta[c] if shifted else zero) - scale * low[c]
            m, a, b = splat(mean[c]), splat(scale), splat(shift)
            for i in range(c * pitch + first * width, c * pitch + last * width, L):
                store(y, i, fma(load(x, i) - m, a, b))

    return [Row(leaf, **_sizes(site))]


def _infer(site):
    L, scaled, shifted, zero = site.L, "gamma" in site.shapes, "beta" in site.shapes, _zero(site)
    one, eps = zero.dtype.type(1), zero.dtype.type(site["eps"])

    def leaf(x, gamma, beta, mean, var, y, first, last, count, pitch, width):
        for c in range(count):
            scale = (gamma[c] if scaled else one) / np.sqrt(var[c] + eps)
            m, a, b = splat(mean[c]), splat(scale), splat(beta[c] if shifted else zero)
            for i in range(c * pitch + first * width, c * pitch + last * width, L):
                store(y, i, fma(load(x, i) - m, a, b))

    return [Row(leaf, **_sizes(site))]


# --- gradients --------------------------------------------------------------------------------------------


def _dgamma(site):
    L, zero, C = site.L, _zero(site), site.shapes["x"][0]

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
        total = load(acc, item * L)
        for s in range(1, shards):
            total = total + load(acc, s * stride + item * L)
        dgamma[item] = hsum(total) * rstd[item]

    return Reduction([Row(leaf, **_sizes(site))], [Row(finish, items=C)], acc=C * L)


def _infer_dgamma(site):
    """The same with a given mean, which a float holds, and a given variance."""
    L, C = site.L, site.shapes["x"][0]
    zero, eps = _zero(site), _zero(site).dtype.type(site["eps"])

    def leaf(dy, x, mean, acc, left, first, last, count, pitch, width):
        for c in range(count):
            m, total = splat(mean[c]), splat(zero)
            for i in range(c * pitch + first * width, c * pitch + last * width, L):
                total = fma(load(dy, i), load(x, i) - m, total)
            store_part(acc, c * L, load(acc, c * L) + total, min(left, L))

    def finish(acc, shards, stride, var, dgamma, item):
        total = load(acc, item * L)
        for s in range(1, shards):
            total = total + load(acc, s * stride + item * L)
        dgamma[item] = hsum(total) / np.sqrt(var[item] + eps)

    return Reduction([Row(leaf, **_sizes(site))], [Row(finish, items=C)], acc=C * L)


def _dbeta(site):
    L, zero, C = site.L, _zero(site), site.shapes["x"][0]

    def leaf(dy, acc, left, first, last, count, pitch, width):
        for c in range(count):
            start, end, a, b = c * pitch + first * width, c * pitch + last * width, splat(zero), splat(zero)
            for i in range(start, end - L, 2 * L):
                a, b = a + load(dy, i), b + load(dy, i + L)
            if (end - start) % (2 * L):
                a = a + load(dy, end - L)
            store_part(acc, c * L, load(acc, c * L) + (a + b), min(left, L))

    finish = Row(sum_lanes(L), dw="dbeta", size=C, items=1)
    return Reduction([Row(leaf, **_sizes(site))], [finish], acc=C * L)


def _dx(site):
    L, zero, scaled = site.L, _zero(site), "gamma" in site.shapes

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

    return [Row(leaf, **_sizes(site))]


def _infer_dx(site):
    L, scaled, zero = site.L, "gamma" in site.shapes, _zero(site)
    one, eps = zero.dtype.type(1), zero.dtype.type(site["eps"])

    def leaf(dy, gamma, var, dx, first, last, count, pitch, width):
        for c in range(count):
            a = splat((gamma[c] if scaled else one) / np.sqrt(var[c] + eps))
            for i in range(c * pitch + first * width, c * pitch + last * width, L):
                store(dx, i, load(dy, i) * a)

    return [Row(leaf, **_sizes(site))]


def _flops(site):
    return 3 * math.prod(site.shapes["x"])


batch_norm = Twin(
    _forward,
    {"x": _dx},
    {"gamma": _dgamma, "beta": _dbeta},
    shape=_shapes,
    rows=lambda site: 1,
    flops=_flops,
    checks=_checks,
    reduce=_reduce,
    shared=("mean", "rstd", "new_running_mean", "new_running_var"),
    needs={"x": ("gamma", "beta")},
)
batch_norm_inference = Twin(
    _infer,
    {"x": _infer_dx},
    {"gamma": _infer_dgamma, "beta": _dbeta},
    shape=_shape,
    rows=lambda site: 1,
    flops=_flops,
)
