"""Strips: jobs that work row by row on what the one before made run a few rows at a time, while these are in
the first cache.
"""

import itertools
import math
from collections import Counter
from dataclasses import replace

from nbdl.kernels.lanes.twin import planes
from nbdl.kernels.simd.registers import LANES
from nbdl.step._jobs import Buffer, Job, Shard, Strip

STRIP = 24 * 1024  # bytes of the largest result of a chain that one strip should hold
PIXELS = 56  # but a strip of dy should have so many pixels: sums over fewer are mostly loads and stores


def in_strips(jobs, uses):
    """The same jobs, where one works row by row on what the one before made: both a few rows at a time.

    `uses` says how many jobs of the whole program there are for each buffer.
    """
    done, chain = [], []
    for job in jobs:
        if (
            chain
            and isinstance(job, Job)
            and not _by_rows(job)
            and job.loop is None  # jobs of a loop stay together
            and set(job.buffers()).isdisjoint(b for other in chain for b in other.buffers())
        ):
            done.append(job)  # has nothing to do with the chain: it may run before it
        elif chain and _by_rows(job) and _ratio(chain[-1], job):
            chain.append(job)
        else:
            done += _strips(chain, uses)
            chain = [job] if _by_rows(job) else []
            done += [] if chain else [job]
    return done + _strips(chain, uses)


def uses_of(jobs):
    """How many jobs and calls there are for each buffer."""
    return Counter(buffer for job in jobs for buffer in set(job.buffers()))


def _by_rows(job):
    return isinstance(job, Job) and "first" in job.operands.values()


def _ratio(before, after):
    """(rows of the first, rows of the second) that belong together, or None if the jobs are no neighbours."""
    if before.node is after.node:
        return 1, 1
    for user, maker, forwards in ((after, before, True), (before, after, False)):
        if user.node.inputs[0] is maker.node.output:
            rows = user.form.twin.rows(user.form.site)
            return ((rows, 1) if forwards else (1, rows)) if rows else None
    return None


def _strips(chain, uses):
    """The jobs of a chain strip by strip; `uses` says how many jobs there are in all for each buffer."""
    if not chain:
        return []
    units = [1]
    for before, after in itertools.pairwise(chain):
        a, b = _ratio(before, after)
        if a > 1:
            units = [u * a for u in units] + [1]
        else:
            units.append(units[-1] * b)
    heights = [planes(job.node.output.shape)[1] for job in chain]
    count = max(1, min(h // u for h, u in zip(heights, units)))
    n = _height(chain, max(units)) if len(chain) > 1 else count
    if n >= count:
        n = count
    passing = _passing(chain, units, uses) if n < count else {}
    jobs = []
    for i in range(0, count, n):
        rows = {buffer: Strip(buffer, i * unit) for buffer, unit in passing.items()}
        for job, unit, height in zip(chain, units, heights):
            last = height if i + n >= count else (i + n) * unit
            operands = {k: rows.get(o, o) if isinstance(o, Buffer) else o for k, o in job.operands.items()}
            jobs.append(replace(job, operands=_with_rows(operands, i * unit, last)))
    return jobs


def _height(chain, unit):
    """How many times `unit` rows of its largest result a strip of the chain should have."""
    C, _, W = planes(max((job.node.output.shape for job in chain), key=math.prod))
    register = 4 * LANES["float32"]
    heights = [1, STRIP // (unit * C * W * register)]
    sums = [o.floats for job in chain for o in job.operands.values() if isinstance(o, Shard)]
    if sums:  # which are loaded and stored for each strip: it should not be smaller than they are
        heights += [-(-PIXELS // (unit * W)), -(-4 * max(sums) // (unit * C * W * register))]
    return max(heights)


def _passing(chain, units, uses):
    """The buffers that nobody needs after the chain, and their rows in a strip."""
    rows, found = {}, Counter(buffer for job in chain for buffer in set(job.buffers()))
    for job, unit in zip(chain, units):
        rows[job.node.output.shape] = unit
        if ratio := job.form.twin.rows(job.form.site):
            rows[job.node.inputs[0].shape] = unit * ratio
    return {b: rows[b.shape] for b, n in found.items() if n == uses[b] and b.shape in rows}


def _with_rows(operands, first, last):
    rows = {"first": first, "last": last}
    return {k: rows.get(v, v) if isinstance(v, str) else v for k, v in operands.items()}
