"""How each call of a graph runs in a native program: as rows of its lanes twin, or in Python."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from nbdl.kernels.lanes import LossTwin, Site, Unfit
from nbdl.kernels.lanes.twin import Packed
from nbdl.records import resolve
from nbdl.shapes import site_of
from nbdl.step._graph import Derivative, Node, Sum
from nbdl.step._trace import Key, Times


@dataclass(eq=False)
class Lowered:
    """A call as the program runs it: by its `twin` at a `site`, as a `view` of its input, or in Python.

    A `shared` one has no samples: it runs once, as if all lanes were one sample. `why` says what keeps a call
    from the lanes.
    """

    twin: object = None
    site: Site | None = None
    view: bool = False
    shared: bool = False
    why: str = ""
    made: dict = None  # the rows of a gradient, by the name of its input, once they were asked for
    shares: list = None  # the rows that gradients share, once they were asked for

    @property
    def python(self):
        return self.twin is None and not self.view

    def rows(self, name):
        """The rows (or the `Reduction`) that make the gradient with respect to an input."""
        self.made = self.made or {}
        if name not in self.made:
            lanes = self.site.samples.__contains__(name) or name not in self.twin.parameters
            self.made[name] = (self.twin.grads if lanes else self.twin.parameters)[name](self.site)
        return self.made[name]

    @property
    def backward(self):
        """The rows that the gradients share."""
        if self.shares is None:
            self.shares = self.twin.backward(self.site)
        return self.shares


def lower(graph, fuse=True):
    """The `Lowered` form of each node of a graph, and of the pairs of nodes that become one (`_fuse`)."""
    forms, dtype = {}, np.dtype(graph.dtype)
    for node in graph.nodes:
        forms[node] = _lowered(node, graph, dtype)
    if fuse:
        _fuse(graph, forms)
    _pack(graph, forms)
    return forms


_GROWING = {"mul", "power", "sum", "prod", "cumsum"}  # of integers: larger ones than their operands


def _lowered(node, graph, dtype):
    if _is_view(node, dtype):
        return Lowered(view=True)
    named = node.named
    if node.record.name in _GROWING and node.output.dtype.kind in "iu":
        return Lowered(why="its results are integers, perhaps more than floats can hold")
    if not any(v.batched for v in (*named.values(), *node.outputs)):
        return _shared(node, dtype)
    samples = {n for n, v in named.items() if v.batched}
    arrays = [None if v is None else _Like(v) for v in node.inputs]
    twin, site, why = site_of(node.record, arrays, node.constants, dtype, samples)
    if twin is None:
        return Lowered(why=why)
    for name, value in named.items():
        role = twin.role(name, value.batched)
        if role == "index" and not (value.source == "data" and value.dtype.kind in "iu"):
            return Lowered(why=f"its twin reads `{name}` in the data, as integers")
        gradient = (twin.parameters if role == "array" else twin.grads).get(name)
        if value.grad and node.output.grad and role != "index" and name in node.record.grads and not gradient:
            return Lowered(why=f"its twin has no gradient with respect to `{name}`")
    if any(isinstance(v, Times) for v in node.constants.values()):
        return Lowered(why="one of its constants depends on the number of samples")
    for name, value in node.constants.items():
        if isinstance(value, Key) and value.name != name:
            return Lowered(why=f"its `{name}` is the {value.name} of the step")
    if isinstance(twin, LossTwin) and node.output in graph.commits.values():
        return Lowered(why="its twin gives a program its loss, not the value of a buffer")
    return Lowered(twin, site)


LARGEST = 4096  # elements of a value that is computed on one thread, once for each lane


def _shared(node, dtype):
    """An operation on values without samples: as on one sample of them, whose axes count from 1."""
    twin = resolve(node.record.lanes) if node.record.lanes else None
    if twin is None or node.record.target != "numpy":
        return Lowered(why="its operands have no samples")
    named, lanes = node.named, {n for n in node.named if n in twin.grads}
    rank = max((len(named[n].shape) for n in lanes), default=0)
    if any(np.prod(v.shape) > LARGEST for v in (*named.values(), *node.outputs)):
        return Lowered(why="its operands have no samples, and are large")
    if any(len(named[n].shape) == 3 != rank for n in lanes):
        return Lowered(why="its operands have no samples")
    arrays = [
        None
        if v is None
        else _Like(v, (2, *(1,) * (rank - len(v.shape)), *v.shape) if n in lanes else v.shape)
        for n, v in zip(node.record.inputs, node.inputs)
    ]
    constants = _of_one_sample(node.constants, rank)
    twin, site, why = site_of(node.record, arrays, constants, dtype, lanes)
    if twin is None or any((v.array is None or v.grad) and n not in lanes for n, v in named.items()):
        return Lowered(why=why or "its operands have no samples")
    return Lowered(twin, site, shared=True)


def _of_one_sample(constants, rank):
    """Axes and indices of an array, as those of a minibatch of such arrays."""

    def moved(axis):
        return tuple(a + (a >= 0) for a in axis) if isinstance(axis, (tuple, list)) else axis + (axis >= 0)

    found = dict(constants)
    if "index" in found:
        index = found["index"]
        found["index"] = (slice(None), *(index if isinstance(index, tuple) else (index,)))
    if "axis" in found:
        found["axis"] = tuple(range(1, rank + 1)) if found["axis"] is None else moved(found["axis"])
    if "axes" in found:
        axes = range(rank)[::-1] if found["axes"] is None else np.mod(found["axes"], max(rank, 1)).tolist()
        found["axes"] = (0, *moved(tuple(axes)))
    return found


class _Like:
    """A value as an array without numbers; one that has samples as for two of them."""

    def __init__(self, value, shape=None):
        self.shape, self.dtype = (2, *value.shape) if value.batched else value.shape, value.dtype
        if shape is not None:
            self.shape = shape
        self.ndim, self.size = len(self.shape), int(np.prod(self.shape))

    def __len__(self):
        return self.shape[0]


def _is_view(node, dtype):
    """Whether the numbers stay where they are: another shape of each sample, or in lanes another dtype."""
    (a, *_), out = node.inputs, node.output
    if node.record.target != "numpy" or a is None or not (a.batched and out.batched):
        return False
    if node.record.name == "astype":
        return out.dtype == dtype and a.dtype.kind in "iub"
    if node.record.name == "getitem":  # new axes alone
        index = node.constants["index"]
        parts = index if isinstance(index, tuple) else (index,)
        return (
            bool(parts)
            and parts[0] is not None
            and all(p is None or p is Ellipsis or (isinstance(p, slice) and p == slice(None)) for p in parts)
        )
    return node.record.name == "reshape" and np.prod(a.shape) == np.prod(out.shape)


# --- two neighbours in one pass over memory -----------------------------------------------------------------


def _fuse(graph, forms):
    """Put one node in the place of two where a pooling is the only user of an activation's result.

    What is computed and what is kept for the gradients stays the same.
    """
    reads, makers = graph.reads(), {node.output: node for node in graph.nodes}
    for node in list(graph.nodes):
        before = makers.get(node.inputs[0])
        if before is None or reads[before.output] != 1 or len(node.named) != 1:
            continue
        twin = _together(forms[before], forms[node])
        back, first = (_derivatives(graph, n) for n in (node, before))
        if twin is None or len(back) != len(first):
            continue
        record = replace(
            node.record, name=f"{before.record.name} {node.record.name}", inputs=before.record.inputs
        )
        both = Node(record, before.inputs, node.constants, node.outputs, node.where)
        forms[both] = Lowered(twin, forms[node].site)
        graph.nodes[graph.nodes.index(before)] = both
        graph.nodes.remove(node)
        makers[both.output] = both
        for last, one in zip(back, first):
            together = Derivative(both, one.name, last.cotangents, one.output)
            graph.backward[graph.backward.index(one)] = together
            graph.backward.remove(last)


def _derivatives(graph, node):
    return [d for d in graph.backward if isinstance(d, Derivative) and d.node is node]


def _together(before, after):
    """The twin of two nodes in one pass, or None."""
    if before.python or after.python or before.view or after.view:
        return None
    if not before.twin.each or not after.twin.after:
        return None
    twin = after.twin.after(*before.twin.each)
    try:
        twin.shape(after.site)
    except Unfit:
        return None
    return twin


# --- where planes lie ---------------------------------------------------------------------------------------


def _pack(graph, forms):
    """Close the gaps between planes of values that no image operation meets: reshaping them copies nothing.

    Values that one twin reads and writes are laid out alike; a view is where one layout ends.
    """
    group = {}

    def find(value):
        while group.setdefault(value, value) is not value:
            value = group[value]
        return value

    calls = [(node, [*node.inputs, *node.outputs]) for node in graph.nodes]
    calls += [(d.node, [*d.cotangents, d.output]) for d in graph.backward if isinstance(d, Derivative)]
    spaced = []
    for node, values in calls:
        form, values = forms[node], [v for v in values if v is not None and v.batched]
        if form.twin is None or form.shared or not values:
            continue
        for value in (*values[1:], node.output):
            group[find(value)] = find(values[0])
        if not form.twin.packed:
            spaced.append(values[0])
    for piece in graph.backward:
        if isinstance(piece, Sum):
            for value in piece.inputs:
                group[find(value)] = find(piece.output)
    spaced = {find(value) for value in spaced}
    for value in list(group):
        if len(value.shape) == 3 and find(value) not in spaced:
            value.shape = Packed(value.shape)
    for node, values in calls:
        form = forms[node]
        if (
            form.twin is not None
            and not form.shared
            and any(isinstance(v.shape, Packed) for v in values if v)
        ):
            form.site = form.site.packed()


# --- who still reads a value --------------------------------------------------------------------------------


def reads_of(work, forms, asked):
    """How many pieces of work read each value; ``asked(rows)`` are the names of the operands of rows."""
    count = Counter()
    for piece in work:
        count.update(read_by(piece, forms, asked))
    return count


def read_by(piece, forms, asked):
    """The values that a node, a derivative or a sum reads."""
    if isinstance(piece, Sum):
        return set(piece.inputs)
    if isinstance(piece, Node):
        return set(piece.named.values())
    node, form = piece.node, forms[piece.node]
    cotangents = {c for c in piece.cotangents if c is not None}
    if form.view:
        return cotangents
    if form.python:
        return {*node.named.values(), *node.outputs, *cotangents}
    names = asked(form.rows(piece.name)) | asked(form.backward)
    values = {**node.named, **dict(zip(node.record.outputs, node.outputs))}
    return {v for n, v in values.items() if n in names} | cotangents
