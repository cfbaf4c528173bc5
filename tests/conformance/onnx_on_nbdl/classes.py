"""Classes along an axis: softmax, its losses, and labels as rows."""

import functools
import math

import numpy as np

from nbdl import kernels
from onnx_on_nbdl.arrays import on_tape


def along_axis(kernel, x, *, axis=None, opset=13):
    """Softmax and its logarithm; before opset 13 over all axes from `axis` (1 by default) on."""
    if opset >= 13:
        return kernel(x, -1 if axis is None else axis)
    split = 1 if axis is None else axis % x.ndim
    return kernel(x.reshape(math.prod(x.shape[:split]), -1)).reshape(x.shape)


def loss(mean, each, x, labels, weight=None, *, reduction="mean", ignore_index=-100):
    """Scores (N, C, d1, ...) as rows with the classes last, labels (N, d1, ...) as one list."""
    rows = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])
    if reduction == "mean":
        y = mean(rows, labels.reshape(-1), weight, ignore_index)
    else:
        y = each(rows, labels.reshape(-1), weight, ignore_index).reshape(labels.shape)
        y = y if reduction == "none" else y.sum()
    return np.asarray(y, x.dtype)


def softmax_cross_entropy_loss(x, labels, weight=None, *, outputs=1, **attributes):
    y = loss(
        kernels.softmax_cross_entropy, kernels.softmax_cross_entropy_each, x, labels, weight, **attributes
    )
    return y if outputs == 1 else (y, kernels.log_softmax(x, 1))


def one_hot(indices, depth, values, *, axis=-1):
    """Rows of `values` (off, on); a negative index counts from the end, one out of range is nowhere."""
    depth, (off, on) = int(depth), values
    labels = indices.astype(np.int64)
    known = (labels >= -depth) & (labels < depth)
    hot = kernels.one_hot(np.where(known, labels % depth, 0), depth) == 1
    return on_tape("where", np.moveaxis(hot & known[..., None], -1, axis), on, off)


def hardmax(x, *, axis=None, opset=13):
    """The first largest element as a one-hot row; before opset 13 over all axes from `axis` (1) on."""

    def rows(x, axis):
        best = on_tape("argmax", x, axis=axis)
        return np.moveaxis(kernels.one_hot(best, x.shape[axis], x.dtype), -1, axis)

    return along_axis(rows, x, axis=axis, opset=opset)


OPERATORS = {
    "Hardmax": hardmax,
    "LogSoftmax": functools.partial(along_axis, kernels.log_softmax),
    "NegativeLogLikelihoodLoss": functools.partial(loss, kernels.nll_loss, kernels.nll_loss_each),
    "OneHot": one_hot,
    "Softmax": functools.partial(along_axis, kernels.softmax),
    "SoftmaxCrossEntropyLoss": softmax_cross_entropy_loss,
}
