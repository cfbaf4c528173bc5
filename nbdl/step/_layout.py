"""Leaves of the program itself: in and out of lanes, sums of gradients, what is checked between phases."""

import math

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.lanes import Row
from nbdl.kernels.lanes.twin import floats, pitch, planes
from nbdl.kernels.simd.registers import LANES, hmax, hsum, larger, load, maximum, smaller, splat, store
from nbdl.kernels.simd.transpose import gather, transpose


def _sizes(shape, dtype):
    C, H, W = planes(shape)
    return {"count": C, "size": H * W, "pitch": pitch(shape), "features": math.prod(shape)}


def gather_rows(shape, dtype, integers=False):
    """``(data, idx, y)``: the samples idx[lane] of an array (N, *shape), into the lanes of a block."""
    L = LANES[dtype]

    def one_by_one(data, idx, y, count, size, pitch, features):
        for c in range(count):
            for i in range(size):
                for n in range(L):
                    y[(c * pitch + i) * L + n] = data[idx[n] * features + c * size + i]

    def leaf(data, idx, y, count, size, pitch, features):
        for c in range(count):
            if size < L:
                for i in range(size):
                    for n in range(L):
                        y[(c * pitch + i) * L + n] = data[idx[n] * features + c * size + i]
            else:
                for i in range(0, size, L):
                    i = min(i, size - L)
                    gather(data + (c * size + i), idx, features, y + (c * pitch + i) * L, L)

    return Row(one_by_one if integers else leaf, **_sizes(shape, dtype))


def into_lanes(shape, dtype):
    """``(rows, y)``: L samples of a (N, *shape) array, into the lanes of a block."""
    L = LANES[dtype]

    def leaf(rows, y, count, size, pitch, features):
        for c in range(count):
            if size < L:
                for i in range(size):
                    for n in range(L):
                        y[(c * pitch + i) * L + n] = rows[n * features + c * size + i]
            else:
                for i in range(0, size, L):
                    i = min(i, size - L)
                    transpose(rows + (c * size + i), features, y + (c * pitch + i) * L, L)

    return Row(leaf, **_sizes(shape, dtype))


def out_of_lanes(shape, dtype):
    """``(x, rows)``: a block as L samples of a (N, *shape) array."""
    L = LANES[dtype]

    def leaf(x, rows, count, size, pitch, features):
        _out_of_lanes(x, rows, L, L, count, size, pitch, features)

    return Row(leaf, **_sizes(shape, dtype))


@jit(inline=True)
def _out_of_lanes(x, rows, lanes, L, count, size, pitch, features):
    """The first `lanes` of the L samples of a block."""
    for c in range(count):
        if size < L or lanes < L:
            for i in range(size):
                for n in range(lanes):
                    rows[n * features + c * size + i] = x[(c * pitch + i) * L + n]
        else:
            for i in range(0, size, L):
                i = min(i, size - L)
                transpose(x + (c * pitch + i) * L, L, rows + (c * size + i), features)


def all_out_of_lanes(shape, dtype):
    """``(x, rows, samples, bounds, shards, item)``: all samples of a minibatch; an item does some."""
    L = LANES[dtype]

    def leaf(x, rows, samples, bounds, shards, item, items, floats, count, size, pitch, features):
        blocks = bounds[shards]
        for b in range(blocks * item // items, blocks * (item + 1) // items):
            lanes = min(L, samples - b * L)
            _out_of_lanes(x + b * floats, rows + b * L * features, lanes, L, count, size, pitch, features)

    return Row(leaf, items=8, floats=floats(shape, L), **_sizes(shape, dtype))


def spread(shape, dtype):
    """``(x, y)``: an array without samples, each number in all lanes of a block."""
    L = LANES[dtype]

    def leaf(x, y, count, size, pitch):
        for c in range(count):
            for i in range(size):
                store(y, (c * pitch + i) * L, splat(x[c * size + i]))

    return _plain(leaf, shape)


def one_lane(shape, dtype):
    """``(x, y)``: the first lane of a block as an array."""
    L = LANES[dtype]

    def leaf(x, y, count, size, pitch):
        for c in range(count):
            for i in range(size):
                y[c * size + i] = x[(c * pitch + i) * L]

    return _plain(leaf, shape)


def _plain(leaf, shape):
    C, H, W = planes(shape)
    return Row(leaf, count=C, size=H * W, pitch=pitch(shape))


def reshaped(before, after, dtype):
    """``(x, y)``: the same numbers with other gaps between planes."""
    L = LANES[dtype]
    _, H, W = planes(before)
    _, P, Q = planes(after)

    def leaf(x, y, count, size, pitch, size_y, pitch_y):
        for i in range(count * size):
            store(y, (i // size_y * pitch_y + i % size_y) * L, load(x, (i // size * pitch + i % size) * L))

    return Row(
        leaf, count=planes(before)[0], size=H * W, pitch=pitch(before), size_y=P * Q, pitch_y=pitch(after)
    )


def zeros(dtype):
    """``(y, floats)``: floats % L == 0."""
    L, zero = LANES[dtype], np.dtype(dtype).type(0)

    def leaf(y, floats):
        for i in range(0, floats, L):
            store(y, i, splat(zero))

    return leaf


def added(dtype):
    """``(x, y, floats)``: y += x."""
    L = LANES[dtype]

    def leaf(x, y, floats):
        for i in range(0, floats, L):
            store(y, i, load(y, i) + load(x, i))

    return leaf


def copied(dtype):
    """``(x, y, floats)``: y = x."""
    L = LANES[dtype]

    def leaf(x, y, floats):
        for i in range(0, floats, L):
            store(y, i, load(x, i))

    return leaf


def times(factor, samples, y):
    """A number that is a multiple of the number of samples."""
    y[0] = factor[0] * samples


def over(factor, samples, y):
    """A number divided by the number of samples."""
    y[0] = factor[0] / samples


@jit(inline=True)
def sum_blocks(loss, bounds, shards):
    """The losses of blocks: in float64, in order within a shard, then over the shards in their tree."""
    p = (
        _shard(loss, bounds, shards, 0), _shard(loss, bounds, shards, 1), _shard(loss, bounds, shards, 2),
        _shard(loss, bounds, shards, 3), _shard(loss, bounds, shards, 4), _shard(loss, bounds, shards, 5),
        _shard(loss, bounds, shards, 6), _shard(loss, bounds, shards, 7),
    )  # fmt: skip
    return ((p[0] + p[1]) + (p[2] + p[3])) + ((p[4] + p[5]) + (p[6] + p[7]))


@jit
def _shard(loss, bounds, shards, s):
    total = 0.0
    if s < shards:
        for block in range(bounds[s], bounds[s + 1]):
            total += loss[block]
    return total


def mean_of_blocks(loss, total, bounds, shards, y):
    """The losses of all blocks, over what the mean divides by."""
    y[0] = sum_blocks(loss, bounds, shards) / total[0]


def scaled_inverse(total, dy, scale, status):
    """What the gradient of a mean is multiplied by, where that of the mean itself is dy[0]."""
    if total[0] == 0:
        status[0] = -1
    else:
        scale[0] = dy[0] / total[0]


def stored_loss(y, loss, bounds, shards):
    """A loss that was computed from others, as the loss of the first block; before it stands the total."""
    for i in range(bounds[shards]):
        loss[i] = 0
    loss[-1], loss[0] = 1, y[0]


def inverse(total, scale, status):
    """What the gradient of a mean is multiplied by; without a single term there is no mean."""
    if total[0] == 0:
        status[0] = -1
    else:
        scale[0] = 1 / total[0]


def finite(loss, bounds, shards, status):
    """The loss of every block is a number: else the parameters stay what they are."""
    for i in range(bounds[shards]):
        if not abs(loss[i]) < np.inf:
            status[0] = -2


def limited(dtype):
    """``(dw, limit, floats)``: each element of dw brought between -limit[0] and limit[0]; NaN stays NaN."""
    L = LANES[dtype]

    def leaf(dw, limit, floats):
        most = splat(limit[0])
        for i in range(0, floats, L):
            store(dw, i, smaller(most, larger(-most, load(dw, i))))

    return leaf


def squares(dtype):
    """``(dw, sums, item, floats)``: the squares of a slice of `floats` elements, which are far too large or
    too small for their dtype perhaps: sums[2 item] is a unit, sums[2 item + 1] the sum of (dw / unit)^2.
    """
    L, zero, one = LANES[dtype], np.dtype(dtype).type(0), np.dtype(dtype).type(1)
    far, huge, tiny = (one * 2.0**k for k in ((55, 80, -100) if dtype == "float32" else (480, 600, -600)))

    def leaf(dw, sums, item, floats):
        size = splat(zero)
        for i in range(0, floats, L):
            size = maximum(abs(load(dw, i)), size)
        largest = hmax(size)
        unit = huge if largest > far else tiny if largest < one / far else one
        total, factor = splat(zero), splat(one / unit)
        for i in range(0, floats, L):
            g = load(dw, i) * factor
            total = total + g * g
        sums[2 * item], sums[2 * item + 1] = unit, hsum(total)

    return leaf


def clip(sums, count, limit, scale):
    """scale[0] scale[1] = min(1, limit / norm): what gradients of a norm above limit[0] are multiplied by."""
    unit, total = sums[0], 0.0
    for i in range(count):
        unit = max(unit, sums[2 * i])
    for i in range(count):
        ratio = sums[2 * i] / unit
        total += sums[2 * i + 1] * ratio * ratio
    norm = math.sqrt(total)  # in units
    above = limit[0] / unit < norm < np.inf  # what is not finite becomes no smaller
    scale[0] = 1 / unit if above else 1
    scale[1] = limit[0] / norm if above else 1


def scaled(dtype):
    """``(dw, scale, floats)``: dw *= scale[0] scale[1], whose product may be too small for the dtype."""
    L = LANES[dtype]

    def leaf(dw, scale, floats):
        unit, factor = splat(scale[0]), splat(scale[1])
        for i in range(0, floats, L):
            store(dw, i, load(dw, i) * unit * factor)

    return leaf
