"""`summary`: what a net consists of, call by call, as a table and as a graph."""

import math
from dataclasses import dataclass

from nbdl import nn
from nbdl.nn._inputs import numbers
from nbdl.nn._parameter import dtype_of, ready
from nbdl.step._lowering import lower
from nbdl.step._report import _aligned, _scaled, _shape
from nbdl.step._trace import trace


@dataclass(frozen=True)
class Row:
    """One call of a kernel or array operation, for one sample."""

    layer: str  # the path of its parameters; "" where it has none
    op: str
    inputs: tuple  # numbers of rows, or names of inputs
    shape: tuple  # of its result, without the axis of the samples
    parameters: int  # trained numbers that no earlier row has
    flops: int  # additions and multiplications, as far as its twin counts them
    bytes: int  # of its result
    target: str  # "lanes", "view" (no work), or that of a kernel that Python runs on the whole minibatch
    why: str = ""  # Python runs it: what keeps it from the lanes


@dataclass(frozen=True)
class Summary:
    """The calls of a net in their order. ``print(summary)`` gives a table, ``summary.dot()`` a graph."""

    rows: list
    results: tuple  # the numbers of the rows that the net returns
    parameters: int
    bytes: int  # of the parameters

    @property
    def flops(self):
        """Of one sample."""
        return sum(row.flops for row in self.rows)

    @property
    def native(self):
        """Whether a compiled program needs no Python for it."""
        return all(row.target in ("lanes", "view") for row in self.rows)

    def __str__(self):
        table = [["", "layer", "op", "of", "shape", "parameters", "FLOPs", "bytes", "on"]]
        for number, row in enumerate(self.rows):
            parameters = f"{row.parameters:,}" if row.parameters else ""
            table.append([
                str(number), row.layer, row.op, " ".join(map(str, row.inputs)), _shape(row.shape), parameters,
                _scaled(row.flops), _scaled(row.bytes, "B"), row.target,
            ])  # fmt: skip
        lines = [*_aligned(table, right={0, 5, 6, 7}), ""]
        lines += [f"{self.parameters:,} parameters ({_scaled(self.bytes, 'B') or '0 B'})"]
        results = sum(row.bytes for row in self.rows if row.target != "view")
        lines += [f"for each sample: {_scaled(self.flops) or 'no'} FLOPs, {_scaled(results, 'B')} of results"]
        said = dict.fromkeys((row.op, row.why) for row in self.rows if row.why)
        return "\n".join(lines + [f"from Python: `{op}`, because {why}" for op, why in said])

    def dot(self):
        """The graph in the DOT language of Graphviz: ``dot -Tsvg``."""
        lines = ["digraph net {", "  rankdir=TB; node [shape=box, fontname=monospace];"]
        names = dict.fromkeys(i for row in self.rows for i in row.inputs if isinstance(i, str))
        lines += [f'  "{name}" [shape=ellipse];' for name in names]
        for number, row in enumerate(self.rows):
            label = "\\n".join(filter(None, (row.layer, row.op, _shape(row.shape))))
            frame = ", peripheries=2" if number in self.results else ""
            lines.append(f'  {number} [label="{label}"{frame}];')
            lines += [f'  "{i}" -> {number};' for i in row.inputs]
        return "\n".join([*lines, "}"])


def summary(net, example, seed=0):
    """What `net` does with inputs like `example`: calls, shapes, parameters, operations, memory.

    Nothing is computed or compiled. Parameters that have no values yet are drawn from `seed`.

    Parameters
    ----------
    net : callable
    example : array, or arrays by name
        One or more samples.
    seed : int

    Returns
    -------
    Summary

    Raises
    ------
    TapeError
        If the net looks at the values it computes: such nets are run eagerly, and have no fixed graph.

    Examples
    --------
    >>> import numpy as np
    >>> found = summary(nn.Sequential(nn.Linear(3), nn.ReLU()), np.zeros((1, 4)))
    >>> found.parameters, found.flops, found.native
    (15, 24, True)
    """
    if not ready(net):
        nn.init(net, example, seed, keep=True)
    dtype = dtype_of(net, example)
    graph = trace(net, (numbers("summary: `example`", example, dtype), None), dtype)
    forms, numbered, seen = lower(graph, fuse=False), {}, set()
    rows = []
    for node in graph.nodes:
        form = forms[node]
        stored = [v for v in node.inputs if v is not None and v.source in ("parameter", "buffer")]
        new = {v.name: math.prod(v.shape) for v in stored if v.source == "parameter" and v.name not in seen}
        seen |= new.keys()
        given = [v for v in node.inputs if v is not None and v.source in ("node", "data")]
        rows.append(Row(
            stored[0].name.rpartition(".")[0] if stored else "", node.record.name,
            tuple(numbered.get(v, v.name) for v in given), node.output.shape,
            sum(new.values()), 0 if form.twin is None else form.twin.flops(form.site),
            math.prod(node.output.shape) * node.output.dtype.itemsize,
            "view" if form.view else node.record.target if form.python else "lanes", form.why,
        ))  # fmt: skip
        numbered.update((v, len(rows) - 1) for v in node.outputs)
    sizes = [p.size for p in nn.parameters(net)]
    results = tuple(numbered[v] for v in graph.results if v in numbered)
    return Summary(rows, results, sum(sizes), sum(sizes) * dtype.itemsize)
