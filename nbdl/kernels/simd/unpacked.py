"""Products of small matrices that are read where they lie: nothing is packed.

Worth it where one matrix of the product is small enough for the first cache and is used at once, as the
scores of attention and the pairs of `bmm` are. A tile is known to the compiler by its size alone; a tile at
the edge repeats its last row, and stores the same numbers to the same place once more.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import config
from numba.extending import intrinsic

from nbdl._jit import emitted, jit
from nbdl.kernels.simd.emit import (
    ACCUMULATORS,
    I64,
    LANES,
    Kind,
    at,
    call,
    emit_fma,
    emit_load,
    emit_splat,
    emit_store,
)
from nbdl.kernels.simd.panels import zeros
from nbdl.kernels.simd.registers import fma, load, pointer, store
from nbdl.kernels.simd.shuffle import lanes
from nbdl.kernels.simd.tile import _loop

# Rows of the tiles of 4, 3, 2 vectors and of 1: more accumulators spill, fewer than 8 wait for each other.
FOUR, THREE, TWO, ONE = ACCUMULATORS // 4, ACCUMULATORS // 3, min(8, ACCUMULATORS // 2), 12
SMALL = 256  # rows, columns and steps: longer rows, a power of two apart, fall on few sets of the cache
FEWER, MORE = max(FOUR - 2, 2), min(16, ACCUMULATORS)


def unpacked_tile(rows, vectors, left, K, A, a_row, a_step, B, b_step, C, c_row, scale, add):
    """C[i, j] = (C[i, j] scale[i] if `add`) + sum over k < K of A[i a_row + k a_step] B[k b_step + j L].

    For i < `rows`, of which those from `left` on repeat the last, and j < `vectors`, both known to the
    compiler. A, B, C and `scale` are pointers; nothing is checked.
    """
    L = LANES[C.array.dtype.name]
    with np.errstate(all="ignore"):
        for i in range(min(rows, left)):
            c = C.part(i * c_row, vectors * L)
            total = c * scale[i] if add else np.zeros_like(c)
            for k in range(K):
                total = total + A[i * a_row + k * a_step] * B.part(k * b_step, vectors * L)
            c[:] = total


if not config.DISABLE_JIT:

    @emitted(unpacked_tile)
    @intrinsic(prefer_literal=True)
    def unpacked_tile(context, rows, vectors, left, K, A, a_row, a_step, B, b_step, C, c_row, scale, add):
        if not all(isinstance(n, types.IntegerLiteral) for n in (rows, vectors)):
            return None
        kind, m, n = Kind.of[C.dtype], rows.literal_value, vectors.literal_value

        def emit(context, bd, sig, values):
            _, _, left, K, A, a_row, a_step, B, b_step, C, c_row, scale, add = values
            last = bd.sub(left, ir.Constant(I64, 1))
            index = [call(bd, "llvm.smin.i64", I64, [ir.Constant(I64, i), last]) for i in range(m)]
            a = [at(bd, A, bd.mul(i, a_row)) for i in index]
            c = [at(bd, C, bd.mul(i, c_row)) for i in index]
            cells, before = [(i, j) for i in range(m) for j in range(n)], bd.block
            with bd.if_then(add):
                factors = [emit_splat(bd, kind, bd.load(at(bd, scale, i))) for i in index]
                old = [emit_load(bd, kind, c[i], j * kind.lanes) for i, j in cells]
                old = [bd.fmul(v, factors[i], flags=("nsz",)) for v, (i, _) in zip(old, cells)]
                adding = bd.block
            start = [bd.phi(kind.vector) for _ in cells]
            for phi, value in zip(start, old):
                phi.add_incoming(value, adding)
                phi.add_incoming(kind.constant(0), before)

            def products(k, sums):
                step, b = bd.mul(k, a_step), at(bd, B, bd.mul(k, b_step))
                columns = [emit_load(bd, kind, b, j * kind.lanes) for j in range(n)]
                rows = [emit_splat(bd, kind, bd.load(at(bd, p, step))) for p in a]
                return [emit_fma(bd, kind, rows[i], columns[j], sums[i * n + j]) for i, j in cells]

            k, sums = ir.Constant(I64, 0), start
            for steps in (2, 1):
                end = bd.sub(K, ir.Constant(I64, steps - 1))
                k, sums = _loop(bd, k, end, steps, sums, products)
            for (i, j), value in zip(cells, sums):
                emit_store(bd, kind, value, c[i], j * kind.lanes)
            return context.get_dummy_value()

        i, p = types.int64, C
        return types.void(rows, vectors, i, i, p, i, i, p, i, p, i, p, types.boolean), emit


@jit
def product(M, T, K, A, a_row, a_step, B, b_step, C, c_row, scale, add):
    """C[i, j] = (C[i, j] scale[i] if `add`) + sum over k < K of A[i a_row + k a_step] B[k b_step + j].

    For i < M and j < T L: `T` counts vectors, and so much room have the rows of B and C.
    """
    L = lanes(C)
    for t in range(0, T, 4):
        n, i = min(T - t, 4), 0
        while i < M:
            left, a, b, c, f = M - i, A + i * a_row, B + t * L, C + (i * c_row + t * L), scale + i
            if n == 4 and left > FEWER:
                unpacked_tile(FOUR, 4, left, K, a, a_row, a_step, b, b_step, c, c_row, f, add)
                i += FOUR
            elif n == 4:
                unpacked_tile(FEWER, 4, left, K, a, a_row, a_step, b, b_step, c, c_row, f, add)
                i += FEWER
            elif n == 3:
                unpacked_tile(THREE, 3, left, K, a, a_row, a_step, b, b_step, c, c_row, f, add)
                i += THREE
            elif n == 2:
                unpacked_tile(TWO, 2, left, K, a, a_row, a_step, b, b_step, c, c_row, f, add)
                i += TWO
            elif left > ONE:
                unpacked_tile(MORE, 1, left, K, a, a_row, a_step, b, b_step, c, c_row, f, add)
                i += MORE
            else:
                unpacked_tile(ONE, 1, left, K, a, a_row, a_step, b, b_step, c, c_row, f, add)
                i += ONE


@jit
def are_small(M, N, K, c, add):
    """Whether `small_products` is for products c (M, N) of sums of K, or to `add` to them."""
    L = lanes(pointer(c))
    return N >= L and max(M, N, K) <= SMALL and not (add and N % L)


@jit
def small_products(many, M, N, K, a, a_row, a_step, b, c, add):
    """c[m, n] = sum over k of a[m a_row + k a_step] b[k N + n], or += the sum if `add`; as `gemm` does.

    Where `are_small`: the last columns that fill no vector are computed with those before them, some twice.
    """
    ones = zeros(ONE, c)
    for i in range(ONE):
        ones[i] = 1
    _small_products(many, M, N, K, a, a_row, a_step, b, c, ones, add)


@jit
def _small_products(many, M, N, K, a, a_row, a_step, b, c, ones, add):
    A, B, C, one, step = pointer(a), pointer(b), pointer(c), pointer(ones), a_step
    L, last = lanes(C), N - lanes(C)
    for product in range(many):
        j = 0
        while j < N:
            four, i = N - j >= 4 * L, 0
            while i < M:
                p, left, at = A + (product * M * K + i * a_row), M - i, min(j, last)
                q, to = B + (product * K * N + at), C + ((product * M + i) * N + at)
                if four:
                    unpacked_tile(FOUR, 4, left, K, p, a_row, step, q, N, to, N, one, add)
                    i += FOUR
                else:
                    unpacked_tile(ONE, 1, left, K, p, a_row, step, q, N, to, N, one, add)
                    i += ONE
            j += 4 * L if four else L


@jit
def product_of_others(M, T, K, A, a_row, a_step, B, b_step, C, c_row, scale):
    """`product`, added, in which a zero of A counts for nothing, even beside an infinite number or a NaN."""
    L = lanes(C)
    for i in range(M):
        for j in range(0, T * L, L):
            total = load(C, i * c_row + j) * scale[i]
            for k in range(K):
                a = A[i * a_row + k * a_step]
                if a != 0:
                    total = fma(load(B, k * b_step + j), a, total)
            store(C, i * c_row + j, total)
