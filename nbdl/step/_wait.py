"""How threads of native code wait for each other, on words of memory that they share.

A thread that waits spins, then gives its core away, then sleeps, so that on a busy machine it takes no time
from those it waits for. It sleeps in a lock of Python's (`PyThread_acquire_lock`), which needs no GIL and
exists on every system. Who sleeps says so on its line before it looks at the word a last time, and who
changes the word looks at the line afterwards: no wake-up is lost.
"""

import ctypes
import sys
import weakref

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from nbdl._jit import jit

LINE = 64  # words of a thread's line: what one thread writes all the time is on no other one's line
WORK, ASLEEP, LOCK = range(3)  # whether there is work, whether the thread sleeps, the lock in which it does
SPINS, YIELDS = 2000, 300  # turns of waiting: a tenth of a millisecond on a quiet machine

_WORD = ir.IntType(64)


@intrinsic
def at(context, address):
    """The words that begin at an address."""

    def emit(context, bd, sig, values):
        return bd.inttoptr(values[0], _WORD.as_pointer())

    return types.CPointer(types.int64)(address), emit


@intrinsic
def load(context, board, i):
    """Word i, as other threads have left it."""

    def emit(context, bd, sig, values):
        return bd.load_atomic(bd.gep(values[0], [values[1]]), "seq_cst", 8)

    return types.int64(board, types.int64), emit


@intrinsic
def add(context, board, i, n):
    """Add n to word i; returns what it was."""

    def emit(context, bd, sig, values):
        return bd.atomic_rmw("add", bd.gep(values[0], [values[1]]), values[2], "seq_cst")

    return types.int64(board, types.int64, types.int64), emit


@intrinsic
def swap(context, board, i, new):
    """Put another value into word i; returns what it was."""

    def emit(context, bd, sig, values):
        return bd.atomic_rmw("xchg", bd.gep(values[0], [values[1]]), values[2], "seq_cst")

    return types.int64(board, types.int64, types.int64), emit


_acquire = types.ExternalFunction("PyThread_acquire_lock", types.int32(types.int64, types.int32))
_release = types.ExternalFunction("PyThread_release_lock", types.void(types.int64))

if sys.platform == "win32":  # pragma: no cover

    @jit(inline=True)
    def _pause():
        pass

else:
    _yield = types.ExternalFunction("sched_yield", types.int32())

    @jit(inline=True)
    def _pause():
        _yield()


@jit(inline=True)
def wait(board, word, old, line):
    """Wait until a word is no longer `old`; `line` is that of the thread that waits. How often it slept."""
    tries, slept = 0, 0
    while load(board, word) == old:
        tries += 1
        if tries > SPINS + YIELDS:
            swap(board, line + ASLEEP, 1)
            if load(board, word) == old or swap(board, line + ASLEEP, 0) == 0:
                _acquire(board[line + LOCK], 1)
            slept += 1
        elif tries > SPINS:
            _pause()
    return slept


@jit(inline=True)
def wake(board, line):
    """Wake the thread of a line if it sleeps; the word that it waits for has been changed."""
    if load(board, line + ASLEEP) != 0 and swap(board, line + ASLEEP, 0) == 1:
        _release(board[line + LOCK])


def new_lock(owner):
    """The address of a lock to sleep in; it is freed with `owner`."""
    address = _python("PyThread_allocate_lock", ctypes.c_void_p)()
    if not address:
        raise MemoryError("the system gives no lock")
    weakref.finalize(owner, _python("PyThread_free_lock", None, ctypes.c_void_p), address).atexit = False
    _python("PyThread_acquire_lock", ctypes.c_int, ctypes.c_void_p, ctypes.c_int)(address, 1)
    return address


def _python(name, result, *arguments):
    return ctypes.PYFUNCTYPE(result, *arguments)((name, ctypes.pythonapi))
