"""The memory of a C-contiguous array, seen as an array of another type or shape.

These are intrinsics: compiled `ndarray.reshape` brings along the code that finds out whether it must copy.
"""

import math

from numba import types
from numba.core import cgutils, config
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from nbdl._jit import emitted


def flat(a):
    """The same memory as an array of one dimension; `a` is C-contiguous."""
    return a.reshape(-1)


def rows(a):
    """The same memory as a matrix whose rows are the last axis of `a`; `a` is C-contiguous."""
    return a.reshape(math.prod(a.shape[:-1]), a.shape[-1])


@intrinsic
def as_writable(typingctx, a):
    """The same memory, typed as a writable C-ordered array.

    For an array that is known to be so, or is only read.
    """

    def codegen(context, builder, sig, args):
        return impl_ret_borrowed(context, builder, sig.return_type, args[0])

    return types.Array(a.dtype, a.ndim, "C")(a), codegen


if not config.DISABLE_JIT:

    @emitted(flat)
    @intrinsic
    def flat(typingctx, a):
        one = types.Array(a.dtype, 1, "C")

        def codegen(context, builder, sig, args):
            old = context.make_array(sig.args[0])(context, builder, args[0])
            new = context.make_array(one)(context, builder)
            populate_array(new, old.data, [old.nitems], [old.itemsize], old.itemsize, old.meminfo, old.parent)
            return impl_ret_borrowed(context, builder, one, new._getvalue())

        return one(types.Array(a.dtype, a.ndim, "C")), codegen

    @emitted(rows)
    @intrinsic
    def rows(typingctx, a):
        two = types.Array(a.dtype, 2, "C")

        def codegen(context, builder, sig, args):
            old = context.make_array(sig.args[0])(context, builder, args[0])
            new = context.make_array(two)(context, builder)
            *leading, last = cgutils.unpack_tuple(builder, old.shape)
            count = context.get_constant(types.intp, 1)
            for n in leading:
                count = builder.mul(count, n)
            strides = [builder.mul(last, old.itemsize), old.itemsize]
            populate_array(new, old.data, [count, last], strides, old.itemsize, old.meminfo, old.parent)
            return impl_ret_borrowed(context, builder, two, new._getvalue())

        return two(types.Array(a.dtype, a.ndim, "C")), codegen
