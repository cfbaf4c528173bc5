"""The vector types of Numba, and the LLVM instructions that operations on them emit.

`define` gives a Python function its compiled body. Whoever writes kernels needs none of this: `registers.py`,
`shuffle.py` and `vector_math.py` have the functions.
"""

from typing import ClassVar

from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.core.codegen import get_host_cpu_features
from numba.core.datamodel.models import PrimitiveModel
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import lower_builtin, register_model

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
    mask = first_mask(bd, kind, n, lanes or kind.lanes)
    zeros = ir.Constant(ir.VectorType(kind.number, mask.type.count), None)
    align = ir.Constant(I32, kind.bytes)
    return _masked(bd, kind, "load", zeros.type, mask, [at(bd, p, i), align, mask, zeros])


def emit_store_part(bd, kind, p, i, value, n):
    mask = first_mask(bd, kind, n, kind.lanes)
    align = ir.Constant(I32, kind.bytes)
    _masked(bd, kind, "store", ir.VoidType(), mask, [value, at(bd, p, i), align, mask])


def _masked(bd, kind, what, result, mask, arguments):
    """LLVM makes of it what the machine has, down to a branch for each lane."""
    return call(bd, f"llvm.masked.{what}.v{mask.type.count}f{8 * kind.bytes}.p0", result, arguments)


def first_mask(bd, kind, n, lanes):
    """The mask of the first `n` of `lanes` lanes."""
    count = ir.Constant(ir.VectorType(kind.integer, lanes), list(range(lanes)))
    n = call(bd, "llvm.smin.i64", I64, [n, ir.Constant(I64, lanes)])
    n = n if kind.integer == I64 else bd.trunc(n, kind.integer)
    return bd.icmp_signed("<", count, _fill(bd, count.type, n))


def _fill(bd, vector, scalar):
    nothing = ir.Constant(vector, ir.Undefined)
    one = bd.insert_element(nothing, scalar, ir.Constant(I32, 0))
    return bd.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(I32, vector.count), None))


def define(function, cases, emit):
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
