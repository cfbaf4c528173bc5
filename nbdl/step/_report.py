"""What a program does, row by row: on which shapes, bytes and operations, and what runs strip by strip."""

import math
from collections import defaultdict
from dataclasses import dataclass, field

from nbdl.step._driver import DATA, IDX, LOSS, SHARED, START
from nbdl.step._jobs import Address, Base, Call, Rows, Shard, Walked, buffer_of
from nbdl.step._team import MOST_SHARDS


@dataclass
class Line:
    """One operation of a program, all its leaves and strips together, in one minibatch."""

    phase: str  # "labels", "blocks", "python" (between segments of native code), "finish" or "update"
    op: str  # "conv2d", "conv2d dw", "gather x", "update 0.w"
    target: str  # "lanes", or that of a kernel that Python runs on the whole minibatch
    shapes: str  # of one sample
    strips: int  # in how many pieces its rows are worked on
    bytes: int  # of all that it reads and writes, wherever that is
    flops: int  # additions and multiplications of convolutions and matrix products
    work: list = field(repr=False)  # its jobs, or its call
    layer: str = ""  # the path of the parameters of its operation, "" where it has none
    fused: list = field(default_factory=list)  # the lines that take turns with it, strip by strip
    seconds: float | None = None  # alone (see `nbdl.step.measure`)
    why: str = ""  # Python runs it: what keeps it from the lanes


@dataclass
class Report:
    """The lines of a program for minibatches of `samples`, and its memory in bytes. ``print(report)``."""

    samples: int
    lanes: int
    blocks: int
    shards: int
    blocks_at_a_time: int
    threads: int
    arena_bytes: int  # of each thread: values of the blocks at hand, which share memory
    shard_bytes: int  # of all shards: sums of gradients
    kept: int  # buffers that hold all blocks of a minibatch
    kept_bytes: int
    flops: int
    lines: list
    seconds: float | None = None  # of a whole step
    fma: float | None = None  # FLOP/s that this machine can do on so many threads

    def as_dict(self):
        """Plain data: what ``nbdl plan --format json`` prints."""
        lines = [{**vars(line), "of_fma": self._of_fma(line)} for line in self.lines]
        for line in lines:
            del line["work"]
        return {**vars(self), "of_fma": self._of_fma(self), "lines": lines}

    def _of_fma(self, done):
        return done.flops / done.seconds / self.fma if done.flops and done.seconds and self.fma else None

    # --- as text --------------------------------------------------------------------------------------------

    def __str__(self):
        table = [["", "phase", "op", "on", "shapes", "strips", "fused with", "bytes", "FLOPs"]]
        table[0] += ["time", "rate", "of FMA"] if self.seconds else []
        table += [self._cells(number, line) for number, line in enumerate(self.lines)]
        return "\n".join([*_aligned(table, right={0, 5, 7, 8, 9, 10, 11}), "", *self.summary()])

    def _cells(self, number, line):
        cells = [str(number), line.phase, line.op, line.target, line.shapes]
        cells += [str(line.strips) if line.strips > 1 else "", " ".join(map(str, line.fused))]
        cells += [_scaled(line.bytes, "B"), _scaled(line.flops)]
        if not self.seconds:
            return cells
        if not line.seconds:
            return [*cells, "0 us", "", ""]  # less than can be measured
        rate = _scaled((line.flops or line.bytes) / line.seconds, "FLOP/s" if line.flops else "B/s")
        return [*cells, _time(line.seconds), rate, _fraction(self._of_fma(line))]

    def summary(self):
        """The lines below the table."""
        blocks, shards = _count(self.blocks, "block"), _count(self.shards, "shard")
        yield (
            f"{_count(self.samples, 'sample')}: {blocks} of {self.lanes} in {shards}, "
            f"{self.blocks_at_a_time} at a time, {_count(self.threads, 'thread')}"
        )
        arena, sums, kept = (_scaled(n, "B") for n in (self.arena_bytes, self.shard_bytes, self.kept_bytes))
        yield f"memory: {arena} for each thread, {sums or 'none'} for the sums of shards, " + (
            f"{kept} for {_count(self.kept, 'buffer')} of all blocks" if kept else "no buffers of all blocks"
        )
        said = {}
        for number, line in enumerate(self.lines):
            if line.why:
                said.setdefault((line.op.split()[0], line.why), []).append(str(number))
        for (op, why), numbers in said.items():
            yield f"from Python, line {', '.join(numbers)}: `{op}`, because {why}"
        yield f"work: {_scaled(self.flops / self.samples, 'FLOP') or 'no products'} for each sample"
        if self.seconds:
            rate, alone = self.samples / self.seconds, sum(line.seconds or 0 for line in self.lines)
            yield f"time: {_time(self.seconds)} a step, {rate:,.0f} samples/s; all rows alone: {_time(alone)}"
        if of_fma := self._of_fma(self):
            yield f"of FMA: {_fraction(of_fma)} of {self.fma / 1e9:.0f} GFLOP/s"


def _aligned(table, right):
    widths = [max(map(len, column)) for column in zip(*table)]
    for cells in table:
        sides = (c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(cells, widths)))
        yield "  ".join(sides).rstrip()


def _scaled(value, unit=""):
    """A number with three digits and a prefix; nothing for nothing."""
    scale, prefix = next(((s, p) for s, p in ((1e9, "G"), (1e6, "M"), (1e3, "k")) if value >= s), (1, ""))
    return f"{value / scale:#.3g}".rstrip(".") + f" {prefix}{unit}".rstrip() if value else ""


def _time(seconds):
    unit, scale = ("ms", 1e-3) if seconds >= 1e-3 else ("us", 1e-6)
    return f"{seconds / scale:#.3g}".rstrip(".") + f" {unit}"


def _fraction(value):
    return "" if value is None else f"{value:.2f}"


def _count(n, what):
    return f"{n} {what}{'s' * (n != 1)}"


# --- from jobs to lines -------------------------------------------------------------------------------------


def report(step, samples):
    """What a compiled step or prediction does with a minibatch of `samples`; nothing is compiled or run.

    Returns
    -------
    Report
    """
    return _Reader(step.program, samples).report()


class _Reader:
    """Joins the jobs of a program to lines, in the order in which they run."""

    def __init__(self, program, samples):
        self.program, self.plan, self.samples = program, program.plan, samples
        self.size, self.blocks = program.dtype.itemsize, -(-samples // program.L)
        self.shards = min(MOST_SHARDS, self.blocks)
        self.work = list(in_order(program))
        jobs = [job for job in self.work if not isinstance(job, Call)]
        self.kept = {b for job in jobs for b in job.buffers() if b.kept}
        self.looped = {(job.node, job.gradient) for job in jobs if job.loop}
        self.shard_bytes = max((s.shard_floats for s in self.plan.sections), default=0) * self.size

    def report(self):
        lines, places = self.lines(), self.program.placed
        return Report(
            self.samples, self.program.L, self.blocks, self.shards, places.most(), self.program.threads,
            places.arena, self.shard_bytes * self.shards, len(self.kept), places.kept_bytes * self.blocks,
            sum(line.flops for line in lines), lines,
        )  # fmt: skip

    def lines(self):
        phases = self._phases()
        found, spans = defaultdict(list), {}
        for position, job in enumerate(self.work):
            phase = phases.get(job, "python" if isinstance(job, Call) else "blocks")
            what = job.node or getattr(job, "leaf", job), job.gradient, job.what
            what += getattr(job, "value", None), getattr(job, "loop", None)
            found[phase, *what].append((position, job))
        lines = []
        by_last = sorted(found.items(), key=lambda item: item[1][-1][0])
        for number, ((phase, *_), placed) in enumerate(by_last):
            strips = _strips(placed)
            lines.append(self._line(phase, [job for _, job in placed], max(map(len, strips), default=1)))
            if strips:
                spans[number] = min(map(min, strips)), max(map(max, strips))
        for number, (first, last) in spans.items():
            together = (n for n, (a, b) in spans.items() if a < last and first < b)
            lines[number].fused = [n for n in together if n != number]
        return lines

    def _phases(self):
        later = [job for group in self.plan.later for job in (group if isinstance(group, list) else [group])]
        parts = [("update", later)]
        for section in self.plan.sections:
            parts += ("labels", section.before), ("finish", section.finish)
        return {job: phase for phase, jobs in parts for job in jobs}

    def _line(self, phase, jobs, strips):
        job = jobs[0]
        gradient = "gradients" if job.gradient is True else f"d{job.gradient}" if job.gradient else ""
        turns = f"x {job.loop.count}" if getattr(job, "loop", None) else ""
        op = " ".join(filter(None, (job.node.record.name if job.node else "", gradient, job.what, turns)))
        if isinstance(job, Call):
            target = f"{job.node.record.target if job.node else 'python'}, whole minibatch"
            shapes = self._shapes(phase, job)
            moved = self._bytes_of_call(job)
            return Line(phase, op, target, shapes, 1, moved, 0, jobs, _layer(job), why=self._why(job))
        moved = sum(self._moved(jobs).values())
        return Line(
            phase, op, "lanes", self._shapes(phase, job), strips, moved, self._flops(phase, job), jobs,
            _layer(job),
        )  # fmt: skip

    # --- what a line says of its jobs -----------------------------------------------------------------------

    def _why(self, call):
        return self.plan.forms[call.node].why if call.node else ""

    def _shapes(self, phase, job):
        """``before -> after`` of one sample; the parameter by name where it has none."""
        node = job.node
        if node is None:
            value = getattr(job, "value", None)
            return "" if value is None else _shape(value.shape)
        if phase == "labels":
            return ""
        value = node.named.get(job.gradient)
        if value is None:
            return f"{_shape(node.inputs[0].shape)} -> {_shape(node.output.shape)}"
        if value.source != "parameter":
            return f"{_shape(node.output.shape)} -> {_shape(value.shape)}"
        after = f"{value.name} {_shape(value.shape)}"
        return after if phase == "finish" else f"{_shape(node.output.shape)} -> {after}"

    def _flops(self, phase, job):
        """A gradient counts as much as the result; sums (that of a bias) and all else count nothing."""
        if job.node is None or job.form.twin is None:
            return 0
        twin, site, name = job.form.twin, job.form.site, job.gradient
        if job.loop is None and (job.node, name) in self.looped:  # the loop is what counts
            return 0
        if name in site.samples and job.form.backward:  # it comes of the rows that gradients share
            return 0
        all_ = twin.flops(site) * self.samples
        if name in twin.parameters and name not in site.samples:
            summed = "blocks" if job.form.rows(name).acc else "finish"
            return all_ if len(site.shapes[name]) > 1 and phase == summed else 0
        return all_ if phase == "blocks" and not job.what else 0

    def _moved(self, jobs):
        """Bytes by operand: each counts once for a block, item or shard, however many strips touch it."""
        moved = {}
        for job in jobs:
            times = self.shards if job.over == START else 1 if job.over == SHARED else self.blocks
            for operand in job.operands.values():
                operand = operand.operand if isinstance(operand, Walked) else operand
                if buffer := buffer_of(operand):
                    moved[buffer] = buffer.floats * self.size * self.blocks
                elif isinstance(operand, Shard):
                    size = operand.floats * self.size
                    moved["sums", operand.offset] = size * (self.shards if operand.all else times)
                elif isinstance(operand, Rows):
                    moved[operand] = self.samples * math.prod(operand.shape) * self.size
                elif isinstance(operand, Address):
                    size = operand.array.nbytes - operand.offset
                    size = min(size, operand.per_item * job.items) if operand.per_item else size * times
                    moved[id(operand.array), operand.offset] = size
                elif isinstance(operand, Base):
                    moved["data", operand.number] = self._data(operand.number)
        return moved

    def _data(self, number):
        if number >= DATA:
            value = self.program.graph.data[number - DATA]
            return self.samples * math.prod(value.shape) * value.dtype.itemsize
        return self.samples * 8 if number == IDX else self.blocks * self.size if number == LOSS else 0

    def _bytes_of_call(self, call):
        if call.node is None:
            return 0
        values = [v for v in (*call.node.inputs, *call.node.outputs) if v is not None]
        return sum(math.prod(v.shape) * v.dtype.itemsize * (self.samples if v.batched else 1) for v in values)


def in_order(program):
    """All jobs and calls of a program in the order in which they run."""
    for part in program.order_of_execution:
        if isinstance(part, Call):
            yield part
        else:
            yield from (job for group in part.groups for job in group.jobs)


def _layer(job):
    """The path of the parameters or buffers of a job's operation, or of what it updates."""
    if job.node is None:  # "update 0.w"
        return job.what.partition(" ")[2].rpartition(".")[0]
    inputs = (v for v in job.node.inputs if v is not None)
    return next((v.name for v in inputs if v.source in ("parameter", "buffer")), "").rpartition(".")[0]


def _strips(placed):
    """The positions of each leaf of a call that runs on a few rows at a time."""
    rows = defaultdict(dict)
    for position, job in placed:
        if not isinstance(job, Call) and "first" in job.operands:
            rows[job.leaf, job.node, job.gradient][job.operands["first"]] = position
    return [list(positions.values()) for positions in rows.values() if len(positions) > 1]


def _shape(shape):
    return "x".join(map(str, shape)) or "1"
