"""How much the labels of each class count, by how rare they are."""

import numpy as np

from nbdl import registry
from nbdl.errors import DataError, UsageError
from nbdl.records import resolve as code

BALANCED = "balanced"


def settled(loss, options, data):
    """The options of a `Loss` as they are saved: arrays as lists, and the weights of a ``weight="balanced"``.

    Class k then has the weight n / (C n_k), where n_k of the n training labels are of class k and C is the
    number of classes: all classes count the same (King and Zeng 2001; "balanced" in scikit-learn). Labels
    that are no class, as those that are ignored, count for nothing.

    Raises
    ------
    UsageError
        For targets that are no classes, or a loss without `weight`.
    DataError
        For a class that no training label is of.
    """
    options = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in options.items()}
    if options.get("weight") != BALANCED:
        return options
    if "weight" not in registry.parameters(code(loss.compute)):
        return options  # which is said where options are checked
    y = data.train.y
    if data.classes is None or not isinstance(y, np.ndarray) or y.dtype.kind not in "iu":
        text = 'the loss option `weight` = "balanced" needs targets that are classes. Try a list of weights'
        raise UsageError(text)
    counts = np.bincount(y[(y >= 0) & (y < data.classes)], minlength=data.classes)
    if not counts.all():
        name = data.labels[counts.argmin()] if data.labels else int(counts.argmin())
        text = 'no training label is of the class {!r}: `weight` = "balanced" has none. Try a list of weights'
        raise DataError(text, name)
    return options | {"weight": (counts.sum() / (data.classes * counts)).tolist()}
