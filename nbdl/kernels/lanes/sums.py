"""Sums that lanes and shards have made one by one, put together."""

from nbdl.kernels.simd.registers import hsum, load


def sum_lanes(L):
    """The leaf that adds up [size][L] sums of all shards: ``dw[i] = sum`` over lanes and shards, in order."""

    def leaf(acc, shards, stride, dw, item, items, size):
        for i in range(size * item // items, size * (item + 1) // items):
            total = load(acc, i * L)
            for s in range(1, shards):
                total = total + load(acc, s * stride + i * L)
            dw[i] = hsum(total)

    return leaf
