"""Products of values in lanes with a matrix, and the gradient of that matrix: what dense and recurrent layers
share.

A number of the matrix is one for all lanes. Its gradient is a sum over samples, made when all blocks are
done: rows of inputs and of cotangents are kept with their features side by side, and neighbouring lanes are
neighbouring columns of the matrix.
"""

from nbdl.kernels.lanes.rows import transpose_rows
from nbdl.kernels.lanes.sums import SHARDS, sum_shards
from nbdl.kernels.lanes.twin import Gradient, Row, Walk
from nbdl.kernels.simd.local import local
from nbdl.kernels.simd.registers import load, store
from nbdl.kernels.simd.shuffle import store_rest
from nbdl.kernels.simd.tile import groups, part, rectangle, shape, spec, tile

STEPS = 256  # of the sum, whose x, of two rows, stay in the first cache
TOGETHER = 4  # groups of rows of a gradient that one item makes
LONG = 128  # rows of a block from which on a sum over them is a long one, made in pieces of so many
SMALL = 16384  # numbers of a gradient that blocks add to one after the other, in the first cache or near it
BAND = 16  # groups of rows of a gradient that one item of a long sum makes: their sums take 200 kB


def tiles(L, results, a_step, k_step, x_row, y_row, columns, init="add"):
    """The tile of y[i] += sum_k w[i a_step + k k_step] x[k] of `columns` rows, x_row and y_row apart.

    y = the sum where `init` is "0".
    """
    parts = []
    for first, few, count in groups(results, shape(results, columns)[0]):
        fmas, places = rectangle(few, columns, a_step, x_row, L, y_row)
        fmas = [(i, a + first * a_step, b) for i, a, b in fmas]
        places = [place + first * L for place in places]
        parts.append(part(fmas, places, count, a=few * a_step, c=few * L))
    return spec(parts, k_step, L, init=init)


def matrix_gradient(D, Q, L, per_block, x, dy, dw="dw", pitch=None, kept=None):
    """The `Gradient` `dw` of a matrix w (D, Q) in products of rows: the sum of x^T dy over all of them.

    `per_block` rows of a block; `x` and `dy` say what the leaf `transpose_rows` is given to find them. w may
    be some columns of a matrix that has `pitch` of them; where several such are one gradient, `kept` are the
    names of the copies of x and of dy.
    """
    wide = -(-Q // L) * L  # what stands behind Q is never written, and what it would add to is not stored
    long, vectors, pitch = per_block * L >= LONG, wide // L, pitch or Q
    if long and not kept and D * wide <= SMALL:
        return _small_gradient(D, Q, L, per_block * L, x, dy, dw, pitch)
    kept = kept or ("inputs", "cotangents")
    collect = [
        Row(transpose_rows(L), kept=kept[0], features=D, pitch=D, **x),
        Row(transpose_rows(L), kept=kept[1], features=Q, pitch=wide, **dy),
    ]
    few, columns = shape(D, min(vectors, 3) if long else vectors)
    make, finish = _long_rows if long else _rows, []
    for first, n, count in groups(D, few):
        leaf = make(D, Q, L, per_block, first, n, count, columns, wide, pitch)
        items = -(-count // BAND) * -(-vectors // columns) if long else -(-count // TOGETHER)
        finish.append(Row(leaf, items=items, inputs=kept[0], cotangents=kept[1], dw=dw))
    return Gradient(collect, finish, keep={kept[0]: per_block * L * D, kept[1]: per_block * L * wide})


def _small_gradient(D, Q, L, rows, x, dy, dw, pitch):
    """The same of a matrix so small that each block may add its `rows` to it: nothing is kept."""
    vectors = -(-Q // L)
    wide, behind = vectors * L, Walk("scratch", rows * D)
    few, columns = shape(D, vectors)

    def products(n):
        parts = []
        for first, r, count in groups(D, few):
            fmas, places = rectangle(r, n, 1, L, wide, L)
            fmas = [(i, a + first, b) for i, a, b in fmas]
            parts.append(part(fmas, [p + first * wide for p in places], count, a=r, c=r * wide))
        return spec(parts, D, wide, init="add")

    most, rest = products(columns), products(vectors % columns or columns)

    def add(inputs, cotangents, acc):
        for k in range(0, rows, LONG):
            end = min(k + LONG, rows)
            for v in range(0, vectors, columns):
                if vectors - v >= columns:
                    tile(most, k, end, inputs, cotangents + v * L, acc + v * L, acc)
                else:
                    tile(rest, k, end, inputs, cotangents + v * L, acc + v * L, acc)

    def sums(acc, shards, stride, dw, item, items):
        for i in range(D * item // items, D * (item + 1) // items):
            for v in range(0, wide, L):
                store_rest(dw, i * pitch + v, sum_shards(acc + (i * wide + v), stride, shards), Q - v)

    collect = [
        Row(transpose_rows(L), kept="scratch", features=D, pitch=D, **x),
        Row(transpose_rows(L), kept=behind, features=Q, pitch=wide, **dy),
        Row(add, inputs="scratch", cotangents=behind),
    ]
    return Gradient(
        collect, [Row(sums, items=min(D, SHARDS), dw=dw)], acc=D * wide, scratch=rows * (D + wide)
    )


def _rows(D, Q, L, per_block, first, rows, count, columns, wide, pitch):
    """The leaf that makes `count` times `rows` rows of dw from row `first` on, over the whole minibatch.

    An item makes a few of them together, some columns at a time: each shard has its sum in the first cache.
    """
    lanes, vectors, size = per_block * L, wide // L, rows * columns * L
    memory = SHARDS * size

    def products(n):
        fmas, places = rectangle(rows, n, 1, L, n * L, L)
        return spec([part(fmas, places)], D, wide)

    most, rest = products(columns), products(vectors % columns or columns)

    def leaf(inputs, cotangents, shards, bounds, dw, item):
        start, end = first + item * TOGETHER * rows, first + min(count, (item + 1) * TOGETHER) * rows
        sums = local(dw, memory)
        for v in range(0, vectors, columns):
            n, dy = min(columns, vectors - v), cotangents + v * L
            for row in range(start, end, rows):
                for s in range(shards):
                    k0, k1 = bounds[s] * lanes, bounds[s + 1] * lanes
                    if n == columns:
                        tile(most, k0, k1, inputs + row, dy, sums + s * size, dy)
                    else:
                        tile(rest, k0, k1, inputs + row, dy, sums + s * size, dy)
                for i in range(rows):
                    for j in range(n):
                        total = sum_shards(sums + (i * n + j) * L, size, shards)
                        store_rest(dw, (row + i) * pitch + (v + j) * L, total, Q - (v + j) * L)

    return leaf


def _long_rows(D, Q, L, per_block, first, rows, count, columns, wide, pitch):
    """The same where a sum is long. An item makes more rows, of some columns.

    The sums are made in pieces, whose cotangents are copied side by side first: they are then read from the
    second cache, once for each group of rows, and from memory once for each item.
    """
    lanes, vectors, size = per_block * L, wide // L, rows * columns * L
    band = min(count, BAND)
    shard, memory, panel = band * size, SHARDS * band * size, LONG * columns * L
    parts = -(-vectors // columns)

    def products(n):
        fmas, places = rectangle(rows, n, 1, L, n * L, L)
        return spec([part(fmas, places)], D, n * L, init="add")

    most, rest = products(columns), products(vectors % columns or columns)

    def leaf(inputs, cotangents, shards, bounds, dw, item):
        v, start = item % parts * columns, item // parts * band
        n, groups = min(columns, vectors - v), min(band, count - start)
        sums, piece = local(dw, memory), local(dw, panel)
        x = inputs + (first + start * rows)
        for s in range(shards):
            for i in range(s * shard, s * shard + groups * size):
                sums[i] = 0
            for k0 in range(bounds[s] * lanes, bounds[s + 1] * lanes, LONG):
                k1 = min(k0 + LONG, bounds[s + 1] * lanes) - k0
                for k in range(k1):
                    for j in range(n):
                        store(piece, (k * n + j) * L, load(cotangents, (k0 + k) * wide + (v + j) * L))
                for g in range(groups):
                    target = sums + (s * shard + g * size)
                    if n == columns:
                        tile(most, 0, k1, x + (k0 * D + g * rows), piece, target, target)
                    else:
                        tile(rest, 0, k1, x + (k0 * D + g * rows), piece, target, target)
        for g in range(groups):
            for i in range(rows):
                for j in range(n):
                    total = sum_shards(sums + (g * size + (i * n + j) * L), shard, shards)
                    row = first + (start + g) * rows + i
                    store_rest(dw, row * pitch + (v + j) * L, total, Q - (v + j) * L)

    return leaf
