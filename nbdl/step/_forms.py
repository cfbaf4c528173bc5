"""What a program takes and returns, in the form of the user: one array, or several by name or in order."""

from collections.abc import Mapping

import numpy as np

from nbdl.errors import DtypeError, LabelError, TapeError, UsageError
from nbdl.nn._inputs import named
from nbdl.tape import Tensor, as_tensor, real


class Takes:
    """The inputs, or the targets, that a program takes: their names, shapes and dtypes.

    `values` are those of the graph, in order; `what` is what the user calls all of them together.
    """

    def __init__(self, what, example, values):
        self.what, self.alone = what, not isinstance(example, Mapping)
        self.values = {v.name: v for v in values}
        self._integers = {n: np.asarray(a).dtype.kind in "iub" for n, a in named(example, what).items()}

    def arrays(self, given):
        """The arrays by name, C-contiguous, floats in the dtype of the net and all others as int64."""
        if self.alone == isinstance(given, Mapping):
            form = "one array" if self.alone else f"arrays by name ({', '.join(self.values)})"
            raise UsageError("`{}` must be {}, got {}", self.what, form, type(given).__name__)
        given = named(given, self.what)
        if set(given) != set(self.values):
            text = "`{}` must hold the arrays {}, got {}"
            raise UsageError(text, self.what, ", ".join(self.values), ", ".join(given))
        return {name: self._array(name, given[name], value) for name, value in self.values.items()}

    def exact(self, arrays, values, dtype):
        """Raise `DtypeError` for integers that a program computes with, but its floats cannot hold."""
        most = 2 ** np.finfo(dtype).nmant  # so that sums of two of them are exact
        for value in values:
            a = arrays.get(value.name) if self.values.get(value.name) is value else None
            if a is not None and a.size and max(-int(a.min()), int(a.max())) > most:
                text = "`{}` must hold integers of at most {} in size for a net of {}, got {}"
                largest = int(a.flat[np.abs(a).argmax()])
                raise DtypeError(text, value.name, most, np.dtype(dtype).name, largest)

    def joined(self, arrays):
        """The arrays of a program in the form of the user."""
        arrays = [a.astype(bool) if v.dtype == bool else a for a, v in zip(arrays, self.values.values())]
        return arrays[0] if self.alone else dict(zip(self.values, arrays))

    def shapes(self):
        """What is taken, as text."""
        shapes = [of_samples(v.shape) for v in self.values.values()]
        if self.alone:
            return shapes[0]
        return ", ".join(f"{name} {shape}" for name, shape in zip(self.values, shapes))

    def fit(self, arrays):
        """Whether all arrays have the shapes of the program."""
        return all(np.shape(a)[1:] == self.values[n].shape and np.ndim(a) for n, a in arrays.items())

    def _array(self, name, a, value):
        a, floats = real(f"`{name}`", a), value.dtype.kind == "f"
        integers = self._integers[name] if self.what == "y" or not floats else a.dtype.kind in "iub"
        if (a.dtype.kind in "iub") != integers:
            kind = "integer" if integers else "float"
            raise DtypeError("the program was compiled for {} {}, got {}", kind, name, a.dtype)
        if floats:
            return np.ascontiguousarray(a, value.dtype)
        if a.dtype == np.uint64 and a.max(initial=0) > np.iinfo(np.int64).max:
            raise LabelError("`{}` must hold labels below 2^63, got {}", name, a.max())
        return np.ascontiguousarray(a, np.int64)


def flat(result):
    """The tensors that a net returned, and the form that `put_together` makes of arrays in their place."""
    if isinstance(result, Mapping):
        pairs = {key: flat(item) for key, item in result.items()}
        return [t for tensors, _ in pairs.values() for t in tensors], {k: f for k, (_, f) in pairs.items()}
    if isinstance(result, (tuple, list)):
        pairs = [flat(item) for item in result]
        return [t for tensors, _ in pairs for t in tensors], tuple(form for _, form in pairs)
    if result is None:
        raise TapeError("the net returns None where a tensor is needed")
    return [result if isinstance(result, Tensor) else as_tensor(result)], None


def put_together(form, arrays):
    """Arrays in the form of what the net returned; `arrays` is an iterator."""
    if isinstance(form, dict):
        return {key: put_together(item, arrays) for key, item in form.items()}
    if isinstance(form, tuple):
        return tuple(put_together(item, arrays) for item in form)
    return next(arrays)


def of_samples(shape):
    """The shape of a minibatch, as text: ``(N, 3)`` for samples of shape (3,)."""
    return f"({', '.join(map(str, ('N', *shape)))}{'' if shape else ','})"
