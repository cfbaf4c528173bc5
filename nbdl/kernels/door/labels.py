"""Class labels: the checks before anything is indexed with them, and the means over the labels that count.

A label is in [0, C) or equals `ignore_index`; it comes from data, so it is checked before the first write.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import LabelError, ShapeError
from nbdl.kernels.door.inputs import AT_LEAST_1, as_labels
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.views import flat


@jit
def check_labels(labels, n_classes, ignore_index=-100):
    """Raises `LabelError` unless every label is in [0, n_classes) or equals `ignore_index`.

    The message names the first bad position and its value. `labels` is an array (N, ...) of integers, else
    `DtypeError`. Call it once before a parallel loop over a loss: Numba drops exceptions inside ``prange``.
    """
    labels = as_labels("check_labels: `labels` (N, ...)", labels, AT_LEAST_1)
    n_classes = integer("check_labels: `n_classes`", n_classes)
    check_range("check_labels", labels, n_classes, integer("check_labels: `ignore_index`", ignore_index))


@jit
def check_range(kernel, labels, n_classes, ignore_index):
    each = flat(labels)
    for n in range(each.size):
        if (each[n] < 0 or each[n] >= n_classes) and each[n] != ignore_index:
            if n_classes == 1:
                raise LabelError(
                    "{}: integer `labels` are classes, of which `x` has one, got {} at flat position {}. Try "
                    "floats for values to predict, or an output for each class",
                    kernel, each[n], n,
                )  # fmt: skip
            if labels.ndim == 1:
                raise LabelError(
                    "{}: `labels` must be from 0 to {} (or `ignore_index`, {}), got {} at position {}",
                    kernel, n_classes - 1, ignore_index, each[n], n,
                )  # fmt: skip
            raise LabelError(
                "{}: `labels` must be from 0 to {} (or `ignore_index`, {}), got {} at flat position {} of {}",
                kernel, n_classes - 1, ignore_index, each[n], n, labels.shape,
            )  # fmt: skip


@jit
def check_classes(kernel, x_shape, labels, weight, ignore_index):
    """All that `x` (N, ..., C), `labels` (N, ...) and `weight` (C,) or empty must agree on."""
    if labels.shape != x_shape[:-1]:
        raise ShapeError(
            "{}: `labels` must have shape {}, one for each row of `x`, got {}",
            kernel, x_shape[:-1], labels.shape,
        )  # fmt: skip
    check_weight(kernel, x_shape, weight)
    check_range(kernel, labels, x_shape[-1], ignore_index)


@jit
def check_weight(kernel, x_shape, weight):
    if x_shape[-1] == 0:
        raise ShapeError("{}: `x` (N, ..., C) must have at least one class, got shape {}", kernel, x_shape)
    if weight.size not in (0, x_shape[-1]):
        raise ShapeError(
            "{}: `weight` must have {} elements, as `x` has columns, got {}", kernel, x_shape[-1], weight.size
        )


@jit
def check_rows(kernel, x_shape):
    for size in x_shape[:-1]:
        if size == 0:
            raise ShapeError("{}: `x` is an empty batch, shape {}: it has no mean", kernel, x_shape)


@jit
def check_cotangent(kernel, dy, labels):
    if dy.shape != labels.shape:
        raise ShapeError(
            "{}: `dy` must have the shape of `labels` {}, got {}", kernel, labels.shape, dy.shape
        )


@jit
def count_labels(kernel, labels, weight, ignore_index):
    """What a mean over labels divides by: their number, or the sum of their weights, without the ignored."""
    labels, count = flat(labels), np.float64(0)
    for n in range(labels.size):
        if labels[n] != ignore_index:
            count += weight[labels[n]] if weight.size else 1.0
    if count == 0:
        raise LabelError("{}: `labels` are all ignored ({}) or of weight 0: no mean", kernel, ignore_index)
    return count


@jit
def mean_of(each, count):
    """The sum of `each`, in float64, over `count`; a scalar of its dtype."""
    total = np.float64(0)
    for n in range(each.size):
        total += each[n]
    return each.dtype.type(total / count)


@jit
def spread(dloss, count, labels, x):
    """The cotangent of each label, in one row, in the dtype of `x`, from that of the mean."""
    dy = np.empty(labels.size, x.dtype)
    for n in range(labels.size):
        dy[n] = dloss / count
    return dy
