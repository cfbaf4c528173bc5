"""Compiled code that finds a net by its address: no file of Numba's cache ever holds one."""

import weakref

import numpy as np
from llvmlite import ir
from numba import from_dtype, types
from numba.core import cgutils, config
from numba.extending import intrinsic

from nbdl.kernels.simd.registers import pointer


class _Kept:
    """What compiled code points to: `arrays`, and machine code."""

    def __init__(self, *things):
        self.things = things


def by_address(predict, arrays, moved, dtypes):
    """``call(n, *pointers)``: `predict` with these arrays; ``moved()``: whether one of `moved` is not 0.

    `dtypes` are those of the inputs, the results and the scratch memory that the pointers are to.

    All is found by its address, which holds as long as what is returned besides, a `_Kept`, lives. Compiled
    code that has the addresses keeps it alive.
    """
    if config.DISABLE_JIT:
        call = lambda n, *given: predict(n, *given, *map(pointer, arrays))  # noqa: E731
        return call, lambda: any(m[0] for m in moved), None
    kinds = [types.CPointer(from_dtype(d)) for d in map(np.dtype, (*dtypes, *(a.dtype for a in arrays)))]
    wanted = (types.int64, *kinds)
    predict.compile(wanted)
    compiled = predict.overloads[wanted]
    address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    kept = _Kept(predict, arrays, moved)
    places, signs, weak = [a.ctypes.data for a in arrays], [m.ctypes.data for m in moved], weakref.ref(kept)

    def word(context, bd, address, kind):
        context.active_code_library.kept = weak()
        return bd.bitcast(context.add_dynamic_addr(bd, address, info="of a net"), kind)

    @intrinsic
    def call(context, n, *given):
        def emit(context, bd, sig, values):
            n, given = values
            values = [n, *cgutils.unpack_tuple(bd, given)]
            convention = context.call_conv
            code = word(context, bd, address, convention.get_function_type(types.none, wanted).as_pointer())
            arrays = (
                word(context, bd, p, context.get_value_type(k)) for p, k in zip(places, kinds[len(dtypes) :])
            )
            status, _ = convention.call_function(bd, code, types.none, wanted, [*values, *arrays])
            with cgutils.if_unlikely(bd, status.is_error):
                convention.return_status_propagate(bd, status)
            return context.get_dummy_value()

        return types.none(types.int64, types.StarArgTuple(wanted[1 : 1 + len(dtypes)])), emit

    @intrinsic
    def any_moved(context):
        def emit(context, bd, sig, values):
            kind = context.get_value_type(types.int64)
            found = ir.Constant(kind, 0)
            for sign in signs:
                found = bd.or_(found, bd.load(word(context, bd, sign, kind.as_pointer())))
            return found

        return types.int64(), emit

    return call, any_moved, kept
