"""batch_norm_inference on lanes (`nbdl.kernels.batch_norm_inference` has the formula)."""

import numpy as np

from nbdl.kernels.lanes.sums import sum_shards
from nbdl.kernels.lanes.twin import Reduction, Row, Twin
from nbdl.kernels.normalization.batch_norm_lanes import dbeta, flops, shape_of, sizes, zero_of
from nbdl.kernels.simd.registers import fma, hsum, load, splat, store, store_part


def _forward(site):
    L, scaled, shifted, zero = site.L, "gamma" in site.shapes, "beta" in site.shapes, zero_of(site)
    one, eps = zero.dtype.type(1), zero.dtype.type(site["eps"])

    def leaf(x, gamma, beta, mean, var, y, first, last, count, pitch, width):
        for c in range(count):
            scale = (gamma[c] if scaled else one) / np.sqrt(var[c] + eps)
            m, a, b = splat(mean[c]), splat(scale), splat(beta[c] if shifted else zero)
            for i in range(c * pitch + first * width, c * pitch + last * width, L):
                store(y, i, fma(load(x, i) - m, a, b))

    return [Row(leaf, **sizes(site))]


def _dgamma(site):
    """The same with a given mean, which a float holds, and a given variance."""
    L, C = site.L, site.shapes["x"][0]
    zero, eps = zero_of(site), zero_of(site).dtype.type(site["eps"])

    def leaf(dy, x, mean, acc, left, first, last, count, pitch, width):
        for c in range(count):
            m, total = splat(mean[c]), splat(zero)
            for i in range(c * pitch + first * width, c * pitch + last * width, L):
                total = fma(load(dy, i), load(x, i) - m, total)
            store_part(acc, c * L, load(acc, c * L) + total, min(left, L))

    def finish(acc, shards, stride, var, dgamma, item):
        dgamma[item] = hsum(sum_shards(acc + item * L, stride, shards)) / np.sqrt(var[item] + eps)

    return Reduction([Row(leaf, **sizes(site))], [Row(finish, items=C)], acc=C * L)


def _dx(site):
    L, scaled, zero = site.L, "gamma" in site.shapes, zero_of(site)
    one, eps = zero.dtype.type(1), zero.dtype.type(site["eps"])

    def leaf(dy, gamma, var, dx, first, last, count, pitch, width):
        for c in range(count):
            a = splat((gamma[c] if scaled else one) / np.sqrt(var[c] + eps))
            for i in range(c * pitch + first * width, c * pitch + last * width, L):
                store(dx, i, load(dy, i) * a)

    return [Row(leaf, **sizes(site))]


batch_norm_inference = Twin(
    _forward,
    {"x": _dx},
    {"gamma": _dgamma, "beta": dbeta},
    shape=shape_of,
    rows=lambda site: 1,
    flops=flops,
)
