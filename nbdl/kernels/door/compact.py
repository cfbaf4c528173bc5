"""What LLVM makes of a function: doors and cores stay small."""

from numba import types
from numba.core import config
from numba.extending import intrinsic

from nbdl._jit import emitted


def compact():
    """Have the calling function compiled for size: LLVM neither unrolls nor vectorises its loops.

    For doors and cores, which spend their time in what they call.
    """


if not config.DISABLE_JIT:

    @emitted(compact)
    @intrinsic
    def compact(typingctx):
        def codegen(context, builder, sig, args):
            builder.function.attributes.add("optsize")
            return context.get_dummy_value()

        return types.void(), codegen
