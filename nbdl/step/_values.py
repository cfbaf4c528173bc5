"""Where the values of a program are, and how they come from one place to another."""

import math
from collections import defaultdict

import numpy as np

from nbdl.errors import DtypeError, PluginError, UsageError
from nbdl.kernels.lanes import Loop, Reduction, Row, Walk
from nbdl.kernels.lanes.twin import each_row, floats
from nbdl.kernels.simd.registers import LANES
from nbdl.step import _layout
from nbdl.step._driver import (
    BLOCKS,
    BOUNDS,
    DATA,
    EACH,
    FEW,
    IDX,
    MOST_DATA,
    NOTHING,
    OPERANDS,
    SAMPLES,
    SEED,
    SHARDS,
    SHARED,
    STEP,
    aligned,
)
from nbdl.step._jobs import Address, Base, Buffer, Call, Job, Plan, Rows, Section, Status, Turns, Walked
from nbdl.step._lowering import lower
from nbdl.step._trace import Times, constant_at


def parameters_of(leaf):
    """Their names; a leaf is a plain function of positional arguments."""
    return leaf.__code__.co_varnames[: leaf.__code__.co_argcount]


def _of_a_few(row):
    """Whether a row works on a few blocks at once."""
    return "blocks" in parameters_of(row.leaf) and "blocks" not in row.given


class Values:
    """The values of a graph, and the jobs that bring them to where they are needed.

    A value is in lanes, in an array that all blocks share, in an array with each number in all lanes, or in
    Python. `level` says from which section on it may be read.
    """

    def __init__(self, graph, storage, gradients):
        self.graph, self.storage, self.dtype = graph, storage, graph.dtype
        self.L, self.size = LANES[self.dtype], np.dtype(self.dtype).itemsize
        if len(graph.data) > MOST_DATA:
            text = "a program takes at most {} arrays of inputs and targets, got {}"
            raise UsageError(text, MOST_DATA, len(graph.data))
        self.forms, self.forward = lower(graph), set(graph.values)
        self.plan = Plan(self.dtype, [Section()], forms=self.forms, gradients=gradients or {})
        self.plan.status = self._array(2, np.int64)
        self.lanes, self.arrays, self.python, self.rows, self.spread = {}, {}, set(), {}, {}
        self.level = defaultdict(int)
        self.held, self.last_read = defaultdict(list), defaultdict(int)  # by buffer: its values, a section

    # --- small things ---------------------------------------------------------------------------------------

    def section(self, level):
        while len(self.plan.sections) <= level:
            self.plan.sections.append(Section())
        return self.plan.sections[level]

    def _array(self, n, dtype=None):
        array = aligned(n, dtype or self.dtype)
        self.plan.arrays.append(array)
        return array

    def _buffer(self, shape, name):
        return Buffer(floats(shape, self.L), name, shape=shape)

    def job(self, row, operands, node=None, over=None, items=1, **shown):
        """A row as a job: operands that the row renames or gives are put in their place."""
        names = parameters_of(row.leaf)
        found = {}
        for name in names:
            given = row.given.get(name, name)
            if isinstance(given, Walk):
                found[name] = self._walked(given, operands, node)
            elif isinstance(given, np.ndarray):
                found[name] = Address(np.ascontiguousarray(given, np.int64))
            elif not isinstance(given, str):
                found[name] = None if node and name in node.record.inputs else int(given)
            elif given in operands:
                found[name] = operands[given]
            else:
                found[name] = self._driver_operand(given, node)
        if len(found) > OPERANDS:
            text = "a leaf of {} takes {} operands: {} is the most"
            raise PluginError(text, node.record.name if node else "the program", len(found), OPERANDS)
        if over is None:
            over = FEW if _of_a_few(row) else EACH
        walks = "loop" in shown or any(isinstance(o, Walked) for o in found.values())
        if walks and "first" in found.values():
            text = "lanes twin of `{}`: rows of a loop, or with a `Walk`, cannot ask for `first` and `last`"
            raise PluginError(text, node.record.name if node else "the program")
        return Job(row.leaf, found, over, items, node, self.forms.get(node), **shown)

    def _walked(self, walk, operands, node):
        """An operand from a place on; one that is not there stays so."""
        name = walk.operand
        operand = operands[name] if name in operands else self._driver_operand(name, node)
        integers = getattr(operand, "kind", "") == "integers"
        size = 8 if integers else self.size
        return None if operand is None else Walked(operand, walk.start * size, walk.step * size)

    def _blocks(self, level, row, operands, node=None, **shown):
        blocks = self.section(level).blocks
        if not isinstance(row, Loop):
            blocks.append(self.job(row, operands, node, **shown))
            return
        shown["loop"] = Turns(row.turns)
        few = all(map(_of_a_few, row.rows))
        operands = operands if few else {**operands, "blocks": 1}
        blocks += [self.job(one, operands, node, FEW if few else EACH, **shown) for one in row.rows]

    def _driver_operand(self, name, node):
        """What the driver knows itself, or a constant of the node: seed and step may be either."""
        constant = node.constants.get(name) if node is not None else None
        known = {
            "left": Base(SAMPLES, -self.L),
            "sample": Base(NOTHING, self.L),
            "item": Base(NOTHING, 1),
            "samples": Base(SAMPLES),
            "blocks": Base(BLOCKS),
            "shards": Base(SHARDS),
            "bounds": Base(BOUNDS, kind="integers"),
            "idx": Base(IDX, 8 * self.L, kind="integers"),
            "status": Status(),
            "turn": Walked(Base(NOTHING), 0, 1),
            "stride": "stride",  # these three are known later
            "first": "first",
            "last": "last",
        }
        if name not in known and type(constant) is int:
            return constant
        known |= {"step": Base(STEP), "seed": Base(SEED)}
        if name not in known:
            who = node.record.name if node else "the program"
            text = "a leaf of the lanes twin of `{}` asks for `{}`: no operand is called so"
            raise PluginError(text, who, name)
        return known[name]

    @staticmethod
    def _asked(rows):
        """The names of the operands that rows, or those that collect a sum, ask for."""
        rows = rows.collect if isinstance(rows, Reduction) else rows
        given = [row.given.get(p, p) for row in each_row(rows) for p in parameters_of(row.leaf)]
        given = [name.operand if isinstance(name, Walk) else name for name in given]
        return {name for name in given if isinstance(name, str)}

    # --- where values are -----------------------------------------------------------------------------------

    def in_lanes(self, value, level):
        """The buffer of a value in lanes, for a job of section `level`."""
        if value.source == "data":
            return self._gathered(value, level)
        if value.source == "constant" and value.batched:
            return self._repeated(value, level)
        if value.source == "buffer" and value.batched:
            return self._carried(value, level)
        if value in self.lanes:
            return self.lanes[value]
        key = value, level
        if key not in self.lanes:
            rows = self._rows_of(value)
            buffer = self.lanes[key] = self._buffer(value.shape, value.name or "value")
            self.held[buffer].append(value)
            row = _layout.into_lanes(value.shape, self.dtype)
            self._blocks(level, row, {"rows": rows, "y": buffer}, what="into lanes")
        return self.lanes[key]

    def _gathered(self, value, level):
        """The data in lanes. Each section gathers them anew, rather than to keep them for all blocks."""
        key = value, level
        if key not in self.lanes:
            buffer = self.lanes[key] = self._buffer(value.shape, value.name)
            self.held[buffer].append(value)
            if value.dtype.kind == "i" and value not in self.plan.gathered:
                self.plan.gathered.append(value)
            row = _layout.gather_rows(value.shape, self.dtype, value.dtype.kind != "f")
            operands = {"data": self._data(value), "y": buffer}
            self._blocks(level, row, operands, what=f"gather {value.name}", value=value)
        return self.lanes[key]

    def _repeated(self, value, level):
        """What is the same for all samples in lanes."""
        key = value, level
        if key not in self.lanes:
            buffer = self.lanes[key] = self._buffer(value.shape, "constant")
            self.held[buffer].append(value)
            row = Row(_layout.copied(self.dtype), floats=buffer.floats)
            operands = {"x": self.in_all_lanes(value, value.shape), "y": buffer}
            self._blocks(level, row, operands, what="constant")
        return self.lanes[key]

    def _carried(self, value, level):
        """The rows of a buffer per sample in lanes, as they are until the step commits new ones."""
        key = value, level
        if key not in self.lanes:
            buffer = self.lanes[key] = self._buffer(value.shape, value.name)
            self.held[buffer].append(value)
            row = _layout.into_lanes(value.shape, self.dtype)
            rows = self.rows_by_position(value.name, value, self.L)
            self._blocks(level, row, {"rows": rows, "y": buffer}, what=f"read {value.name}", value=value)
        return self.lanes[key]

    def rows_by_position(self, name, value, per_item=0):
        """A buffer per sample as an operand; each item is so many rows behind the one before."""
        if value.dtype != self.dtype:
            text = "the buffer per sample `{}` has rows of {} in a net of {}. Try `dtype` where it is read"
            raise DtypeError(text, name, value.dtype, self.dtype)
        size = per_item * math.prod(value.shape) * self.size
        rows = Rows(self.storage[name], value.shape, size)
        self.plan.carried.append(rows)
        return rows

    def _data(self, value):
        return Base(DATA + value.place, kind="floats" if value.dtype.kind == "f" else "integers")

    def _rows_of(self, value):
        """The rows of samples of a value that Python computed.

        Idle lanes repeat the last sample, but those of a gradient are zero.
        """
        if value not in self.rows:
            rows = self.rows[value] = Buffer(math.prod(value.shape) * self.L, "rows", kept=True)
            forward = value in self.forward

            def run(program, n):
                array = program.rows(rows, value.shape)
                array[:n] = program.arrays[value]
                array[n:] = array[n - 1] if forward else 0

            self._python(self.level[value], Call(run, what="copy", rows=(rows,)))
        return self.rows[value]

    def _python(self, level, call):
        self.section(level).blocks.append(call)

    def in_python(self, value):
        """A function ``get(program, n)`` that returns the array of a value."""
        if value.source == "data":
            return lambda program, n: program.data[value.place][program.order].astype(value.dtype, copy=False)
        if value.source in ("parameter", "buffer"):
            return lambda program, n: program.stored(value.name)[: n if value.batched else None]
        if value.source == "constant":
            of_all = np.broadcast_to if value.batched else lambda array, shape: array
            return lambda program, n: of_all(
                np.asarray(constant_at(value.array, n, *program.now), value.dtype), (n, *value.shape)
            )
        if value in self.python:
            return lambda program, n: program.arrays[value]
        if value in self.arrays or value in self.spread:
            self.as_array(value)
            array, size = self.arrays[value], math.prod(value.shape)
            return lambda program, n: array[:size].reshape(value.shape).astype(value.dtype, copy=False)
        if value not in self.rows:
            rows = self.rows[value] = Buffer(math.prod(value.shape) * self.L, "rows", kept=True)
            row = _layout.out_of_lanes(value.shape, self.dtype)
            self._blocks(self.level[value], row, {"x": self.lanes[value], "rows": rows}, what="out of lanes")
        rows = self.rows[value]
        return lambda program, n: program.rows(rows, value.shape)[:n].astype(value.dtype, copy=False)

    def as_array(self, value):
        """The array of a value without samples, as an operand."""
        if value.source in ("parameter", "buffer"):
            return Address(self.storage[value.name])
        if value not in self.arrays:
            self.arrays[value] = array = self._array(max(1, math.prod(value.shape)), self.dtype)
            if isinstance(value.array, Times):
                scaled = Row(_layout.times if value.array.power == 1 else _layout.over)
                factor = self._array(1)
                factor[0] = value.array.factor
                operands = {"factor": Address(factor), "y": Address(array)}
                self.section(0).before.append(self.job(scaled, operands, over=SHARED, what="of the samples"))
            elif value.source == "constant":
                array[: value.array.size] = value.array.reshape(-1)
            elif value in self.spread:
                row = _layout.one_lane(value.shape, self.dtype)
                operands = {"x": Address(self.spread[value]), "y": Address(array)}
                self._once(self.level[value], row, operands, what="from lanes")
            else:
                size = math.prod(value.shape)

                def run(program, n):
                    array[:size] = program.arrays[value].reshape(-1)

                self._python(self.level[value], Call(run, what="copy"))
        return Address(self.arrays[value])

    def _once(self, level, row, operands, node=None, **shown):
        """A job that runs once, before the blocks of a section; all of these on one thread, in order."""
        operands = {"blocks": 1, "first": 0, **operands}
        self.section(level).before.append(self.job(row, operands, node, SHARED, **shown))

    def _level_of_arrays(self, values):
        """The section before whose blocks these are known: what Python computes among blocks comes after."""
        return max((self.level[v] + (v in self.python) for v in values if v is not None), default=0)

    def in_all_lanes(self, value, shape):
        """A value without samples, each number in all lanes: as a block of one sample."""
        if value not in self.spread:
            level, plain = self._level_of_arrays([value]), self.as_array(value)
            self.spread[value] = array = self._array(floats(shape, self.L))
            operands = {"x": plain, "y": Address(array)}
            self._once(level, _layout.spread(shape, self.dtype), operands, what="to all lanes")
        return Address(self.spread[value])
