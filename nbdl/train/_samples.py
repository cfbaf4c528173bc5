"""Samples as a user has them: what `fit` takes becomes a `Data`, or one clear error."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nbdl.data import Data, Split
from nbdl.data import load as load_data
from nbdl.data._categories import misfit
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
    rule = "`data` must be a pair (x, y), an nbdl.data.Data, or the name or path of a data set, got {}{}"
    x, y = _pair(data, rule, "")
    labels, classes = (), None
    if not isinstance(y, Mapping):
        if y.dtype.kind in "Ub":
            names = np.unique(y)
            y, labels, classes = np.searchsorted(names, y), tuple(names.tolist()), len(names)
        elif y.dtype.kind in "iu":
            classes = int(y.max()) + 1 if y.size else 0
    none = slice(0, 0)
    return Data("data", Split(x, y), Split(taken(x, none), taken(y, none)), classes, labels=labels)


def as_pair(pair, data, name):
    """Further samples that `fit` is given, as a `Split` like the training samples of `data`.

    `name` is the argument: "test" or "validation". Raises `UsageError` for what is no pair, `DataError` for
    samples of another shape, or targets of another kind.
    """
    share = "a share of the training samples, or " if name == "validation" else ""
    x, y = _pair(pair, f"`{name}` must be {share}a pair (x, y), got {{}}{{}}", f"{name} ")
    if not isinstance(y, Mapping) and not isinstance(data.train.y, Mapping):
        y = _alike(y, data, name)
    for what, ours, theirs in (("inputs", data.train.x, x), ("targets", data.train.y, y)):
        ours, theirs = (named(a, "") for a in (ours, theirs))
        if set(ours) != set(theirs):
            forms = (", ".join(map(repr, a)) if "" not in a else "one array" for a in (theirs, ours))
            raise DataError("{} {} are {}, the training {} {}", name, what, next(forms), what, next(forms))
        for key, a in theirs.items():
            shapes = a.shape[1:], np.shape(ours[key])[1:]
            if len(set(shapes)) > 1:
                text = "{} {}{} have samples of shape {}, the training {} of shape {}"
                raise DataError(text, name, what, key and f" `{key}`", shapes[0], what, shapes[1])
    return Split(x, y)


def _alike(y, data, name):
    """Targets in the form of those of `data`: the numbers of classes, or values."""
    if data.classes is None:
        if y.dtype.kind in "Ub":
            raise DataError("{} targets are labels ({}), the training targets values", name, y.flat[0])
        y = y.astype(np.result_type(y, np.float32), copy=False)
        return y[:, None] if y.ndim == 1 and np.shape(data.train.y)[1:] == (1,) else y
    if y.dtype.kind == "f":
        raise DataError("{} targets are values of {}, the training targets labels", name, y.dtype)
    if not data.labels:
        if y.dtype.kind in "Ub":
            text = "{} targets are labels ({}), the training targets numbers of classes"
            raise DataError(text, name, y.flat[0])
        return y  # the loss knows how many classes the net has
    number = {label: i for i, label in enumerate(data.labels)}
    unknown = [label for label in np.unique(y).tolist() if label not in number]
    if unknown:
        text = "{} targets hold the label {!r}, the training targets only {}"
        raise DataError(text, name, unknown[0], ", ".join(map(repr, data.labels[:8])))
    return np.array([number[label] for label in y.ravel().tolist()], np.int64).reshape(y.shape)


def _pair(pair, rule, name):
    """The inputs and targets of a pair; `rule` says what it must be."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        more = isinstance(pair, (tuple, list)) and len(pair) in (3, 4, 6)
        raise UsageError(
            rule,
            f"an array of shape {np.shape(pair)}: there are no targets" if hasattr(pair, "shape")
            else f"{type(pair).__name__} of {len(pair)}" if isinstance(pair, (tuple, list))
            else type(pair).__name__,
            ". Try nbdl.fit(net, (x, y), test=(x_test, y_test))" if more else "",
        )  # fmt: skip
    if all(isinstance(part, (tuple, list)) and len(part) == 2 for part in pair) and any(
        hasattr(a, "shape") and np.ndim(a) for part in pair for a in part
    ):
        raise UsageError(rule, "two pairs", ". Try nbdl.fit(net, (x, y), test=(x_test, y_test))")
    x, y = (_arrays(a, name + what) for a, what in zip(pair, ("inputs", "targets")))
    if not isinstance(y, Mapping) and y.dtype.kind in "Ubiu" and y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    return x, y


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
    if name.endswith("targets") and a.dtype.kind == "U":
        odd = [] if values is a else [v for v in np.asarray(values, object).flat if not isinstance(v, str)]
        if odd:
            raise DataError("targets must be all text or all numbers, got {!r} among text", odd[0])
    elif a.dtype.kind not in "biuf":
        what = "numbers, or labels as text" if name.endswith("targets") else "numbers"
        raise DataError("{} must hold {}, got dtype {}", name, what, a.dtype)
    return a


def check_data(data, valid=None):
    """Raise `DataError` for what cannot be learnt from, naming the array as its user does."""
    for part, split in (("train", data.train), ("test", data.test), ("validation", valid)):
        if split is None:
            continue
        given = {"inputs": split.x, "targets": split.y}
        counts = {what: count(x, f"{part} {what}") for what, x in given.items()}
        if counts["inputs"] != counts["targets"]:
            raise DataError("{} data: {} inputs but {} targets", part, *counts.values())
        for what, x in given.items():
            for key, a in named(x, "").items():
                a, key = np.asarray(a), key and f" `{key}`"
                gaps = data.standardize and what == "inputs" and a.ndim == 2  # NaN is a missing number
                odd = a.dtype.kind == "f" and (np.isinf(a) if gaps else ~np.isfinite(a))
                if np.any(odd):
                    where = tuple(int(i) for i in np.argwhere(odd)[0])
                    raise DataError("{} {}{} hold {} at index {}", part, what, key, a[where], where)
    if not count(data.train.x):
        raise DataError("{}: the training data are empty", data.name)
    if misfit(data):
        raise DataError("{}: {}", data.name, misfit(data))


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
