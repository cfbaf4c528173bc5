"""The tile with run-time strides: the micro-kernel of the plain kernels, which do not know their shapes.

Only the size of the register tile is known when it is compiled. Everything else is read at run time::

    for k in range(k0, k1):
        for i in range(rows):
            for j in range(vectors):
                acc[i, j] += A[k * ROWS + i] * B[steps[k] + places[j]]

A is packed into *panels* of ROWS numbers for each step. Two tables say where the vectors of B lie. A matrix
product and a convolution differ only in these tables: the pixels of an image are vectors of B that move with
the taps of the kernel; nothing is unrolled into patches.

Tiles know no ragged edge: what they read and write has room for whole vectors and whole panels, in 64-byte
aligned scratch (`aligned`) wherever a result's own rows end earlier.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import config
from numba.extending import intrinsic

from nbdl._jit import jit
from nbdl.kernels.simd.emit import I64, LANES, Kind, at, emit_fma, emit_load, emit_splat, emit_store
from nbdl.kernels.simd.panels import ROWS, VECTORS
from nbdl.kernels.simd.registers import pointer
from nbdl.kernels.simd.shuffle import lanes

HALF = ROWS // 2  # rows of a tile where no more are left
CACHE = 30_000  # bytes of A and B that stay in the first cache while a tile runs


def strided_tile(rows, vectors, wide, k0, k1, A, B, steps, places, t, first, C, pitch, add):
    """C[i, j] = first[i] + sum over k0 <= k < k1 of A[k, i] B[steps[k] + places[t + j]].

    Or C[i, j] += the sum, if `add`. A holds numbers or, if `wide`, vectors as B does, which are multiplied
    lane by lane. `rows`, `vectors` and `wide` (0 or 1) are known to the compiler; A, B, `steps`, `places`,
    `first` and C are pointers. Row i of C begins at ``i * pitch``, its vectors lie side by side. Nothing is
    checked.
    """
    L = LANES[C.array.dtype.name]
    C = [C.part(i * pitch, vectors * L).reshape(vectors, L) for i in range(rows)]
    sums = np.array([c if add else np.full_like(c, first[i]) for i, c in enumerate(C)])
    with np.errstate(all="ignore"):  # whatever is in rows and lanes that nobody reads
        for k in range(k0, k1):
            each = L if wide else 1
            a = A.part(k * ROWS * each, rows * each).reshape(rows, each)
            for j in range(vectors):
                sums[:, j] += a * B.part(steps[k] + places[t + j], L)
    for c, total in zip(C, sums):
        c[:] = total


if not config.DISABLE_JIT:

    @intrinsic(prefer_literal=True)
    def strided_tile(context, rows, vectors, wide, k0, k1, A, B, steps, places, t, first, C, pitch, add):
        if not all(isinstance(n, types.IntegerLiteral) for n in (rows, vectors, wide)):
            return None
        kind, m, n = Kind.of[C.dtype], rows.literal_value, vectors.literal_value
        read = emit_load if wide.literal_value else _number

        def emit(context, bd, sig, values):
            _, _, _, k0, k1, A, B, steps, places, t, first, C, pitch, add = values
            places = at(bd, places, t)
            bases = [at(bd, B, bd.load(at(bd, places, j))) for j in range(n)]
            targets = [
                at(bd, at(bd, C, bd.mul(pitch, ir.Constant(I64, i))), j * kind.lanes)
                for i in range(m)
                for j in range(n)
            ]
            with bd.if_else(add) as (then, otherwise):
                with then:
                    old = [emit_load(bd, kind, target) for target in targets], bd.block
                with otherwise:
                    new = (
                        [emit_splat(bd, kind, bd.load(at(bd, first, i))) for i in range(m) for _ in range(n)],
                        bd.block,
                    )
            sums = _merged(bd, old, new)
            for value, target in zip(_sums(bd, kind, m, read, k0, k1, A, bases, steps, sums), targets):
                emit_store(bd, kind, value, target)
            return context.get_dummy_value()

        i64 = types.int64
        pointers = A, B, steps, places
        return types.void(rows, vectors, wide, i64, i64, *pointers, i64, first, C, i64, types.boolean), emit


def _number(bd, kind, p, i):
    return emit_splat(bd, kind, bd.load(at(bd, p, i)))


def _sums(bd, kind, rows, read, k0, k1, A, bases, steps, start):
    """The loop over k; the accumulators are values that go round it, and so stay in registers."""
    before = bd.block
    loop, done = bd.append_basic_block("k"), bd.append_basic_block("done")
    bd.cbranch(bd.icmp_signed("<", k0, k1), loop, done)
    bd.position_at_end(loop)
    k, *sums = (bd.phi(value.type) for value in (k0, *start))
    each = kind.lanes if read is emit_load else 1
    a0 = at(bd, A, bd.mul(k, ir.Constant(I64, ROWS * each)))
    step = bd.load(at(bd, steps, k))
    columns = [emit_load(bd, kind, base, step) for base in bases]
    after = []
    for i in range(rows):
        a = read(bd, kind, a0, i * each)
        after += [emit_fma(bd, kind, a, b, old) for b, old in zip(columns, sums[i * len(bases) :])]
    following = bd.add(k, ir.Constant(I64, 1))
    for phi, first, next in zip([k, *sums], [k0, *start], [following, *after]):
        phi.add_incoming(first, before)
        phi.add_incoming(next, loop)
    bd.cbranch(bd.icmp_signed("<", following, k1), loop, done)
    bd.position_at_end(done)
    return _merged(bd, (start, before), (after, loop))


def _merged(bd, *ways):
    """The values that come from one of several (values, block)."""
    merged = []
    for values in zip(*(values for values, _ in ways)):
        merged.append(bd.phi(values[0].type))
        for value, (_, block) in zip(values, ways):
            merged[-1].add_incoming(value, block)
    return merged


# --- all tiles of a product ---------------------------------------------------------------------------------


@jit
def multiply(panels, M, K, k0, k1, B, steps, places, T, first, C, pitch, add):
    """C[m pitch + t] = first[m] + sum over k0 <= k < k1 of A[k, m] B[steps[k] + places[t]], for t < T.

    Or += the sum, if `add`. `panels` is A (K, M) as `pack` leaves it; all arrays are flat, t counts vectors.
    C and `first` have room for ``round_up(M, HALF)`` rows, C and `places` for two vectors at least.
    """
    A, b, s, p, f, c = (
        pointer(panels),
        pointer(B),
        pointer(steps),
        pointer(places),
        pointer(first),
        pointer(C),
    )
    L, t = lanes(b), 0
    while t < T:
        n = 2 if T - t in (1, 2, 4) else VECTORS
        for m in range(0, M, ROWS):
            a, to = A + m * K, c + (m * pitch + t * L)
            if M - m > HALF:
                if n == VECTORS:
                    strided_tile(ROWS, VECTORS, 0, k0, k1, a, b, s, p, t, f + m, to, pitch, add)
                else:
                    strided_tile(ROWS, 2, 0, k0, k1, a, b, s, p, t, f + m, to, pitch, add)
            elif n == VECTORS:
                strided_tile(HALF, VECTORS, 0, k0, k1, a, b, s, p, t, f + m, to, pitch, add)
            else:
                strided_tile(HALF, 2, 0, k0, k1, a, b, s, p, t, f + m, to, pitch, add)
        t += n


@jit
def multiply_lanes(panels, M, K, k0, k1, B, steps, places, T, none, C, pitch):
    """C[m, t, lane] += the sum over k0 <= k < k1 of A[k, m, lane] B[steps[k] + places[t] + lane] for t < T.

    Element (k, m) of `panels` is a vector. C has room for ``round_up(M, HALF)`` rows, each of
    ``round_up(T, VECTORS)`` vectors.
    """
    A, b, s, p, f, c = pointer(panels), pointer(B), pointer(steps), pointer(places), pointer(none), pointer(C)
    L = lanes(b)
    for m in range(0, M, ROWS):
        a = A + m * K * L
        for t in range(0, T, VECTORS):
            to = c + (m * pitch + t * L)
            if M - m > HALF:
                strided_tile(ROWS, VECTORS, 1, k0, k1, a, b, s, p, t, f, to, pitch, True)
            else:
                strided_tile(HALF, VECTORS, 1, k0, k1, a, b, s, p, t, f, to, pitch, True)
