"""The graph of a net: what is computed from what, forwards and backwards, for minibatches of any size.

It knows no target. `_trace.py` makes it of the calls of a net, `differentiate` adds the way back; a backend
(`_plan.py`, `_function.py`) only lowers it. A value *has samples* if its first axis is that of the minibatch;
its shape here is then that of one sample.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from nbdl._calls import reaches
from nbdl.errors import TapeError


@dataclass(eq=False)
class Value:
    """An array of the graph. `shape` is that of one sample where `batched`, else the whole."""

    source: str  # "data", "parameter", "buffer", "constant" or "node"
    shape: tuple
    dtype: np.dtype
    batched: bool
    array: object = None  # of what is stored or constant; `Times` where it is a number that depends on them
    name: str = ""
    grad: bool = False  # whether a gradient is to flow into it
    place: int = -1  # of data: which of the arrays of a program it is


@dataclass(eq=False)
class Node:
    """A kernel call."""

    record: object
    inputs: list
    constants: dict
    outputs: list
    where: str

    @property
    def output(self):
        return self.outputs[0]

    @property
    def named(self):
        """The inputs that are given, by name."""
        return {n: v for n, v in zip(self.record.inputs, self.inputs) if v is not None}


@dataclass(eq=False)
class Derivative:
    """The gradient of a call with respect to its input `name`: one contribution to that of the value.

    `cotangents` holds the gradient of each output, None where nothing flows back.
    """

    node: Node
    name: str
    cotangents: list
    output: Value


@dataclass(eq=False)
class Sum:
    """A gradient that is the sum of several contributions."""

    inputs: list
    output: Value


@dataclass(eq=False)
class Graph:
    """`data` are the inputs and then the targets; `results` what the net returns, or its loss.

    `gradients` lists the contributions to that of each parameter, by name; `commits` the new value of each
    buffer, by name. `check(n)` raises `TapeError` unless the net does the same with n samples; there is none
    where nothing but the samples themselves depends on how many they are.
    """

    dtype: str
    data: list
    nodes: list
    results: list
    form: object = None  # how the results are put together: see `_forms.py`
    backward: list = field(default_factory=list)
    gradients: dict = field(default_factory=dict)
    commits: dict = field(default_factory=dict)
    one: Value = None  # the gradient of the loss with respect to itself
    check: object = None

    @property
    def result(self):
        return self.results[0]

    @property
    def values(self):
        """All values of the forward pass that are needed, data first."""
        found = dict.fromkeys(self.data)
        for node in self.nodes:
            found.update(dict.fromkeys(v for v in (*node.inputs, *node.outputs) if v is not None))
        return list(found)

    def reads(self):
        """How many nodes, results and commits read each value of the forward pass."""
        count = Counter(v for node in self.nodes for v in {v for v in node.inputs if v is not None})
        count.update(self.results)
        count.update(self.commits.values())
        return count


def differentiate(graph):
    """Add the way back from the loss, `graph.result`: from the last node to the first."""
    loss, given = graph.result, {}
    graph.one = Value("constant", (), loss.dtype, False, np.ones((), loss.dtype), "1")
    given[loss] = [graph.one]

    def gradient(value):
        """The gradient of a value: what its users gave, added up."""
        parts = given.get(value)
        if not parts:
            return None
        if len(parts) > 1:
            total = Value("node", value.shape, value.dtype, value.batched)
            graph.backward.append(Sum(list(parts), total))
            parts[:] = [total]
        return parts[0]

    for node in reversed(graph.nodes):
        cotangents = [
            gradient(v) if v.grad and reaches(node.record, name) else None
            for name, v in zip(node.record.outputs, node.outputs)
        ]
        if not any(c is not None for c in cotangents):
            continue
        wanted = [(n, v) for n, v in node.named.items() if v.grad]
        for name, value in sorted(wanted, key=lambda item: item[1].batched):  # arrays first
            if name not in node.record.grads:
                text = "in {}: the gradient of `{}` with respect to `{}` is not defined"
                raise TapeError(text, node.where, node.record.name, name)
            part = Value("node", value.shape, value.dtype, value.batched)
            graph.backward.append(Derivative(node, name, cotangents, part))
            given.setdefault(value, []).append(part)
    graph.gradients = {v.name: parts for v, parts in given.items() if v.source == "parameter"}
