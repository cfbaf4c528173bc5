"""The driver: runs a table of leaves, for many minibatches, in one call without the GIL.

A program is three tables. A row of `ops` is the address of a leaf and its operands; `phases` are runs of
ops for the same items; `groups` are phases that need no barrier between them. In a group over shards each
thread takes whole shards of the minibatch and walks their blocks, a few at a time, through all phases:
what one phase leaves in the cache the next one finds there. In other groups the items of a phase are
shared out. No datum is written by two threads, and no sum depends on which thread made it: the bits are
those of one thread.
"""

import ctypes
import functools
import inspect
import sys

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from nbdl._jit import jit
from nbdl._leaf import leaf

OPERANDS = 16
ROW = 2 + 3 * OPERANDS  # numbers of an op: address, how many operands, operands
# An operand is base[b] + offset + item * per_item + slot * per_slot, in three words: offset, b + 256
# per_item, per_slot. The bases of a thread:
BASES = NOTHING, PRIVATE, SHARD, X, Y, IDX, LOSS, FACTORS, SAMPLES, BLOCKS, SHARDS, BOUNDS, STEP, SEED = (
    range(14)
)
# What a phase runs over: once when a shard begins, its blocks in groups of a few, one by one; or shared
# items.
START, FEW, EACH, SHARED = range(4)
# What follows a group: a barrier, or one after which the threads look whether a leaf has set the status.
# Between two groups that may set it is another barrier: all threads see the same.
BARRIER, CHECK = 1, 2


@intrinsic(prefer_literal=True)
def _call(context, count, ops, n, base, item, slot):
    """Call the leaf of row n with `count` of its operands, a number known to the compiler, and zeros.

    A leaf that takes fewer than OPERANDS ignores the rest: all calling conventions that Numba compiles for
    allow it. That operands are found here, not in compiled Python, makes the driver compile in half the time.
    """

    def emit(context, bd, sig, values):
        _, ops, n, base, item, slot = values
        word = ir.IntType(64)
        row = bd.gep(ops, [bd.mul(n, ir.Constant(word, ROW))])

        def at(p, i):
            return bd.load(bd.gep(p, [ir.Constant(word, i) if isinstance(i, int) else i]))

        def operand(i):
            offset, kind, per_slot = (at(row, 3 * i + k) for k in (2, 3, 4))
            start = bd.add(at(base, bd.and_(kind, ir.Constant(word, 255))), offset)
            moved = bd.mul(item, bd.ashr(kind, ir.Constant(word, 8)))
            return bd.add(bd.add(start, moved), bd.mul(slot, per_slot))

        leaf = ir.FunctionType(ir.VoidType(), [word] * OPERANDS).as_pointer()
        operands = [operand(i) for i in range(count.literal_value)]
        bd.call(bd.inttoptr(at(row, 0), leaf), operands + [ir.Constant(word, 0)] * (OPERANDS - len(operands)))
        return context.get_dummy_value()

    return types.void(count, ops, n, base, item, slot), emit


@intrinsic
def _arrive(context, sync):
    """Add one to sync[0], seen by all threads; returns what it was."""

    def emit(context, bd, sig, values):
        return bd.atomic_rmw("add", values[0], ir.Constant(ir.IntType(64), 1), "seq_cst")

    return types.int64(sync), emit


@intrinsic
def _arrived(context, sync):
    """sync[0] as the other threads have left it."""

    def emit(context, bd, sig, values):
        return bd.load_atomic(values[0], "seq_cst", 8)

    return types.int64(sync), emit


if sys.platform == "win32":  # pragma: no cover

    @jit
    def _pause():
        pass

else:
    _yield = types.ExternalFunction("sched_yield", types.int32())

    @jit
    def _pause():
        _yield()


@jit
def _barrier(sync, threads):
    """Wait for all threads: spin, and give the core away if another thread is late."""
    goal, turns = (_arrive(sync) // threads + 1) * threads, 0
    while _arrived(sync) < goal:
        turns += 1
        if turns > 2000:
            _pause()


@jit(inline=True)
def _run(ops, first, end, base, item, slot):
    for n in range(first, end):
        count = ops[n * ROW + 1]
        if count <= 4:
            _call(4, ops, n, base, item, slot)
        elif count <= 8:
            _call(8, ops, n, base, item, slot)
        else:
            _call(16, ops, n, base, item, slot)


def _drive(
    thread, threads, groups, groups_end, phases, ops, base, advance, sync, status, steps, few, shards,
    shard_bytes, bounds, shard_count, bases, done,
):  # fmt: skip
    for step in range(steps):
        for g in range(groups_end):
            first, end = groups[4 * g], groups[4 * g + 1]
            if groups[4 * g + 2]:
                for s in range(shard_count * thread // threads, shard_count * (thread + 1) // threads):
                    base[SHARD] = shards + s * shard_bytes
                    block = bounds[s]
                    while block < bounds[s + 1]:
                        n = min(few, bounds[s + 1] - block)
                        base[BLOCKS] = n
                        for p in range(first, end):
                            over = phases[4 * p + 2]
                            if over != START or block == bounds[s]:
                                for i in range(n if over == EACH else 1):
                                    _run(ops, phases[4 * p], phases[4 * p + 1], base, block + i, i)
                        block += n
            else:
                for p in range(first, end):
                    items = phases[4 * p + 3]
                    for i in range(items * thread // threads, items * (thread + 1) // threads):
                        _run(ops, phases[4 * p], phases[4 * p + 1], base, i, 0)
            if threads > 1:
                _barrier(sync, threads)
            if groups[4 * g + 3] == CHECK and status[0] != 0:
                return
        for b in range(bases):
            base[b] += advance[b]
        done[0] = step + 1


_ARRAYS = {"groups", "phases", "ops", "base", "advance", "sync", "status", "bounds", "done"}
DRIVER = (
    _drive,
    [
        types.CPointer(types.int64) if name in _ARRAYS else types.int64
        for name in inspect.signature(_drive).parameters
    ],
)


@functools.cache
def _driver():
    """`_drive` as a function of Python, which calls it without the GIL."""
    function, kinds = DRIVER
    return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * len(kinds))(leaf(function, *kinds))


def drive(thread, threads, groups, phases, ops, base, advance, sync, status, steps, few, shards, bounds):
    """Run `steps` minibatches; returns how many were finished (fewer if a leaf set ``status[0]``).

    Parameters
    ----------
    groups : (n, 4) int64
        First phase, end, whether it goes over shards, what follows (`BARRIER` or `CHECK`).
    phases : (n, 4) int64
        First op, end, what it runs over, items (of shared ones).
    ops : (n, ROW) int64
        Address, number of operands, and the operands.
    base : (len(BASES),) int64
        Of this thread; `advance` is added after each minibatch.
    few : int
        Blocks that go through the phases of a group together.
    shards : (address of the first shard's memory, bytes of one)
    bounds : (S + 1,) int64
        Shard s has the blocks bounds[s] <= block < bounds[s + 1].
    """
    done = np.zeros(1, np.int64)
    _driver()(
        thread, threads, groups.ctypes.data, len(groups), phases.ctypes.data, ops.ctypes.data,
        base.ctypes.data, advance.ctypes.data, sync.ctypes.data, status.ctypes.data, steps, few, *shards,
        bounds.ctypes.data, len(bounds) - 1, len(BASES), done.ctypes.data,
    )  # fmt: skip
    return int(done[0])


def aligned(size, dtype):
    """A flat array of zeros that begins at a multiple of 64 bytes and ends at one."""
    size = -(-size * np.dtype(dtype).itemsize // 64) * 64
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype)
