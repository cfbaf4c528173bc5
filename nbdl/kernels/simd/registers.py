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
from typing import ClassVar

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.core.codegen import get_host_cpu_features
from numba.core.datamodel.models import PrimitiveModel
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, register_model

from nbdl._jit import emitted

# --- how wide, and how many -------------------------------------------------------------------------------


def _registers():
    """Bytes of a vector register, and how many accumulators leave registers for the operands of a tile."""
    features = get_host_cpu_features() if config.CPU_FEATURES is None else config.CPU_FEATURES
    features = features.split(",")
    if "+avx512f" in features:
        return 64, 24
    if "+avx" in features:
        return 32, 12
    return 16, 24 if "+neon" in features else 12


_BYTES, ACCUMULATORS = _registers()
LANES = {"float32": _BYTES // 4, "float64": _BYTES // 8}


# --- the types --------------------------------------------------------------------------------------------


class Vec(types.Type):
    """L floats in one register."""

    def __init__(self, dtype):
        self.dtype, self.lanes = dtype, LANES[dtype.name]
        super().__init__(f"{dtype.name}x{self.lanes}")


class Mask(types.Type):
    """L truth values: what comparing two `Vec` gives."""

    def __init__(self, lanes):
        self.lanes = lanes
        super().__init__(f"maskx{lanes}")


class Kind:
    """All that emitting code for one dtype needs; ``Kind.of[dtype]`` is that of a Numba type."""

    of: ClassVar = {}  # on the class, which the fingerprint of compiled code knows by its source

    def __init__(self, dtype, number, integer):
        Kind.of[dtype] = self
        self.dtype, self.number, self.integer = dtype, number, integer
        self.bytes = dtype.bitwidth // 8
        self.vec = Vec(dtype)
        self.lanes = self.vec.lanes
        self.mask = Mask(self.lanes)
        self.pointer = types.CPointer(dtype)
        self.indices = types.CPointer(types.Integer.from_bitwidth(dtype.bitwidth))
        self.vector = ir.VectorType(number, self.lanes)
        self.name = f"v{self.lanes}f{dtype.bitwidth}"

    def constant(self, value):
        return ir.Constant(self.vector, [float(value)] * self.lanes)


I32, I64 = ir.IntType(32), ir.IntType(64)
F32, F64 = Kind(types.float32, ir.FloatType(), I32), Kind(types.float64, ir.DoubleType(), I64)


def _model(width):
    class Model(PrimitiveModel):
        def __init__(self, manager, kind):
            super().__init__(manager, kind, width(kind))

    return Model


register_model(Vec)(_model(lambda vec: Kind.of[vec.dtype].vector))
register_model(Mask)(_model(lambda mask: ir.VectorType(ir.IntType(1), mask.lanes)))


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


# --- emitting ---------------------------------------------------------------------------------------------

# A product and a sum may be fused. Numba adds its flags to instructions that have none, so nothing here is
# ever reordered: rounding, by adding a large number and taking it away again, depends on that.
FLAGS = ("contract", "nsz", "arcp")
EXACT = ("nsz",)


def at(bd, p, offset):
    """The address of element `offset` of a pointer."""
    return bd.gep(p, [offset if isinstance(offset, ir.Value) else ir.Constant(I64, offset)])


def call(bd, name, result, arguments, **options):
    """A call of an LLVM intrinsic."""
    signature = ir.FunctionType(result, [a.type for a in arguments])
    return bd.call(cgutils.get_or_insert_function(bd.module, signature, name), arguments, **options)


def emit_load(bd, kind, p, offset=0):
    value = bd.load(bd.bitcast(at(bd, p, offset), kind.vector.as_pointer()))
    value.align = kind.bytes
    return value


def emit_store(bd, kind, value, p, offset=0):
    done = bd.store(value, bd.bitcast(at(bd, p, offset), kind.vector.as_pointer()))
    done.align = kind.bytes


def emit_splat(bd, kind, scalar):
    """All lanes alike; in a product it folds into the operand of the instruction."""
    return _fill(bd, kind.vector, scalar)


def emit_fma(bd, kind, a, b, c):
    """a b + c, fused where the machine can; a call of the C library would take a hundred times as long."""
    return call(bd, f"llvm.fmuladd.{kind.name}", kind.vector, [a, b, c])


def emit_load_part(bd, kind, p, i, n, lanes=None):
    """`load_part`; with `lanes` given, of a vector as short as that."""
    mask = _first(bd, kind, n, lanes or kind.lanes)
    zeros = ir.Constant(ir.VectorType(kind.number, mask.type.count), None)
    align = ir.Constant(I32, kind.bytes)
    return _masked(bd, kind, "load", zeros.type, mask, [at(bd, p, i), align, mask, zeros])


def emit_store_part(bd, kind, p, i, value, n):
    mask = _first(bd, kind, n, kind.lanes)
    align = ir.Constant(I32, kind.bytes)
    _masked(bd, kind, "store", ir.VoidType(), mask, [value, at(bd, p, i), align, mask])


def _masked(bd, kind, what, result, mask, arguments):
    """LLVM makes of it what the machine has, down to a branch for each lane."""
    return call(bd, f"llvm.masked.{what}.v{mask.type.count}f{8 * kind.bytes}.p0", result, arguments)


def _first(bd, kind, n, lanes):
    """The mask of the first `n` of `lanes` lanes."""
    count = ir.Constant(ir.VectorType(kind.integer, lanes), list(range(lanes)))
    n = call(bd, "llvm.smin.i64", I64, [n, ir.Constant(I64, lanes)])
    n = n if kind.integer == I64 else bd.trunc(n, kind.integer)
    return bd.icmp_signed("<", count, _fill(bd, count.type, n))


def _fill(bd, vector, scalar):
    nothing = ir.Constant(vector, ir.Undefined)
    one = bd.insert_element(nothing, scalar, ir.Constant(I32, 0))
    return bd.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(I32, vector.count), None))


def _define(function, cases, emit):
    """Give `function` its compiled body.

    ``cases(kind)`` lists (result, arguments); ``emit(bd, kind, *values)`` returns the result. Of several
    vectors, one may be a number where it is called: it fills all lanes.
    """

    class Template(ConcreteTemplate):
        pass

    Template.cases = []
    infer_global(function)(Template)
    for kind in (F32, F64):
        for result, wanted in cases(kind):
            for given in _given(kind, wanted):
                Template.cases.append(signature(result, *given))
                lower_builtin(function, *given)(_body(kind, wanted, emit))


def _given(kind, wanted):
    """The argument types that a case serves."""
    yield wanted
    vectors = [i for i, a in enumerate(wanted) if a == kind.vec]
    for i in vectors if len(vectors) > 1 else ():
        for number in dict.fromkeys((kind.dtype, types.float64, types.int64)):
            yield (*wanted[:i], number, *wanted[i + 1 :])


def _body(kind, wanted, emit):
    def body(context, bd, sig, values):
        filled = [
            emit_splat(bd, kind, context.cast(bd, value, given, kind.dtype))
            if want == kind.vec != given
            else value
            for value, given, want in zip(values, sig.args, wanted)
        ]
        result = emit(bd, kind, *filled)
        return context.get_dummy_value() if result is None else result

    return body


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


_define(load, lambda k: [(k.vec, (k.pointer, types.int64))], emit_load)
_define(
    store,
    lambda k: [(types.void, (k.pointer, types.int64, k.vec))],
    lambda bd, kind, p, i, v: emit_store(bd, kind, v, p, i),
)
_define(load_part, lambda k: [(k.vec, (k.pointer, types.int64, types.int64))], emit_load_part)
_define(store_part, lambda k: [(types.void, (k.pointer, types.int64, k.vec, types.int64))], emit_store_part)
_define(splat, lambda k: [(k.vec, (k.dtype,))], emit_splat)
_define(
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
    _define(_operator, lambda k: [(k.vec, (k.vec, k.vec))], _binary(_instruction))
_define(operator.neg, lambda k: [(k.vec, (k.vec,))], lambda bd, kind, a: bd.fneg(a, flags=EXACT))
_define(abs, lambda k: [(k.vec, (k.vec,))], lambda bd, k, a: call(bd, f"llvm.fabs.{k.name}", k.vector, [a]))


def _compare(sign):
    compare = "fcmp_unordered" if sign == "!=" else "fcmp_ordered"
    return lambda bd, kind, a, b: getattr(bd, compare)(sign, a, b, flags=EXACT)


for _operator, _sign in (
    (operator.lt, "<"), (operator.le, "<="), (operator.gt, ">"), (operator.ge, ">="),
    (operator.eq, "=="), (operator.ne, "!="),
):  # fmt: skip
    _define(_operator, lambda k: [(k.mask, (k.vec, k.vec))], _compare(_sign))
for _operator, _instruction in ((operator.and_, "and_"), (operator.or_, "or_")):
    _define(
        _operator,
        lambda k: [(k.mask, (k.mask, k.mask))],
        lambda bd, kind, a, b, i=_instruction: getattr(bd, i)(a, b),
    )


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


def _select(sign):
    return lambda bd, kind, a, b: bd.select(bd.fcmp_ordered(sign, a, b, flags=EXACT), a, b)


_define(where, lambda k: [(k.vec, (k.mask, k.vec, k.vec))], lambda bd, kind, m, a, b: bd.select(m, a, b))
_define(larger, lambda k: [(k.vec, (k.vec, k.vec))], _select(">"))
_define(smaller, lambda k: [(k.vec, (k.vec, k.vec))], _select("<"))
_define(
    maximum,
    lambda k: [(k.vec, (k.vec, k.vec))],
    lambda bd, k, *ab: call(bd, f"llvm.maximum.{k.name}", k.vector, ab, fastmath=EXACT),
)
_define(fma, lambda k: [(k.vec, (k.vec, k.vec, k.vec))], emit_fma)
_define(sqrt, lambda k: [(k.vec, (k.vec,))], lambda bd, k, a: call(bd, f"llvm.sqrt.{k.name}", k.vector, [a]))
_define(
    hsum,
    lambda k: [(k.dtype, (k.vec,))],
    lambda bd, k, a: call(
        bd, f"llvm.vector.reduce.fadd.{k.name}", k.number, [ir.Constant(k.number, 0.0), a],
        fastmath=("reassoc",),
    ),
)  # fmt: skip
_define(
    hmax,
    lambda k: [(k.dtype, (k.vec,))],
    lambda bd, k, a: call(bd, f"llvm.vector.reduce.fmaximum.{k.name}", k.number, [a], fastmath=EXACT),
)


def _ones(bd, bits, lanes):
    return call(bd, f"llvm.ctpop.i{lanes}", bits.type, [bits])


_define(
    some,
    lambda k: [(types.boolean, (k.mask,))],
    lambda bd, k, m: call(bd, f"llvm.vector.reduce.or.v{k.lanes}i1", ir.IntType(1), [m]),
)
_define(
    count,
    lambda k: [(types.int64, (k.mask,))],
    lambda bd, k, m: bd.zext(_ones(bd, bd.bitcast(m, ir.IntType(k.lanes)), k.lanes), I64),
)
