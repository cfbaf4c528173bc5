"""Targets of any origin as numbers of classes or as values."""

import numpy as np

from nbdl.data._fault import fault

FEW, RECURS = 10, 5  # labels recur: so few different ones, or each so many times on average


def as_targets(parts, places, task=None, coded=False):
    """Targets of one data set as int64 labels (N,) or float32 values (N, Q), and what the labels are called.

    Parameters
    ----------
    parts : arrays
        Of training and test, or one that is to be split.
    places : where each was found
    task : optional
        Without it text, truth values and integers are labels.
    coded : bool
        Whether integers are names of classes like any others, as in a table, or their numbers, if they count
        from 0.

    Returns
    -------
    list of arrays, and a tuple of names: empty if the labels are numbers of classes from 0.
    """
    text = [a.dtype.kind in "US" and a.size > 0 for a in parts]
    for a, where, is_text in zip(parts, places, text):
        if not is_text:
            check_numbers(a, where)
            check_finite(a, where)
    if task is None:
        integers = [t or a.dtype.kind in "bui" for a, t in zip(parts, text)]
        if any(integers) != all(integers):
            kinds = ["labels" if i else "values" for i in integers]
            raise fault(
                f"test targets are {kinds[1]}, training targets {kinds[0]}",
                places[1],
                "the same kind of targets for both",
            )
        task = "classification" if all(integers) else "regression"
    if task == "regression":
        for where, is_text in zip(places, text):
            if is_text:
                raise fault("values to predict must be numbers, these are text", where, "coding them as such")
        return [as_float32(a[:, None] if a.ndim == 1 else a, w) for a, w in zip(parts, places)], ()
    return _codes([_labels(a, w) for a, w in zip(parts, places)], places, coded)


def _labels(a, where):
    """Labels (N,) as text, truth values or whole numbers."""
    if a.ndim == 2 and a.shape[1] == 1:
        a = a[:, 0]
    if a.ndim != 1:
        raise fault(
            f"class labels must be one number for each sample, got shape {a.shape}",
            where,
            "labels of shape (N,), or floating-point targets for regression",
        )
    if a.dtype.kind == "f":
        if (a != np.floor(a)).any():
            what = f"class labels must be integers, got {a[a != np.floor(a)][0]}"
            raise fault(what, where, "whole numbers, or the data option task=regression if these are amounts")
        a = a.astype(np.int64)
    return np.char.decode(a, "utf-8", "replace") if a.dtype.kind == "S" else a


def _codes(parts, places, coded):
    """Labels as numbers of classes from 0, and the names of the classes in order; () if nothing changed.

    The number of a class is the place of its label among all labels of the parts, sorted.
    """
    if len({a.dtype.kind in "US" for a in parts}) > 1:
        raise fault("some labels are text and some are numbers", places[-1], "the same labels for both")
    together = np.concatenate(parts)
    names = np.unique(together)
    if together.dtype.kind in "iu" and names[0] >= 0:  # the largest may be an amount taken for a label
        most = len(names) - 1 if coded else max(len(together), 1000) - 1
        if names[-1] <= most:
            return [a.astype(np.int64) for a in parts], ()
    if not recur(together):
        raise fault(
            f"class labels must recur: there are {len(names)} different ones in {len(together)} samples, "
            f"from {names[0]} to {names[-1]}",
            places[0],
            "the data option task=regression if these are amounts",
        )
    return [np.searchsorted(names, a) for a in parts], tuple(names.tolist())


def recur(labels):
    """Whether there are few different labels, or each stands in several samples."""
    return len(np.unique(labels)) <= max(FEW, len(labels) // RECURS)


def check_numbers(a, where):
    if a.dtype.kind not in "buif":
        raise fault(
            f"an array of numbers is needed, got dtype {a.dtype}", where, "saving it as float32 or integers"
        )
    if a.ndim == 0 or a.size == 0:
        raise fault(f"the array is empty (shape {a.shape})", where, "a file with samples")


def as_float32(a, where):
    with np.errstate(over="ignore", invalid="ignore"):
        x = np.ascontiguousarray(a, dtype=np.float32)
    check_finite(x, where)
    return x


def check_finite(a, where):
    if a.dtype.kind == "f" and not np.isfinite(a).all():
        row = np.flatnonzero(~np.isfinite(a).reshape(len(a), -1).all(axis=1))[0]
        what = "NaN" if np.isnan(a[row]).any() else "infinity, or a number beyond float32"
        raise fault(f"sample {row} holds {what}", where, "removing or filling in such samples")
