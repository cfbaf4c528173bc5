"""Products of values in lanes with a matrix, and the gradient of that matrix: what dense and recurrent layers
share.

A number of the matrix is one for all lanes. Its gradient is a sum over samples, made when all blocks are
done: rows of inputs and of cotangents are kept with their features side by side, and neighbouring lanes are
neighbouring columns of the matrix.
"""

from nbdl.kernels.lanes.rows import transpose_rows
from nbdl.kernels.lanes.sums import SHARDS, sum_shards
from nbdl.kernels.lanes.twin import Gradient, Row
from nbdl.kernels.simd.local import local
from nbdl.kernels.simd.shuffle import store_rest
from nbdl.kernels.simd.tile import groups, part, rectangle, shape, spec, tile

STEPS = 256  # of the sum, whose x, of two rows, stay in the first cache
TOGETHER = 4  # groups of rows of a gradient that one item makes


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


def matrix_gradient(D, Q, L, per_block, x, dy, dw="dw", pitch=None, kept=("inputs", "cotangents")):
    """The `Gradient` `dw` of a matrix w (D, Q) in products of rows: the sum of x^T dy over all of them.

    `per_block` rows of a block; `x` and `dy` say what the leaf `transpose_rows` is given to find them, `kept`
    how the copies are called. w may be some columns of a matrix that has `pitch` of them.
    """
    wide = -(-Q // L) * L  # what stands behind Q is never written, and what it would add to is not stored
    collect = [
        Row(transpose_rows(L), kept=kept[0], features=D, pitch=D, **x),
        Row(transpose_rows(L), kept=kept[1], features=Q, pitch=wide, **dy),
    ]
    given = {"inputs": kept[0], "cotangents": kept[1], "dw": dw}
    few, columns = shape(D, wide // L)
    finish = [
        Row(_rows(D, Q, L, per_block, first, n, count, columns, wide, pitch or Q),
            items=-(-count // TOGETHER), **given)
        for first, n, count in groups(D, few)
    ]  # fmt: skip
    keep = {kept[0]: per_block * L * D, kept[1]: per_block * L * wide}
    return Gradient(collect, finish, keep=keep)


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
