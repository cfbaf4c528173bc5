"""Samples as a user has them: what `fit` takes becomes a `Data`, or one clear error."""

from pathlib import Path

import numpy as np

from nbdl.data import Data, Split
from nbdl.data import load as load_data
from nbdl.errors import DataError, UsageError


def as_data(data):
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
    (x, y), labels, classes = (_array(a, name) for a, name in zip(data, ("inputs", "targets"))), (), None
    if y.dtype.kind in "Ubiu" and y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.dtype.kind in "Ub":
        names = np.unique(y)
        y, labels, classes = np.searchsorted(names, y), tuple(names.tolist()), len(names)
    elif y.dtype.kind in "iu":
        classes = int(y.max(initial=-1)) + 1
    return Data("data", Split(x, y), Split(x[:0], y[:0]), classes, labels=labels)


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
    for name, split in (("train", data.train), ("test", data.test)):
        if len(split.x) != len(split.y):
            raise DataError("{} data: {} inputs but {} targets", name, len(split.x), len(split.y))
        for what, a in (("inputs", np.asarray(split.x)), ("targets", np.asarray(split.y))):
            if a.dtype.kind == "f" and not np.isfinite(a).all():
                where = tuple(int(i) for i in np.argwhere(~np.isfinite(a))[0])
                raise DataError("{} {} hold {} at index {}", name, what, a[where], where)
    if not len(data.train.x):
        raise DataError("{}: the training data are empty", data.name)


def cast(split, dtype):
    """Inputs and real-valued targets in the dtype of the net."""
    x, y = np.asarray(split.x), np.asarray(split.y)
    return Split(x.astype(dtype, copy=False), y.astype(dtype, copy=False) if y.dtype.kind == "f" else y)
