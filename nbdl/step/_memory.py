"""Where everything lives: buffers get places in arenas, jobs become rows of the driver's table.

A buffer that is needed only within a few blocks lives in the arena of the thread that works on them, and
shares its memory with others that are not alive at the same time. A kept buffer has memory for every
block of a minibatch. Nothing is allocated while a program runs.
"""

import numpy as np
from numba import types

from nbdl._leaf import compile_leaves, leaf
from nbdl.kernels.lanes.twin import INDICES, planes
from nbdl.kernels.simd.registers import LANES
from nbdl.step._driver import (
    BARRIER,
    BOUNDS,
    CHECK,
    FACTORS,
    FEW,
    IDX,
    LOSS,
    NOTHING,
    OPERANDS,
    PRIVATE,
    SHARD,
    SHARED,
    X,
    Y,
    aligned,
    leaves,
)  # fmt: skip
from nbdl.step._jobs import Address, Base, Call, Shard, Strip, Whole

CACHE = 3 << 19  # bytes of an arena that the second-level cache holds; else blocks go one by one


class Stretch:
    """Native code between two calls of Python: groups, each a list of phases, each a list of jobs."""

    def __init__(self):
        self.groups = []  # (over shards, [(over, items, jobs)])


def stretches(plan):
    """The plan in the order of execution: a list of `Stretch` and `Call`."""
    order, stretch = [], Stretch()
    if plan.labels:
        stretch.groups.append((False, [(SHARED, 1, plan.labels)]))
    phases = []

    def close():
        if phases:
            stretch.groups.append((True, list(phases)))
            phases.clear()

    for job in plan.blocks:
        if isinstance(job, Call):
            close()
            order += [stretch, job] if stretch.groups else [job]
            stretch = Stretch()
        elif phases and phases[-1][0] == job.over:
            phases[-1][2].append(job)
        else:
            phases.append((job.over, 1, [job]))
    close()
    for group in [plan.finish, *plan.later]:
        if isinstance(group, Call):
            order += [stretch, group] if stretch.groups else [group]
            stretch = Stretch()
        elif group:
            stretch.groups.append((False, [(SHARED, job.items, [job]) for job in group]))
    return [*order, stretch] if stretch.groups else order


def place(order, dtype):
    """Give every buffer that is not kept its offset in a thread's arena.

    Returns (blocks at a time, bytes of an arena, offsets, which buffers have memory for each block at hand).
    """
    lives, copied, position = {}, set(), 0
    for stretch in order:
        if isinstance(stretch, Call):
            position += 1
            continue
        for _, phases in stretch.groups:
            for over, _, jobs in phases:
                first = position
                for job in jobs:
                    for buffer in job.buffers():
                        lives.setdefault(buffer, []).append(
                            (position, first, first + len(jobs) - 1, over, stretch)
                        )
                    position += 1
    sizes, offsets = {}, {}
    for buffer, uses in lives.items():
        if buffer.kept:
            continue
        if len({id(s) for *_, s in uses}) > 1:
            buffer.kept = True  # Python runs in between: blocks wait for each other
            continue
        several = len({first for _, first, *_ in uses}) > 1
        if several or any(over == FEW for *_, over, _ in uses):
            copied.add(buffer)
        whole = several
        start = min(u[1] if whole else u[0] for u in uses)
        end = max(u[2] if whole else u[0] for u in uses)
        sizes[buffer] = (start, end)
    few = 2
    while True:
        top, placed, offsets = 0, [], {}
        for buffer, (start, end) in sorted(sizes.items(), key=lambda item: -item[0].floats):
            size = buffer.floats * np.dtype(dtype).itemsize * (few if buffer in copied else 1)
            taken = sorted((o, o + s) for b, o, s in placed if sizes[b][0] <= end and start <= sizes[b][1])
            offset = 0
            for low, high in taken:
                if offset + size <= low:
                    break
                offset = max(offset, high)
            placed.append((buffer, offset, size))
            offsets[buffer] = offset
            top = max(top, offset + size)
        if few == 1 or top <= CACHE:
            return few, top, offsets, copied
        few = 1


class Memory:
    """The arrays of a program for minibatches of up to `blocks` blocks, and its tables."""

    def __init__(self, plan, order, blocks, placed):
        self.dtype = np.dtype(plan.dtype)
        self.few, self.private, self.offsets, self.copied = placed
        self.blocks = blocks
        jobs = [j for s in order if isinstance(s, Stretch) for _, ps in s.groups for *_, js in ps for j in js]
        kept = {b for j in jobs for b in j.buffers() if b.kept}
        self.kept = {b: aligned(b.floats * blocks, self.dtype) for b in kept}
        self.shard_bytes = -(-plan.shard_floats * self.dtype.itemsize // 64) * 64
        self.shards = aligned(8 * self.shard_bytes, np.uint8)
        compile_leaves([*leaves(self.dtype), *((j.leaf, _kinds(j, self.dtype)) for j in jobs)])
        self.tables = [self.table(s) if isinstance(s, Stretch) else s for s in order]

    def rows(self, buffer, shape):
        """A kept buffer of rows as an array of samples."""
        L = LANES[self.dtype.name]
        return self.kept[buffer].reshape(-1)[: self.blocks * buffer.floats].reshape(self.blocks * L, *shape)

    def table(self, stretch):
        groups, phases, ops = [], [], []
        for over_shards, group in stretch.groups:
            first = len(phases)
            for over, items, jobs in group:
                phases.append((len(ops), len(ops) + len(jobs), over, items))
                ops += [self._op(job) for job in jobs]
            checks = any("status" in job.operands for *_, jobs in group for job in jobs)
            groups.append((first, len(phases), over_shards, CHECK if checks else BARRIER))
        return tuple(np.array(t, np.int64) for t in (groups, phases, ops))

    def _op(self, job):
        row = [address(job, self.dtype), len(job.operands)]
        for operand in job.operands.values():
            base, offset, per_item, per_slot = self._operand(operand)
            row += offset, base + 256 * per_item, per_slot
        return row + [0] * (2 + 3 * OPERANDS - len(row))

    def _operand(self, operand):
        """(base, offset, per item, per slot)."""
        if isinstance(operand, str):  # "stride"
            return NOTHING, self.shard_bytes // self.dtype.itemsize, 0, 0
        if operand is None or isinstance(operand, int):
            return NOTHING, operand or 0, 0, 0
        if isinstance(operand, Base):
            return operand.number, operand.offset, operand.per_item, 0
        if isinstance(operand, Address):
            return NOTHING, operand.array.ctypes.data + operand.offset, operand.per_item, 0
        if isinstance(operand, Whole):
            return NOTHING, self.kept[operand.buffer].ctypes.data, 0, 0
        if isinstance(operand, Shard):
            if operand.all:
                return NOTHING, self.shards.ctypes.data + operand.offset, 0, 0
            return SHARD, operand.offset, 0, 0
        if isinstance(operand, Strip):
            base, offset, per_item, per_slot = self._operand(operand.buffer)
            row = planes(operand.buffer.shape)[2] * LANES[self.dtype.name] * self.dtype.itemsize
            return base, offset - operand.row * row, per_item, per_slot
        size = operand.floats * self.dtype.itemsize
        if operand.kept:
            return NOTHING, self.kept[operand].ctypes.data, size, 0
        return PRIVATE, self.offsets[operand], 0, size if operand in self.copied else 0


def address(job, dtype):
    """The address of a job's leaf, compiled for the kinds of its operands."""
    return leaf(job.leaf, *_kinds(job, dtype))


def _kinds(job, dtype):
    number = types.float32 if dtype == np.float32 else types.float64
    return [_kind(name, operand, number) for name, operand in job.operands.items()]


def _kind(name, operand, number):
    if isinstance(operand, (int, str)):
        return types.int64
    if isinstance(operand, Base) and operand.number not in (X, Y, IDX, LOSS, FACTORS, BOUNDS):
        return types.int64
    if name in INDICES:
        return types.CPointer(types.int64)
    return types.CPointer(number)
