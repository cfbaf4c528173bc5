"""Sums over the minibatch: from zero within a shard, in order, then over the shards in one fixed tree."""

from nbdl._jit import jit
from nbdl.kernels.simd.local import local
from nbdl.kernels.simd.registers import hsum, load
from nbdl.kernels.simd.shuffle import store_rest

SHARDS = 8  # of a minibatch, at most


@jit(inline=True)
def sum_shards(p, stride, shards):
    """The vector ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)), where s is what lies at ``p[s * stride]``.

    Shards that are not there are left out.
    """
    total = _four(p, stride, shards)
    if shards > 4:
        total = total + _four(p + 4 * stride, stride, shards - 4)
    return total


@jit(inline=True)
def _four(p, stride, shards):
    total = _two(p, stride, shards)
    if shards > 2:
        total = total + _two(p + 2 * stride, stride, shards - 2)
    return total


@jit(inline=True)
def _two(p, stride, shards):
    total = load(p, 0)
    if shards > 1:
        total = total + load(p, stride)
    return total


def sum_lanes(L):
    """The leaf that adds up [size][L] sums of each shard, over the lanes first, then over the shards."""
    memory = SHARDS * L

    def leaf(acc, shards, stride, dw, item, items, size):
        first, last, sums = size * item // items, size * (item + 1) // items, local(dw, memory)
        for i in range(first, last, L):
            for s in range(shards):
                for j in range(min(L, last - i)):
                    sums[s * L + j] = hsum(load(acc, s * stride + (i + j) * L))
            store_rest(dw, i, sum_shards(sums, L, shards), last - i)

    return leaf
