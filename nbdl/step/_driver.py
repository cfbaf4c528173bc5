"""The driver: runs a table of leaves, for many minibatches, in one call without the GIL.

A program is three tables. A row of `ops` is the address of a leaf and its operands; `phases` are runs of
ops for the same items; `groups` are phases that need no barrier between them. In a group over shards each
thread takes whole shards of the minibatch and walks their blocks, a few at a time, through all phases:
what one phase leaves in the cache the next one finds there. In other groups the items of a phase are
shared out. No datum is written by two threads, and no sum depends on which thread made it: the bits are
those of one thread.

All that the threads of a call share stands on a *board* of 64-bit words: first what is called, then the
barrier, then a line for each thread. A call begins and ends in native code, where nothing of Python can be
raised: there is no moment at which some threads are at work and the caller is not.
"""

import ctypes
import functools

import numpy as np
from llvmlite import ir
from numba import from_dtype, types
from numba.extending import intrinsic

from nbdl._jit import jit
from nbdl._leaf import leaf
from nbdl.step._layout import sum_blocks
from nbdl.step._wait import LINE, WORK, add, at, load, swap, wait, wake

OPERANDS = 16
ROW = 2 + 3 * OPERANDS  # numbers of an op: address, how many operands, operands
# An operand is base[b] + offset + item * per_item + slot * per_slot, in three words: offset, b + 256
# per_item, per_slot. An op of a loop has one more row: how far each turn moves its operands on. The bases of
# a thread:
NOTHING, PRIVATE, SHARD, IDX, LOSS, FACTORS, SAMPLES, BLOCKS, SHARDS, BOUNDS, STEP, SEED, DATA = range(13)
COUNT = 32  # from DATA on one for each array of the data
MOST_DATA = COUNT - DATA
# What a phase runs over: once when a shard begins, its blocks in groups of a few, one by one; or shared
# items. Its words: first op, end, what it runs over, how many items are shared; turns for each item, or ONCE.
START, FEW, EACH, SHARED = range(4)
PHASE = 5
ONCE = -1  # instead of turns: the phase is no loop
# A group: its first phase and the end, whether it is over shards, what follows, how many blocks at a time.
GROUP = 5
# What follows is a barrier, or one after which the threads look whether a leaf has set the status: one of two
# words, by turns, so that a thread that is ahead does not set what a slow one still looks at.
BARRIER, CHECK = 1, 2
# The words of a board: addresses and numbers of the call, what the bases begin with, the barrier. Each
# thread's line has its own bases.
(GROUPS, GROUPS_END, PHASES, OPS, ADVANCE, STATUS, STEPS, SHARD_MEMORY, SHARD_BYTES, SHARD_BOUNDS,
 SHARD_COUNT, DONE, THREADS, LATE, MOST_LATE) = range(15)  # fmt: skip
FIRST_BASES, ARRIVED, PASSED, STOP, LINES = 16, 48, 49, 50, 64
OWN_BASES = LINE // 2  # of a line: so far behind the words that other threads look at


@intrinsic(prefer_literal=True)
def _call(context, count, ops, n, base, item, slot, turn):
    """Call the leaf of row n with `count` of its operands, a number known to the compiler, and zeros.

    In a loop `turn` is a variable; elsewhere it is the literal 0, and nobody looks how far operands walk.
    A leaf that takes fewer than OPERANDS ignores the rest: all calling conventions that Numba compiles for
    allow it. That operands are found here, not in compiled Python, makes the driver compile in half the time.
    """

    def emit(context, bd, sig, values):
        _, ops, n, base, item, slot, turn = values
        word = ir.IntType(64)
        row = bd.gep(ops, [bd.mul(n, ir.Constant(word, ROW))])

        def at(p, i):
            return bd.load(bd.gep(p, [ir.Constant(word, i) if isinstance(i, int) else i]))

        def operand(i):
            offset, kind, per_slot = (at(row, 3 * i + k) for k in (2, 3, 4))
            start = bd.add(at(base, bd.and_(kind, ir.Constant(word, 255))), offset)
            moved = bd.mul(item, bd.ashr(kind, ir.Constant(word, 8)))
            if not isinstance(sig.args[-1], types.Literal):
                moved = bd.add(moved, bd.mul(turn, at(row, ROW + i)))
            return bd.add(bd.add(start, moved), bd.mul(slot, per_slot))

        leaf = ir.FunctionType(ir.VoidType(), [word] * OPERANDS).as_pointer()
        operands = [operand(i) for i in range(count.literal_value)]
        bd.call(bd.inttoptr(at(row, 0), leaf), operands + [ir.Constant(word, 0)] * (OPERANDS - len(operands)))
        return context.get_dummy_value()

    return types.void(count, ops, n, base, item, slot, turn), emit


@jit(inline=True)
def _run(ops, phase, base, item, slot):
    for turn in range(phase[4]):  # none where the phase is no loop
        for n in range(phase[0], phase[1], 2):
            _call(16, ops, n, base, item, slot, turn)
    for n in range(phase[0], phase[1] if phase[4] < 0 else phase[0]):
        count = ops[n * ROW + 1]
        if count <= 4:
            _call(4, ops, n, base, item, slot, 0)
        elif count <= 8:
            _call(8, ops, n, base, item, slot, 0)
        else:
            _call(16, ops, n, base, item, slot, 0)


@jit(inline=True)
def _barrier(board, thread, threads):
    """Wait for all threads of the call; LATE counts how often one of them fell asleep over it."""
    passed = load(board, PASSED)
    if add(board, ARRIVED, 1) == threads - 1:
        swap(board, ARRIVED, 0)
        add(board, PASSED, 1)
        for t in range(threads):
            if t != thread:
                wake(board, LINES + t * LINE)
    else:
        slept = wait(board, PASSED, passed, LINES + thread * LINE)
        if slept:
            add(board, LATE, slept)


@jit(inline=True)
def _run_steps(board, thread, threads, base):
    """The part of one thread in a call."""
    groups, phases, ops = at(board[GROUPS]), at(board[PHASES]), at(board[OPS])
    status, bounds, advance = at(board[STATUS]), at(board[SHARD_BOUNDS]), at(board[ADVANCE])
    shard_count = board[SHARD_COUNT]
    for step in range(board[STEPS]):
        for g in range(board[GROUPS_END]):
            first, end, few = groups[GROUP * g], groups[GROUP * g + 1], groups[GROUP * g + 4]
            if groups[GROUP * g + 2]:
                for s in range(shard_count * thread // threads, shard_count * (thread + 1) // threads):
                    base[SHARD] = board[SHARD_MEMORY] + s * board[SHARD_BYTES]
                    block = bounds[s]
                    while block < bounds[s + 1]:
                        n = min(few, bounds[s + 1] - block)
                        base[BLOCKS] = n
                        for p in range(first, end):
                            over = phases[PHASE * p + 2]
                            if over != START or block == bounds[s]:
                                for i in range(n if over == EACH else 1):
                                    _run(ops, phases + PHASE * p, base, block + i, i)
                        block += n
            else:
                for p in range(first, end):
                    items = phases[PHASE * p + 3]
                    for i in range(items * thread // threads, items * (thread + 1) // threads):
                        _run(ops, phases + PHASE * p, base, i, 0)
            if thread == 0 and g == board[GROUPS_END] - 1 and 0 < board[MOST_LATE] <= load(board, LATE):
                swap(board, STOP, 1)  # all threads see it after the barrier
            if threads > 1:
                _barrier(board, thread, threads)
            if groups[GROUP * g + 3] == CHECK and status[g & 1] != 0:
                return
        for b in range(COUNT):
            base[b] += advance[b]
        if thread == 0:
            board[DONE] = step + 1
        if load(board, STOP):
            return


def _work(thread, address):
    """Thread 0: lead one call. Others: wait for their turns, and walk along. -1: send the others away."""
    board = at(address)
    line = LINES + thread * LINE
    if thread == 0:
        board[DONE], board[LATE], board[STOP] = 0, 0, 0
        at(board[STATUS])[0], at(board[STATUS])[1] = 0, 0
    if thread <= 0:
        for t in range(1, board[THREADS]):
            swap(board, LINES + t * LINE + WORK, 1 if thread == 0 else -1)
            wake(board, LINES + t * LINE)
    while thread >= 0:
        if thread > 0:
            wait(board, line + WORK, 0, line)
            if swap(board, line + WORK, 0) < 0:
                return
        threads = board[THREADS]
        base = at(address + 8 * (line + OWN_BASES))
        private = base[PRIVATE]
        for b in range(COUNT):
            base[b] = board[FIRST_BASES + b]
        base[PRIVATE] = private
        _run_steps(board, thread, threads, base)
        if threads > 1:
            _barrier(board, thread, threads)
        if thread == 0:
            return


def _means(address, losses, means, steps):
    """The loss of each minibatch: summed within a shard, then over the shards."""
    board = at(address)
    bounds, shards = at(board[SHARD_BOUNDS]), board[SHARD_COUNT]
    row = 1 + bounds[shards]  # before the losses of the blocks stands what the mean divides by
    for step in range(steps):
        means[step] = sum_blocks(losses + (step * row + 1), bounds, shards) / losses[step * row]


def leaves(dtype):
    """What every program of a dtype runs besides leaves of its own: functions, and the types of arguments."""
    losses = types.CPointer(from_dtype(dtype))
    return (
        (_work, (types.int64, types.int64)),
        (_means, (types.int64, losses, types.CPointer(types.float64), types.int64)),
    )


@functools.cache
def functions(dtype):
    """``work(thread, board)`` and ``means(board, losses, means, steps)``, of addresses; without the GIL."""
    return tuple(
        ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * len(kinds))(leaf(function, *kinds))
        for function, kinds in leaves(dtype)
    )


def aligned(size, dtype):
    """A flat array of zeros that begins at a multiple of 64 bytes and ends at one."""
    size = -(-size * np.dtype(dtype).itemsize // 64) * 64
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype)
