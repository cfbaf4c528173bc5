"""Counter-based random numbers: Philox4x32-10.

Four random words are a function of a key and a counter, with no state in between: any sample, thread or lane
computes the numbers of any element by itself, and the backward pass computes those of the forward pass again.
Salmon, Moraes, Dror, Shaw, Parallel Random Numbers: As Easy as 1, 2, 3 (2011), section 3.3.

Words are kept in 64 bits and masked: the same code runs with and without the JIT, and nothing overflows.
"""

import numpy as np

from nbdl._jit import jit

_WORD = np.uint64(0xFFFFFFFF)
_BITS = np.uint64(32)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)  # multipliers of a round
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)  # what the key grows by: golden ratio, sqrt(3) - 1


@jit(strict=True, inline=True)
def philox(c0, c1, c2, c3, k0, k1):
    """Four random 32-bit words of counter (c0, c1, c2, c3) and key (k0, k1); all uint64 below 2^32."""
    for _ in range(10):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (p1 >> _BITS) ^ c1 ^ k0, p1 & _WORD, (p0 >> _BITS) ^ c3 ^ k1, p0 & _WORD
        k0, k1 = (k0 + _W0) & _WORD, (k1 + _W1) & _WORD
    return c0, c1, c2, c3


@jit(strict=True, inline=True)
def words(seed, op, step, sample, block):
    """The four random words of elements 4 block .. 4 block + 3 of a sample.

    Key: `seed`. Counter: (block, sample, step, op), each modulo 2^32. All are int64 and not negative.
    """
    return philox(
        np.uint64(block) & _WORD, np.uint64(sample) & _WORD, np.uint64(step) & _WORD, np.uint64(op) & _WORD,
        np.uint64(seed) & _WORD, np.uint64(seed) >> _BITS,
    )  # fmt: skip


@jit(strict=True)
def fill(seed, op, step, sample, block, r):
    """Write the words of consecutive elements to `r`, an array of uint32, from element 4 block on."""
    for b in range(r.size // 4):
        r[4 * b], r[4 * b + 1], r[4 * b + 2], r[4 * b + 3] = words(seed, op, step, sample, block + b)
