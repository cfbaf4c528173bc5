"""How long each row of a program takes, alone and from memory that is already in the caches."""

import contextlib
import copy
import math
import time

import numpy as np

from nbdl.step._driver import BARRIER
from nbdl.step._memory import Stretch
from nbdl.step._plan import Buffer, Call
from nbdl.step._report import report

TIMES = 5  # the best of so many measurements
STEPS, SECONDS = 20, 0.05  # minibatches of one measurement: so many, but no more than fit in this time
IN_PLACE = 4  # of a row that works on its own result: numbers that shrink too far are slow to compute with


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
    found = report(step, len(x))
    with _unchanged(step):
        step(x, y, 0.0)  # compiles; then the memory holds what a step leaves there
        begun = time.perf_counter()
        step(x, y, 0.0)
        steps = min(STEPS, math.ceil(SECONDS / (time.perf_counter() - begun)))
        clock = _Clock(step, np.asarray(x), np.asarray(y))
        found.seconds, calls = clock.seconds(step, steps), clock.calls()
        for line in found.lines:
            if isinstance(line.work[0], Call):
                line.seconds = calls[line.work[0]]
            else:
                often = min(steps, IN_PLACE) if any(map(_in_place, line.work)) else steps
                nothing = clock.seconds(_only(step, line.work, groups=0), often)
                line.seconds = max(clock.seconds(_only(step, line.work), often) - nothing, 0.0)
    return found


def _in_place(job):
    buffers = [o for o in job.operands.values() if isinstance(o, Buffer)]
    return len(set(buffers)) < len(buffers)


class _Clock:
    """Times steps on one minibatch, all from the same memory."""

    def __init__(self, step, x, y):
        self.step, self.x, self.y = step, x, y
        self.memory = [(a, a.copy()) for a in _arrays(step)]

    def seconds(self, step, steps):
        """Of one minibatch, where `steps` run in one call."""
        order = np.tile(np.arange(len(self.x)), steps)
        return min(self._once(step, order) for _ in range(TIMES)) / steps

    def _once(self, step, order):
        for array, values in self.memory:  # what is added up grows from minibatch to minibatch
            array[...] = values
        step(self.x, self.y, 0.0)
        begun = time.perf_counter()
        step.run(self.x, self.y, order, len(self.x), 0.0)
        return time.perf_counter() - begun

    def calls(self):
        """The seconds of each `Call` of Python within whole steps."""
        seconds = {}

        def timed(call):
            def run(program, n):
                begun = time.perf_counter()
                call.run(program, n)
                spent = time.perf_counter() - begun
                seconds[call] = min(spent, seconds.get(call, spent))

            return Call(run, call.node, call.what)

        tables = self.step.program.memory.tables
        if any(isinstance(table, Call) for table in tables):
            self.seconds(_with_tables(self.step, [timed(t) if isinstance(t, Call) else t for t in tables]), 1)
        return seconds


def _only(step, jobs, groups=None):
    """The step with no other rows than those of `jobs`; of their groups the first `groups`."""
    memory, stretch, chosen = step.program.memory, Stretch(), set(jobs)
    for part in step.program.order_of_execution:
        for over_shards, phases in () if isinstance(part, Call) else part.groups:
            kept = [(over, items, [j for j in some if j in chosen]) for over, items, some in phases]
            if kept := [phase for phase in kept if phase[2]]:
                stretch.groups.append((over_shards, kept))
    table = memory.table(stretch)
    table[0][:, 3] = BARRIER  # what a row alone finds wrong is no reason to stop
    return _with_tables(step, [(table[0][:groups], *table[1:])], native=True)


def _with_tables(step, tables, **attributes):
    """The step with another program in the same memory."""
    other = copy.copy(step)
    other.program = copy.copy(step.program)
    other.program.memory = copy.copy(step.program.memory)
    other.program.memory.tables = tables
    vars(other.program).update(attributes)
    return other


def _arrays(step):
    """All memory that a step writes to."""
    program = step.program
    yield from program.arenas
    yield from program.plan.arrays
    if program.memory is not None:
        yield program.memory.shards
        yield from program.memory.kept.values()
    yield from step.gradients.values()
    yield from (p._array for p in step.updater.parameters.values())
    for arrays in step.updater.state.values():
        yield from arrays.values()


@contextlib.contextmanager
def _unchanged(step):
    before, steps = [(a, a.copy()) for a in _arrays(step)], step.updater.steps
    try:
        yield
    finally:
        for array, values in before:
            array[...] = values
        step.updater.steps = steps
