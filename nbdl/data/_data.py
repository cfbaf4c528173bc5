"""What a data set is, and the one way in which arrays of any origin become one."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nbdl.data._fault import fault
from nbdl.errors import UsageError

TASKS = ("classification", "regression")


class Split(NamedTuple):
    """Samples with their targets: `x` (N, ...) float32; `y` (N,) int64 labels or (N, Q) float32 values."""

    x: np.ndarray
    y: np.ndarray


@dataclass
class Data:
    """A data set. Images are (N, C, H, W) in [0, 1]; `classes` is None where targets are numbers."""

    name: str
    train: Split
    test: Split
    classes: int | None
    about: str = ""


def as_inputs(a, where):
    """An array of any numeric dtype as float32 inputs, batch first.

    Images of one channel (N, H, W) get a channel axis; uint8 images are scaled to [0, 1], and their
    channels (1, 3 or 4 of them) are moved from the last axis to the second. One column (N,) becomes (N, 1).
    """
    _check_numbers(a, where)
    pixels = a.dtype == np.uint8 and a.ndim in (3, 4)
    if a.ndim == 1:
        a = a[:, None]
    elif a.ndim == 3:
        a = a[:, None]
    elif pixels and a.shape[3] in (1, 3, 4) and a.shape[1] not in (1, 3, 4):
        a = a.transpose(0, 3, 1, 2)
    x = _as_float32(a, where)
    return x / np.float32(255) if pixels else x


def as_targets(a, where, task=None):
    """Targets as int64 labels (N,) or float32 values (N, Q); without a task, integers are labels."""
    _check_numbers(a, where)
    if task is None:
        task = "classification" if a.dtype.kind in "bui" else "regression"
    if task == "regression":
        return _as_float32(a[:, None] if a.ndim == 1 else a, where)
    if a.ndim == 2 and a.shape[1] == 1:
        a = a[:, 0]
    if a.ndim != 1:
        raise fault(
            f"class labels must be one number for each sample, got shape {a.shape}",
            where,
            "labels of shape (N,), or floating-point targets for regression",
        )
    _check_finite(a, where)
    hint = "labels that count from 0, or the option task=regression if these are amounts"
    if a.dtype.kind == "f" and (a != np.floor(a)).any():
        raise fault(f"class labels must be integers, got {a[a != np.floor(a)][0]}", where, hint)
    if a.min() < 0:
        raise fault(f"class labels must not be negative, got {int(a.min())}", where, hint)
    if a.max() >= max(len(a), 1000):  # amounts taken for labels would ask for a net with that many outputs
        raise fault(f"class labels go up to {int(a.max())} in {len(a)} samples", where, hint)
    return a.astype(np.int64)


def from_splits(name, train, test, places, task=None, about=""):
    """A `Data` from two pairs (x, y) of arrays; `places` says for each of the four where it was found."""
    splits = []
    for (x, y), (x_place, y_place) in zip((train, test), (places[:2], places[2:])):
        x, y = as_inputs(x, x_place), as_targets(y, y_place, task)
        if len(x) != len(y):
            raise fault(
                f"there are {len(y)} targets for {len(x)} samples", y_place, "files that belong together"
            )
        splits.append(Split(x, y))
    train, test = splits
    if train.x.shape[1:] != test.x.shape[1:]:
        raise fault(
            f"test samples have shape {test.x.shape[1:]}, training samples {train.x.shape[1:]}",
            places[2],
            "files that belong together",
        )
    if train.y.dtype != test.y.dtype or train.y.shape[1:] != test.y.shape[1:]:
        raise fault(
            f"test targets are {_kind(test.y)}, training targets {_kind(train.y)}",
            places[3],
            "the same kind of targets for both",
        )
    labels = train.y.dtype == np.int64
    classes = int(max(train.y.max(), test.y.max())) + 1 if labels else None
    return Data(name, train, test, classes, about)


def from_arrays(name, x, y, places, test_fraction=0.2, seed=0, task=None, about=""):
    """A `Data` from one pair of arrays: a random share of the samples, fixed by `seed`, is for testing."""
    if not isinstance(test_fraction, (int, float)) or not 0 < test_fraction < 1:
        raise UsageError("data option `test_fraction` must be between 0 and 1, got {!r}", test_fraction)
    if not isinstance(seed, int) or seed < 0:
        raise UsageError("data option `seed` must be an integer from 0, got {!r}", seed)
    x, y = as_inputs(x, places[0]), as_targets(y, places[1], task)
    if len(x) != len(y):
        raise fault(
            f"there are {len(y)} targets for {len(x)} samples", places[1], "arrays that belong together"
        )
    if len(x) < 2:
        raise fault(
            "one sample cannot be split into training and test", places[0], "a file with more samples"
        )
    order = np.random.default_rng(seed).permutation(len(x))
    n = min(max(round(test_fraction * len(x)), 1), len(x) - 1)
    test, train = order[:n], order[n:]
    classes = int(y.max()) + 1 if y.dtype == np.int64 else None
    return Data(name, Split(x[train], y[train]), Split(x[test], y[test]), classes, about)


def check_task(task):
    """Raises `UsageError` unless `task` is None or one of `TASKS`."""
    if task is not None and task not in TASKS:
        raise UsageError("data option `task` must be {}, got {!r}", " or ".join(TASKS), task)


def _check_numbers(a, where):
    if a.dtype.kind not in "buif":
        raise fault(
            f"an array of numbers is needed, got dtype {a.dtype}", where, "saving it as float32 or integers"
        )
    if a.ndim == 0 or a.size == 0:
        raise fault(f"the array is empty (shape {a.shape})", where, "a file with samples")


def _as_float32(a, where):
    with np.errstate(over="ignore", invalid="ignore"):
        x = np.ascontiguousarray(a, dtype=np.float32)
    _check_finite(x, where)
    return x


def _check_finite(a, where):
    if a.dtype.kind == "f" and not np.isfinite(a).all():
        row = np.flatnonzero(~np.isfinite(a).reshape(len(a), -1).all(axis=1))[0]
        what = "NaN" if np.isnan(a[row]).any() else "infinity, or a number beyond float32"
        raise fault(f"sample {row} holds {what}", where, "removing or filling in such samples")


def _kind(y):
    return "labels" if y.dtype == np.int64 else f"values of shape {y.shape[1:]}"
