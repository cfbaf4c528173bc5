"""The matrix product of the plain kernels, on the tile: c += a b for matrices of any strides.

The sum is cut into slabs whose part of `a`, packed into panels, stays in the second cache; within a slab the
part of `b` that a register tile needs for a chunk of the sum is packed too, and stays in the first. A sum of
K products has an absolute error of at most K eps sum |a_k b_k| in the dtype of the arrays.
"""

from nbdl._jit import jit
from nbdl.kernels._shuffle import lanes
from nbdl.kernels._simd import load_part, pointer, store
from nbdl.kernels._strided_tile import (
    ROWS,
    VECTORS,
    aligned,
    deliver,
    multiply,
    pack,
    ramp,
    turn,
    whole,
    zeros,
)

SLAB_K, SLAB_M = 1024, 256  # of `a`
CHUNK = 128  # steps of the sum
BLOCK = 4 * VECTORS  # vectors of `b`


@jit
def gemm(M, N, K, a, a_row, a_step, b, b_step, b_column, c):
    """c[m, n] += sum over k of a[m a_row + k a_step] b[k b_step + n b_column].

    All arrays are flat. Of the two strides of `a` one is 1, and so with `b`.
    """
    L, rows = lanes(pointer(c)), whole(min(M, SLAB_M), ROWS)
    panels, none = aligned(rows * min(K, SLAB_K), c), zeros(rows, c)
    block, sums, pitch = aligned(BLOCK * CHUNK * L, c), aligned(rows * BLOCK * L, c), BLOCK * L
    places, steps = ramp(BLOCK, CHUNK * L), ramp(min(K, SLAB_K), L)
    for k in range(steps.size):
        steps[k] = k % CHUNK * L
    for s in range(0, K, SLAB_K):
        slab = min(SLAB_K, K - s)
        for m in range(0, M, SLAB_M):
            rows = min(SLAB_M, M - m)
            pack(a, m * a_row + s * a_step, a_row, a_step, rows, slab, panels)
            for n in range(0, N, pitch):
                columns = min(pitch, N - n)
                for k in range(0, slab, CHUNK):
                    count = min(CHUNK, slab - k)
                    _pack_block(b, (s + k) * b_step + n * b_column, b_step, b_column, count, columns, block)
                    t = whole(columns, L) // L
                    multiply(
                        panels, rows, slab, k, k + count, block, steps, places, t, none, sums, pitch, k > 0
                    )
                for i in range(rows):
                    deliver(sums, i * pitch, columns, c, (m + i) * N + n, 1, True)


@jit
def _pack_block(b, start, step, column, K, N, block):
    """block[n // L, k, n % L] = b[start + k step + n column], zeros behind N."""
    p, q = pointer(b) + start, pointer(block)
    L = lanes(p)
    if column == 1:
        for k in range(K):
            for n in range(0, N, L):
                store(q, (n * CHUNK + k * L), load_part(p, k * step + n, min(L, N - n)))
        return
    for n in range(0, N, L):
        if N - n < L:
            for i in range(n * CHUNK, n * CHUNK + K * L):
                block[i] = 0
        turn(p + n * column, column, q + n * CHUNK, L, min(L, N - n), K)
