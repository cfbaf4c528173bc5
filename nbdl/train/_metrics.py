"""Metrics: one number for predictions (N, ...) and targets, a mean over samples."""

import numpy as np

from nbdl.errors import ShapeError
from nbdl.nn._losses import class_axis, in_line


def accuracy(prediction, target, axis=None):
    """Share of labels that are the largest logit (of soft labels: the largest probability).

    Labels that are no class (those that a loss ignores) do not count. Which axis has the classes is told as
    in `nbdl.nn.softmax_cross_entropy`.
    """
    shape = prediction.shape
    if target.dtype.kind in "iub":
        target = in_line(in_line(target, shape[:1] + shape[2:]), shape[:-1])
    soft = target.shape == shape
    axis = class_axis("accuracy", shape, target.shape, axis, soft)
    labels = target.argmax(axis=axis) if soft else target
    counted = (labels >= 0) & (labels < shape[axis])
    return float(np.mean((prediction.argmax(axis=axis) == labels)[counted]))


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
