"""How long each row of a program takes, alone and from memory that is already in the caches."""

import contextlib
import copy
import math
import time
from dataclasses import replace

import numpy as np

from nbdl.nn._inputs import count, each
from nbdl.step._driver import BARRIER, aligned
from nbdl.step._jobs import Buffer, Call, Strip
from nbdl.step._memory import Group, Segment
from nbdl.step._report import in_order, report

TIMES = 5  # the best of so many measurements
STEPS, SECONDS = 20, 0.05  # minibatches of one measurement: so many, but no more than fit in this time


def measure(step, x, y):
    """The `Report` of a compiled step for the minibatch x, y, with the time of the step and of each row.

    A row runs alone, on all threads of the step. What it shares with its neighbours in a step, lines of an
    image that are still in the first cache, is not seen. Net, optimizer and step are left as they were.

    Parameters
    ----------
    step : CompiledStep
    x, y : (N, ...) arrays

    Returns
    -------
    Report
    """
    n, x, y = count(x), each(np.asarray, x), each(np.asarray, y)
    found = report(step, n)
    with step.program.exclusive():
        step.program.reserve(n)  # rows of buffers per sample, too
    with _unchanged(step):
        step(x, y, 0.0)  # compiles
        step, spare = _with_room(step)
        once = _seconds(step, x, y, 1)
        steps = min(STEPS, math.ceil(SECONDS / once))
        found.seconds, calls = _seconds(step, x, y, steps), _seconds_of_calls(step, x, y)
        for line in found.lines:
            if isinstance(line.work[0], Call):
                line.seconds = calls[line.work[0]]
                continue
            jobs = {job: _apart(job, spare) for job in line.work}
            nothing = _seconds(_only(step, jobs, groups=0), x, y, steps)
            seconds = _seconds(_only(step, jobs), x, y, steps, _before(step, jobs))
            line.seconds = max(seconds - nothing, 0.0)
    return found


def _seconds(step, x, y, often, before=None):
    """The least time of one minibatch, where `often` of them run in one call, each time after `before`."""
    n, found = count(x), []
    order = np.tile(np.arange(n), often)
    for _ in range(TIMES):
        if before is not None:
            before(x, y, 0.0)
        step(x, y, 0.0)
        begun = time.perf_counter()
        step.run(x, y, order, n, 0.0)
        found.append(time.perf_counter() - begun)
    return min(found) / often


def _seconds_of_calls(step, x, y):
    """The least time of each `Call` of Python within whole steps."""
    seconds = {}

    def timed(call):
        def run(program, n):
            begun = time.perf_counter()
            call.run(program, n)
            spent = time.perf_counter() - begun
            seconds[call] = min(spent, seconds.get(call, spent))

        return replace(call, run=run)

    tables = step.program.memory.tables
    if any(isinstance(table, Call) for table in tables):
        _seconds(_with_tables(step, [timed(t) if isinstance(t, Call) else t for t in tables]), x, y, 1)
    return seconds


# --- parts of a step ----------------------------------------------------------------------------------------


def _only(step, jobs, groups=None):
    """The step with no other rows than `jobs`, a dict of what stands for each; of their groups the first."""
    (table,) = _tables(step, jobs)
    table[0][:, 3] = BARRIER  # what a row alone finds wrong is no reason to stop
    return _with_tables(step, [(table[0][:groups], *table[1:])], native=True)


def _apart(job, spare):
    """The job with its result in a spare buffer if it works in place: applied to its own result again and
    again, it would come to numbers that are no longer normal, and slow to compute with."""
    used = [(name, o) for name, o in job.operands.items() if isinstance(o, Buffer | Strip)]
    names, operands = {o: name for name, o in used}, [o for _, o in used]  # the last name: the result
    twice = {name: _spare(o, spare) for o, name in names.items() if operands.count(o) > 1}
    return replace(job, operands=job.operands | twice) if twice else job


def _spare(operand, spare):
    if isinstance(operand, Strip):
        return Strip(spare[operand.buffer], operand.row)
    return spare.get(operand, operand)


def _with_room(step):
    """(step, spare): the step with larger arenas, and for each of their buffers one more in the new part."""
    program, memory = step.program, copy.copy(step.program.memory)
    spare = {buffer: Buffer(buffer.floats, buffer.name, shape=buffer.shape) for buffer in memory.offsets}
    end = -(-program.placed.arena // 64) * 64
    memory.offsets = memory.offsets | dict.fromkeys(spare.values(), end)
    memory.copied = memory.copied | {spare[buffer] for buffer in memory.copied}
    most = program.placed.most() * max((b.floats for b in spare), default=0) * program.dtype.itemsize
    step = copy.copy(step)
    step.program = copy.copy(program)
    step.program.memory, step.program.tuners = memory, None
    step.program.arenas = [aligned(end + most, np.uint8) for _ in program.arenas]
    return step, spare


def _before(step, jobs):
    """The step as far as `jobs`: then memory holds what they read; later rows put other things there."""
    work = list(in_order(step.program))
    earlier = set(work[: max(map(work.index, jobs))]) - jobs.keys()
    return _with_tables(step, _tables(step, {job: job for job in earlier}), native=False)


def _tables(step, chosen):
    """The tables and calls of a step with the rows of some jobs alone: `chosen` says what stands for each."""
    tables, memory = [], copy.copy(step.program.memory)
    memory.few = dict(memory.few)
    for part in step.program.order_of_execution:
        segment = Segment()
        for group in () if isinstance(part, Call) else part.groups:
            phases = [(o, items, [chosen[j] for j in jobs if j in chosen]) for o, items, jobs in group.phases]
            if phases := [phase for phase in phases if phase[2]]:
                segment.groups.append(Group(group.over_shards, phases))
                memory.few[segment.groups[-1]] = memory.few.get(group, 1)
        if segment.groups:
            tables.append(memory.table(segment))
        elif part in chosen:
            tables.append(part)
    return tables


def _with_tables(step, tables, **attributes):
    """The step with another program in the same memory."""
    other = copy.copy(step)
    other.program = copy.copy(step.program)
    other.program.memory = copy.copy(step.program.memory)
    other.program.memory.tables = tables
    vars(other.program).update(attributes)
    return other


# --- what a step writes to ----------------------------------------------------------------------------------


@contextlib.contextmanager
def _unchanged(step):
    before, steps = [(a, a.copy()) for a in _arrays(step)], step.updater.steps
    try:
        yield
    finally:
        for array, values in before:
            array[...] = values
        step.updater.steps = steps


def _arrays(step):
    program = step.program
    yield from program.arenas
    yield from program.plan.arrays
    if program.memory is not None:
        yield program.memory.shards
        yield program.memory.kept_memory
    yield from step.gradients.values()
    yield from (a._array for a in step.program.net_arrays.values())
    for arrays in step.updater.state.values():
        yield from arrays.values()
