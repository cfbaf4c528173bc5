"""Sums over the minibatch: from zero within a shard, in order, then over the shards in one fixed tree."""

from nbdl._jit import jit
from nbdl.kernels.simd.registers import hsum, load


@jit(inline=True)
def sum_shards(p, stride, shards):
    """The vector ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)), where s is what lies at ``p[s * stride]``.

    Shards that are not there are left out; there are at most 8.
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
    """The leaf that adds up [size][L] sums of all shards: ``dw[i] = sum`` over lanes and shards, in order."""

    def leaf(acc, shards, stride, dw, item, items, size):
        for i in range(size * item // items, size * (item + 1) // items):
            total = load(acc, i * L)
            for s in range(1, shards):
                total = total + load(acc, s * stride + i * L)
            dw[i] = hsum(total)

    return leaf
