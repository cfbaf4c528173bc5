"""From a graph to a program: which leaf runs when, and where everything lives.

`build` walks the graph forwards and backwards and lists *jobs*: a leaf with its operands, or a kernel
without a lanes twin that runs in Python on the whole minibatch. Jobs for blocks are cut into phases; then
every buffer gets its place (`_memory.py`), and the jobs become the rows of the driver's table.
"""

import inspect
import math

import numpy as np

from nbdl.errors import PluginError
from nbdl.kernels.lanes import Gradient, LossTwin, Row
from nbdl.kernels.lanes.twin import floats, pitch, planes
from nbdl.kernels.simd.registers import LANES
from nbdl.step import _layout
from nbdl.step._driver import (
    BLOCKS,
    BOUNDS,
    EACH,
    FEW,
    IDX,
    LOSS,
    NOTHING,
    SAMPLES,
    SEED,
    SHARDS,
    SHARED,
    START,
    STEP,
    X,
    Y,
    aligned,
)
from nbdl.step._fuse import fuse
from nbdl.step._jobs import Address, Base, Buffer, Call, Job, Plan, Shard, Whole
from nbdl.step._strips import in_strips
from nbdl.step._trace import constant_at

PYTHON = object()  # a gradient that Python's `program.grads` holds


def parameters_of(leaf):
    return tuple(inspect.signature(leaf).parameters)


class _Builder:
    """Walks a graph. `where` finds a value: in lanes, in rows of samples, or as an array of Python's."""

    def __init__(self, graph, storage, gradients):
        self.graph, self.storage = graph, storage
        self.dtype = graph.dtype
        self.L, self.size = LANES[self.dtype], np.dtype(self.dtype).itemsize
        self.plan = Plan(self.dtype, gradients=gradients)
        self.lanes, self.rows, self.python = {}, {}, {}
        self.saved, self.cotangents, self.contributions = {}, {}, {}
        self.rows_of_grads = {}
        self.status = self._array(2, np.int64)

    # --- small things ---------------------------------------------------------------------------------------

    def _array(self, n, dtype=None):
        array = aligned(n, dtype or self.dtype)
        self.plan.arrays.append(array)
        return array

    def _buffer(self, shape, name, kept=False):
        return Buffer(floats(shape, self.L), name, kept, shape)

    def _kept_rows(self, shape, name):
        return Buffer(math.prod(shape) * self.L, name, kept=True)

    def _job(self, row, operands, node=None, over=None, what="", items=1):
        """A row as a job: operands that the row renames or gives are put in their place."""
        leaf = row.leaf
        names = parameters_of(leaf)
        found = {}
        for name in names:
            given = row.given.get(name, name)
            if not isinstance(given, str):
                found[name] = None if node and name in node.record.inputs else int(given)
            elif given in operands:
                found[name] = operands[given]
            else:
                found[name] = self._special(given, node)
        if over is None:
            over = FEW if "blocks" in names else EACH
        return Job(leaf, found, over, items, node, what)

    def _special(self, name, node):
        specials = {
            "left": Base(SAMPLES, -self.L),
            "sample": Base(NOTHING, self.L),
            "item": Base(NOTHING, 1),
            "samples": Base(SAMPLES),
            "blocks": Base(BLOCKS),
            "shards": Base(SHARDS),
            "bounds": Base(BOUNDS),
            "step": Base(STEP),
            "seed": Base(SEED),
            "labels": Base(Y),
            "idx": Base(IDX, 8 * self.L),
            "loss": Base(LOSS, self.size),
            "status": Address(self.status),
            "stride": "stride",  # these three are known later
            "first": "first",
            "last": "last",
        }
        if name not in specials:
            who = node.record.name if node else "the program"
            text = "a leaf of the lanes twin of `{}` asks for `{}`: no operand is called so"
            raise PluginError(text, who, name)
        return specials[name]

    # --- where values are -----------------------------------------------------------------------------------

    def in_lanes(self, value):
        """The buffer of a value in lanes; brought there if it is somewhere else."""
        if value in self.lanes:
            return self.lanes[value]
        buffer = self.lanes[value] = self._buffer(value.shape, value.name or "value")
        if value.source in ("x", "y"):
            data = Base(X if value.source == "x" else Y)
            row = _layout.gather_rows(value.shape, self.dtype)
            job = self._job(row, {"data": data, "y": buffer}, what=f"gather {value.source}")
        else:
            rows = self._kept_rows(value.shape, "rows")
            self.rows[value] = rows
            self.plan.blocks.append(self._into_rows(value, rows))
            job = self._job(
                _layout.into_lanes(value.shape, self.dtype), {"rows": rows, "y": buffer}, what="into lanes"
            )
        self.plan.blocks.append(job)
        return buffer

    def _into_rows(self, value, rows):
        def run(program, n):
            program.rows(rows, value.shape)[:n] = program.arrays[value]

        return Call(run, what="copy")

    def in_python(self, value):
        """A function ``get(program, n)`` that returns the array of a value."""
        if value.source == "x":
            return lambda program, n: program.x[program.order]
        if value.source == "y":
            return lambda program, n: program.y[program.order]
        if value.source == "parameter":
            return lambda program, n: program.parameter(value.name)
        if value.source == "constant":
            return lambda program, n: np.asarray(constant_at(value.array, n, *program.now), value.dtype)
        if value in self.python:
            return lambda program, n: program.arrays[value]
        if value not in self.rows:
            rows = self.rows[value] = self._kept_rows(value.shape, "rows")
            row = _layout.out_of_lanes(value.shape, self.dtype)
            operands = {"x": self.lanes[value], "rows": rows}
            self.plan.blocks.append(self._job(row, operands, what="out of lanes"))
        rows = self.rows[value]
        return lambda program, n: program.rows(rows, value.shape)[:n]

    def _array_of(self, value):
        """The fixed array of a parameter or a constant, as an operand."""
        if value.source == "parameter":
            return Address(self.storage[value.name])
        array = self._array(value.array.size, self.dtype)
        array[: value.array.size] = value.array.reshape(-1)
        return Address(array)

    # --- forwards -------------------------------------------------------------------------------------------

    def forward(self):
        for node in self.graph.nodes:
            if node.twin is None and not node.view:
                self._call_forward(node)
            elif node.view and node.inputs[0] in self.python:
                self._call_forward(node)
            elif node.view:
                self._view(node)
            else:
                self._twin_forward(node)

    def _view(self, node):
        (x, *_), y = node.inputs, node.output
        source = self.in_lanes(x)
        if _gaps(x.shape) == _gaps(y.shape) == 0 or planes(x.shape) == planes(y.shape):
            self.lanes[y] = source
            return
        self.lanes[y] = self._buffer(y.shape, "view")
        row = _layout.reshaped(x.shape, y.shape, self.dtype)
        self.plan.blocks.append(self._job(row, {"x": source, "y": self.lanes[y]}, node))

    def _twin_forward(self, node):
        operands = self._operands(node)
        if isinstance(node.twin, LossTwin):
            self._loss(node, operands)
            return
        x = node.inputs[0]
        if node.twin.inplace and self._last_use(node, x):
            self.lanes[node.output] = self.lanes[x]
        else:
            self.lanes[node.output] = self._buffer(node.output.shape, node.record.name)
        if node.twin.overwrites and self._last_use(node, x):
            operands[node.twin.overwrites] = self.lanes[x]
        operands[node.record.outputs[0]] = self.lanes[node.output]
        self.saved[node] = operands
        for row in node.twin.forward(node.site):
            self.plan.blocks.append(self._job(row, operands, node))

    def _operands(self, node):
        operands = {name: Buffer(size, name) for name, size in node.twin.saves(node.site).items()}
        for name, value in zip(node.record.inputs, node.inputs):
            if value is None:
                operands[name] = None
            elif name in node.twin.grads:
                operands[name] = self.in_lanes(value)
            elif name == "labels":
                operands[name] = Base(Y)
            else:
                operands[name] = self._array_of(value)
        return operands

    def _last_use(self, node, x):
        """Whether nobody needs x after `node`: its value may be overwritten."""
        if x.source != "node" or self.graph.users[x] != [node] or x is self.graph.result:
            return False
        maker = next(n for n in self.graph.nodes if n.output is x)
        if maker.twin is None or maker.view:
            return False
        return not (x.grad and self._asks(maker, maker.record.outputs[0])) and not self._asks(
            node, node.record.inputs[0]
        )

    def _asks(self, node, name):
        """Whether a gradient of `node` reads the operand `name`."""
        if not node.output.grad:
            return False
        rows = [
            row for key, made in node.twin.grads.items() if made for row in self._gradient_rows(node, key)
        ]
        rows += [row for key in node.twin.parameters for row in self._gradient_rows(node, key).collect]
        return any(row.given.get(p, p) == name for row in rows for p in parameters_of(row.leaf))

    def _gradient_rows(self, node, name):
        key = node, name
        if key not in self.rows_of_grads:
            value = dict(zip(node.record.inputs, node.inputs)).get(name)
            if value is None or not value.grad:
                self.rows_of_grads[key] = Gradient([], []) if name in node.twin.parameters else []
            else:
                make = node.twin.parameters if name in node.twin.parameters else node.twin.grads
                self.rows_of_grads[key] = make[name](node.site)
        return self.rows_of_grads[key]

    def _loss(self, node, operands):
        total = Base(LOSS, offset=-self.size)  # stands before the losses of the blocks
        operands |= {"total": total, "scale": Address(self._array(1))}
        for row in node.twin.total(node.site):
            self.plan.labels.append(self._job(row, operands, node, over=SHARED))
        inverse = Row(_layout.inverse)
        self.plan.labels.append(self._job(inverse, operands, node, over=SHARED, what="1 / total"))
        for row in node.twin.forward(node.site):
            self.plan.blocks.append(self._job(row, operands, node))
        self.saved[node] = operands

    def _call_forward(self, node):
        gets = [None if v is None else self.in_python(v) for v in node.inputs]
        self.python[node.output] = True

        def run(program, n):
            program.call(node, [None if g is None else g(program, n) for g in gets], n)

        self.plan.blocks.append(Call(run, node))

    # --- backwards ------------------------------------------------------------------------------------------

    def backward(self):
        nodes = [n for n in self.graph.nodes if n.output.grad]
        for node in reversed(nodes):
            if (node.twin is None and not node.view) or node.output in self.python:
                self._call_backward(node)
            elif node.view:
                self._view_backward(node)
            else:
                self._twin_backward(node)

    def _cotangent(self, value):
        """The buffer of the whole gradient with respect to a value: what its users gave, added up."""
        given = self.cotangents.get(value, [])
        buffers = [b for b in given if b is not PYTHON]
        if len(buffers) < len(given):
            buffers.append(self._grad_into_lanes(value))
        for other in buffers[1:]:
            row = Row(_layout.added(self.dtype), floats=other.floats)
            self.plan.blocks.append(self._job(row, {"x": other, "y": buffers[0]}, what="add"))
        return buffers[0] if buffers else None

    def _grad_into_lanes(self, value):
        rows, buffer = self._kept_rows(value.shape, "drows"), self._buffer(value.shape, "d")

        def run(program, n):
            program.rows(rows, value.shape)[:n] = program.grads[value]
            program.rows(rows, value.shape)[n:] = 0

        self.plan.blocks.append(Call(run, what="copy"))
        row = _layout.into_lanes(value.shape, self.dtype)
        self.plan.blocks.append(self._job(row, {"rows": rows, "y": buffer}, what="into lanes"))
        return buffer

    def _twin_backward(self, node):
        operands = dict(self.saved[node])
        if not isinstance(node.twin, LossTwin):
            dy = self._cotangent(node.output)
            if dy is None:
                return
            operands["d" + node.record.outputs[0]] = dy
        for name, value in zip(node.record.inputs, node.inputs):
            if value is not None and value.grad and name in node.twin.parameters:
                self._parameter(node, name, value, operands)
        for name, value in zip(node.record.inputs, node.inputs):
            if value is not None and value.grad and node.twin.grads.get(name):
                if node.twin.inplace and not isinstance(node.twin, LossTwin):
                    target = dy
                else:
                    target = self._buffer(value.shape, f"d{name}")
                rows = self._gradient_rows(node, name)
                for row in rows:
                    self.plan.blocks.append(
                        self._job(row, {**operands, f"d{name}": target}, node, what=f"d{name}")
                    )
                self.cotangents.setdefault(value, []).append(target)

    def _parameter(self, node, name, value, operands):
        gradient = self._gradient_rows(node, name)
        target = self._contribution(value)
        place = self.plan.shard_floats * self.size
        kept = {k: Buffer(size, k, kept=True) for k, size in gradient.keep.items()}
        more = {"acc": Shard(place, gradient.acc), **kept, "scratch": Buffer(gradient.scratch, "scratch")}
        self.plan.shard_floats += -(-gradient.acc // 16) * 16
        for row in gradient.collect:
            self.plan.blocks.append(self._job(row, {**operands, **more}, node, what=f"d{name}"))
        more = {"acc": Shard(place, gradient.acc, all=True), f"d{name}": Address(target)}
        more |= {k: Whole(b) for k, b in kept.items()}
        for row in gradient.finish:
            items = row.given.get("items", 1)
            self.plan.finish.append(self._job(row, {**operands, **more}, node, SHARED, f"d{name}", items))

    def _contribution(self, value):
        """Where a use of a parameter puts its gradient: the first one into the gradient itself."""
        whole = self.plan.gradients[value.name]
        parts = self.contributions.setdefault(value.name, [])
        parts.append(whole if not parts else self._array(whole.size))
        return parts[-1]

    def sums_of_uses(self):
        """Where a parameter is used more than once, its gradients are added up."""
        jobs = []
        for name, (whole, *others) in self.contributions.items():
            for other in others:
                row = Row(_layout.added(self.dtype), floats=whole.size)
                operands = {"x": Address(other), "y": Address(whole)}
                jobs.append(self._job(row, operands, over=SHARED, what=f"add {name}"))
        return jobs

    def _view_backward(self, node):
        (x, *_), y = node.inputs, node.output
        dy = self._cotangent(y)
        if dy is None or not x.grad:
            return
        if self.lanes[x] is not self.lanes[y]:
            dx = self._buffer(x.shape, "dview")
            row = _layout.reshaped(y.shape, x.shape, self.dtype)
            self.plan.blocks.append(self._job(row, {"x": dy, "y": dx}, node))
            dy = dx
        self.cotangents.setdefault(x, []).append(dy)

    def _call_backward(self, node):
        """The gradient kernels of a node that ran in Python; `program.grads` adds up what they give."""
        seeds = [c for c in self.cotangents.get(node.output, []) if c is not PYTHON]
        gets = []
        for buffer in seeds:
            rows = self._kept_rows(node.output.shape, "drows")
            row = _layout.out_of_lanes(node.output.shape, self.dtype)
            self.plan.blocks.append(self._job(row, {"x": buffer, "rows": rows}, what="out of lanes"))
            gets.append(lambda program, n, rows=rows: program.rows(rows, node.output.shape)[:n])
        targets = {}
        for name, value in zip(node.record.inputs, node.inputs):
            if value is not None and value.grad:
                if value.source == "parameter":
                    targets[name] = self._contribution(value)
                else:
                    targets[name] = None
                    self.cotangents.setdefault(value, []).append(PYTHON)

        def run(program, n):
            for get in gets:
                program.add_grad(node.output, get(program, n))
            program.call_backward(node, targets, n)

        self.plan.blocks.append(Call(run, node, what="gradients"))


def _gaps(shape):
    C, H, W = planes(shape)
    return pitch(shape) - H * W if C > 1 else 0


# --- the whole --------------------------------------------------------------------------------------------


def build(graph, storage, gradients=None, update=None):
    """The `Plan` of a graph: a training step where `gradients` are given, else a prediction.

    `storage` and `gradients` are aligned arrays by parameter name; `update` lists the jobs that use the
    gradients, in groups (see `_update.py`).
    """
    fuse(graph)
    builder = _Builder(graph, storage, gradients)
    plan = builder.plan
    builder.forward()
    if gradients is None:
        plan.outputs = builder.in_python(graph.result)
    else:
        plan.loss_in_python = graph.result in builder.python
        builder.backward()
        if not plan.loss_in_python:
            finite = Row(_layout.finite)
            plan.finish.append(builder._job(finite, {"loss": Base(LOSS)}, over=SHARED, what="finite?"))
        sums = builder.sums_of_uses()
        plan.later = [g for g in [sums, *(update or [])] if g]
    plan.blocks = in_strips(plan.blocks)
    if plan.shard_floats:
        clear, sums = Row(_layout.zeros(builder.dtype), floats=plan.shard_floats), Shard(0, plan.shard_floats)
        plan.blocks.insert(0, builder._job(clear, {"y": sums}, over=START, what="clear sums"))
    plan.status = builder.status
    return plan
