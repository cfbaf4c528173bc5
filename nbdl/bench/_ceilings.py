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
from nbdl.kernels._simd import ACCUMULATORS, LANES, load, pointer, store
from nbdl.kernels._tile import part, rectangle, spec, tile

L = LANES["float32"]
COLUMNS = 4
ROWS = ACCUMULATORS // COLUMNS
# all steps of the tile read the same two registers: nothing but multiplying and adding is left
REGISTERS = spec([part(*rectangle(ROWS, COLUMNS, 0, 0, COLUMNS * L, L))], 0, 0)
FLOPS_A_STEP = 2 * ROWS * COLUMNS * L
TIMES, STEPS, FLOATS = 15, 2_000_000, 2**23
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


def _fma(pool, threads):
    """FLOP/s of a loop that keeps all it needs in registers."""
    work = _multiplication(threads)
    return FLOPS_A_STEP * STEPS * threads / _best(pool, lambda t: work(t, STEPS), threads)


def fma_in_turns(threads):
    """``(run, flops)``: ``run(n)`` does n times `flops` of that loop on so many threads.

    The clock of a core depends on what it did just before, and machines are shared: next to a row, sample by
    sample, this says how fast the same loop was in the same seconds.
    """
    work, pool = _multiplication(threads), ThreadPoolExecutor(threads)

    def run(n):
        list(pool.map(lambda t: work(t, n * TURN), range(threads)))

    return run, FLOPS_A_STEP * TURN * threads


def _multiplication(threads):
    """``work(thread, steps)``"""
    a, b = np.full((threads, L), 1e-8, np.float32), np.ones((threads, L), np.float32)
    c = np.zeros((threads, ROWS * COLUMNS * L), np.float32)
    return lambda t, steps: _multiply(a[t], b[t], c[t], steps)


def _bandwidth(pool, threads):
    """Bytes/s of the fastest of reading, copying, and the triad z = x + 2 y, on arrays of 32 MiB.

    Each array counts once, whether it is read or written: its cache lines come in once.
    """
    n = FLOATS // threads
    x, y, z = (np.full((threads, n), value, np.float32) for value in (1, 2, 3))
    loops = (
        (1, lambda t: _read(x[t])),
        (2, lambda t: _copy(x[t], y[t])),
        (3, lambda t: _triad(x[t], y[t], z[t])),
    )
    return max(4 * arrays * n * threads / _best(pool, work, threads) for arrays, work in loops)


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
def _read(x):
    p = pointer(x)
    s, t, u, v = load(p, 0), load(p, L), load(p, 2 * L), load(p, 3 * L)
    for i in range(4 * L, x.size - 4 * L + 1, 4 * L):
        s = s + load(p, i)
        t = t + load(p, i + L)
        u = u + load(p, i + 2 * L)
        v = v + load(p, i + 3 * L)
    store(p, 0, (s + t) + (u + v))


@jit
def _copy(x, y):
    p, q = pointer(x), pointer(y)
    for i in range(0, x.size - L + 1, L):
        store(q, i, load(p, i))


@jit
def _triad(x, y, z):
    p, q, r = pointer(x), pointer(y), pointer(z)
    for i in range(0, x.size - L + 1, L):
        store(r, i, load(p, i) + 2 * load(q, i))
