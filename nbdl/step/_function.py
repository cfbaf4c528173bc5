"""`jit_predict`: a net as a function that other compiled code can call.

The net becomes the text of one function on pointers, ``predict(n, *inputs, *results, scratch, *params)``: its
kernels, one after the other, on arrays in one piece of scratch memory. It is compiled once for its shapes and
kept in the disk cache. What the user's code calls is a thin door before it (`_Door`): it looks at the shapes
of the inputs, makes the results and the scratch memory, and jumps to the address of `predict`, so that no
caller compiles or links the net again.
"""

import inspect
import math
import weakref

import numpy as np
from numba import carray, types
from numba.core import config
from numba.extending import intrinsic, overload

from nbdl._jit import jit
from nbdl.errors import DtypeError, ShapeError, UsageError
from nbdl.kernels.door.describe import describe, describe_type, raiser
from nbdl.kernels.door.inputs import ANY, as_float, as_labels, as_like, as_mask
from nbdl.kernels.door.results import as_out
from nbdl.kernels.simd.registers import pointer
from nbdl.nn._inputs import count, numbers
from nbdl.nn._parameter import dtype_of, named_arrays, per_sample_buffers
from nbdl.records import resolve
from nbdl.step._address import by_address
from nbdl.step._array_text import NAMES, array_text, number, shape, sizes
from nbdl.step._forms import of_samples
from nbdl.step._storage import SLACK, Storage
from nbdl.step._trace import Times, trace

_known = {}  # for the id of each net: by kind and shape, what the last function depends on, and the function
_predictions = weakref.WeakValueDictionary()  # nets of one form share what is compiled of them, by its text


def jit_predict(net, example, params=False, state=False):
    """A compiled function that predicts, for use in your own ``@njit`` code, serial or parallel.

    The function takes one sample, of the shape of those in `example`, or a minibatch of them, as an array of
    floats (of integers, if the net takes these); where a sample is a number, as a length, a number will do.
    Several inputs stand one after the other, in the order of `example`. It returns a new array of the net's
    dtype, or a tuple of them. Every call has memory of its own: any number of threads may call it at once. In
    ``prange`` Numba drops errors: give it the right shape. Asked again for the same net and shape, it returns
    the same function.

    Parameters
    ----------
    net : callable
        Whose parameters have their shapes.
    example : array, or arrays by name
        One or more inputs.
    params : bool
        Return ``(f, params)`` instead, with ``f(params, x)``.
    state : bool
        Return ``(f, state)`` instead, with ``f(state, x)``, of a net that carries a state (`nn.Stateful`, any
        buffer per sample): a call goes on where the one before ended. With `params` too it is
        ``(f, params, state)`` and ``f(params, state, x)``.

    Returns
    -------
    f : function
        ``f(x)`` finds the weights where the net has them: it follows training and new values of the same
        shape and dtype, and raises `UsageError` once the net has others. The weights stay as long as it, or
        code that was compiled with it, lives; the net may be gone. Code that calls it is not kept in Numba's
        disk cache (which would freeze the address), so that no process ever predicts with the weights
        of another.
    f, params : function, tuple of arrays
        Where `params` is asked for. The arrays are the net's own; code that calls ``f(params, x)`` may be
        cached, and has the whole net compiled into it.
    f, state : function, tuple of arrays
        Where `state` is asked for. The arrays are zeros, (N, ...) for the samples of `example`, and yours:
        ``f(state, x)`` reads row i for sample i and writes there what the next call is to find. Zeros begin
        anew, ``np.zeros_like`` of them makes another stream. Threads need a state each.

    Raises
    ------
    UsageError
        If the net calls something that has no compiled form, or does not return an array with one row for
        each sample; or for `state` of a net that carries none.

    Examples
    --------
    >>> f, state = nbdl.jit_predict(nbdl.nn.init(nbdl.models.rnn_lm(), [[0]]), [[0]], state=True)
    >>> f(state, np.array([[3]])).shape, state[0].shape
    ((1, 1, 28), (1, 32))
    """
    stored = named_arrays(net)
    dtype = dtype_of(net, example)
    example = numbers("jit_predict: `example`", example, dtype)
    graph = trace(net, (example, None), dtype, state=state)
    states = _states(net, graph, dtype) if state else {}
    if not all(v.batched for v in graph.results):
        raise UsageError("jit_predict: the net must return an array with one row for each sample")
    Storage(stored)
    arrays = [stored[n]._array for n in stored]
    text, kernels, floats = _text(graph, list(stored), arrays, list(states))  # adds constants to arrays
    shapes, results = tuple(v.shape for v in graph.data), tuple(v.shape for v in graph.results)
    integers = tuple(v.dtype.kind != "f" for v in graph.data)
    places = [p.home[1].ctypes.data for p in stored.values()]
    constants = [(a.shape, a.dtype, a.tobytes()) for a in arrays[len(places) :]]
    made_of = text, kernels, floats, results, dtype, places, constants
    known = _functions_of(net)
    key = params, state, shapes, integers
    if known.get(key, (None,))[0] != made_of:
        names = {"floats": floats, "number": dtype.type}
        names |= {f"result{i}": result for i, result in enumerate(results)}
        for i, value in enumerate(graph.data):
            wanted = f"{of_samples(value.shape)} or {value.shape}"
            wrong = f"predict: `{value.name}` must be of shape {wanted}, got {{}}"
            names |= {f"wrong{i}": wrong, f"shape{i}": value.shape}
        predict, door = _prediction(text, kernels), _Door(graph, list(states.values()))
        if params:
            found = door.with_params(predict, names, arrays), tuple(arrays)
        else:
            moved = [p.home[2] for p in stored.values()]
            kinds = [np.int64 if integer else dtype for integer in integers]
            kinds += [dtype] * (len(results) + len(states) + 1)
            names["predict"], names["moved"], kept = by_address(predict, arrays, moved, kinds)
            found = door.define("", _MOVED, "", "", names, cache=False)
            found.kept = kept  # not among its names: Numba never forgets those
        known[key] = made_of, found
    found = known[key][1]
    if not state:
        return found
    n = count(example)
    zeros = tuple(np.zeros((n, *shape), dtype) for shape in states.values())
    return (*found, zeros) if params else (found, zeros)


def _states(net, graph, dtype):
    """The shapes of the buffers per sample that a net carries, by name."""
    for name, value in graph.commits.items():
        if value.dtype != dtype:
            text = "jit_predict: `state` must be of {}, the dtype of the net, and `{}` is {}"
            raise UsageError(text, dtype, name, value.dtype)
    buffers = per_sample_buffers(net)
    read = {v.name for node in graph.nodes for v in node.inputs if v is not None and v.name in buffers}
    for name in read - graph.commits.keys():
        text = "jit_predict: the net reads its state `{}` and hands none over for the next call. Try "
        raise UsageError(text + "buffer.keep(value, train=train) in its layer, with no `if`", name)
    if not graph.commits:
        raise UsageError("jit_predict: the net carries no `state`. Try nn.Stateful(nn.RNN(32)) as a layer")
    return {name: graph.commits[name].shape for name in buffers if name in graph.commits}


def _functions_of(net):
    """What `jit_predict` has made for a net; it is forgotten with the net."""
    if id(net) not in _known:
        try:
            weakref.finalize(net, _known.pop, id(net), None).atexit = False
        except TypeError:  # nobody can tell when it is gone
            return {}
        _known[id(net)] = {}
    return _known[id(net)]


def _prediction(text, kernels):
    """The compiled net on pointers, shared by all nets with the same text and kernels."""
    key = text, tuple(kernels.items())
    found = _predictions.get(key)
    if found is None:
        found = _predictions[key] = _define(text, "predict", kernels)
    return found


class _Door:
    """The text of the function that users call: it looks at the inputs and makes room for the results.

    What is no array of numbers is refused before anything asks for its dimensions. One sample gives one
    result; inputs and the scratch memory are needed until `predict` returns.
    """

    def __init__(self, graph, states):
        self.data, self.results, self.states = graph.data, range(len(graph.results)), states

    def define(self, first, before, checks, pointers, names, cache=True):
        count, lines = range(len(self.data)), []
        for i, value in enumerate(self.data):
            take = {"f": "as_float", "b": "as_mask"}.get(value.dtype.kind, "as_labels")
            given = f"x{i}" if value.shape else f"of_number(x{i})"  # a sample of it may be a number
            lines += [
                f"given{i} = {take}('predict: `{value.name}`', {given}, ANY)",
                f"n{i} = count(given{i}, shape{i})",
                f"if n{i} < 0{f' or n{i} != n0' if i else ''}:",
                f"    raise ShapeError(wrong{i}, given{i}.shape)",
            ]
        lines += [f"y{i} = results(given0, n0, shape0, result{i}, number)" for i in self.results]
        lines += [
            f"data{i} = as_dtype(given{i}, y0)" if v.dtype.kind == "f" else f"data{i} = as_integers(given{i})"
            for i, v in enumerate(self.data)
        ]
        data, ys, states = (
            [f"{name}{i}" for i in numbers]
            for name, numbers in (("data", count), ("y", self.results), ("s", range(len(self.states))))
        )
        lines += [f"state = as_state(state, {len(self.states)})"] if self.states else []
        lines += [
            f"s{i} = as_out('predict: `state[{i}]`', state[{i}], (n0, *{shape}), y0)"
            for i, shape in enumerate(self.states)
        ]
        first += "state, " if states else ""
        arguments = ", ".join(f"pointer({name})" for name in (*data, *ys, *states, "scratch"))
        lines += [
            "scratch = np.empty(n0 * floats, number)",
            *checks,
            "if n0 > 0:",
            f"    predict(n0, {arguments}{pointers})",
            f"keep({', '.join(data)}, scratch)",
            f"return {', '.join(ys)}",
        ]
        header = f"def f({first}{', '.join(f'x{i}' for i in count)}):\n{before}"
        if len(count) == 1:
            header = header.replace("x0)", "x)")
            lines[0] = lines[0].replace("x0,", "x,").replace("x0)", "x)")
        return _define(header + "".join(f"    {line}\n" for line in lines), "f", names, cache)

    def with_params(self, predict, names, arrays):
        checks = [f"p{i} = as_param({i}, params[{i}], y0, {a.shape})" for i, a in enumerate(arrays)]
        pointers = "".join(f", pointer(p{i})" for i in range(len(arrays)))
        return self.define("params, ", "", checks, pointers, {**names, "predict": predict})


_MOVED = """    if moved():
        raise UsageError(other)
"""


def _define(text, name, names, cache=True):
    space = {**_NAMES, **names, "__name__": __name__}
    exec(compile(text, f"<nbdl.jit_predict: {name}>", "exec"), space)
    return jit(space[name], cache=cache)


# --- the text of a net --------------------------------------------------------------------------------------


def _text(graph, parameters, arrays, states=()):
    """The text of `predict`, the kernels that it calls, and its scratch memory in elements for one sample.

    `states` are the names of the buffers per sample that it reads and writes.

    `arrays` are those of the parameters and buffers, called `parameters`; constants of the graph are added to
    them. A kernel that takes `out` writes into scratch memory, or into a result; what any other returns is a
    new array.
    """
    kernels, local, views, outs = {}, {}, {}, set()
    inplace = _inplace(graph, states)

    def name(value):
        if value.source == "data":
            return f"x{value.place}"
        if value.name in states:
            return f"s{states.index(value.name)}"
        if value.source in ("parameter", "buffer"):
            return f"p{parameters.index(value.name)}"
        if value.source == "node":
            return local[value]
        if isinstance(value.array, Times):
            return f"np.full(1, {number(value.dtype)}({_constant(value.array)}))"
        kept = np.ascontiguousarray(value.array, graph.dtype)
        if value.dtype.kind in "iu" and not np.array_equal(kept, np.atleast_1d(value.array)):
            raise UsageError("jit_predict: a constant of {} does not fit {}", value.dtype, graph.dtype)
        arrays.append(kept)
        text = f"p{len(arrays) - 1}"
        if value.batched:
            text = f"repeated({text}, {_shape(value)})"
        return text if kept.dtype == value.dtype else f"{text}.astype({number(value.dtype)})"

    for i, node in enumerate(graph.nodes):
        if node.record.name == "reshape":
            views[node.output] = node.inputs[0]
        elif node.record.target != "numpy":
            kernels[f"kernel{i}"] = kernel = resolve(node.record.forward)
            one = len(node.outputs) == 1 and node.output.batched
            if one and node.output not in inplace and "out" in inspect.signature(kernel).parameters:
                outs.add(node.output)
    places, floats = _memory(graph, views, outs)
    calls = []
    for i, node in enumerate(graph.nodes):
        inputs = [None if v is None else name(v) for v in node.inputs]
        if node.record.target == "numpy":
            call = array_text(node, inputs)
            if call is None:
                text = "jit_predict: `{}`, in {}, has no compiled form"
                raise UsageError(text, node.record.name, node.where)
        else:
            given = [str(v) for v in inputs]  # None stays in its place
            given += [f"{k}={_constant(v)}" for k, v in node.constants.items()]
            if node.output in inplace:
                given.append(f"out={inputs[0]}")
            elif node.output in places:
                given.append(f"out=at({places[node.output]}, {_shape(node.output)})")
            call = f"kernel{i}({', '.join(given)})"
        several = len(node.outputs) > 1
        local.update((v, f"v{i}[{k}]" if several else f"v{i}") for k, v in enumerate(node.outputs))
        calls.append(f"v{i} = {call}")
    for i, value in enumerate(graph.results):
        if places.get(_origin(value, views)) != f"y{i}":
            calls.append(f"copy({name(value)}, y{i})")
    made = {v for node in graph.nodes if node.record.target != "numpy" for v in node.outputs}
    for i, state in enumerate(states):  # all are read before any is written: one may be a view of another
        new = graph.commits[state]
        if new not in inplace:
            calls.append(f"new{i} = {name(new)}{'' if new in made else '.copy()'}")
    calls += [f"s{i}[:] = new{i}" for i, s in enumerate(states) if graph.commits[s] not in inplace]
    count, data, results = range(len(arrays)), range(len(graph.data)), range(len(graph.results))
    named = [*(f"x{i}" for i in data), *(f"y{i}" for i in results), *(f"s{i}" for i in range(len(states)))]
    named += ["scratch", *(f"p{i}" for i in count)]
    lines = [
        f"def predict(n, {', '.join(named)}):",
        *(f"x{i} = at(x{i}, {_shape(v)}){' != 0' * (v.dtype == bool)}" for i, v in enumerate(graph.data)),
        *(f"s{i} = at(s{i}, {_shape(graph.commits[s])})" for i, s in enumerate(states)),
        *(f"p{i} = at(p{i}, {arrays[i].shape})" for i in count),
        *calls,
    ]
    return "\n    ".join(lines) + "\n", kernels, floats


def _inplace(graph, states):
    """The new values of caches that are written where the old ones lie, which nothing else reads.

    A call that fails behind such a write leaves rows of tokens that do not count as read.
    """
    kept = [*graph.results, *graph.commits.values()]
    read = [v.name for node in graph.nodes for v in node.inputs if v is not None]
    read += [v.name for v in kept if v.name in states]
    found = set()
    for node in graph.nodes:
        state = node.inputs[0].name if node.record.name == "cache_rows" else None
        if state in states and graph.commits[state] is node.output and read.count(state) == 1:
            if kept.count(node.output) == 1:
                found.add(node.output)
    return found


def _memory(graph, views, outs):
    """Where the results in `outs` go, as the text of a pointer; and how much scratch memory that takes.

    Results that are not needed at the same time share memory: first fit.
    """
    last, results = {}, {_origin(v, views): f"y{i}" for i, v in enumerate(graph.results)}
    looks = {
        n.output: n.inputs[0] for n in graph.nodes if n.record.name in ("getitem", "transpose", "astype")
    }
    looks |= views  # what may be the same memory, though another array
    for i, node in enumerate(graph.nodes):
        last.update((_origin(v, looks), i) for v in node.inputs if v is not None)
    last.update((_origin(v, looks), len(graph.nodes)) for v in (*graph.results, *graph.commits.values()))
    places, taken, floats = {}, [], 0
    for i, node in enumerate(graph.nodes):
        if node.output not in outs:
            continue
        if node.output in results:
            places[node.output] = results[node.output]
            continue
        taken = sorted((start, end, until) for start, end, until in taken if until >= i)
        start, size = 0, -(-math.prod(node.output.shape) // SLACK) * SLACK
        for low, high, _ in taken:
            if start + size <= low:
                break
            start = max(start, high)
        taken.append((start, start + size, last[node.output]))
        places[node.output] = f"scratch + n * {start}"
        floats = max(floats, start + size)
    return places, floats


def _origin(value, views):
    """The value whose memory this one looks at."""
    while value in views:
        value = views[value]
    return value


def _shape(value):
    return shape(sizes(value))


def _constant(value):
    if isinstance(value, Times):
        return f"({value.factor!r} {'*' if value.power == 1 else '/'} n)"
    if isinstance(value, tuple):
        return "(" + "".join(f"{_constant(v)}, " for v in value) + ")"
    return repr(value.item() if isinstance(value, np.generic) else value)


# --- what the text calls ------------------------------------------------------------------------------------


def _at(p, shape):
    """The array of this shape that begins at the pointer `p`."""
    return p.part(0, math.prod(shape)).reshape(shape)


@overload(_at)
def _array_at(p, shape):
    return lambda p, shape: carray(p, shape)


def _keep(*arrays):
    """Arrays whose memory is used through pointers live until here."""


if not config.DISABLE_JIT:

    @intrinsic
    def _keep(context, *arrays):
        return types.none(types.StarArgTuple(arrays)), lambda context, *_: context.get_dummy_value()


def _count(x, shape):
    """How many samples x has, which is one of this shape or a minibatch of them; -1 if it is neither."""
    if x.ndim == len(shape):
        return 1 if x.shape == shape else -1
    return len(x) if x.ndim and x.shape[1:] == shape else -1


@overload(_count)
def _count_overload(x, shape):
    if x.ndim == len(shape):
        return lambda x, shape: 1 if x.shape == shape else -1
    if x.ndim == len(shape) + 1:
        return lambda x, shape: len(x) if x.shape[1:] == shape else -1
    return lambda x, shape: -1


def _results(x, n, shape, result, number):
    """An array for the result of one sample, or those of n."""
    return np.empty(result if x.ndim == len(shape) else (n, *result), number)


@overload(_results)
def _results_overload(x, n, shape, result, number):
    if x.ndim == len(shape):
        return lambda x, n, shape, result, number: np.empty(result, number)
    return lambda x, n, shape, result, number: np.empty((n, *result), number)


def _as_dtype(x, y):
    """`x` in the dtype of `y`."""
    return x.astype(y.dtype, copy=False)


@overload(_as_dtype)
def _as_dtype_overload(x, y):
    if x.dtype == y.dtype:
        return lambda x, y: x
    return lambda x, y: x.astype(y.dtype)


def _of_number(x):
    """A number as an array without dimensions; all else as it is."""
    return np.asarray(x) if isinstance(x, (int, float, np.number, np.bool_)) else x


@overload(_of_number)
def _of_number_overload(x):
    if isinstance(x, (types.Number, types.Boolean)):
        return lambda x: np.asarray(x)
    return lambda x: x


@jit
def _as_integers(x):
    return x.astype(np.int64)


@jit
def _copy(array, p):
    """The elements of `array` to the pointer `p`."""
    for i, v in enumerate(array.flat):
        p[i] = v


@jit
def _repeated(sample, shape):
    """An array of this shape with the elements of `sample` in each row."""
    y = np.empty(shape, sample.dtype)
    rows = y.reshape(shape[0], sample.size)
    for n in range(shape[0]):
        rows[n] = sample.reshape(sample.size)
    return y


@jit
def _as_param(i, a, y, shape):
    """A parameter given by the caller: its shape is known to the compiled net."""
    a = as_like("predict: a parameter", a, ANY, y)
    if a.shape != shape:
        raise ShapeError("predict: `params[{}]` must be of shape {}, got {}", i, shape, a.shape)
    return a


_STATES = "predict: `state` must be a tuple of {} arrays, got {}"


def _as_state(state, size):
    """The state given by the caller, if it is a tuple of so many things."""
    if not isinstance(state, tuple) or len(state) != size:
        given = f"{len(state)} of them" if isinstance(state, tuple) else describe(state)
        raise DtypeError(_STATES, size, given)
    return state


@overload(_as_state, prefer_literal=True)
def _as_state_overload(state, size):
    size = size.literal_value
    if isinstance(state, types.BaseTuple) and len(state) == size:
        return lambda state, size: state
    given = f"{len(state)} of them" if isinstance(state, types.BaseTuple) else describe_type(state)
    fail = raiser(DtypeError, _STATES.format(size, given))
    nothing = (0,) * size

    def refuse(state, size):
        fail()
        return nothing

    return refuse


_NAMES = {
    "ShapeError": ShapeError, "UsageError": UsageError, "np": np, "ANY": ANY, "as_float": as_float,
    "as_labels": as_labels, "as_mask": as_mask, "as_integers": _as_integers, "count": _count,
    "results": _results, "of_number": _of_number,
    "as_dtype": _as_dtype, "as_out": as_out, "as_param": _as_param, "as_state": _as_state, "pointer": pointer,
    "keep": _keep, "at": _at, "copy": _copy, "repeated": _repeated,
    "other": "predict: a parameter of the net has another shape or dtype now: call nbdl.jit_predict again",
    **NAMES,
}  # fmt: skip
