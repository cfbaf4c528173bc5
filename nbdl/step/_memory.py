"""Where everything lives: buffers get places in arenas, jobs become rows of the driver's table.

A buffer that one group alone needs lives in the arena of the thread that works on a block, and shares its
memory with others that are not alive at the same time. A kept buffer has memory for every block of a
minibatch, which it shares with others that are needed in earlier or later groups alone. Nothing is allocated
while a program runs.
"""

import contextlib
from dataclasses import dataclass

import numpy as np
from numba import from_dtype, types

from nbdl._leaf import LeafError, compile_leaves, leaf
from nbdl.errors import PluginError
from nbdl.kernels.lanes.twin import planes
from nbdl.kernels.simd.registers import LANES
from nbdl.step._driver import (
    BARRIER,
    CHECK,
    FEW,
    NOTHING,
    ONCE,
    PRIVATE,
    ROW,
    SHARD,
    SHARED,
    aligned,
    leaves,
)  # fmt: skip
from nbdl.step._forms import of_samples
from nbdl.step._jobs import Address, AllBlocks, Base, Call, Rows, Shard, Status, Strip, Walked

CACHE = 3 << 19  # bytes of an arena that the second-level cache holds; else blocks go one by one
LINE = 64  # bytes


class Group:
    """Phases without a barrier between them, each a list of jobs; over shards, or of shared items."""

    def __init__(self, over_shards, phases):
        self.over_shards, self.phases = over_shards, phases  # phases: [(over, items, jobs)]

    @property
    def jobs(self):
        return [job for *_, jobs in self.phases for job in jobs]

    @property
    def checks(self):
        return any(isinstance(o, Status) for job in self.jobs for o in job.operands.values())


class Segment:
    """Native code between two calls of Python: a list of groups."""

    def __init__(self, groups=()):
        self.groups = list(groups)


def segments(plan):
    """The plan in the order of execution: a list of `Segment` and `Call`."""
    order, phases = [Segment()], []

    def close():
        if phases:
            order[-1].groups.append(Group(True, list(phases)))
            phases.clear()

    def call(job):
        close()
        order.extend([job, Segment()])

    def shared(jobs):
        if jobs:
            order[-1].groups.append(Group(False, [(SHARED, job.items, [job]) for job in jobs]))

    for section in plan.sections:
        shared(section.before)
        for job in section.blocks:
            if isinstance(job, Call):
                call(job)
            elif phases and (phases[-1][0], phases[-1][2][-1].loop) == (job.over, job.loop):
                phases[-1][2].append(job)
            else:
                phases.append((job.over, 1, [job]))
        close()
        shared(section.finish)
    for group in plan.later:
        if isinstance(group, Call):
            call(group)
        else:
            shared(group)
    return [part for part in order if isinstance(part, Call) or part.groups]


@dataclass
class Places:
    """Where buffers are: in an arena of so many bytes, or with so many bytes of each block that are kept.

    `few` says how many blocks a group does at a time, `copied` which buffers have memory for each of these.
    """

    arena: int
    offsets: dict
    few: dict
    copied: set
    kept_bytes: int
    kept: dict

    def most(self):
        return max(self.few.values(), default=1)


def place(order, dtype):
    """The `Places` of all buffers; those that more than one group needs become kept ones."""
    size = np.dtype(dtype).itemsize
    groups = [part if isinstance(part, Call) else group for part in order
              for group in ([None] if isinstance(part, Call) else part.groups)]  # fmt: skip
    lives = {}
    for number, group in enumerate(groups):
        for job in [group] if isinstance(group, Call) else group.jobs:
            for buffer in job.buffers():
                first, _ = lives.setdefault(buffer, (number, number))
                lives[buffer] = first, number
    for buffer, (first, last) in lives.items():
        buffer.kept = buffer.kept or first != last
    end = len(groups)
    kept = {b: (first, end if b.result else last) for b, (first, last) in lives.items() if b.kept}
    kept_offsets, kept_bytes = _first_fit({b: (*life, _lines(b.floats * size)) for b, life in kept.items()})
    offsets, few, copied, arena = {}, {}, set(), 0
    for group in groups:
        if not isinstance(group, Call) and group.over_shards:
            placed, top, few[group], several = _place_group(group, size)
            offsets |= placed
            copied |= several
            arena = max(arena, top)
    return Places(arena, offsets, few, copied, kept_bytes, kept_offsets)


def _lines(size):
    """Bytes of whole cache lines."""
    return -(-size // LINE) * LINE


def _place_group(group, itemsize):
    """(offsets, bytes, blocks at a time, buffers with memory for each of these) of one group over shards."""
    lives, copied, position = {}, set(), 0
    for over, _, jobs in group.phases:
        first = position
        for job in jobs:
            for buffer in job.buffers():
                if not buffer.kept:
                    use = (position, first, first + len(jobs) - 1, over, job.loop)
                    lives.setdefault(buffer, []).append(use)
            position += 1
    spans = {}
    for buffer, uses in lives.items():
        several = len({first for _, first, *_ in uses}) > 1
        if several or any(over == FEW for *_, over, _ in uses):
            copied.add(buffer)
        whole = several or uses[0][-1] is not None  # a loop needs it from its first turn to its last
        start = min(u[1] if whole else u[0] for u in uses)
        end = max(u[2] if whole else u[0] for u in uses)
        spans[buffer] = start, end
    for few in (2, 1):
        sizes = {b: (*span, b.floats * itemsize * (few if b in copied else 1)) for b, span in spans.items()}
        offsets, top = _first_fit(sizes)
        if few == 1 or top <= CACHE:
            return offsets, top, few, copied
    return None


def _first_fit(wanted):
    """(offsets, size of all) for things alive from a first to a last position, of so many bytes each."""
    placed, top = [], 0
    for thing, (start, end, size) in sorted(wanted.items(), key=lambda item: -item[1][2]):
        offset = 0
        for low, high in sorted((o, o + s) for _, o, s, a, b in placed if a <= end and start <= b):
            if offset + size <= low:
                break
            offset = max(offset, high)
        placed.append((thing, offset, size, start, end))
        top = max(top, offset + size)
    return {thing: offset for thing, offset, *_ in placed}, top


class Memory:
    """The arrays of a program for minibatches of up to `blocks` blocks, and its tables."""

    def __init__(self, plan, order, blocks, places):
        self.dtype = np.dtype(plan.dtype)
        self.places, self.blocks, self._status = places, blocks, plan.status
        self.offsets, self.copied, self.few = places.offsets, places.copied, places.few
        self.kept_memory = aligned(max(places.kept_bytes * blocks, 1), np.uint8)
        self.kept = {
            b: self.kept_memory[offset * blocks :][: b.floats * self.dtype.itemsize * blocks].view(self.dtype)
            for b, offset in places.kept.items()
        }
        self.carried = [rows.array for rows in plan.carried]
        floats = max((s.shard_floats for s in plan.sections), default=0)
        self.shard_bytes = _lines(floats * self.dtype.itemsize)
        self.shards = aligned(8 * self.shard_bytes, np.uint8)
        jobs = [j for s in order if isinstance(s, Segment) for group in s.groups for j in group.jobs]
        with contextlib.suppress(LeafError):  # that of a job is raised below, where its name is known
            compile_leaves([*leaves(self.dtype), *((j.leaf, _kinds(j, self.dtype)) for j in jobs)])
        self.tables = [self.table(s) if isinstance(s, Segment) else s for s in order]

    def rows(self, buffer, shape):
        """A kept buffer of rows as an array of samples."""
        L = LANES[self.dtype.name]
        return self.kept[buffer].reshape(-1)[: self.blocks * buffer.floats].reshape(self.blocks * L, *shape)

    def table(self, segment):
        groups, phases, ops = [], [], []
        for number, group in enumerate(segment.groups):
            first = len(phases)
            for over, items, jobs in group.phases:
                turns = jobs[0].loop.count if jobs and jobs[0].loop else ONCE
                rows = [row for job in jobs for row in self._rows(job, number & 1)]
                phases.append((len(ops), len(ops) + len(rows), over, items, turns))
                ops += rows
            follows, few = CHECK if group.checks else BARRIER, self.few.get(group, 1)
            groups.append((first, len(phases), group.over_shards, follows, few))
        return tuple(np.array(t, np.int64) for t in (groups, phases, ops))

    def _rows(self, job, word):
        """The row of a job; in a loop a second one, how far each turn moves its operands on."""
        row = [address(job, self.dtype), len(job.operands)]
        for operand in job.operands.values():
            base, offset, per_item, per_slot = self._operand(operand, word)
            row += offset, base + 256 * per_item, per_slot
        moves = [o.per_turn if isinstance(o, Walked) else 0 for o in job.operands.values()]
        rows = [row, moves] if job.loop else [row]
        return [words + [0] * (ROW - len(words)) for words in rows]

    def _operand(self, operand, word):
        """(base, offset, per item, per slot)."""
        if isinstance(operand, str):  # "stride"
            return NOTHING, self.shard_bytes // self.dtype.itemsize, 0, 0
        if operand is None or isinstance(operand, int):
            return NOTHING, operand or 0, 0, 0
        if isinstance(operand, Base):
            return operand.number, operand.offset, operand.per_item, 0
        if isinstance(operand, Walked):
            base, offset, per_item, per_slot = self._operand(operand.operand, word)
            return base, offset + operand.offset, per_item, per_slot
        if isinstance(operand, Status):
            return NOTHING, self._status.ctypes.data + word * self._status.itemsize, 0, 0
        if isinstance(operand, Address | Rows):
            return NOTHING, operand.array.ctypes.data + operand.offset, operand.per_item, 0
        if isinstance(operand, AllBlocks):
            return NOTHING, self.kept[operand.buffer].ctypes.data, 0, 0
        if isinstance(operand, Shard):
            if operand.all:
                return NOTHING, self.shards.ctypes.data + operand.offset, 0, 0
            return SHARD, operand.offset, 0, 0
        if isinstance(operand, Strip):
            base, offset, per_item, per_slot = self._operand(operand.buffer, word)
            row = planes(operand.buffer.shape)[2] * LANES[self.dtype.name] * self.dtype.itemsize
            return base, offset - operand.row * row, per_item, per_slot
        size = operand.floats * self.dtype.itemsize
        if operand in self.kept:
            return NOTHING, self.kept[operand].ctypes.data, size, 0
        return PRIVATE, self.offsets[operand], 0, size if operand in self.copied else 0


def address(job, dtype):
    """The address of a job's leaf, compiled for the kinds of its operands."""
    try:
        return leaf(job.leaf, *_kinds(job, dtype))
    except LeafError as error:
        if job.node is None:
            raise PluginError("the lanes twin of `{}` does not compile: {}", job.what, error) from None
        given = ", ".join(
            f"`{name}` {of_samples(v.shape) if v.batched else v.shape}" for name, v in job.node.named.items()
        )
        text = "the lanes twin of kernel `{}` does not compile for {} of {} (the call in {}): {}"
        raise PluginError(text, job.node.record.name, given, dtype, job.node.where, error) from None


def _kinds(job, dtype):
    floats, integers = types.CPointer(from_dtype(np.dtype(dtype))), types.CPointer(types.int64)
    return [_kind(operand, floats, integers) for operand in job.operands.values()]


def _kind(operand, floats, integers):
    if isinstance(operand, Walked):
        operand = operand.operand
    if isinstance(operand, (int, str)):
        return types.int64
    if isinstance(operand, Base):
        return {"number": types.int64, "floats": floats, "integers": integers}[operand.kind]
    if isinstance(operand, Status) or (isinstance(operand, Address) and operand.array.dtype.kind == "i"):
        return integers
    return floats
