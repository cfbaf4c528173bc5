"""New arrays. Large ones lie in large pages where Linux has them, as those that NumPy makes do.

The first write to a page is a fault, in which the system clears it. In pages of 4 KiB that takes several
times as long as most kernels need for the whole array, so Linux is asked for pages of 2 MiB
(``MADV_HUGEPAGE``). What it answers does not matter.
"""

import sys

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic, overload

from nbdl._jit import emitted
from nbdl.kernels.door.views import flat

LARGE = 2**22  # bytes from which on NumPy asks, too
PAGE, HUGE = 4096, 14  # MADV_HUGEPAGE


def new(shape, x):
    """An array of the dtype of `x`, with any values."""
    return np.empty(shape, x.dtype)


def new_zeros(shape, x):
    """The same with zeros."""
    return np.zeros(shape, x.dtype)


def _in_large_pages(a):
    """Ask for them, before anything is written; `a` is new."""


if not config.DISABLE_JIT:

    @emitted(_in_large_pages)
    @intrinsic
    def _in_large_pages(typingctx, a):
        def codegen(context, bd, sig, args):
            array = context.make_array(sig.args[0])(context, bd, args[0])
            size = bd.mul(array.nitems, array.itemsize)
            i32, i64 = ir.IntType(32), size.type
            if sys.platform == "linux" and i64.width == 64:
                with bd.if_then(bd.icmp_signed(">=", size, i64(LARGE)), likely=False):
                    begin = bd.ptrtoint(array.data, i64)
                    first = bd.and_(bd.add(begin, i64(PAGE - 1)), i64(-PAGE))
                    length = bd.sub(bd.add(begin, size), first)
                    signature = ir.FunctionType(i32, [i64, i64, i32])
                    advise = cgutils.get_or_insert_function(bd.module, signature, "madvise")
                    bd.call(advise, [first, length, i32(HUGE)])
            return context.get_dummy_value()

        return types.void(a), codegen


@overload(new)
def _new(shape, x):
    def impl(shape, x):
        a = np.empty(shape, x.dtype)
        _in_large_pages(a)
        return a

    return impl


@overload(new_zeros)
def _new_zeros(shape, x):
    def impl(shape, x):
        a = new(shape, x)
        p = flat(a)
        for i in range(p.size):
            p[i] = 0
        return a

    return impl
