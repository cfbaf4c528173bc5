"""The matrix product of the plain kernels, on the tile: c = a b or c += a b for any strides.

The sum is done in chunks of the steps. Of `a` a chunk is packed into panels, which stay in the second cache;
of `b` the part that a register tile needs, which stays in the first while it is
multiplied by all panels. A sum of K
products has an absolute error of at most K eps sum |a_k b_k| in the dtype of the arrays.
"""

from nbdl._jit import jit
from nbdl.kernels.simd.panels import (
    ROWS,
    VECTORS,
    aligned,
    pack,
    ramp,
    round_up,
    store_strided,
    transpose_blocks,
    zeros,
)
from nbdl.kernels.simd.registers import load, load_part, pointer, store
from nbdl.kernels.simd.shuffle import lanes
from nbdl.kernels.simd.strided_tile import multiply

CHUNK = 160  # steps of the sum at most: with their block a panel fits in the first cache
SLAB = 512  # rows of `a`


@jit(apart=True)
def gemm(many, M, N, K, a, a_row, a_step, b, b_step, b_column, c, add):
    """c[m, n] = sum over k of a[m a_row + k a_step] b[k b_step + n b_column], or += the sum if `add`.

    `many` times, for matrices behind each other: they share the scratch. All arrays are flat. Of the two
    strides of `a` one is 1, and so with `b`. Callers pass it as ``np.int64(1)``: Numba compiles a function
    once more for each literal that it is called with.
    """
    L, rows = lanes(pointer(c)), round_up(min(M, SLAB), ROWS)
    wide = VECTORS * L
    panels, block = aligned(rows * CHUNK, c), zeros(CHUNK * wide, c)
    steps, places = ramp(CHUNK, wide), ramp(VECTORS, L)
    edge, none = aligned(rows * wide, c), zeros(rows, c)
    chunks = max(1, -(-K // CHUNK))
    chunk = max(L, round_up(-(-K // chunks), L))  # of nearly equal size
    for i in range(many):
        for k in range(0, max(K, 1), chunk):
            count, adds = min(chunk, K - k), add or k > 0
            for m in range(0, M, SLAB):
                rows = min(SLAB, M - m)
                pack(a, i * M * K + m * a_row + k * a_step, a_row, a_step, rows, count, panels)
                n = 0
                while n < N:
                    T = 2 if round_up(N - n, L) in (L, 2 * L, 4 * L) else VECTORS
                    columns, to = min(T * L, N - n), (i * M + m) * N + n
                    _pack_block(
                        b, i * K * N + k * b_step + n * b_column, b_step, b_column, count, columns, block
                    )
                    # Whole tiles go to the result itself, those at its edges through scratch.
                    inner = rows // ROWS * ROWS if columns == T * L else 0
                    for begin, end in ((0, inner), (inner, rows)):
                        if begin < end:
                            direct = end == inner
                            target, pitch = (c[to:], N) if direct else (edge, wide)
                            multiply(
                                panels[begin * count :], end - begin, count, 0, count, block, steps, places,
                                T, none, target, pitch, direct and adds,
                            )  # fmt: skip
                    for j in range(inner, rows):
                        store_strided(edge, (j - inner) * wide, columns, c, to + j * N, 1, adds)
                    n += columns


@jit
def _pack_block(b, start, step, column, K, N, block):
    """block[k, n] = b[start + k step + n column]."""
    p, q = pointer(b) + start, pointer(block)
    L = lanes(p)
    wide, part = VECTORS * L, N % L
    if column != 1:
        transpose_blocks(p, column, q, wide, N, K)
        return
    for k in range(K):
        for n in range(0, N - part, L):
            store(q, k * wide + n, load(p, k * step + n))
        if part:
            store(q, k * wide + N - part, load_part(p, k * step + N - part, part))
