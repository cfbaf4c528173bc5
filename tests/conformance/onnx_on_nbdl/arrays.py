"""Arithmetic, comparisons, reductions and products of arrays, by the operations of the tape."""

import functools

import numpy as np

import nbdl
from nbdl import kernels


def on_tape(op, *arrays, **constants):
    return nbdl.apply(op, *arrays, **constants).numpy()


def binary(op, a, b, *, axis=None, broadcast=0):
    """NumPy's broadcasting; before opset 7 the axes of `b` stand at `axis` of `a`."""
    if axis is not None:
        b = b.reshape(b.shape + (1,) * (a.ndim - axis - b.ndim))
    return on_tape(op, a, b)


def power(a, b, **options):
    """The result has the dtype of `a`, also where that holds integers and `b` floats."""
    return binary("power", a, b, **options).astype(a.dtype)


def over_inputs(op, *arrays):
    return functools.reduce(functools.partial(on_tape, op), arrays)


def mean_of_inputs(*arrays):
    return on_tape("div", over_inputs("add", *arrays), len(arrays))


def clip(x, low=None, high=None, *, min=None, max=None):
    """The bounds were attributes in old versions of the operator."""
    return on_tape("clip", x, min if low is None else low, max if high is None else high)


def is_infinite(x, *, detect_negative=1, detect_positive=1):
    low, high = (on_tape("equal", x, end) for end in (-np.inf, np.inf))
    return on_tape("logical_or", low & bool(detect_negative), high & bool(detect_positive))


def sign(x):
    return on_tape("where", on_tape("greater", x, 0), 1, on_tape("where", on_tape("less", x, 0), -1, x))


# --- reductions -------------------------------------------------------------------------------------------


def reduce(function, x, axes=None, *, keepdims=1, noop_with_empty_axes=0):
    """``function(x, axis=..., keepdims=...)``; no axes are all of them, or none if an attribute says so."""
    axes = () if axes is None else tuple(int(a) for a in axes)
    if not axes and noop_with_empty_axes:
        return x
    return function(x, axis=axes or None, keepdims=bool(keepdims))


def reduction(op, before=None, after=None):
    """A reduction of the tape, of what `before` makes of x; and `after` of its result."""

    def function(x, **options):
        y = on_tape(op, x if before is None else before(x), **options)
        return y if after is None else on_tape(after, y)

    return functools.partial(reduce, function)


def square(x):
    return on_tape("mul", x, x)


def log_sum_exp(x, *, axis, keepdims):
    """Less the largest element, so that no exponential overflows; of nothing it is -inf."""
    if 0 in x.shape:
        return on_tape("log", on_tape("sum", x, axis=axis, keepdims=keepdims))
    largest = on_tape("max", x, axis=axis, keepdims=True)
    total = on_tape("sum", on_tape("exp", on_tape("sub", x, largest)), axis=axis, keepdims=keepdims)
    return on_tape("add", on_tape("log", total), largest.reshape(total.shape))


def arg(op, x, *, axis=0, keepdims=1, select_last_index=0):
    """The last of equal elements is the first from the end."""
    if not select_last_index:
        return on_tape(op, x, axis=axis, keepdims=bool(keepdims))
    last = on_tape(op, np.flip(x, axis), axis=axis, keepdims=bool(keepdims))
    return on_tape("sub", x.shape[axis] - 1, last)


def running_sum(x, axis, *, exclusive=0, reverse=0):
    axis = int(axis)
    x = np.flip(x, axis) if reverse else x
    y = on_tape("cumsum", x, axis=axis)
    y = on_tape("sub", y, x) if exclusive else y
    return np.asarray(np.flip(y, axis) if reverse else y, x.dtype)


# --- products ---------------------------------------------------------------------------------------------


def gemm(a, b, c=None, *, alpha=1.0, beta=1.0, transA=0, transB=0, broadcast=0):
    a, b = alpha * (a.T if transA else a), b.T if transB else b
    if c is None:
        return kernels.linear(a, b)
    if c.shape in ((b.shape[1],), (1, b.shape[1])):
        return kernels.linear(a, b, beta * c.reshape(-1))
    return on_tape("add", kernels.linear(a, b), np.asarray(beta * c, a.dtype))


def einsum(*arrays, equation):
    return nbdl.einsum(equation, *arrays).numpy()


def matmul(a, b):
    return kernels.linear(a, b) if a.ndim == b.ndim == 2 else on_tape("matmul", a, b)


_BINARY = {
    "Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "And": "logical_and", "Or": "logical_or",
    "Xor": "not_equal", "Equal": "equal", "Greater": "greater", "GreaterOrEqual": "greater_equal",
    "Less": "less", "LessOrEqual": "less_equal",
}  # fmt: skip
_OF_ONE = {"Abs": "absolute", "Exp": "exp", "Log": "log", "Neg": "neg", "Not": "logical_not", "Sqrt": "sqrt"}

OPERATORS = {
    **{name: functools.partial(binary, op) for name, op in _BINARY.items()},
    **{name: functools.partial(on_tape, op) for name, op in _OF_ONE.items()},
    "ArgMax": functools.partial(arg, "argmax"),
    "ArgMin": functools.partial(arg, "argmin"),
    "Clip": clip,
    "CumSum": running_sum,
    "Einsum": einsum,
    "Gemm": gemm,
    "IsInf": is_infinite,
    "IsNaN": lambda x: on_tape("not_equal", x, x),
    "MatMul": matmul,
    "Max": functools.partial(over_inputs, "maximum"),
    "Mean": mean_of_inputs,
    "Min": functools.partial(over_inputs, "minimum"),
    "Pow": power,
    "Reciprocal": lambda x: on_tape("div", 1, x),
    "ReduceL1": reduction("sum", functools.partial(on_tape, "absolute")),
    "ReduceL2": reduction("sum", square, "sqrt"),
    "ReduceLogSum": reduction("sum", after="log"),
    "ReduceLogSumExp": functools.partial(reduce, log_sum_exp),
    "ReduceMax": reduction("max"),
    "ReduceMean": reduction("mean"),
    "ReduceMin": reduction("min"),
    "ReduceProd": reduction("prod"),
    "ReduceSum": reduction("sum"),
    "ReduceSumSquare": reduction("sum", square),
    "Sign": sign,
    "Sum": functools.partial(over_inputs, "add"),
    "Where": functools.partial(on_tape, "where"),
}
