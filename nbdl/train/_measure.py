"""Predictions of a net, and how good they are."""

import numpy as np
from numba import config as numba_config

from nbdl import registry, tape
from nbdl.data import Preparation
from nbdl.errors import NbdlError, ShapeError, TapeError
from nbdl.nn._parameter import dtype_of
from nbdl.records import resolve as code
from nbdl.step import CompiledPredict


def predict(net, x, batch_size=512):
    """Predictions of a net for inputs x (N, ...), as an array (N, ...)."""
    x = tape.real("predict: `x`", x)
    dtype = dtype_of(net, x)
    if not len(x):
        raise ShapeError("predict: `x` must hold at least one sample, got shape {}", x.shape)
    x = x.astype(dtype, copy=False)
    if native():
        try:
            return CompiledPredict(net, x[:1], batch_size=batch_size)(x)
        except Exception as error:
            if isinstance(error, NbdlError) and not isinstance(error, TapeError):
                raise  # else its Python looks at values, or takes arrays alone: it cannot be a program
    with tape.no_grad():
        return np.concatenate([net(x[i : i + batch_size]).numpy() for i in range(0, len(x), batch_size)])


def evaluate(net, split, loss, preparation=None, **loss_options):
    """Mean loss and the loss's metrics of a net on a `Split`, as a dict ("loss", "accuracy" ...).

    With the `Preparation` of a run the split is in the form of its data, and so are loss and metrics.
    """
    preparation = preparation or Preparation()
    prediction = preparation.values(predict(net, preparation.inputs(split.x)))
    return measured(prediction, preparation.codes(split.y), loss, loss_options)


def measured(prediction, target, loss, loss_options):
    """Loss and metrics of predictions, both in the units of the targets."""
    record = registry.default().get("loss", loss)
    with tape.no_grad():
        value = code(record.compute)(prediction, target, **loss_options).item()
    figures = {"loss": value}
    for name in record.metrics:
        compute = code(registry.default().get("metric", name).compute)
        shared = {n: v for n, v in loss_options.items() if n in registry.parameters(compute)}
        figures[name] = compute(prediction, target, **shared)
    return figures


def worse_than_a_constant(figures, targets, loss, part):
    """One sentence if predictions are worse than the best constant one, else None.

    Parameters
    ----------
    figures : dict
        "loss", "accuracy" ... of the predictions, in the units of the targets.
    targets : (N,) labels or (N, ...) values
    loss : str
        The mean squared error ("mse") is compared for values, the accuracy for labels.
    part : str
        What the targets are those of: "test" or "train".
    """
    y = np.asarray(targets)
    if not y.size:
        return None
    if "accuracy" in figures and y.dtype.kind in "iu" and y.ndim == 1:
        share = np.unique(y, return_counts=True)[1].max() / len(y)
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


def native():
    """Whether nets run as programs: not where the JIT is disabled."""
    return not numba_config.DISABLE_JIT
