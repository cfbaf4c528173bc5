"""Metrics: one number for predictions (N, ...) and targets, a mean over samples; or for a loss."""

import math

import numpy as np

from nbdl.errors import ShapeError, UsageError
from nbdl.nn._losses import class_axis, in_line


def accuracy(prediction, target, axis=None):
    """Share of labels that are the largest logit (of soft labels: the largest probability).

    Labels that are no class (those that a loss ignores) do not count. Which axis has the classes is told as
    in `nbdl.nn.softmax_cross_entropy`.
    """
    labels, axis = _labels(prediction, target, axis)
    counted = (labels >= 0) & (labels < prediction.shape[axis])
    return float(np.mean((prediction.argmax(axis=axis) == labels)[counted]))


def labels_of_classes(prediction, target, axis=None):
    """How many labels the accuracy is the mean of."""
    labels, axis = _labels(prediction, target, axis)
    return int(np.count_nonzero((labels >= 0) & (labels < prediction.shape[axis])))


def _labels(prediction, target, axis):
    """The labels, one for each row of the prediction, and the axis of the classes."""
    shape = prediction.shape
    if target.dtype.kind in "iub":
        target = in_line(in_line(target, shape[:1] + shape[2:]), shape[:-1])
    soft = target.shape == shape
    axis = class_axis("accuracy", shape, target.shape, axis, soft)
    return target.argmax(axis=axis) if soft else target, axis


def mean_absolute_error(prediction, target):
    """Mean of abs(prediction - target), of one shape but for a last axis of length 1."""
    return float(np.mean(np.abs(_errors("mean_absolute_error", prediction, target))))


def mean_squared_error(prediction, target):
    """Mean of (prediction - target)^2, in float64: what `rmse` is the root of."""
    return float(np.mean(np.square(_errors("rmse", prediction, target), dtype=np.float64)))


def rmse(prediction, target):
    """The root of the mean squared error, in the units of the targets.

    Both are of one shape, but for a last axis of length 1. Of all samples it is the root of the mean over
    them, not a mean of the roots of parts.
    """
    return math.sqrt(mean_squared_error(prediction, target))


def _errors(name, prediction, target):
    target = in_line(target, prediction.shape)
    if target.shape != prediction.shape:
        text = "{}: `target` must have the shape of the prediction {}, got {}"
        raise ShapeError(text, name, prediction.shape, target.shape)
    return prediction - target


def perplexity(loss, mask=None):
    """exp(loss) of a mean cross-entropy in nats: among how many equally likely symbols the net still chooses.

    Parameters
    ----------
    loss : float or (...) array
        The mean; or the cross-entropy of each token, -log of the probability that it was given.
    mask : (...) truth values, optional
        Which tokens count; all if it is not given.

    Raises
    ------
    ShapeError, UsageError
        If the mask has another shape than the losses, or no token counts.

    Notes
    -----
    Zhang et al., Dive into Deep Learning, section 9.3.

    Examples
    --------
    >>> round(perplexity(-np.log([0.2, 0.1, 0.4, 0.25, 0.05])), 7)
    6.3095734
    """
    loss = _mean("perplexity", loss, mask)
    return math.inf if loss >= 700 else math.exp(loss)


def bits_per_character(loss, mask=None):
    """loss / log(2) of a mean cross-entropy in nats of characters: log2 of the perplexity.

    Parameters and errors as of `perplexity`.
    """
    return _mean("bits_per_character", loss, mask) / math.log(2)


def _mean(name, loss, mask):
    """The mean of the losses that count."""
    loss = np.asarray(loss, np.float64)
    if mask is not None:
        mask = np.asarray(mask, bool)
        if mask.shape != loss.shape:
            text = "{}: `mask` must have the shape of the losses {}, got {}"
            raise ShapeError(text, name, loss.shape, mask.shape)
        loss = loss[mask]
    if not loss.size:
        raise UsageError("{}: no token counts", name)
    return float(loss.mean())
