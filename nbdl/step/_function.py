"""`jit_predict`: a net as a function that other compiled code can call."""

import functools

import numpy as np
from numba import carray, types
from numba.core import config
from numba.extending import intrinsic

from nbdl import nn
from nbdl._jit import jit
from nbdl.errors import ShapeError, UsageError
from nbdl.nn._parameter import dtype_of
from nbdl.records import resolve
from nbdl.step._storage import Storage
from nbdl.step._trace import Times, trace

_PLAIN = {"add": "{} + {}", "sub": "{} - {}", "mul": "{} * {}", "div": "{} / {}", "neg": "-{}"}
_alive = []  # arrays that compiled functions point to


def jit_predict(net, example, params=False):
    """A compiled function that predicts, for use in your own ``@njit`` code, serial or parallel.

    The function takes one sample, of the shape of those in `example`, or a minibatch of them, as a
    C-contiguous array of the net's dtype; it returns a new array. Every call has memory of its own: any
    number of threads may call it at once. In ``prange`` Numba drops errors: give it the right shape.

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
        cached.

    Raises
    ------
    UsageError
        If the net calls something that has no compiled form.
    """
    parameters = nn.named_parameters(net)
    dtype = dtype_of(net, example)
    graph = trace(net, (example, None), dtype)
    Storage(parameters)
    arrays = [parameters[n]._array for n in parameters]
    text, names = _source(graph, list(parameters), arrays)
    several = _define(text, "predict", names)
    one = _define(_ONE, "one", {"predict": several, "ndim": np.ndim(example) - 1})
    if params:
        return one, tuple(arrays)
    _alive.append(arrays)
    if config.DISABLE_JIT:
        return functools.partial(one, tuple(arrays))
    names = {f"array{i}": _array_at(a) for i, a in enumerate(arrays)}
    calls = "".join(f"array{i}(), " for i in range(len(arrays)))
    return _define(f"def f(x):\n    return one(({calls}), x)\n", "f", {"one": one, **names}, cache=False)


_ONE = """
def one(params, x):
    if x.ndim == ndim:
        return predict(params, x.reshape((1, *x.shape)))[0]
    return predict(params, x)
"""


def _define(text, name, names, cache=True):
    space = {**names, "__name__": __name__}
    exec(compile(text, f"<nbdl.jit_predict: {name}>", "exec"), space)
    return jit(space[name], cache=cache)


def _source(graph, names, arrays):
    """The net as the text of a function ``predict(params, x)`` on minibatches, and the names that it uses."""
    shape = next(v.shape for v in graph.values if v.source == "x")
    wrong = "predict: `x` must be of shape (N, *{}), got {}"
    space = {"ShapeError": ShapeError, "wrong": wrong, "shape": shape, "np": np}
    lines, local = ["def predict(params, x):", "    if x.shape[1:] != shape:"], {}
    lines.append("        raise ShapeError(wrong, shape, x.shape)")
    for i, node in enumerate(graph.nodes):
        inputs = [_name(v, local, names, arrays) for v in node.inputs]
        constants = {k: _constant(v) for k, v in node.constants.items()}
        if node.record.name == "reshape":
            call = f"{inputs[0]}.reshape({constants['shape']})"
        elif node.record.name in _PLAIN:
            call = _PLAIN[node.record.name].format(*inputs)
        elif node.record.target == "numpy":
            raise UsageError("jit_predict: `{}`, in {}, has no compiled form", node.record.name, node.where)
        else:
            space[f"kernel{i}"] = resolve(node.record.forward)
            given = [x for x in inputs if x is not None] + [f"{k}={v}" for k, v in constants.items()]
            call = f"kernel{i}({', '.join(given)})" + ("[0]" if len(node.record.outputs) > 1 else "")
        local[node.output] = f"v{i}"
        lines.append(f"    v{i} = {call}")
    lines.append(f"    return {local[graph.result]}")
    return "\n".join(lines) + "\n", space


def _name(value, local, names, arrays):
    if value is None:
        return None
    if value.source == "x":
        return "x"
    if value.source == "parameter":
        return f"params[{names.index(value.name)}]"
    if value.source == "node":
        return local[value]
    if isinstance(value.array, Times):
        return f"np.{value.dtype}({_constant(value.array)})"
    arrays.append(np.ascontiguousarray(value.array))
    return f"params[{len(arrays) - 1}]"


def _constant(value):
    if isinstance(value, Times):
        return f"({value.factor!r} {'*' if value.power == 1 else '/'} len(x))"
    if isinstance(value, tuple):
        return "(" + "".join(f"{_constant(v)}, " for v in value) + ")"
    return repr(value.item() if isinstance(value, np.generic) else value)


def _array_at(array):
    """A compiled function that returns `array`, found by its address when the code is linked."""
    address, shape, kind = array.ctypes.data, array.shape, types.CPointer(types.float32)
    if array.dtype == np.float64:
        kind = types.CPointer(types.float64)

    @intrinsic
    def place(context):
        def emit(context, bd, sig, values):
            word = context.add_dynamic_addr(bd, address, info="weights of a net")
            return bd.bitcast(word, context.get_value_type(kind))

        return kind(), emit

    @jit(cache=False)
    def get():
        return carray(place(), shape)

    return get
