"""The tape: runs kernels eagerly, records each call, walks the calls backwards.

`apply` is the whole of it: it asks the registry which kernel stands for an operation, runs it, and notes the
kernel, its operands, constants and outputs in a `Call` that the result refers to. `Tensor.backward` visits
the calls from last to first and lets the gradient kernels add to the gradients of their inputs. Which
arguments a gradient kernel wants is read from its signature (see `nbdl.records.Kernel`).
"""

import contextlib
import contextvars
import functools
import inspect
import itertools

import numpy as np

from nbdl import registry
from nbdl.errors import DtypeError, ShapeError, TapeError
from nbdl.records import resolve

_enabled = contextvars.ContextVar("enabled", default=True)
_recorder = contextvars.ContextVar("recorder", default=None)
_tracer = contextvars.ContextVar("tracer", default=None)
_serial = itertools.count()  # orders calls; never part of a result


class Call:
    """One kernel call: `record`, `inputs` (Tensors or None), `constants` by name, `outputs` (arrays)."""

    __slots__ = ("constants", "inputs", "outputs", "record", "serial", "tensor_version", "versions")

    def __init__(self, record, inputs, constants, outputs, version):
        self.record, self.inputs, self.constants, self.outputs = record, inputs, constants, outputs
        self.versions = [t._version[0] if t is not None else 0 for t in inputs]
        self.tensor_version = version, version[0]
        self.serial = next(_serial)

    def __repr__(self):
        shapes = ", ".join("None" if t is None else f"{t.dtype}{list(t.shape)}" for t in self.inputs)
        constants = "".join(f", {k}={v!r}" for k, v in self.constants.items())
        return f"{self.record.name}({shapes}{constants})"


class Tensor:
    """An array on the tape.

    `grad`, an array, is what `backward` adds to on tensors made with ``requires_grad=True``; set it to None
    to start anew. Values are written by ``t[index] = value`` only: the tape counts these writes, and refuses
    a backward pass through a value that has changed since.
    """

    __slots__ = ("__weakref__", "_array", "_call", "_version", "grad", "requires_grad")
    __array_ufunc__ = None  # so that ndarray * Tensor comes to us

    def __init__(self, array, requires_grad=False):
        self._array, self.requires_grad = array, requires_grad
        self.grad, self._call, self._version = None, None, [0]

    # --- what it is -----------------------------------------------------------------------------------------

    shape = property(lambda self: self._array.shape)
    dtype = property(lambda self: self._array.dtype)
    ndim = property(lambda self: self._array.ndim)
    size = property(lambda self: self._array.size)
    T = property(lambda self: self.transpose())

    @property
    def data(self):
        """The values, as a read-only view."""
        view = self._seen("the values").view()
        view.flags.writeable = False
        return view

    def numpy(self):
        """The values, as a read-only view."""
        return self.data

    def item(self):
        """The value of a tensor with one element, as a Python number."""
        return self._seen("item()").item()

    def __array__(self, dtype=None, copy=None):
        return np.array(self._array, dtype=dtype) if copy else np.asarray(self.data, dtype=dtype)

    def _seen(self, what):
        """The array, for someone who looks at its values: a net that is traced must not."""
        tracer = _tracer.get()
        if tracer is not None:
            tracer.refuse(what, self)
        return self._array

    def __len__(self):
        return len(self._array)

    def __float__(self):
        return float(self._seen("float()"))

    def __bool__(self):
        return bool(self._seen("bool()"))

    def __repr__(self):
        return f"tensor({np.array2string(self._array, prefix='tensor(', separator=', ')}" + (
            ", requires_grad=True)" if self.requires_grad else ")"
        )

    # --- writing and cutting --------------------------------------------------------------------------------

    def __setitem__(self, index, value):
        if isinstance(value, Tensor) and value.requires_grad and _enabled.get():
            raise TapeError(
                "a value with requires_grad=True cannot be written into a tensor: use its detach()"
            )
        if _tracer.get() is not None:
            _tracer.get().refuse("a write to a tensor")
        self._array[_plain_index(index)] = value._array if isinstance(value, Tensor) else value
        self._version[0] += 1

    def detach(self):
        """The same memory, cut from the tape: no gradient flows through the result."""
        if _tracer.get() is not None:
            with no_grad():  # a call like any other, so that it is recorded
                return apply("reshape", self, shape=self.shape)
        tensor = Tensor(self._array)
        tensor._version = self._version
        return tensor

    # --- arithmetic: NumPy under recorded names -------------------------------------------------------------

    def __add__(self, other):
        return apply("add", self, _like(other, self))

    def __radd__(self, other):
        return apply("add", _like(other, self), self)

    def __sub__(self, other):
        return apply("sub", self, _like(other, self))

    def __rsub__(self, other):
        return apply("sub", _like(other, self), self)

    def __mul__(self, other):
        return apply("mul", self, _like(other, self))

    def __rmul__(self, other):
        return apply("mul", _like(other, self), self)

    def __truediv__(self, other):
        return apply("div", self, _like(other, self))

    def __rtruediv__(self, other):
        return apply("div", _like(other, self), self)

    def __pow__(self, other):
        return apply("power", self, _like(other, self))

    def __rpow__(self, other):
        return apply("power", _like(other, self), self)

    def __matmul__(self, other):
        return apply("matmul", self, _like(other, self))

    def __rmatmul__(self, other):
        return apply("matmul", _like(other, self), self)

    def __neg__(self):
        return apply("neg", self)

    def __abs__(self):
        return apply("absolute", self)

    def __getitem__(self, index):
        return apply("getitem", self, index=_plain_index(index))

    def __eq__(self, other):
        return self._seen("a comparison") == _like(other, self)._seen("a comparison")

    def __ne__(self, other):
        return self._seen("a comparison") != _like(other, self)._seen("a comparison")

    __hash__ = object.__hash__  # a tensor is itself, whatever its values are

    def __lt__(self, other):
        return self._seen("a comparison") < _like(other, self)._seen("a comparison")

    def __le__(self, other):
        return self._seen("a comparison") <= _like(other, self)._seen("a comparison")

    def __gt__(self, other):
        return self._seen("a comparison") > _like(other, self)._seen("a comparison")

    def __ge__(self, other):
        return self._seen("a comparison") >= _like(other, self)._seen("a comparison")

    def exp(self):
        return apply("exp", self)

    def log(self):
        return apply("log", self)

    def sqrt(self):
        return apply("sqrt", self)

    def sum(self, axis=None, keepdims=False):
        return apply("sum", self, axis=axis, keepdims=keepdims)

    def mean(self, axis=None, keepdims=False):
        return apply("mean", self, axis=axis, keepdims=keepdims)

    def max(self, axis=None, keepdims=False):
        return apply("max", self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape):
        return apply(
            "reshape", self, shape=shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
        )

    def transpose(self, *axes):
        return apply("transpose", self, axes=axes or None)

    # --- gradients ------------------------------------------------------------------------------------------

    def backward(self, dy=None, retain=False):
        """Add the gradient of this tensor to the `grad` of every tensor it was made from.

        Parameters
        ----------
        dy : array, optional
            The cotangent, of this tensor's shape: needed unless the tensor has one element (then 1).
        retain : bool
            Keep the tape for another backward pass; otherwise it is freed.

        Raises
        ------
        TapeError
            If nothing was recorded, the tape was freed, or an array it needs was written to since.
        """
        if dy is None:
            if self.size != 1:
                raise TapeError(
                    "backward: a tensor of shape {} needs a cotangent `dy` of that shape", self.shape
                )
            dy = np.ones(self.shape, self.dtype)
        dy = np.array(dy._array if isinstance(dy, Tensor) else dy, self.dtype)
        if dy.shape != self.shape:
            raise ShapeError("backward: `dy` must have shape {}, got {}", self.shape, dy.shape)
        _walk(self, dy, retain)


_FREED = Call.__new__(Call)


def _walk(result, dy, retain):
    if not result.requires_grad:
        raise TapeError("backward: nothing was recorded for this tensor: no input has requires_grad=True")
    history = _history(result)  # whatever can be wrong is found before the first gradient is touched
    gradients = {id(t): np.zeros(t.shape, t.dtype) for t in history}

    def destination(tensor):
        if tensor._call is not None:
            return gradients[id(tensor)]
        if tensor.grad is None:  # a leaf: gradients stay with it
            tensor.grad = np.zeros(tensor.shape, tensor.dtype)
        return tensor.grad

    destination(result)[...] += dy
    for tensor in history:
        call, g = tensor._call, gradients.pop(id(tensor))
        for name, source in _differentiable(call):
            _Gradient(call.record, name).run(call, g, destination(source))
    if not retain:
        for tensor in history:
            tensor._call = _FREED


def _differentiable(call):
    return [(n, t) for n, t in zip(call.record.inputs, call.inputs) if t is not None and t.requires_grad]


def _history(result):
    """The tensors that `result` was made from by calls: itself first, each after what was made from it."""
    found, todo = {}, [result]
    while todo:
        tensor = todo.pop()
        call = tensor._call
        if call is None or id(tensor) in found:
            continue
        if call is _FREED:
            raise TapeError(
                "backward: the tape was freed by an earlier backward; pass retain=True to keep it"
            )
        version, was = call.tensor_version
        if version[0] != was:
            raise TapeError("backward: the result of `{}` was written to since it was made", call)
        found[id(tensor)] = tensor
        for name, source in _differentiable(call):
            _Gradient(call.record, name).check(call)
            todo.append(source)
    return sorted(found.values(), key=lambda t: -t._call.serial)


def gradient(call, name, dy, destination):
    """Add the gradient of one call with respect to its input `name` to the array `destination`."""
    _Gradient(call.record, name).run(call, dy, destination)


@functools.cache
class _Gradient:
    """A gradient kernel and where its arguments come from."""

    def __init__(self, record, name):
        if name not in record.grads:
            raise TapeError("the gradient of `{}` with respect to `{}` is not defined", record.name, name)
        self.kernel = resolve(record.grads[name])
        _, *wanted, last = registry.parameters(self.kernel)
        constants = registry.parameters(record.forward)
        self.arguments = []
        for parameter in wanted:
            base = parameter.removesuffix("_shape")
            if parameter in record.inputs:
                self.arguments.append(("input", record.inputs.index(parameter), parameter))
            elif parameter in record.outputs:
                self.arguments.append(("output", record.outputs.index(parameter), parameter))
            elif base != parameter and base in record.inputs:
                self.arguments.append(("shape", record.inputs.index(base), parameter))
            elif parameter in constants:
                self.arguments.append(("constant", parameter, parameter))
            else:
                raise TapeError(
                    "gradient kernel of `{}`: parameter `{}` is no input, output, shape or constant of it",
                    record.name,
                    parameter,
                )
        if last != f"d{name}":
            raise TapeError(
                "gradient kernel of `{}`: the last parameter must be `d{}`, got `{}`", record.name, name, last
            )

    def check(self, call):
        """Raise `TapeError` if an input that this gradient needs was written to since the call."""
        for kind, key, parameter in self.arguments:
            tensor = call.inputs[key] if kind == "input" else None
            if tensor is not None and tensor._version[0] != call.versions[key]:
                raise TapeError(
                    "backward: `{}` of `{}` was written to since, its gradient needs it", parameter, call
                )

    def run(self, call, dy, destination):
        values = [self._value(call, kind, key) for kind, key, _ in self.arguments]
        if not isinstance(call.outputs[0], np.ndarray):
            dy = float(dy)
        self.kernel(dy, *values, destination)

    def _value(self, call, kind, key):
        if kind == "constant":
            return call.constants[key]
        if kind == "output":
            return call.outputs[key]
        tensor = call.inputs[key]
        if kind == "shape":
            return tensor.shape
        return None if tensor is None else tensor._array


# --- making and calling -----------------------------------------------------------------------------------


def tensor(data, requires_grad=False, dtype=None):
    """A `Tensor` with a copy of `data` (anything that NumPy takes).

    Raises `DtypeError` if gradients are asked for of something other than float32 or float64.
    """
    array = np.array(data._array if isinstance(data, Tensor) else data, dtype=dtype)
    if requires_grad and array.dtype not in (np.float32, np.float64):
        raise DtypeError("tensor: gradients need float32 or float64 data, got {}", array.dtype)
    return Tensor(array, requires_grad)


def as_tensor(value):
    """`value` itself if it is a `Tensor`, else a `Tensor` on the same memory."""
    return value if isinstance(value, Tensor) else Tensor(np.asarray(value))


def cast(value, dtype):
    """Plain numbers as a `Tensor` of a float dtype; what is one already, or has gradients, stays as it is."""
    source = as_tensor(value)
    if source.dtype == dtype or source.requires_grad:
        return source
    result, tracer = Tensor(source._array.astype(dtype)), _tracer.get()
    if tracer is not None:
        tracer.casts[id(result)] = source, result
    return result


def _like(value, other):
    """An operand of arithmetic; plain numbers take the dtype of the other operand."""
    if isinstance(value, (int, float, np.integer)):
        return Tensor(np.asarray(value, other.dtype if other.dtype.kind == "f" else None))
    return as_tensor(value)


def _plain_index(index):
    """An index without tensors, and with its own copy of every array: the tape keeps it."""
    if isinstance(index, tuple):
        return tuple(map(_plain_index, index))
    return np.array(index) if isinstance(index, (Tensor, np.ndarray, list)) else index


def apply(op, /, *inputs, **constants):
    """Run an operation on the tape and return its first output as a `Tensor`.

    Parameters
    ----------
    op : str
        Name of a kernel record; `nbdl.swap` may put another implementation in its place.
    *inputs : Tensor, array or None
        Its inputs, in order; missing ones at the end are None. Arrays are not copied: do not write to them
        before `backward`.
    **constants
        Its other arguments by name; those left out take the kernel's defaults.
    """
    record = registry.kernel(op)
    forward, parameters = _forward(record)
    for name in constants:
        if name not in parameters:
            raise TypeError(f"`{op}` has no argument `{name}`; it takes {', '.join(parameters)}")
    inputs = [None if x is None else as_tensor(x) for x in inputs]
    inputs += [None] * (len(record.inputs) - len(inputs))
    constants = {**{n: d for n, d in parameters.items() if d is not inspect.Parameter.empty}, **constants}
    tracer = _tracer.get()
    if tracer is not None:
        raw = tracer.run(record, forward, inputs, constants)
    else:
        raw = forward(*[None if t is None else t._array for t in inputs], **constants)
    if record.target == "numpy":
        raw = np.asarray(raw)  # NumPy makes scalars of arrays without dimensions
    outputs = raw if len(record.outputs) > 1 else (raw,)
    result = Tensor(_as_array(outputs[0], inputs))
    for t in inputs:
        if t is not None and np.may_share_memory(result._array, t._array):
            result._version = t._version  # a view: writes to one are writes to the other
    recorder, wanted = (
        _recorder.get(),
        _enabled.get() and any(t is not None and t.requires_grad for t in inputs),
    )
    if recorder is not None or wanted or tracer is not None:
        call = Call(record, inputs, constants, outputs, result._version)
        if wanted:
            result._call, result.requires_grad = call, True
        if recorder is not None:
            recorder.append((call, result))
        if tracer is not None:
            tracer.note(call, result)
    return result


def _as_array(value, inputs):
    if isinstance(value, np.ndarray):
        return value
    return np.asarray(value, next((t.dtype for t in inputs if t is not None and t.dtype.kind == "f"), None))


@functools.cache
def _forward(record):
    """The forward kernel of a record and its constants, each with its default."""
    skip = {*record.inputs, "out"}
    parameters = registry.parameters(record.forward)
    return resolve(record.forward), {n: d for n, d in parameters.items() if n not in skip}


@contextlib.contextmanager
def no_grad():
    """Within it nothing is recorded: for evaluation."""
    token = _enabled.set(False)
    try:
        yield
    finally:
        _enabled.reset(token)


@contextlib.contextmanager
def record():
    """Within it every call is noted, with or without gradients: yields the growing list of (Call, Tensor)."""
    calls = []
    token = _recorder.set(calls)
    try:
        yield calls
    finally:
        _recorder.reset(token)


@contextlib.contextmanager
def tracing(tracer):
    """Within it `tracer` runs the kernels and notes every call: see `nbdl.shapes.Tracer`."""
    token = _tracer.set(tracer)
    try:
        yield tracer
    finally:
        _tracer.reset(token)
