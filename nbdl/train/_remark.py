"""A warning of a net that is worse than a constant, with one thing to try."""

import math
import warnings
from collections.abc import Mapping

import numpy as np

from nbdl.nn._inputs import count

UNSCALED = 10  # a deviation of a column above this asks for standardised columns


def remark(run):
    """Warn if the net of a run that has ended is worse than a constant."""
    data, config = run.data, run.config
    part, split = ("test", data.test) if count(data.test.x) else ("train", data.train)
    last, first = run.best, run.history[0]
    figures = {k.removeprefix(f"{part}_"): v for k, v in last.items()}
    if config.loss_options or not run.lr:
        return
    found = worse_than_a_constant(figures, run.preparation.logs(split.y), config.loss, part)
    if found is None:
        return
    x = data.train.x
    columns = not isinstance(x, Mapping) and np.ndim(x) == 2 and np.asarray(x).dtype.kind == "f"
    if columns and not run.preparation.mean.size and np.std(x, axis=0).max() > UNSCALED:
        advice = "standardised columns, (x - mean) / deviation"
        if config.model:
            advice = "--set data_options.standardize=true"
        elif config.data:
            advice = f"nbdl.data.load({config.data!r}, standardize=True)"
    elif (last["train_loss"] > 0.9 * first["train_loss"] and len(run.history) > 1) or (
        data.classes and figures["loss"] > 10 * math.log(data.classes + 1)  # more than a guess costs
    ):
        advice = f"a smaller learning rate than {run.lr:g}"
    else:
        advice = f"more epochs than {config.epochs}, or another model"
    warnings.warn(f"{found}. Try {advice}", stacklevel=5)


def worse_than_a_constant(figures, targets, loss, part):
    """One sentence if predictions are worse than the best constant one, else None.

    Parameters
    ----------
    figures : dict
        "loss", "accuracy" ... of the predictions, in the units of the targets.
    targets : (N, ...) labels or values
    loss : str
        The mean squared error ("mse") is compared for values, the accuracy for labels.
    part : str
        What the targets are those of: "test" or "train".
    """
    if isinstance(targets, Mapping):
        return None
    y = np.asarray(targets)
    if not y.size:
        return None
    if "accuracy" in figures and y.dtype.kind in "iu":
        y = y[y >= 0]  # others are no classes: a loss ignores them
        share = np.unique(y, return_counts=True)[1].max(initial=0) / max(y.size, 1)
        if figures["accuracy"] < share:
            return (
                f"the {part} accuracy is {figures['accuracy']:.4f}; to predict the most frequent class for "
                f"every sample gives {share:.4f}"
            )
    elif loss == "mse":
        of_mean = float(np.mean((y - y.mean(axis=0, dtype=np.float64)) ** 2))
        if figures["loss"] > of_mean:
            return (
                f"the {part} loss is {figures['loss']:.4g}; to predict the mean of the targets for every "
                f"sample gives {of_mean:.4g}"
            )
    return None
