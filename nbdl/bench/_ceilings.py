"""The two ceilings of this machine: how fast it multiplies and adds, how fast it moves memory.

No program takes less than the larger of ``flops / fma`` and ``bytes / bandwidth``: the roofline of Williams,
Waterman and Patterson 2009 ("Roofline: an insightful visual performance model", CACM 52). Both are measured
in float32 with the vector type and the tile that the kernels are made of.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.simd.emit import ACCUMULATORS
from nbdl.kernels.simd.registers import LANES, load, pointer, store
from nbdl.kernels.simd.tile import part, rectangle, spec, tile

L = LANES["float32"]
COLUMNS = 4
ROWS = ACCUMULATORS // COLUMNS
# all steps of the tile read the same two registers: nothing but multiplying and adding is left
REGISTERS = spec([part(*rectangle(ROWS, COLUMNS, 0, 0, COLUMNS * L, L))], 0, 0)
FLOPS_A_STEP = 2 * ROWS * COLUMNS * L
TIMES, STEPS, MEMORY = 15, 2_000_000, 2**25  # the last in bytes, of an array that no cache of a core holds
TURN = 20_000  # steps: what a row is timed in turns with


class Ceilings(NamedTuple):
    """What `threads` threads reach together: FLOP/s in registers, bytes/s from and to memory."""

    threads: int
    fma: float
    bandwidth: float

    def bound(self, flops, moved):
        """The least seconds that so many FLOPs and bytes moved can take, and what says so."""
        return max((flops / self.fma, "fma"), (moved / self.bandwidth, "memory"))


def ceilings(threads=1):
    """Measure the `Ceilings` of `threads` threads: the best of several runs, in less than a second."""
    with ThreadPoolExecutor(threads) as pool:
        return Ceilings(threads, _fma(pool, threads), _bandwidth(pool, threads))


def bandwidth(size, threads, moved):
    """Bytes/s of the loops in memory on arrays of `size` bytes together: of the cache that holds them.

    What is called again and again on the same arrays finds them there, so memory is no ceiling for it. Some
    `moved` bytes are moved for each time that is taken.
    """
    with ThreadPoolExecutor(threads) as pool:
        return _bandwidth(pool, threads, size, moved)


def _fma(pool, threads):
    """FLOP/s of a loop that keeps all it needs in registers."""
    work = _multiplication(threads)
    return FLOPS_A_STEP * STEPS * threads / _best(pool, lambda t: work(t, STEPS), threads)


def fma_in_turns(threads):
    """``(run, flops)``: ``run(n)`` does n times `flops` of that loop on so many threads.

    The clock of a core depends on what it did just before, and machines are shared: next to a row, sample by
    sample, this says how fast the same loop was in the same seconds.
    """
    work = _multiplication(threads)
    each = map if threads == 1 else ThreadPoolExecutor(threads).map  # one in the thread whose time is taken

    def run(n):
        list(each(lambda t: work(t, n * TURN), range(threads)))

    return run, FLOPS_A_STEP * TURN * threads


def _multiplication(threads):
    """``work(thread, steps)``"""
    a, b = np.full((threads, L), 1e-8, np.float32), np.ones((threads, L), np.float32)
    c = np.zeros((threads, ROWS * COLUMNS * L), np.float32)
    return lambda t, steps: _multiply(a[t], b[t], c[t], steps)


def _bandwidth(pool, threads, size=None, moved=0):
    """Bytes/s of the fastest of reading, copying, and the triad z = x + 2 y.

    On arrays of 32 MiB each, or of `size` bytes together. Each array counts once, whether it is read or
    written: its cache lines come in once.
    """
    rates = []
    for arrays, loop in ((1, _read), (2, _copy), (3, _triad)):
        n = MEMORY // 4 // threads if size is None else max(size // (4 * arrays * threads), 8 * L)
        data = np.ones((arrays, threads, n), np.float32)
        times = max(1, moved // data.nbytes)
        seconds = _best(pool, lambda t: loop(times, *data[:, t]), threads)  # noqa: B023
        rates.append(times * data.nbytes / seconds)
    return max(rates)


def _best(pool, work, threads):
    """The least seconds in which all threads have done ``work(thread)``."""
    seconds = []
    for _ in range(TIMES + 1):  # the first one compiles
        start = time.perf_counter()
        list(pool.map(work, range(threads)))
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


@jit
def _multiply(a, b, c, steps):
    tile(REGISTERS, 0, steps, pointer(a), pointer(b), pointer(c), pointer(c))


@jit
def _read(times, x):
    p = pointer(x)
    for _ in range(times):
        s, t, u, v = load(p, 0), load(p, L), load(p, 2 * L), load(p, 3 * L)
        for i in range(4 * L, x.size - 4 * L + 1, 4 * L):
            s = s + load(p, i)
            t = t + load(p, i + L)
            u = u + load(p, i + 2 * L)
            v = v + load(p, i + 3 * L)
        store(p, 0, (s + t) + (u + v))  # what is read next depends on it: no reading can be left out


@jit
def _copy(times, x, y):
    p, q = pointer(x), pointer(y)
    for _ in range(times):
        for i in range(0, x.size - L + 1, L):
            store(q, i, load(p, i))


@jit
def _triad(times, x, y, z):
    p, q, r = pointer(x), pointer(y), pointer(z)
    for _ in range(times):
        for i in range(0, x.size - L + 1, L):
            store(r, i, load(p, i) + 2 * load(q, i))
