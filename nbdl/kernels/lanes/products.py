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


def tiles(L, results, a_step, k_step, x_row, y_row, columns):
    """The tile of y[i] += sum_k w[i a_step + k k_step] x[k] of `columns` rows, x_row and y_row apart."""
    parts = []
    for first, few, count in groups(results, shape(results, columns)[0]):
        fmas, places = rectangle(few, columns, a_step, x_row, L, y_row)
        fmas = [(i, a + first * a_step, b) for i, a, b in fmas]
        places = [place + first * L for place in places]
        parts.append(part(fmas, places, count, a=few * a_step, c=few * L))
    return spec(parts, k_step, L, init="add")


def matrix_gradient(D, Q, L, per_block, x, dy, dw="dw"):
    """The `Gradient` `dw` of a matrix w (D, Q) in products of rows: the sum of x^T dy over all of them.

    `per_block` rows of a block; `x` and `dy` say what the leaf `transpose_rows` is given to find them.
    """
    wide = -(-Q // L) * L  # what stands behind Q is never written, and what it would add to is not stored
    collect = [
        Row(transpose_rows(L), kept="inputs", features=D, pitch=D, **x),
        Row(transpose_rows(L), kept="cotangents", features=Q, pitch=wide, **dy),
    ]
    few, columns = shape(D, wide // L)
    finish = [
        Row(_rows(D, Q, L, per_block, first, n, count, columns, wide), items=-(-count // TOGETHER), dw=dw)
        for first, n, count in groups(D, few)
    ]
    keep = {"inputs": per_block * L * D, "cotangents": per_block * L * wide}
    return Gradient(collect, finish, keep=keep)


def _rows(D, Q, L, per_block, first, rows, count, columns, wide):
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
                        store_rest(dw, (row + i) * Q + (v + j) * L, total, Q - (v + j) * L)

    return leaf
