"""The tape: runs kernels eagerly, records each call, walks the calls backwards.

`apply` is the whole of it: it asks the registry which kernel stands for an operation, runs it, and notes the
kernel, its operands, constants and outputs in a `Call` that the result refers to. `Tensor.backward` visits
the calls from last to first and lets the gradient kernels add to the gradients of their inputs (`_calls.py`).
"""

import contextlib
import contextvars
import functools
import inspect

import numpy as np

from nbdl import registry
from nbdl._calls import Call, gradient, reaches, walk
from nbdl.errors import DataError, DtypeError, ShapeError, TapeError
from nbdl.records import resolve

__all__ = [
    "Call", "Tensor", "alike", "apply", "apply_all", "as_tensor", "cast", "computed", "gradient", "no_grad",
    "real", "record", "tensor", "tracing", "unmasked",
]  # fmt: skip

_enabled = contextvars.ContextVar("enabled", default=True)
_recorder = contextvars.ContextVar("recorder", default=None)
_tracer = contextvars.ContextVar("tracer", default=None)
_OF_NUMPY = {  # what the tape has of NumPy's functions of each element
    np.add: "add", np.subtract: "sub", np.multiply: "mul", np.true_divide: "div", np.power: "power",
    np.matmul: "matmul", np.negative: "neg", np.absolute: "absolute", np.exp: "exp", np.log: "log",
    np.sqrt: "sqrt", np.maximum: "maximum", np.minimum: "minimum", np.equal: "equal",
    np.not_equal: "not_equal", np.less: "less", np.less_equal: "less_equal", np.greater: "greater",
    np.greater_equal: "greater_equal", np.logical_and: "logical_and", np.logical_or: "logical_or",
    np.logical_not: "logical_not",
}  # fmt: skip
_OF_BOOL = {np.bitwise_and: np.logical_and, np.bitwise_or: np.logical_or, np.invert: np.logical_not}
_OPERANDS = {"a", "b", "low", "high"}  # operands of arithmetic, by the names that array_ops gives them


def _called_by_numpy(reduction):
    """A method that ``np.sum(tensor)`` and its like call: with an `out` and a `dtype` that are None."""

    @functools.wraps(reduction)
    def method(self, *given, out=None, dtype=None, **named):
        if out is not None or dtype is not None:
            raise TapeError("`{}` of a tensor takes neither `out` nor `dtype`", reduction.__name__)
        return reduction(self, *given, **named)

    return method


class Tensor:
    """An array on the tape.

    `grad`, an array, is what `backward` adds to on tensors made with ``requires_grad=True``; set it to None
    to start anew. Values are written by ``t[index] = value`` only: the tape counts these writes, and refuses
    a backward pass through a value that has changed since.
    """

    __slots__ = ("__weakref__", "_array", "_call", "_output", "_requires_grad", "_version", "grad")

    def __init__(self, array, requires_grad=False):
        self._array, self._requires_grad = array, False
        self.grad, self._call, self._output, self._version = None, None, 0, [0]
        if requires_grad:
            self.requires_grad = True

    @property
    def requires_grad(self):
        """Whether `backward` finds the gradient with respect to this tensor; float32 and float64 only."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value):
        if value and self._array is not None and self._array.dtype not in (np.float32, np.float64):
            raise DtypeError("gradients need float32 or float64 data, got {}", self._array.dtype)
        self._requires_grad = bool(value)

    # --- what it is -----------------------------------------------------------------------------------------

    shape = property(lambda self: self._array.shape)
    dtype = property(lambda self: self._array.dtype)
    ndim = property(lambda self: self._array.ndim)
    size = property(lambda self: self._array.size)
    T = property(lambda self: self.transpose())

    @property
    def data(self):
        """The values, as a read-only view."""
        view = self._seen("the values of a tensor").view()
        view.flags.writeable = False
        return view

    def numpy(self):
        """The values, as a read-only view."""
        return self.data

    def item(self):
        """The value of a tensor with one element, as a Python number."""
        return self._seen("item()").item()

    def __array__(self, dtype=None, copy=None):
        return np.array(self.data, dtype=dtype) if copy else np.asarray(self.data, dtype=dtype)

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        """``np.exp(tensor)``, ``array * tensor``: the operation of the tape."""
        if all(np.dtype(getattr(v, "dtype", bool)) == np.bool_ for v in inputs):
            ufunc = _OF_BOOL.get(ufunc, ufunc)
        name, op = ufunc.__name__, _OF_NUMPY.get(ufunc)
        if "out" in options and method == "__call__":
            raise TapeError("np.{} cannot write a tensor into an array: `x += t` is `x = x + t`", name)
        if method != "__call__" or options:
            call = name if method == "__call__" else f"{name}.{method}"
            text = "np.{} takes no tensor with these options: give it the values, `t.data` (no gradient)"
            raise TapeError(text, call)
        if op is None:
            text = "the tape has no np.{}: make it of what it has, or give the values, `t.data` (no gradient)"
            raise TapeError(text, name)
        return (_plain if "equal" in op or op in ("less", "greater") else apply)(op, *inputs)

    @property
    def _data(self):  # of this name numpy.ma asks: it would go on with the values, and without the gradient
        raise DataError("a masked array does not go with a tensor: give its values, `array.filled(0)`")

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
        return bool(self._seen("a comparison" if self.dtype == bool else "bool()"))

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        if self._array is None:
            raise AttributeError(f"`{name}` of a parameter that has no values yet: see nbdl.nn.init")
        # comparisons and indices are arrays, but tensors in a traced net: what arrays have besides is refused
        if self.dtype.kind in "biu" and _tracer.get() is not None:
            _tracer.get().refuse(f"`{name}` of {'a comparison' if self.dtype == bool else 'integers'}", self)
        raise AttributeError(f"a Tensor has no `{name}`")

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
        value = value._array if isinstance(value, Tensor) else np.asarray(value)
        self._array[_plain_index(index)] = value if self.dtype.kind == "c" else real("a value", value)
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
        return apply("add", self, other)

    def __radd__(self, other):
        return apply("add", other, self)

    def __sub__(self, other):
        return apply("sub", self, other)

    def __rsub__(self, other):
        return apply("sub", other, self)

    def __mul__(self, other):
        return apply("mul", self, other)

    def __rmul__(self, other):
        return apply("mul", other, self)

    def __truediv__(self, other):
        return apply("div", self, other)

    def __rtruediv__(self, other):
        return apply("div", other, self)

    def __pow__(self, other):
        return apply("power", self, other)

    def __rpow__(self, other):
        return apply("power", other, self)

    def __matmul__(self, other):
        return apply("matmul", self, other)

    def __rmatmul__(self, other):
        return apply("matmul", other, self)

    def __neg__(self):
        return apply("neg", self)

    def __abs__(self):
        return apply("absolute", self)

    def __getitem__(self, index):
        return apply("getitem", self, index=_plain_index(index))

    def __eq__(self, other):
        return _plain("equal", self, other)

    def __ne__(self, other):
        return _plain("not_equal", self, other)

    __hash__ = object.__hash__  # a tensor is itself, whatever its values are

    def __lt__(self, other):
        return _plain("less", self, other)

    def __le__(self, other):
        return _plain("less_equal", self, other)

    def __gt__(self, other):
        return _plain("greater", self, other)

    def __ge__(self, other):
        return _plain("greater_equal", self, other)

    def __and__(self, other):
        return apply("logical_and", self, other) if self.dtype == bool else NotImplemented

    def __or__(self, other):
        return apply("logical_or", self, other) if self.dtype == bool else NotImplemented

    __rand__, __ror__ = __and__, __or__

    def __invert__(self):
        if self.dtype != bool:
            raise DtypeError("`~` needs a tensor of bool, got {}", self.dtype)
        return apply("logical_not", self)

    def exp(self):
        return apply("exp", self)

    def log(self):
        return apply("log", self)

    def sqrt(self):
        return apply("sqrt", self)

    def abs(self):
        return apply("absolute", self)

    def clip(self, min=None, max=None):
        """Each element, but at least `min` and at most `max`: numbers, arrays, tensors or None.

        The gradient goes to the element where it is kept, at the bounds too, else to the bound.
        """
        return apply("clip", self, min, max)

    @_called_by_numpy
    def sum(self, axis=None, keepdims=False):
        return apply("sum", self, axis=axis, keepdims=keepdims)

    @_called_by_numpy
    def mean(self, axis=None, keepdims=False):
        return apply("mean", self, axis=axis, keepdims=keepdims)

    @_called_by_numpy
    def var(self, axis=None, keepdims=False, ddof=0):
        """Variance; the sum of squares is divided by their number less `ddof`, 0 as in NumPy (torch: 1)."""
        return apply("var", self, axis=axis, keepdims=keepdims, ddof=ddof)

    @_called_by_numpy
    def std(self, axis=None, keepdims=False, ddof=0):
        """The root of `var`; its gradient is 0 where it is 0."""
        return apply("std", self, axis=axis, keepdims=keepdims, ddof=ddof)

    @_called_by_numpy
    def prod(self, axis=None, keepdims=False):
        return apply("prod", self, axis=axis, keepdims=keepdims)

    @_called_by_numpy
    def max(self, axis=None, keepdims=False):
        """The largest element; if there are several they share the gradient."""
        return apply("max", self, axis=axis, keepdims=keepdims)

    @_called_by_numpy
    def min(self, axis=None, keepdims=False):
        """The smallest element; if there are several they share the gradient."""
        return apply("min", self, axis=axis, keepdims=keepdims)

    @_called_by_numpy
    def argmax(self, axis=None, keepdims=False):
        """The index of the first largest element along `axis`, of the flattened tensor if that is None.

        An array like the result of a comparison: no gradient flows through it.
        """
        return _plain("argmax", self, axis=axis, keepdims=keepdims)

    @_called_by_numpy
    def argmin(self, axis=None, keepdims=False):
        """The index of the first smallest element, as `argmax`."""
        return _plain("argmin", self, axis=axis, keepdims=keepdims)

    @_called_by_numpy
    def cumsum(self, axis=None):
        """Running sums along `axis`, of the flattened tensor if that is None."""
        return apply("cumsum", self, axis=axis)

    def reshape(self, *shape):
        return apply("reshape", self, shape=_unpacked(shape))

    def transpose(self, *axes):
        """The axes in this order, reversed if none is given."""
        axes = _unpacked(axes)
        return apply("transpose", self, axes=None if axes in ((), (None,)) else axes)

    permute = transpose

    def swapaxes(self, one, other):
        """The two axes exchanged."""
        axes = list(range(self.ndim))
        try:
            axes[one], axes[other] = axes[other], axes[one]
        except IndexError:
            text = "swapaxes: axes of a tensor of shape {} are from {} to {}, got {} and {}"
            raise ShapeError(text, self.shape, -self.ndim, self.ndim - 1, one, other) from None
        return self.transpose(axes)

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
        dy = np.array(real("backward: `dy`", dy._array if isinstance(dy, Tensor) else dy), self.dtype)
        if dy.shape != self.shape:
            raise ShapeError("backward: `dy` must have shape {}, got {}", self.shape, dy.shape)
        walk(self, dy, retain)


# --- making and calling -----------------------------------------------------------------------------------


def tensor(data, requires_grad=False, dtype=None):
    """A `Tensor` with a copy of `data` (anything that NumPy takes).

    Raises `DtypeError` if gradients are asked for of something other than float32 or float64, if `data` are
    no numbers (text, times, None), or if they are complex and `dtype` is a real one; `DataError` if `data`
    hold masked values.
    """
    data = unmasked("tensor: `data`", data._array if isinstance(data, Tensor) else data)
    if dtype is not None and np.dtype(dtype).kind in "biuf":
        real("tensor: `data`", data)
    if data.dtype == object:
        data = _of_objects(data, dtype)
    if data.dtype.kind not in "biufc":
        raise DtypeError("tensor: `data` must hold numbers, got {}", data.dtype)
    return Tensor(np.array(data, dtype=dtype), requires_grad)


def _of_objects(data, dtype):
    """The numbers of an array of Python objects, as a data frame gives it."""
    array = np.array(data.tolist())
    if array.dtype == object and dtype is not None and not any(v is None for v in data.flat):
        with contextlib.suppress(TypeError, ValueError, OverflowError):  # fractions, integers of many bits
            return np.array(data, dtype)
    if array.dtype.kind not in "biufc":
        kinds = sorted({type(v).__name__ for v in data.flat})
        raise DtypeError("tensor: `data` must hold numbers, got {}", " and ".join(kinds))
    return array


def as_tensor(value):
    """`value` itself if it is a `Tensor`, else a `Tensor` on the same memory."""
    return value if isinstance(value, Tensor) else Tensor(unmasked("an input", value))


def unmasked(what, values):
    """`values` as a plain array; `DataError` where some are masked: they would count as if they were not."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise DataError("{} must not hold masked values: fill them in, or leave these samples out", what)
    return np.asarray(values)


def real(what, values):
    """`values` as an array that a float dtype can hold; `DtypeError` for complex numbers, text and times."""
    array = unmasked(what, values)
    if array.dtype.kind not in "biufO":
        raise DtypeError("{} must hold real numbers, got {}", what, array.dtype)
    return array


def cast(value, dtype):
    """Numbers as a `Tensor` of a float dtype; the gradient flows back in the dtype that they had."""
    source, tracer = as_tensor(value), _tracer.get()
    if source.dtype == dtype:
        return source
    real("an input", source._array)
    if source.requires_grad or (tracer is not None and tracer.knows(source)):
        return apply("astype", source, dtype=np.dtype(dtype).name)
    return Tensor(source._array.astype(dtype))


def computed(value):
    """A `Tensor` whose values a net that is traced must not look at, as if it had computed them."""
    if _tracer.get() is not None:
        _tracer.get().made[id(value)] = value
    return value


def alike(values):
    """Operands of arithmetic as Tensors (None stays): the one rule of what dtype comes out.

    Numbers, arrays, tensors of integers and tensors without dimensions take the float dtype of the tensors
    that have dimensions; of two of those NumPy takes the wider. Where no tensor is a float, float arrays lead
    in the same way, and where nothing is a float the rules are those of NumPy.
    """
    values = [v if v is None or isinstance(v, Tensor) else _array(v) for v in values]
    ranks = [0 if v is None else _rank(v) for v in values]
    top = max(ranks)
    if top:
        dtypes = {v.dtype for v, rank in zip(values, ranks) if rank == top}
        dtype = dtypes.pop() if len(dtypes) == 1 else np.result_type(*dtypes)
        for i, v in enumerate(values):
            if ranks[i] < top and v is not None and v.dtype.kind in "biuf":
                values[i] = cast(v, dtype) if isinstance(v, Tensor) else v.astype(dtype)
    return [None if v is None else as_tensor(v) for v in values]


def _rank(value):
    """Who decides on the dtype: the highest of tensors with dimensions, tensors without, arrays, all else."""
    array = value._array if isinstance(value, Tensor) else value
    return 0 if array.dtype.kind != "f" else 2 * (array is not value) + (array.ndim > 0)


def _array(value):
    array = unmasked("an operand", value)
    return np.asarray(float(value)) if array.dtype == object and isinstance(value, int) else array


def _plain(op, *inputs, **constants):
    """A comparison or an index: an array, or in a traced net, which must not look at values, a tensor."""
    result = apply(op, *inputs, **constants)
    return result._array[()] if _tracer.get() is None else result


def _unpacked(given):
    """``f(*given)`` of sizes or axes, one by one or as one tuple or list."""
    return tuple(given[0]) if len(given) == 1 and isinstance(given[0], (tuple, list)) else given


def _plain_index(index):
    """An index without tensors, and with its own copy of every array: the tape keeps it."""
    if isinstance(index, tuple):
        return tuple(map(_plain_index, index))
    if isinstance(index, list) and np.size(index) == 0:
        return np.array(index, np.intp)  # no element is taken
    return np.array(index) if isinstance(index, (Tensor, np.ndarray, list)) else index


def apply(op, /, *inputs, **constants):
    """Run an operation on the tape and return its first output as a `Tensor`.

    Parameters
    ----------
    op : str
        Name of a kernel record; `nbdl.swap` may put another implementation in its place.
    *inputs : Tensor, array, number or None
        Its inputs, in order; missing ones at the end are None. Arrays are not copied: do not write to them
        before `backward`. For arithmetic they are brought to one dtype by `alike`.
    **constants
        Its other arguments by name; those left out take the kernel's defaults.
    """
    return apply_all(op, *inputs, **constants)[0]


def apply_all(op, /, *inputs, **constants):
    """`apply` for an operation of several outputs: all of them, as a tuple of Tensors.

    Gradients flow back from the first output, and from each that a gradient kernel of the record takes a
    cotangent of (``dh`` of ``h``); the others are values alone.
    """
    record = registry.kernel(op)
    forward, parameters, needed, operands = _forward(record)
    for name in constants:
        if name not in parameters:
            taken = ", ".join(parameters) or "none besides its inputs"
            raise TypeError(f"`{op}` has no argument `{name}`; it takes {taken}")
    if len(inputs) > len(record.inputs):
        raise TypeError(f"`{op}` takes the inputs {', '.join(record.inputs)}; got {len(inputs)}")
    if len(inputs) < needed:
        raise TypeError(f"`{op}` needs the inputs {', '.join(record.inputs[:needed])}; got {len(inputs)}")
    inputs = [*inputs, *[None] * (len(record.inputs) - len(inputs))]
    if operands:
        for i, operand in zip(operands, alike([inputs[i] for i in operands])):
            inputs[i] = operand
    inputs = [None if x is None else as_tensor(x) for x in inputs]
    constants = {**{n: d for n, d in parameters.items() if d is not inspect.Parameter.empty}, **constants}
    tracer = _tracer.get()
    try:
        if tracer is not None:
            raw = tracer.run(record, forward, inputs, constants)
        else:
            raw = forward(*[None if t is None else t._array for t in inputs], **constants)
    except ValueError as error:
        if record.target == "numpy" and type(error) in (ValueError, np.exceptions.AxisError):
            raise _unfit(record, inputs, error) from None
        raise
    if record.target == "numpy":
        raw = np.asarray(raw)  # NumPy makes scalars of arrays without dimensions
    outputs = raw if len(record.outputs) > 1 else (raw,)
    results = tuple(Tensor(_as_array(output, inputs)) for output in outputs)
    for result in results:
        for t in inputs:
            if t is not None and np.may_share_memory(result._array, t._array):
                result._version = t._version  # a view: writes to one are writes to the other
    _note(record, inputs, constants, outputs, results, tracer)
    if tracer is not None and tracer.widened(record, inputs, results[0]):
        return (cast(results[0], tracer.dtype),)
    return results


def _unfit(record, inputs, error):
    """What NumPy says of operands, which knows neither the operation's name nor, at times, their shapes."""
    shapes = {n: t.shape for n, t in zip(record.inputs, inputs) if t is not None}
    named = " and ".join(f"`{name}` of shape {{}}" for name in shapes)
    return ShapeError(f"`{record.name}` of {named}: {{}}", *shapes.values(), str(error).strip())


def _note(record, inputs, constants, outputs, results, tracer):
    """Let the results refer to their call where a gradient may be asked for, or someone is looking on."""
    recorder = _recorder.get()
    wanted = _enabled.get() and any(t is not None and t._requires_grad for t in inputs)
    if wanted and results[0].dtype.kind not in "fbiu":
        text = "`{}`: gradients need real numbers, the result is {}"
        raise DtypeError(text, record.op, results[0].dtype)
    flows = [  # not through indices and comparisons
        wanted and result.dtype.kind == "f" and reaches(record, name)
        for name, result in zip(record.outputs, results)
    ]
    if recorder is None and tracer is None and not any(flows):
        return
    call = Call(record, inputs, constants, outputs, [result._version for result in results])
    for i, result in enumerate(results):
        if flows[i]:
            result._call, result._output, result._requires_grad = call, i, True
    if recorder is not None:
        recorder.append((call, results[0]))
    if tracer is not None:
        tracer.note(call, results)


def _as_array(value, inputs):
    if isinstance(value, np.ndarray):
        return value
    return np.asarray(value, next((t.dtype for t in inputs if t is not None and t.dtype.kind == "f"), None))


@functools.cache
def _forward(record):
    """The forward kernel of a record, its constants with their defaults, how many inputs it needs, and which
    are alike."""
    skip, parameters = {*record.inputs, "out"}, registry.parameters(record.forward)
    constants = {n: d for n, d in parameters.items() if n not in skip}
    needed = sum(parameters[n] is inspect.Parameter.empty for n in record.inputs)
    operands = [i for i, name in enumerate(record.inputs) if name in _OPERANDS]
    arithmetic = record.target == "numpy" and len(operands) > 1
    return resolve(record.forward), constants, needed, operands if arithmetic else []


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
