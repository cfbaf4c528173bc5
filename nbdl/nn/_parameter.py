"""The arrays of layers, which get their shape at a net's first call, and the ways to find them.

A `Parameter` is trained; a `Buffer` is state that is not: the running mean of a batch norm. Both are saved,
loaded and found by the same names. A buffer per sample is state of training alone.
"""

import contextlib
import contextvars
import fnmatch
import types
import zlib

import numpy as np

from nbdl import array_functions, registry, shapes, tape
from nbdl.errors import (
    DataError,
    DtypeError,
    NbdlError,
    ShapeError,
    TapeError,
    UsageError,
)
from nbdl.kernels.simd.registers import LANES
from nbdl.nn._inputs import call, each, named, numbers, taken
from nbdl.nn._options import below
from nbdl.records import resolve
from nbdl.tape import Tensor, no_grad, tracing

_carrying = contextvars.ContextVar("carrying", default=None)  # the Train of a prediction with state
_filling = contextvars.ContextVar("filling", default=None)  # (seed, names by id, dtype, initializers by name)


class Stored(Tensor):
    """An array of a layer. `init` names its initializer; it has no values until `fill` is told its shape."""

    __slots__ = ("home", "init")
    kind = ""  # what messages call it

    def __init__(self, init="zeros"):
        super().__init__(None)
        self.init = init
        self.home = None  # where compiled programs find the values, see `nbdl.step`: (flat array, view of it,
        # whether the array has moved out, a number that compiled code looks at)

    ready = property(lambda self: self._array is not None)

    def fill(self, shape, fan_in=1, fan_out=1):
        """Draw the first values. The random numbers are keyed by the seed and the array's name alone.

        Outside `nbdl.nn.init` there is no seed: the key comes from the operating system.
        """
        seed, names, dtype, chosen = _filling.get() or (None, {}, np.float32, {})
        name = names.get(id(self), "")
        key = [seed, zlib.crc32(name.encode())] if seed is not None else None
        rng, draw = np.random.Generator(np.random.Philox(key=key)), chosen.get(name, self.init)
        if not callable(draw):
            draw = resolve(registry.default().get("initializer", draw).fill)
        values = tape.real(f"what the initializer of `{name}` returns", draw(rng, shape, fan_in, fan_out))
        if values.shape != tuple(shape):
            text = "the initializer of `{}` must return an array of shape {}, got {}"
            raise ShapeError(text, name, tuple(shape), values.shape)
        self._take(np.ascontiguousarray(values, dtype))

    def assign(self, values):
        """Give all values at once; the shape must be right if it is known already."""
        values = tape.unmasked("assign: `values`", values)
        if values.dtype not in (np.float32, np.float64):
            raise DtypeError("a {} must be float32 or float64, got {}", self.kind, values.dtype)
        if not self.ready:
            self._take(np.array(values, order="C"))
        elif values.shape != self.shape:
            raise ShapeError("the {} has shape {}, got {}", self.kind, self.shape, values.shape)
        elif values.dtype != self.dtype:
            raise DtypeError("the {} has dtype {}, got {}", self.kind, self.dtype, values.dtype)
        else:
            self[...] = values

    def _take(self, values):
        """Have these values, where programs find them if they are of the shape and dtype that had a place."""
        if self.home is not None:
            _, view, moved = self.home
            moved[0] = (view.shape, view.dtype) != (values.shape, values.dtype)
            if not moved[0]:
                view[...], values = values, view
        self._array = values

    def __repr__(self):
        if self.ready:
            return super().__repr__()
        return f"{type(self).__name__}(init={self.init!r}, no shape yet)"


class Parameter(Stored):
    """A trainable array of a layer, lazily filled: see `fill`.

    `init` is the name of an initializer.
    """

    __slots__ = ()
    kind = "parameter"

    def __init__(self, init="zeros"):
        super().__init__(init)
        self.requires_grad = True


class Buffer(Stored):
    """State of a layer that is not trained: saved, loaded and found like a parameter, but without gradient.

    `init` is the name of an initializer, "zeros" or "ones" as a rule. A layer does not write to its buffers
    while it is called: it hands the new value to `nbdl.nn.Train.keep`.

    Parameters
    ----------
    init : str
    per_sample : bool
        State by position in the minibatch, such as that of a recurrent net which is carried from one
        minibatch to the next: sample i reads and writes row i. It has no shape of its own and no `fill`: see
        `rows`. It is no part of a saved net.

    Examples
    --------
    A layer that counts the minibatches it was trained on::

        class Counter:
            def __init__(self):
                self.seen = nn.Buffer("zeros")

            def __call__(self, x, train=None):
                if not self.seen.ready:
                    self.seen.fill((1,))
                if train is not None:
                    train.keep(self.seen, train.value(self.seen) + 1)
                return x
    """

    __slots__ = ("per_sample",)
    kind = "buffer"

    def __init__(self, init="zeros", *, per_sample=False):
        if per_sample and init != "zeros":
            raise UsageError("Buffer: with `per_sample` every row begins with zeros, got init={!r}", init)
        super().__init__(init)
        self.per_sample = bool(per_sample)

    def fill(self, shape, fan_in=1, fan_out=1):
        if self.per_sample:
            raise UsageError("Buffer: with `per_sample` there is nothing to fill: read it by `rows`")
        super().fill(shape, fan_in, fan_out)

    def rows(self, shape, *, like, train, dtype=None):
        """The state of the samples of `like`, of a buffer per sample: a Tensor (N, *shape).

        Parameters
        ----------
        shape : tuple of integers
            Of one sample.
        like : (N, ...) Tensor or array
            An input of the layer.
        train : Train or None
            In a call for training row i is what sample i of the minibatch before left, zeros where there was
            none; what was handed over earlier in this call comes first. None, a prediction: zeros, unless it
            carries its state as training does (``nbdl.jit_predict(net, x, state=True)``).
        dtype : dtype, optional
            That of `like` where this holds floats, else float32.

        No gradient flows to it, and so none from one minibatch into another.
        """
        fresh = array_functions.zeros(shape, like=like, dtype=dtype)
        if train is not None and not hasattr(train, "rows"):
            raise UsageError("rows: `train` must be None or nn.Train(seed, step), got {!r}", train)
        train = _carrying.get() if train is None else train
        return fresh if train is None else train.rows(self, fresh)

    def keep(self, value, *, train):
        """Hand over what the next call is to find, of a buffer per sample: rows as `rows` gave them.

        It is `Train.keep`, for a prediction that carries its state too; without `train` any other prediction
        keeps nothing.
        """
        train = _carrying.get() if train is None else train
        if train is not None:
            train.keep(self, value)

    def grow(self, n, shape, dtype):
        """Have at least `n` rows of this shape; new ones are zeros. Memory for whole registers of samples.

        Raises `ShapeError` if the rows that are there differ.
        """
        if self.ready and (self.shape[1:], self.dtype) != (shape, dtype):
            raise ShapeError(
                "a buffer per sample has rows of {} {}, got {} {}; nbdl.nn.init(net, example) forgets them",
                self.dtype, self.shape[1:], dtype, shape,
            )  # fmt: skip
        had = len(self) if self.ready else 0
        own = self.home is not None and had and np.may_share_memory(self.home, self._array)
        if not own or len(self.home) < n:
            room = max(LANES.values())
            home = np.zeros((-(-max(n, had) // room) * room, *shape), dtype)
            home[:had] = self._array if had else 0
            self.home = home
        self._array = self.home[: max(n, had)]

    def shrink(self, n):
        """Have the first `n` rows alone: those behind them were to be filled by a step that failed."""
        self._array = self.home[:n] if n else None

    def assign(self, values):
        if not self.per_sample:
            super().assign(values)
            return
        values = tape.unmasked("assign: `values`", values)
        self.grow(len(values), values.shape[1:], values.dtype)
        self[: len(values)] = values


def cast(x, parameter):
    """The input of a layer in the dtype of its parameter: nets take any numbers."""
    return tape.cast(x, parameter.dtype)


def named_parameters(net):
    """All parameters of a net by name, found by walking attributes, lists and dicts; tied ones once.

    The names are the paths: ``0.w`` is attribute ``w`` of the first layer (a list called ``layers`` adds
    nothing to the path).
    """
    return _named(net, Parameter)


def named_buffers(net):
    """The buffers of a net by name, as `named_parameters`: ``1.running_mean``. None of those per sample."""
    return {name: b for name, b in _named(net, Buffer).items() if not b.per_sample}


def carrying(train):
    """A context in which predictions read and hand over buffers per sample by `train`, as training does."""
    return _context(_carrying, train)


def carried(train):
    """Whether this is a prediction that reads and hands over buffers per sample."""
    return train is None and _carrying.get() is not None


def per_sample_buffers(net):
    """The buffers of a net that have a row for each sample of a minibatch, by name."""
    return {name: b for name, b in _named(net, Buffer).items() if b.per_sample}


def reset_state(net):
    """Zero what the net carries from one minibatch to the next: its buffers per sample."""
    for buffer in per_sample_buffers(net).values():
        if buffer.ready:
            buffer[...] = 0


def named_arrays(net):
    """The parameters and buffers of a net by name, in one order: what is saved of it."""
    return {name: a for name, a in _named(net, Stored).items() if not getattr(a, "per_sample", False)}


def _named(net, kind):
    found, seen, todo = {}, set(), [(net, "")]
    while todo:
        thing, path = todo.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, kind):
            found[path] = thing
        else:
            items = [(item, ".".join(p for p in (path, step) if p)) for step, item in inside(thing)]
            todo += reversed(items)  # so that they are visited in their order
    return found


def inside(thing):
    """What a layer, a list or a dict holds: (a step of the path, the thing) of each."""
    if isinstance(thing, (list, tuple)):
        return [(str(i), item) for i, item in enumerate(thing)]
    if isinstance(thing, dict):
        return [(str(key), item) for key, item in thing.items()]
    if isinstance(thing, (type, types.ModuleType, types.FunctionType)) or not hasattr(thing, "__dict__"):
        return []
    return [("" if name == "layers" else name, item) for name, item in vars(thing).items()]


def parameters(net):
    """The parameters of a net as a list."""
    return list(named_parameters(net).values())


def dtype_of(net, x):
    """The dtype of a net's arrays, or of the array `x` if it has none; they must have values."""
    for name, p in named_arrays(net).items():
        if not p.ready:
            raise UsageError("`{}` has no values yet: see nbdl.nn.init", name)
        return p.dtype
    return next((a.dtype for a in map(np.asarray, named(x).values()) if a.dtype.kind == "f"), np.dtype("f4"))


def ready(net):
    """Whether all parameters and buffers have values."""
    return all(a.ready for a in named_arrays(net).values())


def init(net, example, seed=0, dtype="float32", keep=False, initializers=None):
    """Give every parameter and buffer of `net` its shape and first values; returns the net.

    The net is called once, for its prediction.

    Parameters
    ----------
    net : callable
    example : array, or arrays by name
        One or more samples, as the net will see them. Integers stay integers for a net that takes them.
    seed : int
        From 0 to 2^63 - 1. The same seed gives the same values, parameter by parameter.
    dtype : "float32" or "float64"
    keep : bool
        Leave the arrays alone that have values already.
    initializers : dict, optional
        Other initializers for some parameters, by name pattern; of several that fit a name the last wins.
        Each is a registered name, or a function ``fill(rng, shape, fan_in, fan_out)`` that returns an array
        of that shape: `rng` is a NumPy generator, `fan_in` how many numbers each output is summed from.

    Examples
    --------
    >>> def narrow(rng, shape, fan_in, fan_out):
    ...     return rng.normal(0, 0.1 / fan_in, shape)
    >>> net = nn.Sequential(nn.Linear(4), nn.Linear(2))
    >>> net = nn.init(net, np.zeros((1, 3)), initializers={"*.w": narrow, "1.b": "ones"})
    """
    dtype, seed = np.dtype(dtype), below(63, "init: `seed`", seed)
    if dtype not in (np.float32, np.float64):
        raise DtypeError("init: `dtype` must be float32 or float64, got {}", dtype)
    example = taken(numbers("init: `example`", example, dtype), slice(0, 1))
    names = {id(p): name for name, p in named_arrays(net).items()}
    chosen = _chosen(list(named_parameters(net)), initializers or {})
    for p in () if keep else named_arrays(net).values():
        p._array = None
    for buffer in () if keep else per_sample_buffers(net).values():
        buffer._array = buffer.home = None
    with _context(_filling, (seed, names, dtype, chosen)), no_grad():
        try:
            _shape(net, example, dtype)
        except DtypeError:
            if all(a.dtype.kind == "f" for a in named(example).values()):
                raise
            _shape(net, each(lambda a: a.astype(dtype), example), dtype)
    return net


def _chosen(names, initializers):
    """The initializers of `init` by the names of the parameters that they are for."""
    chosen = {}
    for pattern, how in initializers.items():
        if not isinstance(how, str) and not callable(how):
            text = "init: `initializers` must hold names or functions, got {!r} for `{}`"
            raise UsageError(text, how, pattern)
        fitting = fnmatch.filter(names, pattern)
        if not fitting:
            text = "init: no parameter is named like `{}` of `initializers`; there are {}"
            raise UsageError(text, pattern, names)
        chosen |= dict.fromkeys(fitting, how)
    return chosen


def _shape(net, example, dtype):
    """Call the net once; nothing is computed and no kernel compiles, unless its Python needs values."""
    try:
        with tracing(shapes.Tracer(dtype)):
            call(net, example)
    except Exception as error:
        if isinstance(error, NbdlError) and not isinstance(error, TapeError):
            raise
        call(net, example)  # its Python looks at values, or takes arrays alone


@contextlib.contextmanager
def _context(variable, value):
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def state_dict(net, per_sample=False):
    """Copies of all values, of parameters and buffers, by name.

    With `per_sample` also of what it carries from minibatch to minibatch: all that training needs to go on.
    """
    arrays = {**named_arrays(net), **(per_sample_buffers(net) if per_sample else {})}
    return {name: np.array(p.data) for name, p in arrays.items() if p.ready}


def load_state_dict(net, state):
    """Give a net the values of `state`; names and shapes must agree, else `DataError` and nothing changes.

    Buffers per sample are left alone where `state` has none of their rows.
    """
    carried = {name: b for name, b in per_sample_buffers(net).items() if name in state}
    own = {**named_arrays(net), **carried}
    missing, extra = sorted(set(own) - set(state)), sorted(set(state) - set(own))
    if missing or extra:
        raise DataError("the values do not belong to this net: missing {}, unexpected {}", missing, extra)
    for name, p in own.items():
        if state[name].dtype not in (np.float32, np.float64):
            raise DataError("`{}` must be float32 or float64, the file has {}", name, state[name].dtype)
        skip = name in carried  # as many rows as there are
        if p.ready and (p.shape[skip:] != state[name].shape[skip:] or p.dtype != state[name].dtype):
            raise DataError(
                "`{}` of the net is {} {}, the file has {} {}",
                name,
                p.dtype,
                p.shape,
                state[name].dtype,
                state[name].shape,
            )
    for name, p in own.items():
        if name in carried and p.ready:
            p[...] = 0
        p.assign(state[name])
