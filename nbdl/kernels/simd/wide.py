"""float32 and float64 arrays as vectors of float64: what accumulates in float64 is written once."""

import numpy as np
from llvmlite import ir
from numba import types

from nbdl.kernels.simd.emit import F32, F64, I32, LANES, at, call, define, emit_load_part
from nbdl.kernels.simd.shuffle import _emit_load_rest, _is_whole


def wide(p, i, n):
    """The vector of float64 from `p[i]` on, of whose elements `n` exist; 0 stands for the others."""
    v = np.zeros(LANES["float64"])
    n = min(n, v.size)
    if n > 0:
        v[:n] = p.part(i, n)
    return v


def prefetch(p, i):
    """Ask memory for `p[i]`, which need not exist: a loop with much arithmetic sees too few loads ahead."""


def _emit_wide(bd, kind, p, i, n):
    if kind is F64:
        return _emit_load_rest(bd, kind, p, i, n)
    with bd.if_else(_is_whole(bd, F64, n), likely=True) as (whole, part):
        with whole:
            value = bd.load(bd.bitcast(at(bd, p, i), _NARROW.as_pointer()))
            value.align = kind.bytes
            values = [(value, bd.block)]
        with part:
            values.append((emit_load_part(bd, kind, p, i, n, F64.lanes), bd.block))
    loaded = bd.phi(_NARROW)
    for value, block in values:
        loaded.add_incoming(value, block)
    return bd.fpext(loaded, F64.vector)


def _emit_prefetch(bd, kind, p, i):
    address = bd.bitcast(at(bd, p, i), ir.IntType(8).as_pointer())
    to_read, into_all_caches, data = (ir.Constant(I32, v) for v in (0, 3, 1))
    call(bd, "llvm.prefetch.p0", ir.VoidType(), [address, to_read, into_all_caches, data])


_NARROW = ir.VectorType(F32.number, F64.lanes)
define(wide, lambda kind: [(F64.vec, (kind.pointer, types.int64, types.int64))], _emit_wide)
define(prefetch, lambda kind: [(types.void, (kind.pointer, types.int64))], _emit_prefetch)
