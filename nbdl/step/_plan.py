"""From a graph to a native program: which leaf runs when, and on what.

`build` goes through the graph, forwards and backwards, and lists *jobs*: a leaf with its operands, or Python
for a kernel that no lanes twin serves. Jobs stand in *sections*: what needs a sum over the whole minibatch
(the statistics of a norm, a loss that is not the last thing computed) stands in a later section than what
adds it up. Then every buffer gets its place (`_memory.py`), and jobs become the rows of the driver's table.
"""

import math

import numpy as np

from nbdl.errors import PluginError
from nbdl.kernels.lanes import LossTwin, Row
from nbdl.kernels.lanes.twin import floats, pitch, planes
from nbdl.step import _layout
from nbdl.step._driver import IDX, LOSS, SHARED, START
from nbdl.step._graph import Node, Sum
from nbdl.step._jobs import Address, AllBlocks, Base, Buffer, Call, Shard
from nbdl.step._lowering import read_by, reads_of
from nbdl.step._strips import in_strips, uses_of
from nbdl.step._values import Values


def build(graph, storage, gradients=None, update=None):
    """The `Plan` of a graph: a training step where `gradients` are given, else a prediction.

    `storage` and `gradients` are aligned arrays by name; `update` lists the jobs that use the gradients, in
    groups (see `_update.py`).
    """
    builder = _Builder(graph, storage, gradients)
    builder.work()
    if gradients is None:
        builder.plan.outputs = [builder.in_python(v) for v in graph.results]
        for value in graph.results:
            if value in builder.rows:
                builder.rows[value].result = True
    else:
        builder.end_of_loss()
        later = [builder.sums_of_uses(), *(update or []), *builder.commits()]
        builder.plan.later = [group for group in later if group]
    sections = builder.plan.sections
    phases = [jobs for s in sections for jobs in (s.before, s.blocks, s.finish)]
    phases += [group for group in builder.plan.later if isinstance(group, list)]
    uses = uses_of(job for jobs in phases for job in jobs)
    for section in sections:
        section.blocks = in_strips(section.blocks, uses)
        if section.shard_floats:
            clear = Row(_layout.zeros(graph.dtype), floats=section.shard_floats)
            sums = {"y": Shard(0, section.shard_floats)}
            section.blocks.insert(0, builder.job(clear, sums, over=START, what="clear sums"))
    return builder.plan


class _Builder(Values):
    """Goes through the work of a graph, piece by piece."""

    def __init__(self, graph, storage, gradients):
        super().__init__(graph, storage, gradients)
        self.saved, self.results_of, self.scaled, self.placed, self.walked = {}, {}, {}, {}, {}
        self.work_list = [*graph.nodes, *graph.backward]
        self.reads_left = reads_of(self.work_list, self.forms, self._asked)
        self.reads_left.update(graph.results)
        self.reads_left.update(graph.commits.values())
        self.targets = {part: name for name, parts in graph.gradients.items() for part in parts}
        self.contributions = {}

    def work(self):
        for piece in self.work_list:
            if isinstance(piece, Node):
                self._node(piece)
            elif isinstance(piece, Sum):
                self._sum(piece)
            else:
                self._derivative(piece)
            for value in read_by(piece, self.forms, self._asked):
                self.reads_left[value] -= 1

    def _operands(self, node, level):
        """Those of a twin: inputs, what forward saved, outputs that are known."""
        form, operands = self.forms[node], dict(self.saved.get(node, ()))
        for name, value in zip(node.record.inputs, node.inputs):
            if value is None:
                operands[name] = None
                continue
            role = form.twin.role(name, value.batched)
            operands[name] = (
                self._data(value) if role == "index"
                else self.in_lanes(value, level) if role == "lanes"
                else self.as_array(value)
            )  # fmt: skip
        return operands

    def _level(self, values):
        return max((self.level[v] for v in values if v is not None), default=0)

    def _put(self, value, buffer, level):
        """Have a value in a buffer from section `level` on."""
        self.lanes[value], self.level[value] = buffer, level
        self.held[buffer].append(value)

    def _owns(self, piece, buffer, level):
        """Whether nobody but `piece` still needs what a buffer holds: section `level` may overwrite it.

        Only what was computed is, and nothing that an earlier piece of work reads in a later section.
        """
        values = self.held.get(buffer)
        if not values or any(v.source != "node" for v in values):
            return False
        own = read_by(piece, self.forms, self._asked)
        read_later = any(self.reads_left[v] > (v in own) for v in values)
        return not read_later and self.last_read[buffer] <= level

    def _read(self, operands, level):
        for operand in operands:
            if isinstance(operand, Buffer):
                self.last_read[operand] = max(self.last_read[operand], level)

    # --- forwards -------------------------------------------------------------------------------------------

    def _node(self, node):
        form = self.forms[node]
        if form.view and node.inputs[0] not in self.python:
            self._view(node.inputs[0], node.output, node)
        elif form.twin is None:
            self._call_forward(node)
        elif form.shared:
            self._shared_forward(node)
        elif isinstance(form.twin, LossTwin):
            self._loss(node)
        else:
            self._twin_forward(node)

    def _view(self, x, y, node):
        """y has the numbers of x in another shape: the same memory, but for gaps between planes."""
        level = self.level[x]
        source = self.in_lanes(x, level)
        self._read([source], level)
        if _gaps(x.shape) == _gaps(y.shape) and (_gaps(x.shape) == 0 or planes(x.shape) == planes(y.shape)):
            self._put(y, source, level)
            return
        buffer = self._buffer(y.shape, "view")
        self._blocks(
            level, _layout.reshaped(x.shape, y.shape, self.dtype), {"x": source, "y": buffer}, what="reshape"
        )
        self._put(y, buffer, level)

    def _twin_forward(self, node):
        form = self.forms[node]
        twin, site, level = form.twin, form.site, self._level(node.inputs)
        saved = self.saved[node] = {n: Buffer(size, n) for n, size in twin.saves(site).items()}
        checks = self._operands(node, 0) if twin.checks(site) else {}
        for row in twin.checks(site):
            self.section(0).before.append(self.job(row, checks, node, SHARED, what="check"))
        if twin.reduce is not None:
            operands = self._operands(node, level)
            reduction = twin.reduce(site)
            arrays = {n: self._array(max(1, size)) for n, size in reduction.results.items()}
            self._reduction(node, reduction, operands, arrays, level, what="statistics")
            saved.update((n, Address(array)) for n, array in arrays.items())
            level += 1
        operands, self.placed[node] = self._operands(node, level), level
        self._read(operands.values(), level)
        for i, (name, value) in enumerate(zip(node.record.outputs, node.outputs)):
            if name in twin.shared:
                self.arrays[value], self.level[value] = saved[name].array, level
                continue
            source = operands.get(node.record.inputs[0])
            own = isinstance(source, Buffer) and self._owns(node, source, level)
            if i == 0 and twin.inplace and own:
                buffer = source
            else:
                buffer = self._buffer(value.shape, node.record.name)
                if i == 0 and twin.overwrites and own:
                    saved[twin.overwrites] = source
            operands[name] = saved[name] = buffer
            self._put(value, buffer, level)
        operands |= saved
        for row in twin.forward(site):
            self._blocks(level, row, operands, node)

    def _reduction(self, node, reduction, operands, arrays, level, gradient="", what=""):
        """The jobs of a sum over the minibatch, whose results go into `arrays`, by name."""
        section, shown = self.section(level), {"gradient": gradient, "what": what}
        place = section.shard_floats * self.size
        section.shard_floats += -(-reduction.acc // 16) * 16
        kept = {k: Buffer(size, k, kept=True) for k, size in reduction.keep.items()}
        scratch = Buffer(reduction.scratch, "scratch")
        more = {"acc": Shard(place, reduction.acc), **kept, "scratch": scratch}
        self._read(operands.values(), level)
        for row in reduction.collect:
            self._blocks(level, row, {**operands, **more}, node, **shown)
        more = {"acc": Shard(place, reduction.acc, all=True), **{k: AllBlocks(b) for k, b in kept.items()}}
        more |= {n: Address(array) for n, array in arrays.items()} | {"idx": Base(IDX, kind="integers")}
        for row in reduction.finish:
            items = row.given.get("items", 1)
            section.finish.append(self.job(row, {**operands, **more}, node, SHARED, items, **shown))

    def _call_forward(self, node):
        level = self._level(node.inputs)
        gets = [None if v is None else self.in_python(v) for v in node.inputs]
        for value in node.outputs:
            self.python.add(value)
            self.level[value] = level
        rows = tuple(self.rows[v] for v in node.inputs if v in self.rows)

        def run(program, n):
            program.call(node, [None if g is None else g(program, n) for g in gets], n)

        self._python(level, Call(run, node, why=self.forms[node].why, rows=rows))

    # --- values without samples -----------------------------------------------------------------------------

    def _shared_operands(self, node, asked):
        """Those that rows ask for: nothing waits for the others."""
        form, operands = self.forms[node], dict(self.saved.get(node, ()))
        for name, value in zip(node.record.inputs, node.inputs):
            if value is None or name not in asked:
                operands[name] = None
            elif name in form.site.samples:
                operands[name] = self.in_all_lanes(value, form.site.shapes[name])
            else:
                operands[name] = self.as_array(value)
        operands["last"] = planes(form.site.shapes[node.record.outputs[0]])[1]
        return operands

    def _shared_forward(self, node):
        form, level = self.forms[node], self._level_of_arrays(node.inputs)
        self.placed[node] = level
        saved = self.saved[node] = {
            n: Address(self._array(size)) for n, size in form.twin.saves(form.site).items()
        }
        rows = form.twin.forward(form.site)
        operands = self._shared_operands(node, self._asked(rows))
        for name, value in zip(node.record.outputs, node.outputs):
            self.spread[value] = self._array(floats(form.site.shapes[name], self.L))
            operands[name] = saved[name] = Address(self.spread[value])
            self.level[value] = level
        for row in rows:
            self._once(level, row, operands, node)

    def _shared_derivative(self, d):
        node, form = d.node, self.forms[d.node]
        rows, shape = form.rows(d.name), form.site.shapes[d.name]
        asked = self._asked(rows)
        level = self._level_of_arrays(read_by(d, self.forms, self._asked))
        if not asked.isdisjoint(self.saved[node]):
            level = max(level, self.placed[node])
        operands = self._shared_operands(node, asked)
        for name, cotangent in zip(node.record.outputs, d.cotangents):
            if cotangent is not None:
                operands[f"d{name}"] = self.in_all_lanes(cotangent, form.site.shapes[name])
        self.spread[d.output] = array = self._array(floats(shape, self.L))
        operands[f"d{d.name}"] = Address(array)
        for row in rows:
            self._once(level, row, operands, node, gradient=d.name)
        self.level[d.output] = level
        if d.output in self.targets:
            target = {"x": Address(array), "y": Address(self._target(d.output))}
            self._once(level, _layout.one_lane(shape, self.dtype), target, what="from lanes")

    # --- the loss -------------------------------------------------------------------------------------------

    def _loss(self, node):
        """A mean over the minibatch: the rows of its total first, then the losses of the blocks."""
        form, level = self.forms[node], self._level(node.inputs)
        last = node.output is self.graph.result and self.graph.backward and self.reads_left[node.output] == 1
        self.placed[node] = level
        self.saved[node] = {n: Buffer(size, n) for n, size in form.twin.saves(form.site).items()}
        operands = self._operands(node, level)
        if last:  # the driver has room for it
            total, loss = Base(LOSS, offset=-self.size, kind="floats"), Base(LOSS, self.size, kind="floats")
        else:
            total, loss = Address(self._array(1)), Buffer(1, "loss", kept=True)
        self.saved[node] |= {"total": total, "loss": loss, "scale": Address(self._array(1))}
        operands |= self.saved[node]
        before = self.section(0).before
        for row in (*form.twin.checks(form.site), *form.twin.total(form.site)):
            before.append(self.job(row, operands, node, SHARED))
        for row in form.twin.forward(form.site):
            self._blocks(level, row, operands, node)
        self._read(operands.values(), level)
        if not last:
            array = self.arrays[node.output] = self._array(1)
            mean = {"loss": AllBlocks(loss), "total": total, "y": Address(array)}
            row = Row(_layout.mean_of_blocks)
            self.section(level).finish.append(self.job(row, mean, node, SHARED, what="mean"))
            self.level[node.output] = level + 1

    def _scale(self, node, cotangent):
        """What the gradient of a mean is multiplied by: known before the blocks if `cotangent` is."""
        saved, level = self.saved[node], self._level_of_arrays([cotangent])
        if node in self.scaled:
            return self.scaled[node]
        operands = {"total": saved["total"], "scale": saved["scale"], "dy": self.as_array(cotangent)}
        row = Row(_layout.inverse if cotangent is self.graph.one else _layout.scaled_inverse)
        self.section(level).before.append(self.job(row, operands, node, SHARED, what="1 / total"))
        self.scaled[node] = level
        return level

    def end_of_loss(self):
        """The loss where the driver looks for it, and a look whether it is a number."""
        result = self.graph.result
        self.plan.loss_in_python = result in self.python
        if self.plan.loss_in_python:
            return
        level = self.level[result]
        if result in self.arrays or result in self.spread:
            operands = {"y": self.as_array(result), "loss": Base(LOSS, kind="floats")}
            row = Row(_layout.stored_loss)
            self.section(level).before.append(self.job(row, operands, over=SHARED, what="loss"))
        finite = self.job(
            Row(_layout.finite), {"loss": Base(LOSS, kind="floats")}, over=SHARED, what="finite?"
        )
        self.section(len(self.plan.sections) - 1).finish.append(finite)

    def commits(self):
        """The new values of buffers: after the update, so that a step that failed commits nothing."""
        jobs, calls = [], []
        for name, value in self.graph.commits.items():
            if value in self.python:
                calls.append(Call(self._commit(name, value), what=f"commit {name}"))
                continue
            if value.batched:  # of a buffer per sample
                x = AllBlocks(self.in_lanes(value, len(self.plan.sections) - 1))
                operands = {"x": x, "rows": self.rows_by_position(name, value)}
                row, what = _layout.all_out_of_lanes(value.shape, self.dtype), f"commit {name}"
                jobs.append(self.job(row, operands, over=SHARED, items=row.given["items"], what=what))
                continue
            size = -(-math.prod(value.shape) // self.L) * self.L
            operands = {"x": self.as_array(value), "y": Address(self.storage[name])}
            row = Row(_layout.copied(self.dtype), floats=size)
            jobs.append(self.job(row, operands, over=SHARED, what=f"commit {name}"))
        return [jobs, *calls]

    @staticmethod
    def _commit(name, value):
        def run(program, n):
            program.stored(name)[: n if value.batched else None] = program.arrays[value]

        return run

    # --- backwards ------------------------------------------------------------------------------------------

    def _derivative(self, d):
        form = self.forms[d.node]
        if form.view and d.node.output not in self.python:
            self._view(d.cotangents[0], d.output, d.node)
        elif form.shared:
            self._shared_derivative(d)
        elif form.python or d.node.output in self.python:
            self._call_backward(d)
        else:
            self._backward(d)
            array = d.name in form.twin.parameters and d.name not in form.site.samples
            self._to_array(d) if array else self._to_lanes(d)

    def _backward(self, d):
        """The rows that the gradients of a node share, before its first one; what they save is its own."""
        node, form = d.node, self.forms[d.node]
        if node in self.walked or not form.backward:
            return
        level = self.walked[node] = self._level_of(d)
        operands = {**self._operands(node, level), **self._cotangents(d, level, form.backward)}
        asked, lanes = self._asked(form.backward), form.site.samples.intersection(node.named)
        made = {f"d{n}": self._buffer(form.site.shapes[n], f"d{n}") for n in lanes if f"d{n}" in asked}
        self.saved[node] |= made  # nobody owns these: gradients read them later on
        self._read(operands.values(), level)
        for row in form.backward:
            self._blocks(level, row, {**operands, **made}, node, gradient=True)

    def _cotangents(self, d, level, rows=None):
        """Those of all outputs in lanes, by the names that rows have for them."""
        found, asked = {}, self._asked(self.forms[d.node].rows(d.name) if rows is None else rows)
        for name, value, cotangent in zip(d.node.record.outputs, d.node.outputs, d.cotangents):
            if cotangent is not None:
                found[f"d{name}"] = self.in_lanes(cotangent, level)
            elif f"d{name}" in asked:
                found[f"d{name}"] = zero = self._buffer(value.shape, "zeros")
                row = Row(_layout.zeros(self.dtype), floats=zero.floats)
                self._blocks(level, row, {"y": zero}, what="zeros")
        return found

    def _level_of(self, d):
        """The section of a gradient: not before that of the forward rows, which save what it reads."""
        least = max(self.placed.get(d.node, 0), self.walked.get(d.node, 0))
        return max(self._level(read_by(d, self.forms, self._asked)), least)

    def _to_array(self, d):
        level, reduction = self._level_of(d), self.forms[d.node].rows(d.name)
        operands = {**self._operands(d.node, level), **self._cotangents(d, level)}
        target = self._target(d.output)
        if d.name in self.forms[d.node].twin.needs:
            raise PluginError("lanes twin of `{}`: `needs` is for gradients in lanes", d.node.record.name)
        self._reduction(d.node, reduction, operands, {f"d{d.name}": target}, level, gradient=d.name)
        self.results_of[d.node, d.name] = target
        self.level[d.output] = level + 1
        self.level[d.node, d.name] = level + 1

    def _target(self, part):
        """Where a gradient of an array goes: the first use of a parameter into the gradient itself."""
        name = self.targets.get(part)
        if name is None:
            self.arrays[part] = self._array(max(1, math.prod(part.shape)))
            return self.arrays[part]
        gradient = self.plan.gradients[name]
        parts = self.contributions.setdefault(name, [])
        parts.append(gradient if not parts else self._array(gradient.size))
        return parts[-1]

    def _to_lanes(self, d):
        node, form = d.node, self.forms[d.node]
        value, level = node.named[d.name], self._level_of(d)
        if form.backward and not form.rows(d.name):
            self.lanes[d.output], self.level[d.output] = self.saved[node][f"d{d.name}"], self.walked[node]
            return
        if isinstance(form.twin, LossTwin):
            level = max(level, self._scale(node, d.cotangents[0]))
            cotangents = {}
        else:
            cotangents = self._cotangents(d, level)
        needed = {}
        for name in form.twin.needs.get(d.name, ()):
            array, ready = self._needed(d, name, level, cotangents)
            needed[f"d{name}"], level = Address(array), max(level, ready)
        if needed and not isinstance(form.twin, LossTwin):
            cotangents = self._cotangents(d, level)
        operands = {**self._operands(node, level), **cotangents, **needed}
        dy = operands.get(f"d{node.record.outputs[0]}")
        self._read(operands.values(), level)
        if form.twin.inplace and isinstance(dy, Buffer) and self._owns(d, dy, level):
            target = dy
        else:
            target = self._buffer(value.shape, f"d{d.name}")
        operands[f"d{d.name}"] = target
        for row in form.rows(d.name):
            self._blocks(level, row, operands, node, gradient=d.name)
        self._put(d.output, target, level)

    def _needed(self, d, name, level, cotangents):
        """A gradient that another one is made of, and the section from which on it is complete."""
        node, key = d.node, (d.node, name)
        if key not in self.results_of:
            form = self.forms[node]
            reduction = form.twin.parameters[name](form.site)
            value = node.named.get(name)
            size = math.prod(value.shape) if value is not None else reduction.results[f"d{name}"]
            self.results_of[key] = self._array(max(1, size))
            operands = {**self._operands(node, level), **cotangents}
            arrays = {f"d{name}": self.results_of[key]}
            self._reduction(node, reduction, operands, arrays, level, gradient=name)
            self.level[key] = level + 1
        return self.results_of[key], self.level[key]

    def _sum(self, piece):
        """Contributions to the gradient of one value: from first to last, those of Python at the end."""
        if not piece.output.batched:
            self._sum_of_arrays(piece)
            return
        level = self._level(piece.inputs)
        if all(part in self.python for part in piece.inputs):
            self._sum_in_python(piece, level)
            return
        parts = sorted(piece.inputs, key=self.python.__contains__)
        buffers = [self.in_lanes(part, level) for part in parts]
        self._read(buffers, level)
        target = buffers[0]
        if not self._owns(piece, target, level) or target in buffers[1:]:
            target = self._buffer(piece.output.shape, "sum")
            row = Row(_layout.copied(self.dtype), floats=target.floats)
            self._blocks(level, row, {"x": buffers[0], "y": target}, what="copy")
        for other in buffers[1:]:
            row = Row(_layout.added(self.dtype), floats=other.floats)
            self._blocks(level, row, {"x": other, "y": target}, what="add")
        self._put(piece.output, target, level)

    def _sum_in_python(self, piece, level):
        self.python.add(piece.output)
        self.level[piece.output] = level
        gets = [self.in_python(part) for part in piece.inputs]

        def run(program, n):
            program.arrays[piece.output] = np.asarray(sum(get(program, n) for get in gets))

        self._python(level, Call(run, what="add"))

    def _sum_of_arrays(self, piece):
        level, size = self._level(piece.inputs), max(1, math.prod(piece.output.shape))
        if any(part in self.python for part in piece.inputs):
            self._sum_in_python(piece, level)
        else:
            target = self.arrays[piece.output] = self._array(size)
            floats = -(-size // self.L) * self.L
            first, *others = (self.as_array(part) for part in piece.inputs)
            before = self.section(level).before
            row = Row(_layout.copied(self.dtype), floats=floats)
            before.append(self.job(row, {"x": first, "y": Address(target)}, over=SHARED, what="copy"))
            for other in others:
                row = Row(_layout.added(self.dtype), floats=floats)
                before.append(self.job(row, {"x": other, "y": Address(target)}, over=SHARED, what="add"))
        self.level[piece.output] = level

    def sums_of_uses(self):
        """Where a parameter is used more than once, its gradients are added up."""
        jobs = []
        for name, (gradient, *others) in self.contributions.items():
            for other in others:
                row = Row(_layout.added(self.dtype), floats=gradient.size)
                operands = {"x": Address(other), "y": Address(gradient)}
                jobs.append(self.job(row, operands, over=SHARED, what=f"add {name}"))
        return jobs

    def _call_backward(self, d):
        """The gradient kernel of a call that ran in Python."""
        node, value = d.node, d.node.named[d.name]
        level = self._level(read_by(d, self.forms, self._asked))
        gets = [None if c is None else self.in_python(c) for c in d.cotangents]
        rows = tuple(self.rows[v] for v in (*d.cotangents, *node.inputs) if v in self.rows)
        target = self._target(d.output) if d.output in self.targets else None
        if target is None:
            self.python.add(d.output)
        self.level[d.output] = level

        def run(program, n):
            given = [None if get is None else get(program, n) for get in gets]
            if target is None:
                shape = (n, *value.shape) if value.batched else value.shape
                destination = program.arrays[d.output] = np.zeros(shape, value.dtype)
            else:
                target[:] = 0
                destination = target[: value.array.size].reshape(value.shape)
            program.gradient(node, d.name, given, destination)

        self._python(level, Call(run, node, gradient=True, rows=rows))


def _gaps(shape):
    C, H, W = planes(shape)
    return pitch(shape) - H * W if C > 1 else 0
