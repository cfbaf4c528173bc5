"""Random numbers on lanes: the tails of normal numbers (`nbdl.kernels.simd.normal`), L samples at once."""

import math

import numpy as np

from nbdl.kernels.lanes.twin import Row
from nbdl.kernels.simd.normal import tail_of
from nbdl.kernels.simd.philox import words


def tails_size(site, shape):
    """Floats that the tails of samples of a shape take: elements in fours, as the generator gives them."""
    return 4 * _fours(shape) * site.L


def drawn_tails(site, shape):
    """The row that writes ``tails``, [elements][L], by the seed and the op of a site."""
    L, kind = site.L, np.dtype(site.dtype).type

    def leaf(tails, sample, seed, step, op, fours):
        for n in range(fours):
            place = 4 * n * L
            for i in range(L):
                a, b, c, d = words(seed, op, step, sample + i, n)
                tails[place + i] = kind(tail_of(np.int64(a)))
                tails[place + L + i] = kind(tail_of(np.int64(b)))
                tails[place + 2 * L + i] = kind(tail_of(np.int64(c)))
                tails[place + 3 * L + i] = kind(tail_of(np.int64(d)))

    return Row(leaf, op=int(site["op"]), fours=_fours(shape))


def _fours(shape):
    return -(-math.prod(shape) // 4)
