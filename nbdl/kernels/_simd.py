"""A SIMD register as a number: the vector type of the kernels.

`load` gives L neighbouring floats as one value. It adds, multiplies and compares like a float, lane by lane, so
that ordinary Numba code is vector code::

    p, q = pointer(x), pointer(y)
    for i in range(0, n - n % L, L):
        store(q, i, sigmoid(load(p, i) * 2.0))

L (`LANES`) fills one register of the machine that compiles: 16 floats with AVX-512, 8 with AVX, 4 elsewhere
(float64: half of it). The type says how wide it is, the compiler need not find out; nothing here names an
instruction of one make of processor. Loads and stores need no alignment. Arithmetic may be fused (a * b + c
rounds once) and never reordered. Scalars beside a vector take its dtype.

Every function has two bodies: Python on NumPy arrays, which runs where the JIT is disabled, and below it what it
emits in compiled code.
"""

import operator
import os

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils, config
from numba.core.datamodel.models import PrimitiveModel
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, register_model

# --- how wide, and how many -------------------------------------------------------------------------------


def _features():
    """The instruction sets that Numba compiles for: those of the host, or NUMBA_CPU_FEATURES."""
    if config.CPU_FEATURES is not None:
        return set(config.CPU_FEATURES.split(","))
    if os.environ.get("NUMBA_CPU_NAME") == "generic":
        return set()
    return {f"+{name}" for name, has in binding.get_host_cpu_features().items() if has}


def _registers(features):
    """Bytes of a vector register, and how many accumulators leave registers for the operands of a tile."""
    if "+avx512f" in features:
        return 64, 24
    if "+avx" in features:
        return 32, 12
    return 16, 24 if "+neon" in features else 12


_BYTES, ACCUMULATORS = _registers(_features())
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

    of = {}  # on the class, which the fingerprint of compiled code knows by its source

    def __init__(self, dtype, number, integer, significand):
        Kind.of[dtype] = self
        self.dtype, self.number, self.integer = dtype, number, integer
        self.pointer = types.CPointer(dtype)
        self.vec = Vec(dtype)
        self.lanes, self.significand = self.vec.lanes, significand
        self.mask = Mask(self.lanes)
        self.vector = ir.VectorType(number, self.lanes)
        self.integers = ir.VectorType(integer, self.lanes)
        self.name = f"v{self.lanes}f{32 if dtype == types.float32 else 64}"

    def constant(self, value):
        return ir.Constant(self.vector, [float(value)] * self.lanes)

    def whole(self, value):
        return ir.Constant(self.integers, [value] * self.lanes)


F32 = Kind(types.float32, ir.FloatType(), ir.IntType(32), 23)
F64 = Kind(types.float64, ir.DoubleType(), ir.IntType(64), 52)
KINDS = {types.float32: F32, types.float64: F64}
I32, I64 = ir.IntType(32), ir.IntType(64)


def _model(width):
    class Model(PrimitiveModel):
        def __init__(self, manager, kind):
            super().__init__(manager, kind, width(kind))

    return Model


register_model(Vec)(_model(lambda vec: KINDS[vec.dtype].vector))
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
        if first < 0 or first + n > self.array.size:
            raise IndexError(f"{n} elements at {first} of {self.array.size}")
        return self.array[first : first + n]


# --- emitting ---------------------------------------------------------------------------------------------

# May fuse a product and a sum and take reciprocals. Instructions with any flag are left alone when Numba adds a
# function's fast-math flags, and so nothing reorders the sums here (bit tricks need that).
FLAGS = ("contract", "nsz", "arcp")
EXACT = ("nsz",)


def at(bd, p, offset):
    """The address of element `offset` of a pointer."""
    return bd.gep(p, [offset if isinstance(offset, ir.Value) else ir.Constant(I64, offset)])


def emit_load(bd, kind, p, offset=0):
    value = bd.load(bd.bitcast(at(bd, p, offset), kind.vector.as_pointer()))
    value.align = kind.number.get_abi_size(_LAYOUT)
    return value


def emit_store(bd, kind, value, p, offset=0):
    done = bd.store(value, bd.bitcast(at(bd, p, offset), kind.vector.as_pointer()))
    done.align = kind.number.get_abi_size(_LAYOUT)


def emit_splat(bd, kind, scalar):
    """All lanes alike; in a product it folds into the operand of the instruction."""
    nothing = ir.Constant(kind.vector, ir.Undefined)
    one = bd.insert_element(nothing, scalar, ir.Constant(I32, 0))
    return bd.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(I32, kind.lanes), [0] * kind.lanes))


def call(bd, name, result, arguments, **options):
    """A call of an LLVM intrinsic."""
    signature = ir.FunctionType(result, [a.type for a in arguments])
    return bd.call(cgutils.get_or_insert_function(bd.module, signature, name), arguments, **options)


def emit_fma(bd, kind, a, b, c):
    return call(bd, f"llvm.fma.{kind.name}", kind.vector, [a, b, c])


_LAYOUT = binding.create_target_data("e-m:e-i64:64-n8:16:32:64-S128")


def _define(function, cases, emit):
    """Give `function` a compiled body: ``cases(kind)`` lists (result, arguments); vectors are filled up.

    Where a case says `Vec` and the caller has a plain number, the number goes to all lanes.
    """

    class Template(ConcreteTemplate):
        pass

    Template.cases = []
    infer_global(function)(Template)
    for kind in (F32, F64):
        for result, arguments in cases(kind):
            for given in _given(kind, arguments):
                Template.cases.append(signature(result, *given))
                lower_builtin(function, *given)(_body(kind, arguments, emit))


def _given(kind, arguments):
    """The argument types that a case serves: as it says, or one vector of several replaced by a number."""
    yield tuple(arguments)
    places = [i for i, a in enumerate(arguments) if a == kind.vec]
    if len(places) > 1:
        for i in places:
            for number in (types.float64, kind.dtype, types.int64):
                if number is not kind.dtype or kind.dtype is types.float32:
                    yield (*arguments[:i], number, *arguments[i + 1 :])


def _body(kind, wanted, emit):
    def body(context, bd, sig, values):
        filled = [
            emit_splat(bd, kind, context.cast(bd, v, given, kind.dtype))
            if want == kind.vec and given != kind.vec
            else v
            for want, given, v in zip(wanted, sig.args, values)
        ]
        result = emit(bd, kind, *filled)
        return context.get_dummy_value() if result is None else result

    return body


# --- memory -----------------------------------------------------------------------------------------------


def pointer(array):
    """The first element of a C-contiguous array; keep the array alive while the pointer is used."""
    return Pointer(array.reshape(-1))


if not config.DISABLE_JIT:

    @intrinsic
    def pointer(context, array):  # noqa: F811
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
    """The `n` elements from `p[i]` on (0 <= n <= L) and zeros behind them; reads nothing else."""
    v = np.zeros(LANES[p.array.dtype.name], p.array.dtype)
    v[:n] = p.part(i, n)
    return v


def store_part(p, i, v, n):
    """Write the first `n` lanes of `v` (0 <= n <= L), nothing else."""
    p.part(i, n)[:] = v[:n]


def splat(x):
    """A vector of `x` in every lane; `x` is a float32 or float64."""
    return np.full(LANES[np.asarray(x).dtype.name], x)


def emit_first(bd, kind, n):
    """The mask of the first `n` lanes."""
    count = ir.Constant(ir.VectorType(I64, kind.lanes), list(range(kind.lanes)))
    nothing = ir.Constant(count.type, ir.Undefined)
    wide = bd.shuffle_vector(
        bd.insert_element(nothing, n, ir.Constant(I32, 0)),
        nothing,
        ir.Constant(ir.VectorType(I32, kind.lanes), [0] * kind.lanes),
    )
    return bd.icmp_signed("<", count, wide)


def _masked(bd, kind, what, result, arguments, p):
    """Masked memory access: LLVM turns it into what the machine has, down to one branch for each lane."""
    name = f"llvm.masked.{what}.{kind.name}.p0"
    types_ = [a.type for a in arguments]
    function = cgutils.get_or_insert_function(bd.module, ir.FunctionType(result, types_), name)
    return bd.call(function, arguments)


def emit_load_part(bd, kind, p, i, n):
    place = bd.bitcast(at(bd, p, i), kind.vector.as_pointer())
    align = ir.Constant(I32, kind.number.get_abi_size(_LAYOUT))
    return _masked(
        bd, kind, "load", kind.vector, [place, align, emit_first(bd, kind, n), kind.constant(0)], place
    )


def emit_store_part(bd, kind, p, i, value, n):
    place = bd.bitcast(at(bd, p, i), kind.vector.as_pointer())
    align = ir.Constant(I32, kind.number.get_abi_size(_LAYOUT))
    _masked(bd, kind, "store", ir.VoidType(), [value, place, align, emit_first(bd, kind, n)], place)


_define(load, lambda k: [(k.vec, (k.pointer, types.int64))], emit_load)
_define(
    store,
    lambda k: [(types.void, (k.pointer, types.int64, k.vec))],
    lambda bd, kind, p, i, v: emit_store(bd, kind, v, p, i),
)
_define(load_part, lambda k: [(k.vec, (k.pointer, types.int64, types.int64))], emit_load_part)
_define(
    store_part, lambda k: [(types.void, (k.pointer, types.int64, k.vec, types.int64))], emit_store_part
)
_define(splat, lambda k: [(k.vec, (k.dtype,))], emit_splat)
_define(
    operator.add,
    lambda k: [(k.pointer, (k.pointer, types.int64))],
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
_define(
    operator.neg, lambda k: [(k.vec, (k.vec,))], lambda bd, kind, a: bd.fsub(kind.constant(-0.0), a, EXACT)
)
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
    """a b + c, rounded once where the JIT runs."""
    return a * b + c


def sqrt(x):
    """The square root."""
    return np.sqrt(x)


def hsum(v):
    """The sum of all lanes, as a number; its order is that of the machine's width."""
    return v.sum()


def hmax(v):
    """The largest lane, as a number; NaN lanes are passed over."""
    return np.fmax.reduce(v)


def _select(sign):
    return lambda bd, kind, a, b: bd.select(bd.fcmp_ordered(sign, a, b, flags=EXACT), a, b)


def _emit_maximum(bd, kind, a, b):
    first = bd.or_(
        bd.fcmp_ordered(">", a, b, flags=EXACT), bd.fcmp_unordered("!=", a, a, flags=EXACT)
    )
    return bd.select(first, a, b)


_define(where, lambda k: [(k.vec, (k.mask, k.vec, k.vec))], lambda bd, kind, m, a, b: bd.select(m, a, b))
_define(larger, lambda k: [(k.vec, (k.vec, k.vec))], _select(">"))
_define(smaller, lambda k: [(k.vec, (k.vec, k.vec))], _select("<"))
_define(maximum, lambda k: [(k.vec, (k.vec, k.vec))], _emit_maximum)
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
    lambda bd, k, a: call(bd, f"llvm.vector.reduce.fmax.{k.name}", k.number, [a]),
)
