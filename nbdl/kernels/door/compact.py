"""What LLVM makes of a call: doors and cores stay small, inner loops go into their callers."""

from numba import types
from numba.core import config
from numba.extending import intrinsic

from nbdl._jit import emitted


def compact():
    """Have the calling function compiled for size: LLVM neither unrolls nor vectorises its loops.

    For doors and cores, which spend their time in what they call.
    """


def inlined():
    """Have LLVM take the calling function into each of its callers, whatever its size.

    For what runs in an inner loop, or in a leaf of a program, where no call may be left that could raise.
    Numba compiles the function once; with ``jit(inline=True)`` it infers the types anew at each call.
    """


if not config.DISABLE_JIT:

    @emitted(inlined)
    @intrinsic
    def inlined(typingctx):
        def codegen(context, builder, sig, args):
            builder.function.attributes.add("alwaysinline")
            return context.get_dummy_value()

        return types.void(), codegen

    @emitted(compact)
    @intrinsic
    def compact(typingctx):
        def codegen(context, builder, sig, args):
            builder.function.attributes.add("optsize")
            return context.get_dummy_value()

        return types.void(), codegen
