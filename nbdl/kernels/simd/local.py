"""Stack memory of a leaf: small scratch that is needed only until the leaf returns."""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import config
from numba.extending import intrinsic

from nbdl.kernels.simd.registers import Pointer

LINE = 64  # bytes of a cache line, where it begins


def local(like, n):
    """A pointer to `n` elements, a number known when the code is compiled, of the type that `like` points to.

    Their values are undefined. Called twice in one place, as in a loop, it gives the same memory.
    """
    return Pointer(np.empty(n, like.array.dtype))


if not config.DISABLE_JIT:

    @intrinsic(prefer_literal=True)
    def local(context, like, n):
        if not isinstance(n, types.IntegerLiteral):
            return None

        def emit(context, bd, sig, values):
            with bd.goto_entry_block():
                place = bd.alloca(
                    context.get_value_type(like.dtype), ir.Constant(ir.IntType(64), n.literal_value)
                )
            place.align = LINE
            return place

        return like(like, n), emit
