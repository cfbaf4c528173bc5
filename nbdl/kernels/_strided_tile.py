"""The tile with run-time strides: the micro-kernel of the plain kernels, which do not know their shapes.

Only the size of the register tile is known when it is compiled. Everything else is read at run time::

    for k in range(k0, k1):
        for i in range(rows):
            for j in range(vectors):
                acc[i, j] += A[k * width + i] * B[steps[k] + places[j]]

A is packed into *panels*: `width` numbers for each step, those of one tile or of several side by side. Two
tables say where the vectors of B lie. A matrix product and a convolution differ in these tables alone: the
pixels of an image are vectors of B that move with the taps of the kernel; nothing is unrolled into patches.

What a tile reads and writes lies in 64-byte aligned scratch (`aligned`) with room for whole vectors and whole
panels. So there is no ragged edge inside; who packs and who delivers the result looks after that.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import config
from numba.extending import intrinsic

from nbdl._jit import jit
from nbdl.kernels._simd import (
    ACCUMULATORS,
    I64,
    LANES,
    Kind,
    at,
    emit_fma,
    emit_load,
    emit_splat,
    emit_store,
    load,
    load_part,
    pointer,
    splat,
    store,
    store_part,
)
from nbdl.kernels._transpose import transpose

BYTES = 4 * LANES["float32"]  # of a vector
VECTORS = 3  # of B, side by side in a register tile; two where that leaves none alone
ROWS = ACCUMULATORS // VECTORS  # of A
FEW = ROWS // 2  # where no more are left
CACHE = 40_000  # bytes of A and B that stay in the first cache while a tile runs


def strided_tile(rows, vectors, k0, k1, A, B, steps, places, t, C, pitch, add):
    """C[i, j] = sum over k0 <= k < k1 of A[k, i] B[steps[k] + places[t + j]], or += if `add`.

    `rows` and `vectors` are known to the compiler; A, B, `steps`, `places` and C are pointers. Row i of C
    begins at ``i * pitch``, its vectors lie side by side. Nothing is checked.
    """
    L = LANES[C.array.dtype.name]
    sums = np.zeros((rows, vectors, L), C.array.dtype)
    with np.errstate(all="ignore"):  # whatever is in rows and lanes that nobody reads
        for k in range(k0, k1):
            a = A.part(k * max(L, ROWS), rows)
            for j in range(vectors):
                sums[:, j] += np.multiply.outer(a, B.part(steps[k] + places[t + j], L))
    for i in range(rows):
        out = C.part(i * pitch, vectors * L)
        out[:] = sums[i].reshape(-1) + (out if add else 0)


if not config.DISABLE_JIT:

    @intrinsic(prefer_literal=True)
    def strided_tile(context, rows, vectors, k0, k1, A, B, steps, places, t, C, pitch, add):
        if not isinstance(rows, types.IntegerLiteral) or not isinstance(vectors, types.IntegerLiteral):
            return None
        kind, m, n = Kind.of[C.dtype], rows.literal_value, vectors.literal_value

        def emit(context, bd, sig, values):
            _, _, k0, k1, A, B, steps, places, t, C, pitch, add = values
            first = at(bd, places, t)
            bases = [at(bd, B, bd.load(at(bd, first, j))) for j in range(n)]
            sums = _sums(bd, kind, m, k0, k1, A, bases, steps)
            targets = [
                at(bd, at(bd, C, bd.mul(pitch, ir.Constant(I64, i))), j * kind.lanes)
                for i in range(m)
                for j in range(n)
            ]
            with bd.if_else(add) as (then, otherwise):
                with then:
                    for value, target in zip(sums, targets):
                        emit_store(bd, kind, bd.fadd(value, emit_load(bd, kind, target), ("nsz",)), target)
                with otherwise:
                    for value, target in zip(sums, targets):
                        emit_store(bd, kind, value, target)
            return context.get_dummy_value()

        i64 = types.int64
        pointers = A, B, steps, places
        return types.void(rows, vectors, i64, i64, *pointers, i64, C, i64, types.boolean), emit


def _sums(bd, kind, rows, k0, k1, A, bases, steps):
    """The loop over k; the accumulators are values that go round it, and so stay in registers."""
    before = bd.block
    loop, done = bd.append_basic_block("k"), bd.append_basic_block("done")
    bd.cbranch(bd.icmp_signed("<", k0, k1), loop, done)
    bd.position_at_end(loop)
    k = _round(bd, k0, before)
    sums = [_round(bd, kind.constant(0), before) for _ in range(rows * len(bases))]
    a0 = at(bd, A, bd.mul(k, ir.Constant(I64, max(kind.lanes, ROWS))))
    step = bd.load(at(bd, steps, k))
    columns = [emit_load(bd, kind, base, step) for base in bases]
    after = []
    for i in range(rows):
        a = emit_splat(bd, kind, bd.load(at(bd, a0, i)))
        after += [emit_fma(bd, kind, a, b, old) for b, old in zip(columns, sums[i * len(bases) :])]
    following = bd.add(k, ir.Constant(I64, 1))
    for phi, value in zip([k, *sums], [following, *after]):
        phi.add_incoming(value, loop)
    bd.cbranch(bd.icmp_signed("<", following, k1), loop, done)
    bd.position_at_end(done)
    results = []
    for value in after:
        results.append(_round(bd, kind.constant(0), before))
        results[-1].add_incoming(value, loop)
    return results


def _round(bd, value, block):
    phi = bd.phi(value.type)
    phi.add_incoming(value, block)
    return phi


# --- panels and blocks ------------------------------------------------------------------------------------


@jit
def aligned(n, x):
    """Scratch for `n` floats of the dtype of `x`, beginning at a multiple of 64 bytes."""
    size = x.itemsize
    room = np.empty(n + 64 // size, x.dtype)
    start = (-room.ctypes.data % 64) // size
    return room[start : start + n]


@jit
def zeros(n, x):
    """The same, filled with zeros."""
    a = aligned(n, x)
    for i in range(n):
        a[i] = 0
    return a


@jit
def lanes(x):
    """How many elements of `x` fill a vector."""
    return BYTES // x.itemsize


@jit
def ramp(n, step):
    """The offsets 0, step, 2 step, ..."""
    a = np.empty(n, np.int64)
    for i in range(n):
        a[i] = i * step
    return a


@jit
def width(x):
    """Rows of A in a panel: whole tiles and, so that packing is transposing registers, whole vectors."""
    return max(lanes(x), ROWS)


@jit
def whole(n, unit):
    """`n` rounded up to a multiple of `unit`."""
    return -(-n // unit) * unit


@jit
def odd(n, unit):
    """`n` rounded up to an odd multiple of `unit`: a pitch that spreads rows over all sets of a cache."""
    return (-(-n // unit) | 1) * unit


@jit
def turn(p, row, q, pitch, M, N, L):
    """q[n pitch + m] = p[m row + n] for m < M, n < N: in registers, at the edges one by one."""
    rest_m, rest_n = M % L, N % L
    for m in range(0, M - rest_m, L):
        for n in range(0, N - rest_n, L):
            transpose(p + (m * row + n), row, q + (n * pitch + m), pitch)
    for block in range(0, N, 2 * L):  # so that the lines of q stay in the first cache
        end = min(N, block + 2 * L)
        for m in range(M):
            for n in range(block if m >= M - rest_m else max(block, N - rest_n), end):
                q[n * pitch + m] = p[m * row + n]


@jit
def pack(source, start, row, step, M, K, panels):
    """The panels of A (K, M) = source[start + m row + k step], zeros behind row M; `row` or `step` is 1.

    Element (k, m) goes to ``panels[(m // width * K + k) * width + m % width]``.
    """
    s, p, L, W = pointer(source) + start, pointer(panels), lanes(source), width(source)
    for i in range(M // W * W * K, whole(M, W) * K):
        panels[i] = 0
    for m in range(0, M, L):
        to, n = p + (m // W * W * K + m % W), min(L, M - m)
        if row == 1:
            for k in range(K):
                store_part(to, k * W, load_part(s, m + k * step, n), n)
        else:
            turn(s + m * row, row, to, W, n, K, L)


@jit
def multiply(panels, M, K, k0, k1, B, steps, places, t0, t1, C, pitch, add):
    """C (M, t1 - t0 vectors) = or += the sum over k0 <= k < k1 of A[k, m] B[steps[k] + places[t]].

    `panels` is A (K, M) as `pack` leaves it; all arrays are flat. C has room for ``whole(M, FEW)`` rows, and
    for two vectors at least, like `places`.
    """
    A, b, s, p, c = pointer(panels), pointer(B), pointer(steps), pointer(places), pointer(C)
    L, W = lanes(B), width(B)
    t = t0
    while t < t1:
        n = 2 if t1 - t in (1, 2, 4) else VECTORS
        for m in range(0, M, ROWS):
            a, to = A + (m // W * W * K + m % W), c + (m * pitch + (t - t0) * L)
            if M - m > FEW:
                if n == VECTORS:
                    strided_tile(ROWS, VECTORS, k0, k1, a, b, s, p, t, to, pitch, add)
                else:
                    strided_tile(ROWS, 2, k0, k1, a, b, s, p, t, to, pitch, add)
            elif n == VECTORS:
                strided_tile(FEW, VECTORS, k0, k1, a, b, s, p, t, to, pitch, add)
            else:
                strided_tile(FEW, 2, k0, k1, a, b, s, p, t, to, pitch, add)
        t += n


@jit
def copy(source, i, n, target, j):
    """target[j : j + n] = source[i : i + n]; LLVM would do rows shorter than 64 one by one."""
    p, q, L, rest = pointer(source), pointer(target), lanes(source), n % lanes(source)
    for k in range(0, n - rest, L):
        store(q, j + k, load(p, i + k))
    if rest:
        k = n - rest
        store_part(q, j + k, load_part(p, i + k, rest), rest)


@jit
def deliver(C, i, n, out, j, step, b, add):
    """out[j + k step] = C[i + k] + b for k < n, or += C[i + k] if `add`."""
    if step != 1:
        for k in range(n):
            out[j + k * step] = C[i + k] + (out[j + k * step] if add else b)
        return
    p, q, L, rest = pointer(C), pointer(out), lanes(C), n % lanes(C)
    bias = splat(b)
    for k in range(0, n - rest, L):
        store(q, j + k, load(p, i + k) + (load(q, j + k) if add else bias))
    if rest:
        k = n - rest
        store_part(q, j + k, load_part(p, i + k, rest) + (load_part(q, j + k, rest) if add else bias), rest)
