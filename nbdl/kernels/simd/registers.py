"""A SIMD register as a number: the vector type of the kernels.

`load` gives L neighbouring floats as one value. It adds, multiplies and compares like a float, lane by lane,
so that ordinary Numba code is vector code::

    p, q = pointer(x), pointer(y)
    for i in range(0, n, L):
        store_part(q, i, sigmoid(load_part(p, i, n - i) * 2.0), n - i)

L (`LANES`) fills one register of the machine that compiles: 16 floats with AVX-512, 8 with AVX, 4 elsewhere
(float64: half of it). The type says how wide it is, the compiler need not find out; nothing here names an
instruction of one make of processor. Loads and stores need no alignment. Arithmetic may be fused (a * b + c
rounds once) and is never reordered. A number beside a vector fills all lanes, in the vector's dtype.

Every function has two bodies: Python on NumPy arrays, which runs where the JIT is disabled, and what it emits
in compiled code.
"""

import operator

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import config
from numba.extending import intrinsic

from nbdl._jit import emitted
from nbdl.kernels.simd.emit import (
    EXACT,
    FLAGS,
    I64,
    LANES,
    at,
    call,
    define,
    emit_fma,
    emit_load,
    emit_load_part,
    emit_splat,
    emit_store,
    emit_store_part,
)


class Pointer:
    """Where the JIT is disabled: a place in a flat array."""

    def __init__(self, array, start=0):
        self.array, self.start = array, start

    def __add__(self, offset):
        return Pointer(self.array, self.start + offset)

    def __getitem__(self, i):
        return self.array[self.start + i]

    def __setitem__(self, i, value):
        self.array[self.start + i] = value

    def part(self, i, n):
        first = self.start + i
        if n and (first < 0 or first + n > self.array.size):
            raise IndexError(f"{n} elements at {first} of {self.array.size}")
        return self.array[first : first + n]


# --- memory -----------------------------------------------------------------------------------------------


def pointer(array):
    """The first element of a C-contiguous array; keep the array alive while the pointer is used."""
    return Pointer(array.reshape(-1))


if not config.DISABLE_JIT:

    @emitted(pointer)
    @intrinsic
    def pointer(context, array):
        if not isinstance(array, types.Array) or array.layout != "C":
            return None

        def emit(context, bd, sig, values):
            return context.make_array(sig.args[0])(context, bd, values[0]).data

        return types.CPointer(array.dtype)(array), emit


def load(p, i):
    """The L elements from `p[i]` on."""
    return p.part(i, LANES[p.array.dtype.name]).copy()


def store(p, i, v):
    """Write the vector `v` to `p[i]` and the L - 1 elements behind it."""
    p.part(i, v.size)[:] = v


def load_part(p, i, n):
    """The first `n` of the L elements from `p[i]` on, zeros for the others; none or all if n < 0 or n > L."""
    v = np.zeros(LANES[p.array.dtype.name], p.array.dtype)
    n = min(max(n, 0), v.size)
    v[:n] = p.part(i, n)
    return v


def store_part(p, i, v, n):
    """Write the first `n` lanes of `v` and nothing else; none or all if n < 0 or n > L."""
    n = min(max(n, 0), v.size)
    p.part(i, n)[:] = v[:n]


def splat(x):
    """A vector of `x` in every lane; `x` is a float32 or float64."""
    return np.full(LANES[np.asarray(x).dtype.name], x)


define(load, lambda k: [(k.vec, (k.pointer, types.int64))], emit_load)
define(
    store,
    lambda k: [(types.void, (k.pointer, types.int64, k.vec))],
    lambda bd, kind, p, i, v: emit_store(bd, kind, v, p, i),
)
define(load_part, lambda k: [(k.vec, (k.pointer, types.int64, types.int64))], emit_load_part)
define(store_part, lambda k: [(types.void, (k.pointer, types.int64, k.vec, types.int64))], emit_store_part)
define(splat, lambda k: [(k.vec, (k.dtype,))], emit_splat)
define(
    operator.add,
    lambda k: [(p, (p, types.int64)) for p in (k.pointer, k.indices)],
    lambda bd, kind, p, i: at(bd, p, i),
)


# --- arithmetic -------------------------------------------------------------------------------------------


def _binary(instruction):
    return lambda bd, kind, a, b: getattr(bd, instruction)(a, b, flags=FLAGS)


for _operator, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    define(_operator, lambda k: [(k.vec, (k.vec, k.vec))], _binary(_instruction))
define(operator.neg, lambda k: [(k.vec, (k.vec,))], lambda bd, kind, a: bd.fneg(a, flags=EXACT))
define(abs, lambda k: [(k.vec, (k.vec,))], lambda bd, k, a: call(bd, f"llvm.fabs.{k.name}", k.vector, [a]))


def _compare(sign):
    compare = "fcmp_unordered" if sign == "!=" else "fcmp_ordered"
    return lambda bd, kind, a, b: getattr(bd, compare)(sign, a, b, flags=EXACT)


for _operator, _sign in (
    (operator.lt, "<"), (operator.le, "<="), (operator.gt, ">"), (operator.ge, ">="),
    (operator.eq, "=="), (operator.ne, "!="),
):  # fmt: skip
    define(_operator, lambda k: [(k.mask, (k.vec, k.vec))], _compare(_sign))
for _operator, _instruction in ((operator.and_, "and_"), (operator.or_, "or_")):
    define(
        _operator,
        lambda k: [(k.mask, (k.mask, k.mask))],
        lambda bd, kind, a, b, i=_instruction: getattr(bd, i)(a, b),
    )


define(operator.invert, lambda k: [(k.mask, (k.mask,))], lambda bd, kind, a: bd.not_(a))


def where(mask, a, b):
    """`a` in the lanes where `mask` holds, `b` in the others."""
    return np.where(mask, a, b).astype(np.result_type(*(x for x in (a, b) if isinstance(x, np.ndarray))))


def larger(a, b):
    """`a` where a > b, else `b`: one instruction. A NaN in `b` stays, a NaN in `a` is lost."""
    return where(a > b, a, b)


def smaller(a, b):
    """`a` where a < b, else `b`: one instruction. A NaN in `b` stays, a NaN in `a` is lost."""
    return where(a < b, a, b)


def maximum(a, b):
    """The larger of two; NaN if either is NaN."""
    return np.maximum(a, b)


def fma(a, b, c):
    """a b + c, rounded once where the machine can."""
    with np.errstate(invalid="ignore", over="ignore"):  # as the instruction does
        return a * b + c


def sqrt(x):
    """The square root."""
    return np.sqrt(x)


def hsum(v):
    """The sum of all lanes, as a number; its order is that of the machine's width."""
    return v.sum()


def hmax(v):
    """The largest lane, as a number; NaN if any is NaN."""
    return v.max()


def some(mask):
    """Whether a mask holds in any lane."""
    return bool(mask.any())


def count(mask):
    """In how many lanes a mask holds."""
    return int(mask.sum())


def first(mask):
    """The first lane in which a mask holds; L if it holds in none."""
    return int(np.append(mask, True).argmax())


def _select(sign):
    return lambda bd, kind, a, b: bd.select(bd.fcmp_ordered(sign, a, b, flags=EXACT), a, b)


define(where, lambda k: [(k.vec, (k.mask, k.vec, k.vec))], lambda bd, kind, m, a, b: bd.select(m, a, b))
define(larger, lambda k: [(k.vec, (k.vec, k.vec))], _select(">"))
define(smaller, lambda k: [(k.vec, (k.vec, k.vec))], _select("<"))
define(
    maximum,
    lambda k: [(k.vec, (k.vec, k.vec))],
    lambda bd, k, *ab: call(bd, f"llvm.maximum.{k.name}", k.vector, ab, fastmath=EXACT),
)
define(fma, lambda k: [(k.vec, (k.vec, k.vec, k.vec))], emit_fma)
define(sqrt, lambda k: [(k.vec, (k.vec,))], lambda bd, k, a: call(bd, f"llvm.sqrt.{k.name}", k.vector, [a]))
define(
    hsum,
    lambda k: [(k.dtype, (k.vec,))],
    lambda bd, k, a: call(
        bd, f"llvm.vector.reduce.fadd.{k.name}", k.number, [ir.Constant(k.number, 0.0), a],
        fastmath=("reassoc",),
    ),
)  # fmt: skip
define(
    hmax,
    lambda k: [(k.dtype, (k.vec,))],
    lambda bd, k, a: call(bd, f"llvm.vector.reduce.fmaximum.{k.name}", k.number, [a], fastmath=EXACT),
)


def _ones(bd, bits, lanes):
    return call(bd, f"llvm.ctpop.i{lanes}", bits.type, [bits])


define(
    some,
    lambda k: [(types.boolean, (k.mask,))],
    lambda bd, k, m: call(bd, f"llvm.vector.reduce.or.v{k.lanes}i1", ir.IntType(1), [m]),
)
define(
    count,
    lambda k: [(types.int64, (k.mask,))],
    lambda bd, k, m: bd.zext(_ones(bd, bd.bitcast(m, ir.IntType(k.lanes)), k.lanes), I64),
)
define(
    first,
    lambda k: [(types.int64, (k.mask,))],
    lambda bd, k, m: bd.zext(
        call(
            bd, f"llvm.cttz.i{k.lanes}", ir.IntType(k.lanes),
            [bd.bitcast(m, ir.IntType(k.lanes)), ir.Constant(ir.IntType(1), 0)],
        ),
        I64,
    ),
)  # fmt: skip
