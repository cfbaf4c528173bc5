"""The tile: the one micro-kernel that does the heavy arithmetic.

A few accumulators stay in registers while k runs, and every step multiplies what it loads several times::

    for k in range(k0, k1):
        for i, a, b in fmas:                        # a list known when the code is compiled: unrolled
            acc[i] += A[ta(k) + a] * B[tb(k) + b]   # A: one number for all lanes, or a vector; B: a vector

Convolution, its gradients, the linear layer and its gradients differ only in these index maps. A map is a
string (`spec` makes it), and Numba compiles one function for each: all offsets become displacements inside
instructions. The length of the sum is given at run time.
"""

import ast

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

from nbdl.kernels.simd.emit import (
    ACCUMULATORS,
    I64,
    LANES,
    Kind,
    at,
    emit_fma,
    emit_load,
    emit_load_part,
    emit_splat,
    emit_store,
    emit_store_part,
)

UNROLL = 48  # products of one turn of the loop over k, at least half of it


def spec(parts, ta, tb, *, init="0", a_vector=False):
    """The description of a tile, as text.

    Parameters
    ----------
    parts : list of `part`
        What runs one after the other.
    ta, tb : int or list of int
        How far step k is from the start: k times a stride, or an entry of a table.
    init : "0", "add" or "bias"
        C = sum; C += sum; C = D[bias] + sum.
    a_vector : bool
        The elements of A are vectors too.
    """
    return repr((parts, ta, tb, init, a_vector))


def part(fmas, places, count=1, a=0, b=0, c=0, bias=()):
    """Products for some accumulators, `count` times over: A, B and C move on by `a`, `b` and `c` elements.

    `fmas` lists (i, a, b): accumulator i += A[ta(k) + a] * B[tb(k) + b]. ``places[i]`` says where in C
    accumulator i goes: an offset, or (offset, n) if only n lanes of it exist. ``bias[i]`` is its place in D.
    """
    return count, (a, b, c), list(fmas), list(places), list(bias)


def rectangle(rows, columns, a_step, b_step, c_row, c_column):
    """The (fmas, places) of a register tile: `rows` elements of A by `columns` vectors of B."""
    cells = [(i, j) for i in range(rows) for j in range(columns)]
    fmas = [(i * columns + j, i * a_step, j * b_step) for i, j in cells]
    return fmas, [i * c_row + j * c_column for i, j in cells]


def shape(rows, columns, most=ACCUMULATORS):
    """The (rows, columns) of the register tile for a problem of `rows` by `columns` vectors.

    The most products for each load, among the tiles that leave little of the problem for a smaller one.
    """

    def value(tile):
        m, n = tile
        products = min(m * n, 8) / 8 * m * n / (m + n)
        waste = (-(-rows // m) * m * -(-columns // n) * n) / (rows * columns)
        return products / waste, n

    sizes = [(m, n) for m in range(1, min(rows, most) + 1) for n in range(1, min(columns, most // m) + 1)]
    return max(sizes, key=value)


def groups(total, step):
    """(first, size, count) of the groups of `step` items, and of the smaller one that is left over."""
    if total >= step:
        yield 0, step, total // step
    if total % step:
        yield total - total % step, total % step, 1


def tile(sp, k0, k1, A, B, C, D):
    """Run the tile `sp` for k0 <= k < k1. A, B, C and D are pointers; `sp` is a string known to the compiler.

    Nothing is checked: offsets are the caller's proof. Where the JIT is disabled, Python does the same.
    """
    parts, ta, tb, init, a_vector = ast.literal_eval(sp)
    L = LANES[C.array.dtype.name]
    step = lambda t, k: t * k if isinstance(t, int) else t[k]  # noqa: E731
    for count, (step_a, step_b, step_c), fmas, places, bias in parts:
        for n in range(count):
            sums = [np.zeros(L, C.array.dtype) for _ in places]
            for k in range(k0, k1):
                for i, a, b in fmas:
                    a, b = step(ta, k) + n * step_a + a, step(tb, k) + n * step_b + b
                    sums[i] = sums[i] + (A.part(a, L) if a_vector else A[a]) * B.part(b, L)
            for i, place in enumerate(places):
                offset, lanes = place if isinstance(place, tuple) else (place, L)
                out = C.part(n * step_c + offset, lanes)
                out[:] = sums[i][:lanes] + (out if init == "add" else D[bias[i]] if init == "bias" else 0)


if not config.DISABLE_JIT:

    @intrinsic(prefer_literal=True)
    def tile(context, sp, k0, k1, A, B, C, D):
        if not isinstance(sp, types.StringLiteral):
            return None
        parts, ta, tb, init, a_vector = ast.literal_eval(sp.literal_value)
        kind = Kind.of[C.dtype]

        def emit(context, bd, sig, values):
            _, k0, k1, A, B, C, D = values
            for count, steps, fmas, places, bias in parts:
                with _repeat(bd, count) as n:
                    a, b, c = (at(bd, p, bd.mul(n, ir.Constant(I64, s))) for p, s in zip((A, B, C), steps))
                    start = [
                        emit_splat(bd, kind, bd.load(at(bd, D, bias[i])))
                        if init == "bias"
                        else kind.constant(0)
                        for i in range(len(places))
                    ]
                    sums = _sums(bd, kind, k0, k1, a, b, start, fmas, ta, tb, a_vector)
                    for place, value in zip(places, sums):
                        _put(bd, kind, c, place, value, init == "add")
            return context.get_dummy_value()

        return types.void(sp, types.int64, types.int64, A, B, C, D), emit


class _repeat:
    """``with _repeat(bd, n) as i``: what is emitted inside runs n times; no loop where n is 1."""

    def __init__(self, bd, count):
        self.bd, self.count = bd, count

    def __enter__(self):
        if self.count == 1:
            return ir.Constant(I64, 0)
        self.loop = cgutils.for_range(self.bd, ir.Constant(I64, self.count))
        return self.loop.__enter__().index

    def __exit__(self, *exception):
        if self.count > 1:
            self.loop.__exit__(*exception)


def _sums(bd, kind, k0, k1, A, B, start, fmas, ta, tb, a_vector):
    """The loop over k; the accumulators are values that go round it, and so stay in registers."""

    def products(k, sums):
        a0, b0, loaded_a, loaded_b, sums = _place(bd, A, ta, k), _place(bd, B, tb, k), {}, {}, list(sums)
        for i, a, b in fmas:
            if b not in loaded_b:
                loaded_b[b] = emit_load(bd, kind, b0, b)
            if a not in loaded_a:
                loaded_a[a] = (
                    emit_load(bd, kind, a0, a) if a_vector else emit_splat(bd, kind, bd.load(at(bd, a0, a)))
                )
            sums[i] = emit_fma(bd, kind, loaded_a[a], loaded_b[b], sums[i])
        return sums

    several = max(
        1, UNROLL // max(len(fmas), 1)
    )  # short steps are unrolled: counting takes turns from products
    k, sums = k0, start
    for steps in (several, 1) if several > 1 else (1,):
        k, sums = _loop(bd, k, bd.sub(k1, ir.Constant(I64, steps - 1)), steps, sums, products)
    return sums


def _loop(bd, k0, end, steps, start, body):
    """``while k < end: sums = body(k, sums) ...; k += steps``; returns k and the sums."""
    before = bd.block
    loop, done = bd.append_basic_block("k"), bd.append_basic_block("done")
    bd.cbranch(bd.icmp_signed("<", k0, end), loop, done)
    bd.position_at_end(loop)
    values = [_round(bd, value, before) for value in (k0, *start)]
    k, *sums = values
    for i in range(steps):
        sums = body(bd.add(k, ir.Constant(I64, i)), sums)
    after = [bd.add(k, ir.Constant(I64, steps)), *sums]
    for phi, value in zip(values, after):
        phi.add_incoming(value, bd.block)
    bd.cbranch(bd.icmp_signed("<", after[0], end), loop, done)
    bd.position_at_end(done)
    results = []
    for value, last in zip((k0, *start), after):
        phi = _round(bd, value, before)
        phi.add_incoming(last, loop)
        results.append(phi)
    return results[0], results[1:]


def _round(bd, value, block):
    phi = bd.phi(value.type)
    phi.add_incoming(value, block)
    return phi


def _place(bd, p, t, k):
    """Where step k begins: k times a stride, or an entry of a constant table."""
    if isinstance(t, int):
        return at(bd, p, bd.mul(k, ir.Constant(I64, t)))
    table = cgutils.global_constant(bd.module, ".offsets", ir.Constant(ir.ArrayType(I64, len(t)), list(t)))
    return at(bd, p, bd.load(bd.gep(table, [ir.Constant(I64, 0), k])))


def _put(bd, kind, C, place, value, add):
    if isinstance(place, tuple):
        offset, lanes = place[0], ir.Constant(I64, place[1])
        if add:
            value = bd.fadd(value, emit_load_part(bd, kind, C, offset, lanes), ("nsz",))
        emit_store_part(bd, kind, C, offset, value, lanes)
        return
    if add:
        value = bd.fadd(value, emit_load(bd, kind, C, place), ("nsz",))
    emit_store(bd, kind, value, C, place)
