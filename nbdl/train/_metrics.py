"""Metrics: one number for predictions (N, ...) and targets, a mean over samples."""

import numpy as np


def accuracy(prediction, target):
    """Share of samples whose largest logit is that of the label (or of the largest soft label).

    Labels that are no class (those that a loss ignores) do not count.
    """
    labels = target if target.ndim < prediction.ndim else target.argmax(axis=1)
    counted = (labels >= 0) & (labels < prediction.shape[1])
    return float(np.mean((prediction.argmax(axis=1) == labels)[counted]))


def mean_absolute_error(prediction, target):
    """Mean of abs(prediction - target)."""
    return float(np.mean(np.abs(prediction - target.reshape(prediction.shape))))
