"""A call of the driver: what it reads and writes besides the memory of the program."""

import weakref

import numpy as np

from nbdl.step._driver import (
    ADVANCE,
    BOUNDS,
    COUNT,
    DATA,
    DONE,
    FACTORS,
    FIRST_BASES,
    GROUPS,
    GROUPS_END,
    IDX,
    LOSS,
    MOST_LATE,
    OPS,
    OWN_BASES,
    PHASES,
    PRIVATE,
    SAMPLES,
    SEED,
    SHARD_BOUNDS,
    SHARD_BYTES,
    SHARD_COUNT,
    SHARD_MEMORY,
    SHARDS,
    STATUS,
    STEP,
    STEPS,
    THREADS,
)
from nbdl.step._jobs import Call
from nbdl.step._team import MOST_SHARDS


class NativeCall:
    """`steps` minibatches of `n` samples, with so many `factors` each, the numbers that the update reads.

    It serves many calls: each writes only what is new to the board.
    """

    def __init__(self, program, n, steps, factors):
        self.n, self.steps, self.blocks = n, steps, -(-n // program.L)
        self._memory, self._arenas, self._team = program.memory, program.arenas, program.team
        self._status = program.plan.status
        shards = min(MOST_SHARDS, self.blocks)
        self._bounds = np.arange(shards + 1) * self.blocks // shards
        self._idx = np.empty((steps, self.blocks * program.L), np.int64)
        self._losses = np.zeros((steps, self.blocks + 1), program.dtype)
        self._means = np.zeros(steps)
        self._addresses = self._losses.ctypes.data, self._means.ctypes.data
        self._factors = np.zeros((steps, factors), program.dtype)
        moving = (IDX, self._idx), (LOSS, self._losses[:, 1:]), (FACTORS, self._factors)
        self._advance = np.zeros(COUNT, np.int64)
        self._advance[STEP] = 1
        for place, array in moving:
            self._advance[place] = array.strides[0]
        self._fixed = [(place, array.ctypes.data) for place, array in moving]
        self._tables = [None if isinstance(t, Call) else _addresses(t) for t in program.memory.tables]
        self._in_order = False
        self._me = weakref.ref(self)  # for the team: a call and its team must not keep one another alive

    def serves(self, program, n, steps):
        """Whether it is the call for so many steps of this program, as its memory is now."""
        return (
            (n, steps) == (self.n, self.steps) and program.memory is self._memory
            and program.arenas is self._arenas and program.team is self._team
        )  # fmt: skip

    def bind(self, data, order, factors, step, seed):
        """Take the arrays and numbers of a call: samples in the order `order` (None: as they come)."""
        words = self._team.words
        if self._team.call is not self._me:
            self._enter(words)
        if order is not None or not self._in_order:
            self._count(order)
        if factors is not None:
            self._factors[...] = factors
        for i, array in enumerate(data):
            words[FIRST_BASES + DATA + i] = array.ctypes.data
        for place, value in self._fixed:
            words[FIRST_BASES + place] = value
        words[FIRST_BASES + STEP], words[FIRST_BASES + SEED] = step, seed

    def begin(self, part, steps, threads, most_late=0):
        """Make the board ready for some steps of one segment of the program."""
        words = self._team.words
        words[GROUPS], words[GROUPS_END], words[PHASES], words[OPS] = self._tables[part]
        words[STEPS], words[DONE] = steps, 0
        words[THREADS], words[MOST_LATE] = threads, most_late

    def move_on(self, done):
        """Let the bases go on by so many minibatches."""
        self._team.words[FIRST_BASES : FIRST_BASES + COUNT] += done * self._advance

    def _enter(self, words):
        self._team.call = None  # should this be interrupted
        shards = len(self._bounds) - 1
        for place, value in (
            (ADVANCE, self._advance.ctypes.data), (STATUS, self._status.ctypes.data),
            (SHARD_MEMORY, self._memory.shards.ctypes.data),
            (SHARD_BYTES, self._memory.shard_bytes), (SHARD_BOUNDS, self._bounds.ctypes.data),
            (SHARD_COUNT, shards),
        ):  # fmt: skip
            words[place] = value
        bases = words[FIRST_BASES:]
        for place, value in (
            (SAMPLES, self.n), (SHARDS, shards), (BOUNDS, self._bounds.ctypes.data),
        ):  # fmt: skip
            bases[place] = value
        for t in range(self._team.size):
            self._team.line(t)[OWN_BASES + PRIVATE] = self._arenas[t].ctypes.data
        self._team.call = self._me

    def _count(self, order):
        """Sample numbers of whole blocks: the lanes that are left over repeat the last sample."""
        self._in_order = False
        given = (np.arange(self.n) if order is None else order).reshape(self.steps, self.n)
        self._idx[:, : self.n], self._idx[:, self.n :] = given, given[:, -1:]
        self._in_order = order is None

    def loss_of_python(self, value):
        """The loss of the one step, where a kernel in Python computes it."""
        self._losses[0] = 0
        self._losses[0, :2] = 1, value

    def means(self, done):
        """The loss of each finished minibatch: summed within a shard, then over shards, in order."""
        self._team.means(*self._addresses, done)
        return self._means[:done].copy()


def _addresses(table):
    groups, phases, ops = table
    return groups.ctypes.data, len(groups), phases.ctypes.data, ops.ctypes.data
