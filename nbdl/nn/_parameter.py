"""Parameters: leaves of the tape that get their shape at a net's first call, and the ways to find them."""

import contextlib
import contextvars
import types
import zlib

import numpy as np

from nbdl import registry, shapes, tape
from nbdl.errors import (
    DataError,
    DtypeError,
    NbdlError,
    OptionError,
    ShapeError,
    TapeError,
    UsageError,
)
from nbdl.kernels.door.arguments import integer
from nbdl.records import resolve
from nbdl.tape import Tensor, no_grad, tracing

_filling = contextvars.ContextVar("filling", default=None)  # (seed, names by id, dtype), set by `init`


class Parameter(Tensor):
    """A trainable array. `init` names its initializer; it has no values until `fill` is told its shape."""

    __slots__ = ("home", "init")

    def __init__(self, init="zeros"):
        super().__init__(np.empty(0, np.float32), requires_grad=True)
        self.init = init
        self._array = None
        self.home = None  # where compiled programs find the values, see `nbdl.step`: (flat array, view of it,
        # whether the parameter has moved out, a number that compiled code looks at)

    ready = property(lambda self: self._array is not None)

    def fill(self, shape, fan_in=1, fan_out=1):
        """Draw the first values. The random numbers are keyed by the seed and the parameter's name alone.

        Outside `nbdl.nn.init` there is no seed: the key comes from the operating system.
        """
        seed, names, dtype = _filling.get() or (None, {}, np.float32)
        key = [seed, zlib.crc32(names.get(id(self), "").encode())] if seed is not None else None
        rng = np.random.Generator(np.random.Philox(key=key))
        draw = resolve(registry.default().get("initializer", self.init).fill)
        self._take(np.ascontiguousarray(draw(rng, shape, fan_in, fan_out), dtype))

    def assign(self, values):
        """Give all values at once; the shape must be right if it is known already."""
        values = np.asarray(values)
        if values.dtype not in (np.float32, np.float64):
            raise DtypeError("a parameter must be float32 or float64, got {}", values.dtype)
        if not self.ready:
            self._take(np.array(values, order="C"))
        elif values.shape != self.shape:
            raise ShapeError("the parameter has shape {}, got {}", self.shape, values.shape)
        elif values.dtype != self.dtype:
            raise DtypeError("the parameter has dtype {}, got {}", self.dtype, values.dtype)
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
        return super().__repr__() if self.ready else f"Parameter(init={self.init!r}, no shape yet)"


def cast(x, parameter):
    """The input of a layer in the dtype of its parameter: nets take any numbers."""
    return tape.cast(x, parameter.dtype)


class Train:
    """Says that a net is called for training, and keys its random numbers.

    A net is called as ``net(x)`` for its prediction and ``net(x, train=Train(seed, step))`` for training:
    the same seed, step and net give the same dropout masks, whatever ran before.
    """

    def __init__(self, seed=0, step=0):
        self.seed, self.step, self._ops = _below(63, "seed", seed), _below(32, "step", step), 0

    def next_op(self):
        """A number for the next random operation of this call."""
        self._ops += 1
        return self._ops - 1


def _below(bits, name, value):
    """`value` as an integer from 0 to 2^bits - 1: what keys the random numbers of a kernel."""
    value = integer(f"Train: `{name}`", value)
    if not 0 <= value < 2**bits:
        raise OptionError("Train: `{}` must be from 0 to 2^{} - 1, got {}", name, bits, value)
    return value


def named_parameters(net):
    """All parameters of a net by name, found by walking attributes, lists and dicts; tied ones once.

    The names are the paths: ``0.w`` is attribute ``w`` of the first layer (a list called ``layers`` adds
    nothing to the path).
    """
    found, seen, todo = {}, set(), [(net, "")]
    while todo:
        thing, path = todo.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, Parameter):
            found[path] = thing
        else:
            inside = [(item, ".".join(p for p in (path, step) if p)) for step, item in _inside(thing)]
            todo += reversed(inside)  # so that they are visited in their order
    return found


def _inside(thing):
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
    """The dtype of a net's parameters, or of the array `x` if it has none; they must have values."""
    for name, p in named_parameters(net).items():
        if not p.ready:
            raise UsageError("`{}` has no values yet: see nbdl.nn.init", name)
        return p.dtype
    return np.asarray(x).dtype


def init(net, example, seed=0, dtype="float32", keep=False):
    """Give every parameter of `net` its shape and first values, by calling the net once; returns the net.

    Parameters
    ----------
    net : callable
    example : array
        One or more samples, as the net will see them.
    seed : int
        The same seed gives the same values, parameter by parameter.
    dtype : "float32" or "float64"
    keep : bool
        Leave the parameters alone that have values already.
    """
    dtype = np.dtype(dtype)
    if dtype not in (np.float32, np.float64):
        raise DtypeError("init: `dtype` must be float32 or float64, got {}", dtype)
    example = tape.real("init: `example`", example)[:1].astype(dtype)
    names = {id(p): name for name, p in named_parameters(net).items()}
    for p in () if keep else parameters(net):
        p._array = None
    with _context(_filling, (seed, names, dtype)), no_grad():
        try:
            with tracing(shapes.Tracer(dtype)):  # nothing is computed, no kernel compiles
                net(example)
        except Exception as error:
            if isinstance(error, NbdlError) and not isinstance(error, TapeError):
                raise
            net(example)  # its Python looks at values, or takes arrays alone: it is run on them
    return net


@contextlib.contextmanager
def _context(variable, value):
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def state_dict(net):
    """Copies of all values by name."""
    return {name: np.array(p.data) for name, p in named_parameters(net).items() if p.ready}


def load_state_dict(net, state):
    """Give a net the values of `state`; names and shapes must agree, else `DataError` and nothing changes."""
    own = named_parameters(net)
    missing, extra = sorted(set(own) - set(state)), sorted(set(state) - set(own))
    if missing or extra:
        raise DataError("the values do not belong to this net: missing {}, unexpected {}", missing, extra)
    for name, p in own.items():
        if state[name].dtype not in (np.float32, np.float64):
            raise DataError("`{}` must be float32 or float64, the file has {}", name, state[name].dtype)
        if p.ready and (p.shape != state[name].shape or p.dtype != state[name].dtype):
            raise DataError(
                "`{}` of the net is {} {}, the file has {} {}",
                name,
                p.dtype,
                p.shape,
                state[name].dtype,
                state[name].shape,
            )
    for name, p in own.items():
        p.assign(state[name])
