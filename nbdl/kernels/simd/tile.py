"""The tile: the one micro-kernel that does the heavy arithmetic.

A few accumulators stay in registers while k runs, and every step multiplies what it loads several times::

    for k in range(k0, k1):
        for i, a, b in fmas:                        # a list known when the code is compiled: unrolled
            acc[i] += A[ta(k) + a] * B[tb(k) + b]   # A: one number for all lanes, or a vector; B: a vector

Convolution, its gradients, the linear layer and its gradients differ only in these index maps. A map is a
string (`spec` makes it), and Numba compiles one function for each: all offsets become displacements inside
instructions. The length of the sum is given at run time, and in a `far_tile` strides too: layers of different
sizes share its code.
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
    emit_splat,
    emit_store,
)

UNROLL = 48  # products of one turn of the loop over k, at least half of it


def spec(parts, ta, tb, *, init="0", a_vector=False, inner=()):
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
    inner : pair
        Of a `far_tile`: each step of k is a run of steps, in which A and B move on by these two.

    In a `far_tile` a stride or an offset of A, B or C may be a pair (n, m): n times a stride that is given at
    run time, plus m.
    """
    return repr((parts, ta, tb, init, a_vector, inner))


def part(fmas, places, count=1, a=0, b=0, c=0, bias=()):
    """Products for some accumulators, `count` times over: A, B and C move on by `a`, `b` and `c` elements.

    `fmas` lists (i, a, b): accumulator i += A[ta(k) + a] * B[tb(k) + b]. Accumulator i goes to C[places[i]],
    and ``bias[i]`` is its place in D.
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
    far_tile(sp, k0, k1, 1, 0, 0, 0, A, B, C, D)


def far_tile(sp, k0, k1, run, a_far, b_far, c_far, A, B, C, D):
    """`tile` with what is known at run time alone: steps of a `run`, the strides of A, B and C in pairs."""
    parts, ta, tb, init, a_vector, inner = ast.literal_eval(sp)
    L, turns = LANES[C.array.dtype.name], run if inner else 1
    go_a, go_b = inner or (0, 0)

    def place(offset, far):
        return offset[0] * far + offset[1] if isinstance(offset, tuple) else offset

    def step(t, k, far):
        return place(t[k], far) if isinstance(t, list) else k * place(t, far)

    for count, (step_a, step_b, step_c), fmas, places, bias in parts:
        for n in range(count):
            sums = [np.zeros(L, C.array.dtype) for _ in places]
            for k in range(k0, k1):
                for turn in range(turns):
                    at_a = step(ta, k, a_far) + turn * place(go_a, a_far) + n * step_a
                    at_b = step(tb, k, b_far) + turn * place(go_b, b_far) + n * step_b
                    for i, a, b in fmas:
                        a, b = at_a + place(a, a_far), at_b + place(b, b_far)
                        sums[i] = sums[i] + (A.part(a, L) if a_vector else A[a]) * B.part(b, L)
            for i, offset in enumerate(places):
                out = C.part(n * step_c + place(offset, c_far), L)
                out[:] = sums[i] + (out if init == "add" else D[bias[i]] if init == "bias" else 0)


if not config.DISABLE_JIT:

    @intrinsic(prefer_literal=True)
    def tile(context, sp, k0, k1, A, B, C, D):
        if not isinstance(sp, types.StringLiteral):
            return None

        def emit(context, bd, sig, values):
            _, k0, k1, *pointers = values
            _emit(bd, sp.literal_value, Kind.of[C.dtype], k0, k1, None, (None,) * 3, pointers)
            return context.get_dummy_value()

        return types.void(sp, types.int64, types.int64, A, B, C, D), emit

    @intrinsic(prefer_literal=True)
    def far_tile(context, sp, k0, k1, run, a_far, b_far, c_far, A, B, C, D):
        if not isinstance(sp, types.StringLiteral):
            return None

        def emit(context, bd, sig, values):
            _, k0, k1, run, a_far, b_far, c_far, *pointers = values
            _emit(bd, sp.literal_value, Kind.of[C.dtype], k0, k1, run, (a_far, b_far, c_far), pointers)
            return context.get_dummy_value()

        return types.void(sp, *[types.int64] * 6, A, B, C, D), emit


def _emit(bd, sp, kind, k0, k1, run, far, pointers):
    parts, ta, tb, init, a_vector, inner = ast.literal_eval(sp)
    A, B, C, D = pointers
    for count, steps, fmas, places, bias in parts:
        with _repeat(bd, count) as n:
            a, b, c = (at(bd, p, bd.mul(n, ir.Constant(I64, s))) for p, s in zip((A, B, C), steps))
            start = [
                emit_splat(bd, kind, bd.load(at(bd, D, bias[i]))) if init == "bias" else kind.constant(0)
                for i in range(len(places))
            ]
            a, b, c = (_Far(bd, *both) for both in zip((a, b, c), far))
            sums = _sums(bd, kind, k0, k1, a, b, start, fmas, (ta, tb), a_vector, inner, run)
            for place, value in zip(places, sums):
                if init == "add":
                    value = bd.fadd(value, emit_load(bd, kind, *c.place(place)), ("nsz",))
                emit_store(bd, kind, value, *c.place(place))


class _Far:
    """A pointer from which offsets count; of pairs the first counts in strides `far`, known at run time."""

    def __init__(self, bd, pointer, far):
        self.bd, self.pointer, self.far, self._rows = bd, pointer, far, {}

    def place(self, offset):
        """A pointer, and an offset known to the compiler: pointers of pairs with one multiple are shared."""
        n, m = offset if isinstance(offset, tuple) else (0, offset)
        if n not in self._rows:
            self._rows[n] = at(self.bd, self.pointer, self._times(n)) if n else self.pointer
        return self._rows[n], m

    def step(self, t, k):
        """Where step k begins: k times a stride, or an entry of a table of the compiled code."""
        bd = self.bd
        if isinstance(t, list):
            words = ir.Constant(ir.ArrayType(I64, len(t)), t)
            table = cgutils.global_constant(bd.module, ".offsets", words)
            distance = bd.load(bd.gep(table, [ir.Constant(I64, 0), k]))
        else:
            n, m = t if isinstance(t, tuple) else (0, t)
            stride = bd.add(self._times(n), ir.Constant(I64, m)) if n else ir.Constant(I64, m)
            distance = bd.mul(k, stride)
        return _Far(bd, at(bd, self.pointer, distance), self.far)

    def _times(self, n):
        return self.bd.mul(self.far, ir.Constant(I64, n))


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


def _sums(bd, kind, k0, k1, A, B, start, fmas, tables, a_vector, inner, run):
    """The loop over k; the accumulators are values that go round it, and so stay in registers."""
    ta, tb = tables

    def products(a0, b0, sums):
        loaded_a, loaded_b, sums = {}, {}, list(sums)
        for i, a, b in fmas:
            if b not in loaded_b:
                loaded_b[b] = emit_load(bd, kind, *b0.place(b))
            if a not in loaded_a:
                p, offset = a0.place(a)
                loaded_a[a] = (
                    emit_load(bd, kind, p, offset) if a_vector
                    else emit_splat(bd, kind, bd.load(at(bd, p, offset)))
                )  # fmt: skip
            sums[i] = emit_fma(bd, kind, loaded_a[a], loaded_b[b], sums[i])
        return sums

    def unrolled(k0, k1, A, B, ta, tb, sums):
        """Short steps are unrolled: counting takes turns from products."""
        several, k = max(1, UNROLL // max(len(fmas), 1)), k0
        for steps in (several, 1) if several > 1 else (1,):
            end = bd.sub(k1, ir.Constant(I64, steps - 1))
            k, sums = _loop(
                bd, k, end, steps, sums, lambda k, sums: products(A.step(ta, k), B.step(tb, k), sums)
            )
        return sums

    if not inner:
        return unrolled(k0, k1, A, B, ta, tb, start)

    def turns(k, sums):
        return unrolled(ir.Constant(I64, 0), run, A.step(ta, k), B.step(tb, k), *inner, sums)

    return _loop(bd, k0, k1, 1, start, turns)[1]


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
    after, last_block = [bd.add(k, ir.Constant(I64, steps)), *sums], bd.block
    for phi, value in zip(values, after):
        phi.add_incoming(value, last_block)
    bd.cbranch(bd.icmp_signed("<", after[0], end), loop, done)
    bd.position_at_end(done)
    results = []
    for value, last in zip((k0, *start), after):
        phi = _round(bd, value, before)
        phi.add_incoming(last, last_block)
        results.append(phi)
    return results[0], results[1:]


def _round(bd, value, block):
    phi = bd.phi(value.type)
    phi.add_incoming(value, block)
    return phi
