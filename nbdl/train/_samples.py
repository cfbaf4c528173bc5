"""Samples as a user has them: what `fit` takes becomes a `Data`, or one clear error."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nbdl.data import Data, Split
from nbdl.data import load as load_data
from nbdl.errors import DataError, DtypeError, UsageError
from nbdl.nn._inputs import call, count, each, named, numbers, taken
from nbdl.step._trace import trace
from nbdl.tape import no_grad


def as_data(data):
    """What `fit` takes as a `Data`; integers, text and truth values alone are labels."""
    if isinstance(data, (str, Path)):
        return load_data(str(data))
    if isinstance(data, Data):
        return data
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise UsageError(
            "`data` must be a pair (x, y), an nbdl.data.Data, or the name or path of a data set, got {}",
            f"an array of shape {np.shape(data)}: there are no targets" if hasattr(data, "shape")
            else f"{type(data).__name__} of {len(data)}" if isinstance(data, (tuple, list))
            else type(data).__name__,
        )  # fmt: skip
    (x, y), labels, classes = (_arrays(a, name) for a, name in zip(data, ("inputs", "targets"))), (), None
    if not isinstance(y, Mapping):
        if y.dtype.kind in "Ubiu" and y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        if y.dtype.kind in "Ub":
            names = np.unique(y)
            y, labels, classes = np.searchsorted(names, y), tuple(names.tolist()), len(names)
        elif y.dtype.kind in "iu":
            classes = int(y.max()) + 1 if y.size else 0
    none = slice(0, 0)
    return Data("data", Split(x, y), Split(taken(x, none), taken(y, none)), classes, labels=labels)


def _arrays(values, name):
    """An array, or arrays by name."""
    if isinstance(values, Mapping):
        return {key: _array(a, f"{name} `{key}`") for key, a in named(values, name).items()}
    return _array(values, name)


def _array(values, name):
    """An array of numbers, or of text where the targets are labels; `DataError` for anything else."""
    if np.ma.is_masked(values):
        raise DataError("{} hold masked values: fill them in, or leave these samples out", name)
    try:
        a = np.asarray(values)
        if a.dtype.kind == "O":  # as a data frame gives it
            values = a.tolist()
            a = np.array(values)
    except ValueError:  # rows of different lengths
        raise DataError("{} must be one array of numbers; its rows differ in length", name) from None
    if not a.ndim:
        raise DataError("{} must have one entry for each sample, got {}", name, a)
    if name == "targets" and a.dtype.kind == "U":
        odd = [] if values is a else [v for v in np.asarray(values, object).flat if not isinstance(v, str)]
        if odd:
            raise DataError("targets must be all text or all numbers, got {!r} among text", odd[0])
    elif a.dtype.kind not in "biuf":
        what = "numbers, or labels as text" if name == "targets" else "numbers"
        raise DataError("{} must hold {}, got dtype {}", name, what, a.dtype)
    return a


def check_data(data):
    """Raise `DataError` for what cannot be learnt from, naming the array as its user does."""
    for part, split in (("train", data.train), ("test", data.test)):
        given = {"inputs": split.x, "targets": split.y}
        counts = {what: count(x, f"{part} {what}") for what, x in given.items()}
        if counts["inputs"] != counts["targets"]:
            raise DataError("{} data: {} inputs but {} targets", part, *counts.values())
        for what, x in given.items():
            for key, a in named(x, "").items():
                a, key = np.asarray(a), key and f" `{key}`"
                if a.dtype.kind == "f" and not np.isfinite(a).all():
                    where = tuple(int(i) for i in np.argwhere(~np.isfinite(a))[0])
                    raise DataError("{} {}{} hold {} at index {}", part, what, key, a[where], where)
    if not count(data.train.x):
        raise DataError("{}: the training data are empty", data.name)


def warn_of_pixels(net, x, dtype, stacklevel):
    """Warn of images of unsigned bytes that are given, as they are, to a net that takes floats."""
    for name, a in named(x).items():
        if a.dtype != np.uint8 or a.ndim not in (3, 4) or a.max(initial=0) <= 1:
            continue
        try:
            trace(net, (numbers("`x`", each(lambda v: v[:1].astype(dtype), x), dtype), None), dtype)
        except DtypeError:  # ids
            continue
        except Exception:  # its Python looks at values
            pass
        warnings.warn(
            f"`{name}` holds images of unsigned bytes, up to {a.max()}, and the net is given these numbers: "
            f"only those in files are divided by 255. Try {name} / np.float32(255)",
            stacklevel=stacklevel + 1,
        )


def floats(net, x, dtype):
    """The names of the inputs that `net` takes as floats of `dtype`.

    Integers and truth values stay what they are, unless the net takes floats alone or makes floats of them
    first of all: the rule of a program (`nbdl.compile_step`), for whoever trains without one too.
    """
    x = numbers("`x`", taken(x, slice(0, 1)), dtype)
    kinds = {name: a.dtype.kind for name, a in named(x).items()}
    if set(kinds.values()) == {"f"}:
        return set(kinds)
    try:
        return {v.name for v in trace(net, (x, None), dtype).data if v.dtype.kind == "f"}
    except Exception:  # its Python looks at values: they are asked
        try:
            with no_grad():
                call(net, x)
        except DtypeError:
            return set(kinds)
        return {name for name, kind in kinds.items() if kind == "f"}


def cast(split, dtype, as_floats=()):
    """Floats in the dtype of the net, and with them the inputs `as_floats`; other integers as they are."""
    x = numbers("`x`", split.x, dtype)
    if as_floats:
        made = {n: a.astype(dtype, copy=False) if n in as_floats else a for n, a in named(x).items()}
        x = made if isinstance(x, Mapping) else made["x"]
    return Split(x, numbers("`y`", split.y, dtype))
