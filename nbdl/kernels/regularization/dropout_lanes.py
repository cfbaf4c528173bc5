"""dropout on lanes: the mask of `nbdl.kernels.dropout`, drawn for L samples at once.

The factor of each element, 1 / (1 - p) or 0, is kept for the gradient. The loop over lanes that draws them
holds nothing but integers: the compiler makes vectors of it.
"""

import math

import numpy as np

from nbdl.kernels.lanes.twin import Row, Twin, Unfit, pitch, planes
from nbdl.kernels.simd.philox import philox
from nbdl.kernels.simd.registers import load, splat, store, where

_WORD, _BITS = np.uint64(0xFFFFFFFF), np.uint64(32)


def _shape(site):
    if not 0 <= site["p"] <= 1 or not 0 <= site["op"] < 2**32:
        raise Unfit
    return site.shapes["x"]


def draw(site, shape):
    """The row that writes the `factor` of each element of `shape`, in fours, as the generator gives them."""
    p, L, kind = float(site["p"]), site.L, np.dtype(site.dtype).type
    kept, zero = kind(1 / (1 - p) if p < 1 else 0), kind(0)

    def leaf(factor, sample, seed, step, op, floor, fours):
        k0, k1 = np.uint64(seed) & _WORD, np.uint64(seed) >> _BITS
        c2, c3, least = np.uint64(step) & _WORD, np.uint64(op) & _WORD, np.uint64(floor)
        for n in range(fours):
            place = 4 * n * L
            for i in range(L):
                a, b, c, d = philox(np.uint64(n), np.uint64(sample + i) & _WORD, c2, c3, k0, k1)
                factor[place + i] = kept if a >= least else zero
                factor[place + L + i] = kept if b >= least else zero
                factor[place + 2 * L + i] = kept if c >= least else zero
                factor[place + 3 * L + i] = kept if d >= least else zero

    return Row(leaf, op=int(site["op"]), floor=math.ceil(p * 2**32), fours=fours_of(shape))


def fours_of(shape):
    return -(-math.prod(shape) // 4)


def _scale(site, **given):
    """The row that multiplies by the factors; a dropped element is 0 also where x is infinite or NaN."""
    L, zero, (C, H, W) = site.L, np.dtype(site.dtype).type(0), planes(site.shapes["x"])

    def leaf(x, factor, y, count, plane, pitch):
        for c in range(count):
            for i in range(0, plane, L):
                f = load(factor, c * plane + i)
                store(y, c * pitch + i, where(f > 0.0, load(x, c * pitch + i) * f, splat(zero)))

    return Row(leaf, count=C, plane=H * W * L, pitch=pitch(site.shapes["x"]) * L, **given)


dropout = Twin(
    lambda site: [draw(site, site.shapes["x"]), _scale(site)],
    {"x": lambda site: [_scale(site, x="dy", y="dx")]},
    shape=_shape,
    saves=lambda site: {"factor": 4 * fours_of(site.shapes["x"]) * site.L},
    inplace=True,
    packed=True,
)
