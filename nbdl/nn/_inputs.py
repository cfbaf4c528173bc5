"""What a net is given: one array of samples, or several by name, as keyword arguments; targets alike."""

import inspect
from collections.abc import Mapping

import numpy as np

from nbdl.errors import DataError, DtypeError, ShapeError, UsageError
from nbdl.tape import Tensor, real


class Named(dict):
    """Arrays by name; to ask for one that is not there is a `UsageError` that says what is."""

    def __missing__(self, name):
        raise UsageError("no array is called `{}`; there are: {}", name, ", ".join(map(str, self)))


def call(net, x, **options):
    """``net(x)``, or ``net(**x)`` where `x` holds several arrays by name; `UsageError` for other names."""
    if not isinstance(x, Mapping):
        return net(x, **options)
    try:
        signature = inspect.signature(net)
    except (TypeError, ValueError):  # it cannot be asked
        return net(**x, **options)
    try:
        signature.bind(**x, **options)
    except TypeError as error:
        names = ", ".join(n for n in signature.parameters if n not in ("train", *options))
        text = "the net takes the inputs {}, and is given {}: {}"
        raise UsageError(text, names, ", ".join(x), error) from None
    return net(**x, **options)


def named(x, name="x"):
    """The arrays by name: one array alone is called `name`."""
    if not isinstance(x, Mapping):
        return {name: x}
    if not x or not all(isinstance(key, str) for key in x):
        raise UsageError("`{}` must hold at least one array by name, got the keys {}", name, list(x))
    return x


def each(function, x):
    """``function(array)`` of each array, in the same form."""
    return Named((key, function(a)) for key, a in x.items()) if isinstance(x, Mapping) else function(x)


def taken(x, rows):
    """The samples `rows` of each array."""
    return each(lambda a: a[rows], x)


def count(x, name="x"):
    """How many samples there are; `DataError` where the arrays do not agree, or are no arrays of samples."""
    counts = {}
    for key, a in named(x, name).items():
        if not np.ndim(a):
            raise ShapeError("`{}` must have one entry for each sample, got {}", key, a)
        counts[key] = len(a)
    if len(set(counts.values())) > 1:
        text = "`{}` must hold the same number of samples under each name, got {}"
        raise DataError(text, name, ", ".join(f"{n} in `{key}`" for key, n in counts.items()))
    return next(iter(counts.values()))


def numbers(where, x, dtype):
    """The arrays as a net of `dtype` takes them: floats in that dtype, all others as they are."""

    def number(a):
        a = real(where, a._array if isinstance(a, Tensor) else a)
        if a.dtype == object:
            a = np.asarray(a.tolist())
        if a.dtype.kind in "iub":
            return a
        if a.dtype.kind != "f":
            raise DtypeError("{} must hold real numbers, got {}", where, a.dtype)
        return a.astype(dtype, copy=False)

    return each(number, x)
