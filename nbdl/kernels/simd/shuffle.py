"""Vectors at the end of a row, and vectors of some elements: every second one, or those of a mask.

A row of any length n is one loop: all vectors are whole but the last, which has what is left::

    for i in range(0, n, lanes(p)):
        store_rest(q, i, f(load_rest(p, i, n - i)), n - i)

Whole or not, a vector goes through the same instructions: the bits of an element do not depend on its place.
"""

import numpy as np
from llvmlite import ir
from numba import types

from nbdl.kernels.simd.emit import (
    I32,
    I64,
    LANES,
    call,
    define,
    emit_load,
    emit_load_part,
    emit_splat,
    emit_store,
    emit_store_part,
    first_mask,
)
from nbdl.kernels.simd.registers import count, store_part

# --- the end of a row -------------------------------------------------------------------------------------


def lanes(p):
    """How many of the elements that `p` points to fill a vector: a constant."""
    return LANES[p.array.dtype.name]


def load_rest(p, i, n, other=0):
    """The vector from `p[i]` on, of whose elements `n` exist; the number `other` stands for the others."""
    v = np.full(lanes(p), other, p.array.dtype)
    n = min(n, v.size)
    if n > 0:
        v[:n] = p.part(i, n)
    return v


def store_rest(p, i, v, n):
    """Write `v` to `p[i]` and behind it, of which `n` elements exist."""
    store_part(p, i, v, n)


def _is_whole(bd, kind, n):
    return bd.icmp_signed(">=", n, ir.Constant(I64, kind.lanes))


def _emit_load_rest(bd, kind, p, i, n, other=None):
    with bd.if_else(_is_whole(bd, kind, n), likely=True) as (whole, part):
        with whole:
            values = [(emit_load(bd, kind, p, i), bd.block)]
        with part:
            some = emit_load_part(bd, kind, p, i, n)
            if other is not None:
                some = bd.select(first_mask(bd, kind, n, kind.lanes), some, emit_splat(bd, kind, other))
            values.append((some, bd.block))
    loaded = bd.phi(kind.vector)
    for value, block in values:
        loaded.add_incoming(value, block)
    return loaded


def _emit_store_rest(bd, kind, p, i, v, n):
    with bd.if_else(_is_whole(bd, kind, n), likely=True) as (whole, part):
        with whole:
            emit_store(bd, kind, v, p, i)
        with part:
            emit_store_part(bd, kind, p, i, v, n)


define(lanes, lambda k: [(types.int64, (k.pointer,))], lambda bd, kind, p: ir.Constant(I64, kind.lanes))
define(load_rest, lambda k: [(k.vec, (k.pointer, types.int64, types.int64))], _emit_load_rest)
define(load_rest, lambda k: [(k.vec, (k.pointer, types.int64, types.int64, k.dtype))], _emit_load_rest)
define(store_rest, lambda k: [(types.void, (k.pointer, types.int64, k.vec, types.int64))], _emit_store_rest)


def first_lanes(v, n):
    """The first `n` lanes of `v`, zeros for the others; none or all if n < 0 or n > L."""
    return np.where(np.arange(v.size) < n, v, 0).astype(v.dtype)


define(
    first_lanes,
    lambda k: [(k.vec, (k.vec, types.int64))],
    lambda bd, kind, v, n: bd.select(first_mask(bd, kind, n, kind.lanes), v, ir.Constant(kind.vector, None)),
)


# --- some elements ----------------------------------------------------------------------------------------


def even(a, b):
    """Elements 0, 2, 4, ... of `a` and then of `b`, as one vector."""
    return np.concatenate([a, b])[::2]


def low_pairs(a, b):
    """The elements of `a` and of `b` in turns, those of the first half of each: a[0], b[0], a[1], b[1] ..."""
    return np.stack([a, b], 1).ravel()[: a.size]


def high_pairs(a, b):
    """The same of the second halves."""
    return np.stack([a, b], 1).ravel()[a.size :]


def _shuffle(order):
    def emit(bd, kind, a, b):
        return bd.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, kind.lanes), order(kind.lanes)))

    return emit


def _in_turns(first, L):
    return [first + i // 2 + i % 2 * L for i in range(L)]


def packed(v, mask):
    """The elements of `v` for which `mask` holds, side by side; then zeros."""
    return np.append(v[mask], np.zeros(v.size - count(mask), v.dtype))


def _emit_packed(bd, kind, v, mask):
    """On integers: of floats LLVM fails to make zeros where the machine has no instruction for this."""
    whole = ir.VectorType(kind.integer, kind.lanes)
    name = f"llvm.experimental.vector.compress.v{kind.lanes}i{8 * kind.bytes}"
    return bd.bitcast(
        call(bd, name, whole, [bd.bitcast(v, whole), mask, ir.Constant(whole, None)]), kind.vector
    )


define(even, lambda k: [(k.vec, (k.vec, k.vec))], _shuffle(lambda L: list(range(0, 2 * L, 2))))
define(low_pairs, lambda k: [(k.vec, (k.vec, k.vec))], _shuffle(lambda L: _in_turns(0, L)))
define(high_pairs, lambda k: [(k.vec, (k.vec, k.vec))], _shuffle(lambda L: _in_turns(L // 2, L)))
define(packed, lambda k: [(k.vec, (k.vec, k.mask))], _emit_packed)
