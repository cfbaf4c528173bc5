"""What a kernel would return, without computing it: its door, run as plain Python on shapes and dtypes.

A record's `Kernel.shape` is made here, of the door itself: what is never valid is refused by the same lines
with the same sentence, and nothing compiles. The door runs up to where it makes its result (`as_out`), or
to the first value that it asks for: what it checks of values it must check last.
"""

import inspect

import numpy as np

from nbdl._jit import plain


class Sizes:
    """Stands in for an array: a shape and a dtype, without values."""

    def __init__(self, shape, dtype):
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
        self.ndim, self.size = len(self.shape), int(np.prod(self.shape, dtype=object))

    def __len__(self):
        return self.shape[0]

    def reshape(self, *shape):
        shape = shape[0] if isinstance(shape[0], tuple) else shape
        known = int(np.prod([n for n in shape if n >= 0], dtype=object))
        return Sizes([self.size // max(known, 1) if n < 0 else n for n in shape], self.dtype)

    def astype(self, dtype):
        return Sizes(self.shape, dtype)

    def __getitem__(self, i):
        raise Asked

    def __getattr__(self, name):
        raise Asked


class Made(Exception):
    """The door has come to its result."""

    def __init__(self, shape, dtype):
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)


class Asked(Exception):
    """The door has come to a value of its inputs."""


def outputs(door, *others, shape=None):
    """The shape function of a kernel: ``f(*inputs, **constants)`` is [(shape, dtype) of each output].

    Parameters
    ----------
    door : function
        The kernel, marked with `nbdl.jit`.
    others : dtypes
        Of its further outputs, which have the shape of the first.
    shape : function, optional
        The shape of the result, by ``shape(**arguments)`` of the door, where the door asks for values before
        it makes a result; otherwise that is a number, of the dtype of the first input.

    Inputs are anything with `shape` and `dtype`, or None; errors are those of the door.
    """

    def outputs_of(*inputs, **constants):
        run = plain(door)
        given = [None if a is None else Sizes(a.shape, a.dtype) for a in inputs]
        try:
            run(*given, **constants)
            raise Asked  # a kernel that made a number without asking: of no distributions, say
        except Made as made:
            found, dtype = made.shape, made.dtype
        except Asked:
            arguments = inspect.signature(run).bind(*given, **constants)
            arguments.apply_defaults()
            found, dtype = shape(**arguments.arguments) if shape else (), given[0].dtype
        return [(found, dtype), *((found, np.dtype(other)) for other in others)]

    return outputs_of
