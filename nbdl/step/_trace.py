"""From calls to a graph: what a net does with a minibatch of any size.

The net runs twice, on minibatches of two sizes, and its kernel calls are recorded; nothing is computed and
nothing compiles (`nbdl.shapes`). Comparing the two recordings tells which values have samples, and which
constants are a multiple or a fraction of their number. The seed and the step are other numbers in the two:
a constant that was made of them is found out. What follows from two sizes need not hold for all, as
``max(len(x), 2)``: where a net computes with the number of its samples, or picks some of them, it is recorded
once more for each size that it is run with (`Graph.check`).
"""

import itertools
from dataclasses import dataclass

import numpy as np

from nbdl import nn, tape
from nbdl.errors import DtypeError, ShapeError, TapeError
from nbdl.nn._inputs import call, each, named, taken
from nbdl.nn._parameter import carrying, per_sample_buffers
from nbdl.shapes import Tracer
from nbdl.step._forms import flat
from nbdl.step._graph import Graph, Node, Value

SIZES = 3, 5
KEYS = (2**61 - 1, 2_000_000_011), (2**61 - 4, 0), (5, 100)  # seed and step, far apart and even or odd


@dataclass(frozen=True)
class Times:
    """A constant that is `factor` times the number of samples, or divided by it (power -1)."""

    factor: float
    power: int

    def at(self, n):
        return self.factor * n if self.power == 1 else self.factor / n


@dataclass(frozen=True)
class Key:
    """A constant that is the seed or the step of a call."""

    name: str


def trace(net, example, dtype, loss=None, state=False):
    """The `Graph` of a net, and of its loss where one is given.

    Parameters
    ----------
    net : callable
        Whose parameters have their shapes.
    example : (x, y)
        A few samples, each an array or several by name; y may be None where there is no loss. If they are
        many, the net is recorded for their number too, and must call the same kernels.
    loss : callable, optional
        ``loss(prediction, y)``; without it the net is recorded for prediction.
    state : bool
        Whether a prediction reads and hands over buffers per sample, as training does.

    Integers and truth values stay what they are, unless the net takes floats alone.
    """
    try:
        return _traced(net, example, dtype, loss, state)
    except DtypeError:
        x, y = example
        kinds = {np.asarray(a).dtype.kind for a in named(x).values()}
        if kinds == {"f"}:
            raise
        return _traced(net, (each(lambda a: np.asarray(a, dtype), x), y), dtype, loss, state)


def _traced(net, example, dtype, loss, state):
    count = len(next(iter(named(example[0]).values())))
    sizes = [*SIZES, *(n for n in (count,) if n > max(SIZES))]  # there the net must do the same

    def record(n, keys):
        return _Recording(net, example, dtype, loss, state, n, keys)

    try:
        recordings = [record(n, keys) for n, keys in zip(sizes, KEYS)]
    except ShapeError as error:
        try:
            record(SIZES[1], KEYS[1])
        except ShapeError as other:
            raise _of_any_size(error, other) from None
        raise
    for other in recordings[1:]:
        _same_calls(recordings[0], other)
    comparison = _Comparison(net, *recordings)
    graph = comparison.graph()
    if comparison.counts_samples:
        x, y = example
        example = _few(x), None if y is None else _few(y)
        known = {*sizes}

        def check(n):
            if n not in known:
                comparison.check(record(n, KEYS[2]))
                known.add(n)

        graph.check = check
    return graph


def _few(x):
    """Samples that are enough to record a net with: they are repeated."""
    return taken(each(np.asarray, x), slice(max(SIZES)))


def _same_calls(first, other):
    """Raise `TapeError` unless two recordings call the same kernels."""
    for one, two in itertools.zip_longest(first.calls, other.calls):
        a, b = ("nothing" if c is None else f"`{c[0].record.name}`, in {c[2]}," for c in (one, two))
        if one is None or two is None or one[0].record is not two[0].record:
            raise TapeError("the net calls {} for {} samples and {} for {}", a, first.n, b, other.n)


def _of_any_size(error, other):
    """A `ShapeError` met in recordings of two sizes as one of N samples: neither size is the user's."""

    def said(one, two):
        if not (isinstance(one, tuple) and isinstance(two, tuple) and len(one) == len(two)):
            return one
        names = ["N" if (a, b) == SIZES else str(a) for a, b in zip(one, two)]
        return f"({', '.join(names)}{',' if len(names) == 1 else ''})"

    values = (said(one, two) for one, two in zip(error.args[1:], other.args[1:]))
    return ShapeError(error.args[0], *values)


class _Recording:
    """One call of a net, and of its loss, on `n` samples."""

    def __init__(self, net, example, dtype, loss, state, n, keys):
        self.n, self.keys, tracer = n, keys, Tracer(dtype)

        def tensor(a):
            a = a._array if isinstance(a, tape.Tensor) else np.asarray(a)
            a = a.astype(dtype if a.dtype.kind == "f" else bool if a.dtype == bool else np.int64)
            return tape.Tensor(np.ascontiguousarray(np.resize(a, (n, *a.shape[1:]))))

        x, y = (None if given is None else each(tensor, given) for given in example)
        self.x, self.y = named(x), {} if y is None else named(y, "y")
        self.data = [*self.x.items(), *self.y.items()]
        tracer.inputs = tuple(t for _, t in self.data)
        tracer.made.update({id(t): t for t in tracer.inputs})
        train = nn.Train(*keys)
        with tape.tracing(tracer):
            if loss is None:
                with tape.no_grad(), carrying(train if state else None):
                    result = call(net, x)
            else:
                result = loss(call(net, x, train=train), y)
        self.results, self.form = flat(result)
        self.kept, self.read, self.calls, self.dtype = train.kept, train.read, tracer.calls, np.dtype(dtype)
        self.made, self.tracer = tracer.made, tracer


class _Comparison:
    """Two recordings of a net as one graph."""

    def __init__(self, net, one, two, *more):
        self.one, self.two, self.more = one, two, more
        self.names = {id(p): ("parameter", name) for name, p in nn.named_parameters(net).items()}
        buffers = {**nn.named_buffers(net), **per_sample_buffers(net)}
        self.names |= {id(b): ("buffer", name) for name, b in buffers.items()}
        self.names |= {id(rows): self.names[id(b)] for b, rows in one.read}
        self.values = {}
        self.data = [
            Value("data", t.shape[1:], t.dtype, True, name=name, place=i)
            for i, (name, t) in enumerate(one.data)
        ]

    def graph(self):
        nodes = []
        for (c1, r1, where), (c2, r2, _) in zip(self.one.calls, self.two.calls):
            pairs = zip(c1.inputs, c2.inputs)
            inputs = [None if a is None else self._value(a, b, where) for a, b in pairs]
            constants = {
                n: self._constant(v, c2.constants[n], f"`{n}` of `{c1.record.name}`, in {where}")
                for n, v in c1.constants.items()
            }
            outputs = [self._value(a, b, where) for a, b in zip(r1, r2)]
            nodes.append(Node(c1.record, inputs, constants, outputs, where))
        self.nodes = list(nodes)
        for other in self.more:
            self.check(other)
        computed = [id(t) in self.values for t in self.one.results]
        given = [any(t is given for _, given in self.one.data) for t in self.one.results]
        if not any(computed) or not all(map(max, computed, given)):
            raise TapeError("the net returns something that no kernel computed from its input")
        results = [self._value(a, b, "the result") for a, b in zip(self.one.results, self.two.results)]
        kept = zip(self.one.kept, self.two.kept)
        commits = {self.names[id(b)][1]: self._value(t1, t2, "a buffer") for (b, t1), (_, t2) in kept}
        graph = Graph(self.one.dtype.name, self.data, nodes, results, self.one.form, commits=commits)
        _drop_what_nobody_needs(graph)
        _read_as_floats(graph)
        return graph

    @property
    def counts_samples(self):
        """Whether something depends on how many samples there are, or on which of them is which."""
        return any(map(_counts_samples, self.nodes))

    def check(self, other):
        """A third recording must be what the first two let one expect."""
        _same_calls(self.one, other)
        for node, recorded in zip(self.nodes, other.calls):
            self._check(node, recorded, other)

    def _check(self, node, recorded, other):
        call, results, _ = recorded
        text = "in {}: `{}` for {} samples does not follow from that for {} and {}; such nets are trained "
        text += "eagerly (compiled=False)"
        error = TapeError(text, node.where, node.record.name, other.n, *SIZES)
        for value, result in zip(node.outputs, results):
            if result.shape != ((other.n, *value.shape) if value.batched else value.shape):
                raise error
        numbers = [(v, call.constants[name]) for name, v in node.constants.items()]
        pairs = [(v, t._array) for v, t in zip(node.inputs, call.inputs) if v is not None]
        numbers += [(v.array, a.item()) for v, a in pairs if isinstance(v.array, Times)]
        if any((a != v.array).any() for v, a in pairs if v.source == "constant" and v.batched):
            raise error
        for one, two in numbers:
            if not _same(constant_at(one, other.n, *reversed(other.keys)), two):
                raise error

    def _value(self, t1, t2, where):
        a, b = t1._array, t2._array
        if id(t1) in self.values:
            return self.values[id(t1)]
        for value, (_, t) in zip(self.data, self.one.data):
            if t._array is a:  # a layer may have put the same array into a new tensor
                return value
        batched = a.ndim > 0 and (a.shape[0], b.shape[0]) == SIZES and a.shape[1:] == b.shape[1:]
        if not batched and a.shape != b.shape:
            raise TapeError(
                "in {}: the shapes {} and {} for {} and {} samples are not of the form (samples, ...); "
                "such nets are trained eagerly (compiled=False)", where, a.shape, b.shape, *SIZES,
            )  # fmt: skip
        source, name = self.names.get(id(t1), ("node" if id(t1) in self.one.made else "constant", ""))
        shape = a.shape[1:] if batched else a.shape
        keep = None if source == "node" else a
        if source == "constant" and batched and (a == a[0]).all() and (b == a[0]).all():
            keep = np.array(a[0])  # that of every sample
        elif source == "constant" and not batched and a.ndim == 0:
            keep = self._constant(a, b, f"a number, in {where},")
        elif source == "constant" and (batched or not np.array_equal(a, b)):
            raise TapeError("in {}: an array that depends on the number of samples is no input", where)
        self.values[id(t1)] = Value(source, shape, a.dtype, batched, keep, name, t1.requires_grad)
        return self.values[id(t1)]

    def _constant(self, a, b, what):
        """A constant of both recordings: itself, or how it depends on the number of samples."""
        if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)) and len(a) == len(b):
            return tuple(self._constant(p, q, what) for p, q in zip(a, b))
        for name, key, other in zip(("seed", "step"), self.one.keys, self.two.keys):
            if type(a) is type(b) is int and (a, b) == (key, other):
                return Key(name)
        if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
            if np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
                return a
            if a.ndim == b.ndim == 0:
                return self._constant(a.item(), b.item(), what)
        elif type(a) is type(b) and (a == b or a is b):
            return a
        elif isinstance(a, (int, np.integer)) and a * SIZES[1] == b * SIZES[0] and a % SIZES[0] == 0:
            return Times(int(a) // SIZES[0], 1)
        elif isinstance(a, float) and np.isclose(a * SIZES[1], b * SIZES[0], rtol=1e-6, atol=0):
            return Times(a / SIZES[0], 1)
        elif isinstance(a, float) and np.isclose(a * SIZES[0], b * SIZES[1], rtol=1e-6, atol=0):
            return Times(a * SIZES[0], -1)
        raise TapeError(
            "{} is {!r} for {} samples and {!r} for {}: no multiple of their number",
            what, a, SIZES[0], b, SIZES[1],
        )  # fmt: skip


def _counts_samples(node):
    """Whether a call has a number that depends on how many samples there are, or picks some of them."""
    given = [v for v in node.inputs if v is not None]
    picks = node.record.name in ("getitem", "take") and given[0].batched and not node.output.batched
    return picks or _has_times([*node.constants.values(), *(v.array for v in given)])


def _has_times(values):
    return any(isinstance(v, Times) or (isinstance(v, (tuple, list)) and _has_times(v)) for v in values)


def _drop_what_nobody_needs(graph):
    needed, used = [], {*graph.results, *graph.commits.values()}
    for node in reversed(graph.nodes):
        if used.intersection(node.outputs):
            needed.append(node)
            used.update(v for v in node.inputs if v is not None)
    graph.nodes = needed[::-1]


def _read_as_floats(graph):
    """Integers of the data that the net only ever makes floats of: the data are cast instead."""
    floats = np.dtype(graph.dtype)
    for value in [v for v in graph.data if v.dtype.kind in "iub"]:
        users = [node for node in graph.nodes if value in node.inputs]
        casts = [n for n in users if n.record.name == "astype" and n.constants["dtype"] == graph.dtype]
        if users and casts == users and value not in graph.results:
            value.dtype, instead = floats, dict.fromkeys((n.output for n in casts), value)
            graph.nodes = [node for node in graph.nodes if node not in casts]
            for node in graph.nodes:
                node.inputs = [instead.get(v, v) for v in node.inputs]
            graph.results = [instead.get(v, v) for v in graph.results]


def _same(a, b):
    """Whether two constants agree, numbers as far as rounding allows."""
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, (float, np.floating, np.ndarray)) and isinstance(b, (int, float, np.number, np.ndarray)):
        return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-6, equal_nan=True)
    return a is b or bool(a == b)


def constant_at(value, n, step, seed):
    """A constant for n samples."""
    if isinstance(value, Times):
        return value.at(n)
    if isinstance(value, tuple):
        return tuple(constant_at(v, n, step, seed) for v in value)
    if isinstance(value, Key):
        return step if value.name == "step" else seed
    return value
