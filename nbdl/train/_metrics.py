"""Metrics: one number for predictions (N, ...) and targets, a mean over samples."""

import numpy as np

from nbdl.errors import ShapeError
from nbdl.nn._losses import in_line


def accuracy(prediction, target):
    """Share of samples whose largest logit is that of the label (or of the largest soft label).

    Labels that are no class (those that a loss ignores) do not count.
    """
    if target.dtype.kind in "iub":
        target = in_line(target, prediction.shape[:1] + prediction.shape[2:])
    labels = target if target.ndim < prediction.ndim else target.argmax(axis=1)
    counted = (labels >= 0) & (labels < prediction.shape[1])
    return float(np.mean((prediction.argmax(axis=1) == labels)[counted]))


def mean_absolute_error(prediction, target):
    """Mean of abs(prediction - target), of one shape but for a last axis of length 1."""
    target = in_line(target, prediction.shape)
    if target.shape != prediction.shape:
        raise ShapeError(
            "mean_absolute_error: `target` must have the shape of the prediction {}, got {}",
            prediction.shape,
            target.shape,
        )
    return float(np.mean(np.abs(prediction - target)))
