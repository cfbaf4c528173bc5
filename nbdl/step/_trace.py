"""From calls to a graph: what a net does with a minibatch of any size.

The net runs twice, on minibatches of two sizes, and its kernel calls are recorded. A kernel with a lanes twin
is not run: the twin says what shape comes out, and nothing has to be compiled. Comparing the two recordings
tells which sizes are the number of samples, and which constants a multiple or a fraction of it.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from nbdl import nn, tape
from nbdl.errors import ShapeError, TapeError
from nbdl.kernels.lanes import LossTwin, Site
from nbdl.shapes import Tracer, site_of

SIZES = 3, 5
STEP, SEED = 2_000_000_011, 2**61 - 1  # stand for the step and the seed among the constants of a recording


@dataclass(frozen=True)
class Times:
    """A constant that is `factor` times the number of samples, or divided by it (power -1)."""

    factor: float
    power: int

    def at(self, n):
        return self.factor * n if self.power == 1 else self.factor / n


@dataclass(eq=False)
class Value:
    """An array of the graph. `shape` is that of one sample where `batched`, else the whole."""

    source: str  # "x", "y", "parameter", "constant" or "node"
    shape: tuple
    dtype: np.dtype
    batched: bool
    array: object = None  # of a parameter or a constant; `Times` where it is a number that depends on them
    name: str = ""
    grad: bool = False  # whether a gradient is to flow into it


@dataclass(eq=False)
class Node:
    """A kernel call. Without `twin` it runs on the whole minibatch, and `why` says the reason; `view`: only
    the shape changes.
    """

    record: object
    inputs: list
    constants: dict
    output: Value
    where: str
    twin: object = None
    site: Site | None = None
    view: bool = False
    why: str = ""


@dataclass(eq=False)
class Graph:
    nodes: list
    result: Value
    values: list
    dtype: str
    users: dict  # the nodes that read a value, by value: nodes and values hold no cycle of references


def trace(net, example, dtype, loss=None):
    """The `Graph` of a net, and of its loss where one is given.

    Parameters
    ----------
    net : callable
        Whose parameters have their shapes.
    example : (x, y) of arrays
        A few samples; y may be None where there is no loss. If they are many, the net is recorded for their
        number too, and must call the same kernels.
    loss : callable, optional
        ``loss(prediction, y)``; without it the net is recorded for prediction.
    """
    sizes = [*SIZES, *(n for n in (len(example[0]),) if n > max(SIZES))]  # there the net must do the same

    def record(n):
        return _record(net, *(_resized(a, n) for a in example), dtype, loss, n)

    try:
        recordings = [record(n) for n in sizes]
    except ShapeError as error:
        try:
            record(SIZES[1])
        except ShapeError as other:
            raise _of_any_size(error, other) from None
        raise
    (first, *_), *others = recordings
    for n, (other, *_) in zip(sizes[1:], others):
        for one, two in itertools.zip_longest(first.calls, other.calls):
            a, b = ("nothing" if c is None else f"`{c[0].record.name}`, in {c[2]}," for c in (one, two))
            if one is None or two is None or one[0].record is not two[0].record:
                raise TapeError("the net calls {} for {} samples and {} for {}", a, SIZES[0], b, n)
    return _graph(net, recordings[:2])


def _of_any_size(error, other):
    """A `ShapeError` met in recordings of two sizes as one of N samples: neither size is the user's."""

    def said(one, two):
        if not (isinstance(one, tuple) and isinstance(two, tuple) and len(one) == len(two)):
            return one
        names = ["N" if (a, b) == SIZES else str(a) for a, b in zip(one, two)]
        return f"({', '.join(names)}{',' if len(names) == 1 else ''})"

    values = (said(one, two) for one, two in zip(error.args[1:], other.args[1:]))
    return ShapeError(error.args[0], *values)


def _resized(array, n):
    return None if array is None else np.ascontiguousarray(np.resize(array, (n, *np.shape(array)[1:])))


def _record(net, x, y, dtype, loss, n):
    tracer = Tracer(dtype)
    x = tape.Tensor(np.asarray(x, dtype))
    y = None if y is None else tape.Tensor(np.asarray(y))
    tracer.inputs = tuple(t for t in (x, y) if t is not None)
    tracer.made.update({id(t): t for t in tracer.inputs})
    with tape.tracing(tracer):
        if loss is None:
            with tape.no_grad():
                result = net(x)
        else:
            result = loss(net(x, train=nn.Train(SEED, STEP)), y)
    return tracer, x, y, tape.as_tensor(result)


def _graph(net, recordings):
    (one, x1, y1, result1), (two, *_) = recordings
    names = {id(p): name for name, p in nn.named_parameters(net).items()}
    values = {}

    def batched(a, b):
        return a.ndim > 0 and a.shape[0] == SIZES[0] and b.shape[0] == SIZES[1] and a.shape[1:] == b.shape[1:]

    def value(t1, t2, where):
        a, b = t1._array, t2._array
        if id(t1) in values:
            return values[id(t1)]
        origin, _ = one.casts.get(id(t1), (t1, t1))
        for data, name in ((x1, "x"), (y1, "y")):  # a layer may have put the same array into a new tensor
            if data is not None and origin._array is data._array:
                found = values.setdefault(name, Value(name, a.shape[1:], a.dtype, True, name=name))
                if found.dtype != a.dtype:
                    raise TapeError("in {}: `{}` is read as {} and as {}", where, name, found.dtype, a.dtype)
                return found
        whole = batched(a, b)
        if not whole and a.shape != b.shape:
            raise TapeError(
                "in {}: the shapes {} and {} for {} and {} samples are not of the form (samples, ...); "
                "such nets are trained eagerly (compiled=False)", where, a.shape, b.shape, *SIZES,
            )  # fmt: skip
        source = "parameter" if id(t1) in names else "node" if id(t1) in one.made else "constant"
        shape = a.shape[1:] if whole else a.shape
        keep = a if source in ("parameter", "constant") else None
        if source == "constant" and not whole and a.ndim == 0:
            keep = _constant(a, b, f"a number, in {where},")
        elif source == "constant" and (whole or not np.array_equal(a, b)):
            raise TapeError("in {}: an array that depends on the number of samples is no input", where)
        values[id(t1)] = Value(source, shape, a.dtype, whole, keep, names.get(id(t1), ""), t1.requires_grad)
        return values[id(t1)]

    nodes = []
    for (c1, r1, where), (c2, r2, _) in zip(one.calls, two.calls):
        pairs = zip(c1.inputs, c2.inputs)
        inputs = [None if a is None else value(a, b, where) for a, b in pairs]
        constants = {
            n: _constant(v, c2.constants[n], f"`{n}` of `{c1.record.name}`, in {where}")
            for n, v in c1.constants.items()
        }
        output = value(r1[0], r2[0], where)
        node = Node(c1.record, inputs, constants, output, where)
        arrays = [None if t is None else t._array for t in c1.inputs]
        twin, site, node.why = site_of(c1.record, arrays, c1.constants, np.dtype(one.dtype))
        node.why = node.why or _unread(node, twin)
        if not node.why:
            node.twin, node.site = twin, site
        node.view = c1.record.name == "reshape" and _is_view(node)
        nodes.append(node)
    if id(result1) not in values:
        raise TapeError("the net returns something that no kernel computed from its input")
    result = values[id(result1)]
    nodes, used = _needed(nodes, result)
    users = {v: [] for v in used}
    for node in nodes:
        for v in filter(None, node.inputs):
            users[v].append(node)
        if isinstance(node.twin, LossTwin) and node.output is not result:
            node.twin = node.site = None
            node.why = "its twin gives a program its loss, not a value to compute with"
    return Graph(nodes, result, [v for v in values.values() if v in used], np.dtype(one.dtype).name, users)


def _needed(nodes, result):
    """The nodes that the result is computed from, and all their values."""
    needed, used = [], {result}
    for node in reversed(nodes):
        if node.output in used:
            needed.append(node)
            used.update(filter(None, node.inputs))
    return needed[::-1], used


def _unread(node, twin):
    """Which operand is not where the twin can read it: samples in lanes, the rest in fixed arrays; or ""."""
    for name, value in zip(node.record.inputs, node.inputs):
        if value is None:
            continue
        if name in twin.grads:
            if not value.batched or (value.source == "y" and value.grad):
                return f"its twin reads `{name}` in lanes, where it is not"
        elif name == "labels":
            if value.source != "y" or value.dtype.kind not in "iu":
                return "its twin reads `labels` in the y of a step"
        elif value.source not in ("parameter", "constant") or isinstance(value.array, Times):
            return f"its twin reads `{name}` in a parameter or a constant, and here it is computed"
    return ""


def _is_view(node):
    (a, *_), out = node.inputs, node.output
    return a.batched and out.batched and np.prod(a.shape) == np.prod(out.shape)


def _constant(a, b, what):
    """A constant of both recordings: itself, or how it depends on the number of samples."""
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)) and len(a) == len(b):
        return tuple(_constant(p, q, what) for p, q in zip(a, b))
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        if np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
            return a
        if a.ndim == b.ndim == 0:
            return _constant(a.item(), b.item(), what)
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
        what,
        a,
        SIZES[0],
        b,
        SIZES[1],
    )


def constant_at(value, n, step, seed):
    """A constant for n samples."""
    if isinstance(value, Times):
        return value.at(n)
    if isinstance(value, tuple):
        return tuple(constant_at(v, n, step, seed) for v in value)
    if type(value) is int and value in (STEP, SEED):
        return step if value == STEP else seed
    return value


def of_samples(shape):
    """The shape of a minibatch, as text: ``(N, 3)`` for samples of shape (3,)."""
    return f"({', '.join(map(str, ('N', *shape)))}{'' if shape else ','})"
