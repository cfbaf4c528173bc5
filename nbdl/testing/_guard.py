"""Arrays flush against pages that nobody may touch: a read or write outside them ends the process at once.

Compiled kernels do not check indices. The kit therefore places every array of a call at the very end (or
start) of its memory, makes the neighbouring pages inaccessible, fills the rest of the memory with a pattern,
and makes the call in a forked child: a stray access kills the child, not the caller.
"""

import ctypes
import faulthandler
import mmap
import os
import signal
import warnings

import numpy as np

PATTERN = 0xA5
available = hasattr(os, "fork")


class Guarded:
    """A copy of `array` that touches the forbidden page after it (at="end") or before it (at="start")."""

    def __init__(self, array, at):
        page = mmap.PAGESIZE
        room = max(1, -(-array.nbytes // page)) * page
        memory = mmap.mmap(-1, room + 2 * page)  # forbidden page, room, forbidden page
        offset = page + (room - array.nbytes if at == "end" else 0)
        whole = np.frombuffer(memory, np.uint8)
        whole[page : page + room] = PATTERN
        self.array = np.ndarray(array.shape, array.dtype, buffer=memory, offset=offset)
        self.array[...] = array
        self._rest = whole[page:offset], whole[offset + array.nbytes : page + room]
        libc = ctypes.CDLL(None, use_errno=True)
        for start in (0, page + room):
            address = ctypes.c_void_p(whole.ctypes.data + start)
            if libc.mprotect(address, ctypes.c_size_t(page), 0) != 0:
                raise OSError(ctypes.get_errno(), "mprotect")

    def intact(self):
        """Whether the memory around the array still holds the pattern."""
        return all((rest == PATTERN).all() for rest in self._rest)


def in_child(work):
    """Run ``work(say)`` in a forked child; returns (fault, the last text it said).

    `fault` is "" if the work returned, else what it raised, or what killed the child.
    """
    reader, writer = os.pipe()
    with warnings.catch_warnings():  # Python warns of forks beside threads; the child runs no thread
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reader)
            faulthandler.disable()
            work(lambda text: os.write(writer, text.encode() + b"\n"))
            code = 0
        except BaseException as error:
            os.write(writer, f"!{type(error).__name__}: {error}".replace("\n", " ").encode() + b"\n")
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8", errors="replace") as pipe:
        lines = pipe.read().splitlines()
    status = os.waitpid(child, 0)[1]
    said = [line for line in lines if not line.startswith("!")]
    raised = [line[1:] for line in lines if line.startswith("!")]
    fault = raised[0] if raised else ""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        fault = f"read or wrote outside an array (signal {number}, {signal.Signals(number).name})"
    return fault, said[-1] if said else ""
