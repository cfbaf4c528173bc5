"""Factors of dropout on lanes: 1 / (1 - p) or 0 for each number of a sample, drawn for L samples at once.

The loop over lanes that draws them holds nothing but integers: the compiler makes vectors of it.
"""

import math

import numpy as np

from nbdl.kernels.lanes.twin import Row
from nbdl.kernels.simd.philox import philox

_WORD, _BITS = np.uint64(0xFFFFFFFF), np.uint64(32)


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
    """How many times four numbers are drawn: there is memory for all of them."""
    return -(-math.prod(shape) // 4)
