r"""Focal loss: mean over samples of :math:`-(1 - p)^\gamma \log p`, p the softmax probability of the label.

Lin et al. 2017, Focal Loss for Dense Object Detection, equation 4. gamma = 0 is cross-entropy.
"""

import math

from nbdl import jit
from nbdl.errors import ShapeError
from nbdl.kernels import as_float, as_grad, as_labels, check_labels


@jit
def focal_loss(x, labels, gamma=2.0):
    """Focal loss in nats of logits x (N, C) for labels (N,); a scalar of the dtype of `x`."""
    x = as_float("focal_loss: `x` (N, C)", x, 2)
    labels = as_labels("focal_loss: `labels` (N,)", labels, 1)
    _check(x, labels)
    return x.dtype.type(_focal_loss(x, labels, float(gamma)))


@jit
def focal_loss_dx(dloss, x, labels, gamma=2.0, dx=None):
    """Adds `dloss` times the gradient with respect to `x` to `dx` (N, C), new (zeros) if it is not given."""
    x = as_float("focal_loss_dx: `x` (N, C)", x, 2)
    labels = as_labels("focal_loss_dx: `labels` (N,)", labels, 1)
    _check(x, labels)
    dx = as_grad("focal_loss_dx: `dx`", dx, x.shape, x)
    _focal_loss_dx(float(dloss), x, labels, float(gamma), dx)
    return dx


@jit
def _check(x, labels):
    if x.shape[0] == 0 or labels.shape[0] != x.shape[0]:
        raise ShapeError(
            "focal_loss: `labels` must have one entry for each row of `x` ({}, at least one), got {}",
            x.shape[0],
            labels.shape[0],
        )
    check_labels(labels, x.shape[1])


@jit
def _log_sum_exp(row):
    """The maximum m of a row, and the logarithm of the sum of exp(row - m)."""
    m = row[0]
    for v in row:
        m = max(m, v)
    s = 0.0
    for v in row:
        s += math.exp(v - m)
    return m, math.log(s)


@jit(strict=True)  # m first: a large one would swallow the logarithm
def _focal_loss(x, labels, gamma):
    total = 0.0
    for n in range(x.shape[0]):
        m, log_total = _log_sum_exp(x[n])
        log_p = x[n, labels[n]] - m - log_total
        total -= (-math.expm1(log_p)) ** gamma * log_p
    return total / x.shape[0]


@jit(strict=True)  # m first: a large one would swallow the logarithm
def _focal_loss_dx(dloss, x, labels, gamma, dx):
    for n in range(x.shape[0]):
        m, log_total = _log_sum_exp(x[n])
        log_p = x[n, labels[n]] - m - log_total
        q = -math.expm1(log_p)  # 1 - p without cancellation
        slope = -(q**gamma)
        if gamma > 0 and q > 0:
            slope += gamma * q ** (gamma - 1) * math.exp(log_p) * log_p
        for c in range(x.shape[1]):
            g = dloss / x.shape[0] * slope * ((c == labels[n]) - math.exp(x[n, c] - m - log_total))
            dx[n, c] += x.dtype.type(g)
