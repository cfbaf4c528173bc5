"""`jit_predict`: a net as a function that other compiled code can call.

The net becomes the text of one function on pointers, ``predict(n, x, y, scratch, *params)``: its kernels, one
after the other, on arrays in one piece of scratch memory. It is compiled once for its shapes and kept in the
disk cache. What the user's code calls is a thin door before it: it looks at the shape of x, makes y and the
scratch memory, and jumps to the address of `predict`, so that no caller compiles or links the net again.
"""

import inspect
import math

import numpy as np
from numba import carray, types
from numba.core import cgutils, config
from numba.extending import intrinsic, overload
from numba.np.numpy_support import from_dtype

from nbdl import nn
from nbdl._jit import jit
from nbdl.errors import ShapeError, UsageError
from nbdl.kernels._door import ANY, as_float, as_like
from nbdl.kernels._simd import pointer
from nbdl.nn._parameter import dtype_of
from nbdl.records import resolve
from nbdl.step._storage import SLACK, Storage
from nbdl.step._trace import Times, trace

_PLAIN = {"add": "{} + {}", "sub": "{} - {}", "mul": "{} * {}", "div": "{} / {}", "neg": "-{}"}
_alive = []  # arrays and machine code that compiled functions point to


def jit_predict(net, example, params=False):
    """A compiled function that predicts, for use in your own ``@njit`` code, serial or parallel.

    The function takes one sample, of the shape of those in `example`, or a minibatch of them, as an array of
    floats; it returns a new array of the net's dtype. Every call has memory of its own: any number of threads
    may call it at once. In ``prange`` Numba drops errors: give it the right shape.

    Parameters
    ----------
    net : callable
        Whose parameters have their shapes.
    example : array
        One or more inputs.
    params : bool
        Return ``(f, params)`` instead, with ``f(params, x)``.

    Returns
    -------
    f : function
        ``f(x)`` finds the weights where the net has them: it follows training and new values of the same
        shape and dtype, and stays valid as long as the process lives. Code that calls it is not kept in
        Numba's disk cache (which would freeze the address), so that no process ever predicts with the weights
        of another.
    f, params : function, tuple of arrays
        Where `params` is asked for. The arrays are the net's own; code that calls ``f(params, x)`` may be
        cached, and has the whole net compiled into it.

    Raises
    ------
    UsageError
        If the net calls something that has no compiled form, or does not return an array with one row for
        each sample.
    """
    parameters = nn.named_parameters(net)
    dtype = dtype_of(net, example)
    graph = trace(net, (example, None), dtype)
    if not graph.result.batched:
        raise UsageError("jit_predict: the net must return an array with one row for each sample")
    Storage(parameters)
    arrays = [parameters[n]._array for n in parameters]
    text, kernels, floats = _text(graph, list(parameters), arrays)
    predict = _define(text, "predict", kernels)
    shape = next(v.shape for v in graph.values if v.source == "x")
    names = {
        "shape": shape,
        "ndim": len(shape),
        "result": graph.result.shape,
        "floats": floats,
        "number": dtype.type,
    }
    if not params:
        names["predict"] = _by_address(predict, arrays, dtype)
        return _door("", "", "", names, cache=False)
    checks = "".join(f"    p{i} = as_param({i}, params[{i}], y, {a.shape})\n" for i, a in enumerate(arrays))
    pointers = "".join(f", pointer(p{i})" for i in range(len(arrays)))
    return _door("params, ", checks, pointers, {**names, "predict": predict}), tuple(arrays)


def _door(first, checks, pointers, names, cache=True):
    inner = _define(_INNER.format(first=first, checks=checks, pointers=pointers), "inner", names, cache)
    return _define(_OUTER.format(first=first), "f", {"inner": inner}, cache)


# What is no array of floats is refused before anything asks for its dimensions.
_OUTER = """
def f({first}x):
    return inner({first}as_float("predict: `x`", x, ANY))
"""

# One sample gives one result; x and the scratch memory are needed until `predict` returns.
_INNER = """
def inner({first}x):
    if x.ndim == ndim:
        if x.shape != shape:
            raise ShapeError(wrong, shape, x.shape)
        n, y = 1, np.empty(result, number)
    elif x.ndim == 0:
        refuse(shape, x.shape)
        n, y = 0, np.empty(result, number)
    else:
        if x.shape[1:] != shape:
            raise ShapeError(wrong, shape, x.shape)
        n, y = len(x), np.empty((len(x), *result), number)
    data, scratch = as_dtype(x, y), np.empty(n * floats, number)
{checks}    if n > 0:
        predict(n, pointer(data), pointer(y), pointer(scratch){pointers})
    keep(data, scratch)
    return y
"""


def _define(text, name, names, cache=True):
    space = {**_NAMES, **names, "__name__": __name__}
    exec(compile(text, f"<nbdl.jit_predict: {name}>", "exec"), space)
    return jit(space[name], cache=cache)


def _by_address(predict, arrays, dtype):
    """``call(n, x, y, scratch)``: `predict` with these arrays, both found by their addresses."""
    if config.DISABLE_JIT:
        return lambda n, x, y, scratch: predict(n, x, y, scratch, *map(pointer, arrays))
    kinds = [types.CPointer(from_dtype(d)) for d in (dtype, dtype, dtype, *(a.dtype for a in arrays))]
    wanted = (types.int64, *kinds)
    predict.compile(wanted)
    compiled = predict.overloads[wanted]
    address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    _alive.append((compiled, arrays))
    places = [a.ctypes.data for a in arrays]

    @intrinsic
    def call(context, n, x, y, scratch):
        def emit(context, bd, sig, values):
            def word(address, kind):
                return bd.bitcast(context.add_dynamic_addr(bd, address, info="of a net"), kind)

            convention = context.call_conv
            code = word(address, convention.get_function_type(types.none, wanted).as_pointer())
            given = [*values, *(word(p, context.get_value_type(k)) for p, k in zip(places, kinds[3:]))]
            status, _ = convention.call_function(bd, code, types.none, wanted, given)
            with cgutils.if_unlikely(bd, status.is_error):
                convention.return_status_propagate(bd, status)
            return context.get_dummy_value()

        return types.none(*wanted[:4]), emit

    return call


# --- the text of a net --------------------------------------------------------------------------------------


def _text(graph, parameters, arrays):
    """The text of `predict`, the kernels that it calls, and its scratch memory in elements for one sample.

    `arrays` are those of the parameters; constants of the graph are added to them. A kernel that takes `out`
    writes into scratch memory, or into y; the result of any other is a new array.
    """
    kernels, local, views, outs = {}, {}, {}, set()

    def name(value):
        if value.source == "x":
            return "x"
        if value.source == "parameter":
            return f"p{parameters.index(value.name)}"
        if value.source == "node":
            return local[value]
        if isinstance(value.array, Times):
            return f"np.{value.dtype}({_constant(value.array)})"
        arrays.append(np.ascontiguousarray(value.array))
        return f"p{len(arrays) - 1}"

    for i, node in enumerate(graph.nodes):
        if node.record.name == "reshape":
            views[node.output] = node.inputs[0]
        elif node.record.target != "numpy":
            kernels[f"kernel{i}"] = kernel = resolve(node.record.forward)
            if node.output.batched and "out" in inspect.signature(kernel).parameters:
                outs.add(node.output)
    places, floats = _memory(graph, views, outs)
    calls = []
    for i, node in enumerate(graph.nodes):
        inputs = [name(v) for v in node.inputs if v is not None]
        constants = {k: _constant(v) for k, v in node.constants.items()}
        if node.output in views:
            call = f"{inputs[0]}.reshape({constants['shape']})"
        elif node.record.name in _PLAIN:
            call = _PLAIN[node.record.name].format(*inputs)
        elif node.record.target == "numpy":
            raise UsageError("jit_predict: `{}`, in {}, has no compiled form", node.record.name, node.where)
        else:
            given = [*inputs, *(f"{k}={v}" for k, v in constants.items())]
            if node.output in places:
                given.append(f"out=at({places[node.output]}, {_shape(node.output)})")
            call = f"kernel{i}({', '.join(given)})" + ("[0]" if len(node.record.outputs) > 1 else "")
        local[node.output] = f"v{i}"
        calls.append(f"v{i} = {call}")
    if _origin(graph.result, views) not in places:
        calls.append(f"copy({name(graph.result)}, y)")
    count = range(len(arrays))
    lines = [
        f"def predict(n, x, y, scratch{''.join(f', p{i}' for i in count)}):",
        f"x = at(x, {_shape(next(v for v in graph.values if v.source == 'x'))})",
        *(f"p{i} = at(p{i}, {arrays[i].shape})" for i in count),
        *calls,
    ]
    return "\n    ".join(lines) + "\n", kernels, floats


def _memory(graph, views, outs):
    """Where the results in `outs` go, as the text of a pointer; and how much scratch memory that takes.

    Results that are not needed at the same time share memory: first fit.
    """
    last, result = {}, _origin(graph.result, views)
    for i, node in enumerate(graph.nodes):
        last.update((_origin(v, views), i) for v in node.inputs if v is not None)
    places, taken, floats = {}, [], 0
    for i, node in enumerate(graph.nodes):
        if node.output not in outs:
            continue
        if node.output is result:
            places[result] = "y"
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
    return f"({', '.join(map(str, ('n', *value.shape)))},)"


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


def _as_dtype(x, y):
    """`x` in the dtype of `y`."""
    return x.astype(y.dtype, copy=False)


@overload(_as_dtype)
def _as_dtype_overload(x, y):
    if x.dtype == y.dtype:
        return lambda x, y: x
    return lambda x, y: x.astype(y.dtype)


@jit
def _copy(array, p):
    """The elements of `array` to the pointer `p`."""
    for i, v in enumerate(array.flat):
        p[i] = v


@jit
def _as_param(i, a, y, shape):
    """A parameter given by the caller: its shape is known to the compiled net."""
    a = as_like("predict: a parameter", a, ANY, y)
    if a.shape != shape:
        raise ShapeError("predict: `params[{}]` must be of shape {}, got {}", i, shape, a.shape)
    return a


_WRONG = "predict: `x` must be of shape (N, *{}), got {}"


@jit
def _refuse(shape, got):
    raise ShapeError(_WRONG, shape, got)


_NAMES = {
    "ShapeError": ShapeError, "wrong": _WRONG, "refuse": _refuse, "np": np, "ANY": ANY,
    "as_float": as_float, "as_dtype": _as_dtype, "as_param": _as_param, "pointer": pointer, "keep": _keep,
    "at": _at, "copy": _copy,
}  # fmt: skip
