"""Norms, and dropout."""

import math

import numpy as np

from nbdl import kernels
from onnx_on_nbdl.arrays import on_tape


def batch_normalization(
    x, scale, b, mean, var, *, epsilon=1e-5, momentum=0.9, training_mode=0, is_test=1, spatial=1, outputs=1
):
    """The momentum of ONNX is the share of the old averages; it averages the biased variance."""
    if not training_mode:
        return kernels.batch_norm_inference(x, scale, b, mean, var, epsilon)
    y, *_, mean, var = kernels.batch_norm(x, scale, b, mean, var, epsilon, 1 - momentum, False)
    return (y, mean, var)[:outputs] if outputs > 1 else y


def as_rows(x, axis):
    """x (1, rows, elements) of all axes from `axis` on: ONNX may take in that of the samples."""
    return x.reshape(1, -1, math.prod(x.shape[axis % x.ndim :]))


def layer_normalization(x, scale, b=None, *, axis=-1, epsilon=1e-5, stash_type=1, outputs=1):
    """ONNX also gives the mean and 1 / deviation of each row, which nbdl makes again where it needs them."""
    rows, axis = as_rows(x, axis), axis % x.ndim
    y = kernels.layer_norm(rows, scale.reshape(-1), None if b is None else b.reshape(-1), epsilon)
    kept = rows.mean(axis=2), 1 / np.sqrt(rows.var(axis=2) + epsilon)
    shape = x.shape[:axis] + (1,) * (x.ndim - axis)
    return (y.reshape(x.shape), *(np.asarray(a, x.dtype).reshape(shape) for a in kept))[:outputs]


def rms_normalization(x, scale, *, axis=-1, epsilon=1e-5, stash_type=1):
    return kernels.rms_norm(as_rows(x, axis), scale.reshape(-1), epsilon).reshape(x.shape)


def group_normalization(x, scale, b, *, num_groups, epsilon=1e-5, stash_type=1):
    return kernels.group_norm(x, scale, b, num_groups, epsilon)


def instance_normalization(x, scale, b, *, epsilon=1e-5):
    return kernels.instance_norm(x, scale, b, epsilon)


def lrn(x, *, size, alpha=1e-4, beta=0.75, bias=1.0):
    return kernels.local_response_norm(x, size, alpha, beta, bias)


def lp_normalization(x, *, axis=-1, p=2):
    return kernels.lp_normalize(x, p, axis)


def mean_variance_normalization(x, *, axes=(0, 2, 3)):
    """Mean 0 and deviation 1 over these axes."""
    axes = tuple(axes)
    away = on_tape("sub", x, on_tape("mean", x, axis=axes, keepdims=True))
    return on_tape("div", away, on_tape("add", on_tape("std", x, axis=axes, keepdims=True), 1e-9))


def dropout(x, ratio=None, training=False, *, seed=0, outputs=1):
    """The mask of a training case is the one that ONNX draws: uniform numbers of NumPy's seeded generator."""
    p = 0.5 if ratio is None else float(ratio)
    if training and p > 0:
        mask = np.random.RandomState(seed).uniform(0, 1, x.shape) >= p
        y = kernels.masked_scale(x, mask, p)
    else:
        mask = np.ones(x.shape, bool)
        y = kernels.dropout(x, 0.0, seed, 0, 0)
    return y if outputs == 1 else (y, mask)


OPERATORS = {
    "BatchNormalization": batch_normalization,
    "Dropout": dropout,
    "GroupNormalization": group_normalization,
    "InstanceNormalization": instance_normalization,
    "LRN": lrn,
    "LayerNormalization": layer_normalization,
    "LpNormalization": lp_normalization,
    "MeanVarianceNormalization": mean_variance_normalization,
    "RMSNormalization": rms_normalization,
}
