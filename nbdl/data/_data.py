"""What a data set is, and the one way in which arrays of any origin become one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from nbdl.data._fault import fault
from nbdl.data._partition import Partition
from nbdl.data._targets import as_float32, as_targets, check_numbers
from nbdl.errors import UsageError

TASKS = ("classification", "regression")
SHOWN = 8  # labels in a message


class Split(NamedTuple):
    """Samples with their targets: `x` (N, ...); `y` (N, ...) integer labels or (N, Q) float values.

    Each is one array, or a dict of several by name, as a net and a loss take them. Integers of `x`, as token
    ids, stay integers for a net that takes them.

    Of files all are float32, but for the columns of tables that are to be standardised: these are float64
    until then, lest a large offset swallow what differs.
    """

    x: np.ndarray | Mapping
    y: np.ndarray | Mapping


@dataclass
class Data:
    """A data set. Images are (N, C, H, W) in [0, 1]; `classes` is None where targets are numbers.

    `labels` says what class i is called, where that is not i itself; `columns` and `target` what the inputs
    and the target of a table are called. With `standardize` a run gives each column of the inputs (and, for
    the loss `mse`, of values to predict) a mean of 0 and a deviation of 1; NaN is then a missing number.
    `categories` has an entry for each column of the inputs: () of one of numbers, else what its categories
    are called, where x holds the place of each in this list; empty if all columns are of numbers. Of
    `log_target` the logarithm of the target is learnt. `metrics` are names in the
    registry, of what is reported beside the metrics of the loss. `vocabularies` say what token ids stand for,
    by name: "text" of a text. `order` says how an epoch goes through the training samples, if not at random.
    """

    name: str
    train: Split
    test: Split
    classes: int | None
    about: str = ""
    labels: tuple = ()
    columns: tuple = ()
    target: str = ""
    standardize: bool = False
    metrics: tuple = ()
    vocabularies: Mapping = field(default_factory=dict)
    order: Partition | None = None
    categories: tuple = ()
    log_target: bool = False


def as_inputs(a, where, exact=False, gaps=False):
    """An array of any numbers as float32 inputs, batch first; with `exact` a table (N, D) as float64.

    Images of one channel (N, H, W) get a channel axis; uint8 images are scaled to [0, 1], and their
    channels (1, 3 or 4 of them) are moved from the last axis to the second. One column (N,) becomes (N, 1).
    Rows of integers (N, T) stay integers, unless they are to be `exact`: they may be token ids. With `gaps`
    NaN is let in.
    """
    check_numbers(a, where)
    if a.ndim == 2 and a.dtype.kind in "iub" and not exact:
        return np.ascontiguousarray(a)
    pixels = _are_pixels(a)
    if a.ndim == 1:
        a = a[:, None]
    elif a.ndim == 3:
        a = a[:, None]
    elif pixels and a.shape[3] in (1, 3, 4) and a.shape[1] not in (1, 3, 4):
        a = a.transpose(0, 3, 1, 2)
    x = as_float32(np.where(np.isnan(a), 0, a) if gaps else a, where)
    if exact and a.ndim == 2:
        return np.ascontiguousarray(a, np.float64)
    return x / np.float32(255) if pixels else x


def _are_pixels(a):
    return a.dtype == np.uint8 and a.ndim in (3, 4)


def from_splits(name, train, test, places, task=None, about="", standardize=False):
    """A `Data` from two pairs (x, y) of arrays; `places` says for each of the four where it was found."""
    check_standardize(standardize)
    pixels = _are_pixels(train[0])
    xs = [as_inputs(p[0], where, standardize) for p, where in zip((train, test), places[::2])]
    ys, labels = as_targets([train[1], test[1]], places[1::2], task)
    for x, y, where in zip(xs, ys, places[1::2]):
        if len(x) != len(y):
            raise fault(
                f"there are {len(y)} targets for {len(x)} samples", where, "files that belong together"
            )
    train, test = (Split(x, y) for x, y in zip(xs, ys))
    if train.x.shape[1:] != test.x.shape[1:]:
        raise fault(
            f"test samples have shape {test.x.shape[1:]}, training samples {train.x.shape[1:]}",
            places[2],
            "files that belong together",
        )
    if train.y.shape[1:] != test.y.shape[1:]:
        raise fault(
            f"test targets are {_kind(test.y)}, training targets {_kind(train.y)}",
            places[3],
            "the same kind of targets for both",
        )
    classes = None
    if train.y.dtype == np.int64:
        classes = len(labels) or int(max(train.y.max(), test.y.max())) + 1
    standardize = standardize and train.x.ndim == 2
    about = _told(about, classes, labels, standardize, pixels=pixels)
    return Data(name, train, test, classes, about, labels, standardize=standardize)


def from_arrays(
    name, x, y, places, test_fraction=0.2, seed=0, task=None, about="", standardize=False, table=None,
):  # fmt: skip
    """A `Data` from one pair of arrays: a random share of the samples, fixed by `seed`, is for testing.

    `table` has the names of the columns and of the target, both empty without a header, if they are a table.
    """
    check_test(test_fraction, seed, none=True)
    check_standardize(standardize)
    pixels = _are_pixels(x)
    x = as_inputs(x, places[0], standardize, gaps=standardize and table is not None)
    whole = table is not None and y.dtype.kind == "f"
    (y,), labels = as_targets([y], places[1:], task, coded=table is not None)
    if len(x) != len(y):
        raise fault(
            f"there are {len(y)} targets for {len(x)} samples", places[1], "arrays that belong together"
        )
    if len(x) < 2:
        raise fault(
            "one sample cannot be split into training and test", places[0], "a file with more samples"
        )
    order = np.random.default_rng(seed).permutation(len(x))
    n = min(max(round(test_fraction * len(x)), 1), len(x) - 1) if test_fraction else 0
    test, train = order[:n], order[n:]
    classes = (len(labels) or int(y.max()) + 1) if y.dtype == np.int64 else None
    standardize = standardize and x.ndim == 2
    about = _told(about, classes, labels, standardize, whole, pixels)
    splits = Split(x[train], y[train]), Split(x[test], y[test])
    return Data(name, *splits, classes, about, labels, *(table or ((), "")), standardize)


def check_task(task):
    """Raises `UsageError` unless `task` is None or one of `TASKS`."""
    if task is not None and task not in TASKS:
        raise UsageError("data option `task` must be {}, got {!r}", " or ".join(TASKS), task)


def check_test(test_fraction, seed=0, none=False):
    """Raises `UsageError` for a share for testing, or the seed of its choice, out of its range.

    With `none` the share may be 0.
    """
    number = isinstance(test_fraction, (int, float)) and not isinstance(test_fraction, bool)
    if not number or not (0 < test_fraction < 1 or (none and test_fraction == 0)):
        rule = "from 0 up to 1" if none else "above 0 and below 1"
        raise UsageError("data option `test_fraction` must be {}, got {!r}", rule, test_fraction)
    if not isinstance(seed, int) or seed < 0:
        raise UsageError("data option `seed` must be an integer from 0, got {!r}", seed)


def check_standardize(standardize):
    if not isinstance(standardize, bool):
        raise UsageError("data option `standardize` must be true or false, got {!r}", standardize)


def _told(about, classes, labels, standardize, whole=False, pixels=False):
    """What a data set is, with what was understood of its targets; `whole`: from their values alone."""
    if classes is None:
        what = "values"
    else:
        names = ", ".join(map(str, labels[:SHOWN])) + (", ..." if len(labels) > SHOWN else "")
        what = f"{'whole numbers as ' * whole}{classes} classes" + (f" ({names})" if labels else "")
    done = "standardised" if standardize else "divided by 255" if pixels else "as they are"
    return f"{about}, {what}; inputs {done}"


def _kind(y):
    return "labels" if y.dtype == np.int64 else f"values of shape {y.shape[1:]}"
