r"""Cross entropy between targets and the softmax of class scores, in one step from the logits.

.. math::
    \ell_n = -\sum_c w_c\, t_{nc} \log \mathrm{softmax}(x_n)_c \qquad
    \log \mathrm{softmax}(x)_c = x_c - m - \log \sum_j e^{x_j - m} \qquad m = \max_j x_j

x (N, C), target t (N, C), weight w (C,), all 1 if not given. A label stands for the target with 1 at its
class; ``label_smoothing`` :math:`\epsilon` makes every target :math:`(1 - \epsilon) t + \epsilon / C`. The
conventions are those of torch.nn.functional.cross_entropy: samples whose label is `ignore_index` cost nothing
and are not counted, and a weighted mean over labels divides by the sum of their weights; with soft targets
the mean is over N. A class of target 0 costs nothing, also where its logit is -inf. Sums are float64. The
cores are strict: m is subtracted before the logarithm, which large logits would swallow.
Zhang et al., Dive into Deep Learning, sections 4.1 and 4.5; label smoothing: Szegedy et al. 2016, section 7.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels._door import as_float, as_grad, as_labels, as_like, as_optional, as_out, integer
from nbdl.kernels._labels import (
    check_classes,
    check_cotangent,
    check_rows,
    check_weight,
    count_labels,
    mean_of,
    spread,
)


@jit
def _inputs(x, labels, weight, ignore_index, smoothing):
    """The door of the kernels with labels: all checks, and the arrays as their cores want them."""
    x = as_float("softmax_cross_entropy: `x` (N, C)", x, 2)
    labels = as_labels("softmax_cross_entropy: `labels` (N,)", labels, 1)
    weight = as_optional("softmax_cross_entropy: `weight` (C,)", weight, 1, x)
    check_classes("softmax_cross_entropy", x.shape, labels, weight, ignore_index)
    _check_smoothing(smoothing)
    return x, labels, weight


@jit
def _check_smoothing(smoothing):
    if not (smoothing >= 0 and smoothing <= 1):
        raise OptionError("softmax_cross_entropy: `label_smoothing` must be from 0 to 1, got {}", smoothing)


@jit
def softmax_cross_entropy(x, labels, weight=None, ignore_index=-100, label_smoothing=0.0):
    """Mean cross entropy between labels and the softmax of each row (formula at the head of this file).

    Parameters
    ----------
    x : (N, C) float array
        Logits; N >= 1.
    labels : (N,) array of integers
        Classes from 0 to C - 1, or `ignore_index`.
    weight : (C,) float array, optional
        What a sample of each class counts.
    ignore_index : int
        Samples with this label are left out.
    label_smoothing : float
        The part of each target, from 0 to 1, that is spread evenly over all classes.

    Returns
    -------
    scalar of the dtype of `x`.

    Raises
    ------
    LabelError
        If a label is out of range, or none counts (torch returns NaN there).
    ShapeError, DtypeError, OptionError
        None of these inside ``prange``, where Numba drops exceptions: call `check_labels` before the loop.
    """
    ignore, smoothing = (
        integer("softmax_cross_entropy: `ignore_index`", ignore_index),
        np.float64(label_smoothing),
    )
    x, labels, weight = _inputs(x, labels, weight, ignore, smoothing)
    check_rows("softmax_cross_entropy", x.shape)
    count = count_labels("softmax_cross_entropy", labels, weight, ignore)
    each = np.empty(labels.size, x.dtype)
    _from_labels(x, labels, weight, ignore, smoothing, each)
    return mean_of(each, count)


@jit
def softmax_cross_entropy_dx(dloss, x, labels, weight=None, ignore_index=-100, label_smoothing=0.0, dx=None):
    """Adds the scalar `dloss` times the gradient of the mean to `dx` (N, C) (zeros if not given); returns it.

    Unweighted, the gradient is (softmax - target) / N.
    """
    ignore, smoothing = (
        integer("softmax_cross_entropy_dx: `ignore_index`", ignore_index),
        np.float64(label_smoothing),
    )
    x, labels, weight = _inputs(x, labels, weight, ignore, smoothing)
    check_rows("softmax_cross_entropy_dx", x.shape)
    count = count_labels("softmax_cross_entropy_dx", labels, weight, ignore)
    dx = as_grad("softmax_cross_entropy_dx: `dx`", dx, x.shape, x)
    _from_labels_dx(spread(np.float64(dloss), count, labels, x), x, labels, weight, ignore, smoothing, dx)
    return dx


@jit
def softmax_cross_entropy_each(x, labels, weight=None, ignore_index=-100, label_smoothing=0.0, out=None):
    """Cross entropy of each sample, (N,): 0 where ignored.

    Arguments `x` (N, C), `labels` (N,), `weight` (C,) and errors as in `softmax_cross_entropy`; N may be 0.
    `out`, an (N,) array of the dtype of `x`, is where the result goes; it must not overlap the inputs.
    """
    ignore, smoothing = (
        integer("softmax_cross_entropy_each: `ignore_index`", ignore_index),
        np.float64(label_smoothing),
    )
    x, labels, weight = _inputs(x, labels, weight, ignore, smoothing)
    y = as_out("softmax_cross_entropy_each: `out`", out, labels.shape, x)
    _from_labels(x, labels, weight, ignore, smoothing, y)
    return y


@jit
def softmax_cross_entropy_each_dx(
    dy, x, labels, weight=None, ignore_index=-100, label_smoothing=0.0, dx=None
):
    """Adds `dy` (N,) times the gradient of each sample's loss to `dx` (N, C) (zeros if not given)."""
    ignore, smoothing = (
        integer("softmax_cross_entropy_each_dx: `ignore_index`", ignore_index),
        np.float64(label_smoothing),
    )
    x, labels, weight = _inputs(x, labels, weight, ignore, smoothing)
    dy = as_like("softmax_cross_entropy_each_dx: `dy` (N,)", dy, 1, x)
    check_cotangent("softmax_cross_entropy_each_dx", dy, x.shape)
    dx = as_grad("softmax_cross_entropy_each_dx: `dx`", dx, x.shape, x)
    _from_labels_dx(dy, x, labels, weight, ignore, smoothing, dx)
    return dx


@jit
def _log_sum_exp(row):
    """The maximum m of a row, and the logarithm of the sum of exp(row - m)."""
    m = row[0]
    for c in range(1, row.size):
        if row[c] > m:
            m = row[c]
    total = np.float64(0)
    for c in range(row.size):
        total += np.exp(row[c] - m)
    return m, np.log(total)


@jit(strict=True)
def _from_labels(x, labels, weight, ignore_index, smoothing, y):
    C = x.shape[1]
    for n in range(x.shape[0]):
        label = labels[n]
        if label == ignore_index:
            y[n] = 0
            continue
        m, log_total = _log_sum_exp(x[n])
        loss = np.float64(0)
        if smoothing < 1:
            w = weight[label] if weight.size else 1.0
            loss = (1 - smoothing) * w * (log_total + (m - x[n, label]))
        if smoothing > 0:
            for c in range(C):
                w = weight[c] if weight.size else 1.0
                if w != 0:
                    loss += smoothing / C * w * (log_total + (m - x[n, c]))
        y[n] = loss


@jit(strict=True)
def _from_labels_dx(dy, x, labels, weight, ignore_index, smoothing, dx):
    C = x.shape[1]
    mean_weight = mean_of(weight, C) if weight.size else 1.0
    for n in range(x.shape[0]):
        label = labels[n]
        if label == ignore_index:
            continue
        m, log_total = _log_sum_exp(x[n])
        own = (1 - smoothing) * (weight[label] if weight.size else 1.0)
        mass = own + smoothing * mean_weight  # the sum over c of weight times target
        for c in range(C):
            cost = smoothing / C * (weight[c] if weight.size else 1.0)
            if c == label:
                cost += own
            dx[n, c] += dy[n] * (mass * np.exp(x[n, c] - m - log_total) - cost)


# --- soft targets -----------------------------------------------------------------------------------------


@jit
def softmax_cross_entropy_soft(x, target, weight=None, label_smoothing=0.0):
    """Mean over the rows of the cross entropy between target probabilities and the softmax of the row.

    Parameters
    ----------
    x : (N, C) float array
        Logits; N >= 1.
    target : (N, C) float array
        Probabilities; a row that does not sum to 1 is taken as it is. No gradient is offered for it.
    weight, label_smoothing
        As in `softmax_cross_entropy`.

    Returns
    -------
    scalar of the dtype of `x`.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        Not inside ``prange``, where Numba drops exceptions: call it once on one minibatch before the loop.
    """
    smoothing = np.float64(label_smoothing)
    x, target, weight = _soft_inputs(x, target, weight, smoothing)
    return _from_targets(x, target, weight, smoothing)


@jit
def softmax_cross_entropy_soft_dx(dloss, x, target, weight=None, label_smoothing=0.0, dx=None):
    """Adds the scalar `dloss` times the gradient of the mean to `dx` (N, C) (zeros if not given)."""
    smoothing = np.float64(label_smoothing)
    x, target, weight = _soft_inputs(x, target, weight, smoothing)
    dx = as_grad("softmax_cross_entropy_soft_dx: `dx`", dx, x.shape, x)
    _from_targets_dx(np.float64(dloss), x, target, weight, smoothing, dx)
    return dx


@jit
def _soft_inputs(x, target, weight, smoothing):
    x = as_float("softmax_cross_entropy_soft: `x` (N, C)", x, 2)
    target = as_like("softmax_cross_entropy_soft: `target` (N, C)", target, 2, x)
    weight = as_optional("softmax_cross_entropy_soft: `weight` (C,)", weight, 1, x)
    check_rows("softmax_cross_entropy_soft", x.shape)
    if target.shape != x.shape:
        raise ShapeError(
            "softmax_cross_entropy_soft: `target` must have shape {}, got {}", x.shape, target.shape
        )
    check_weight("softmax_cross_entropy_soft", x.shape, weight)
    _check_smoothing(smoothing)
    return x, target, weight


@jit
def _cost(target, c, weight, smoothing):
    """Weight times smoothed target of class `c`: the factor of its -log-probability."""
    w = weight[c] if weight.size else 1.0
    return w * ((1 - smoothing) * target[c] + smoothing / target.size)


@jit(strict=True)
def _from_targets(x, target, weight, smoothing):
    loss = np.float64(0)
    for n in range(x.shape[0]):
        m, log_total = _log_sum_exp(x[n])
        for c in range(x.shape[1]):
            cost = _cost(target[n], c, weight, smoothing)
            if cost != 0:
                loss += cost * (log_total + (m - x[n, c]))
    return x.dtype.type(loss / x.shape[0])


@jit(strict=True)
def _from_targets_dx(dloss, x, target, weight, smoothing, dx):
    for n in range(x.shape[0]):
        m, log_total = _log_sum_exp(x[n])
        mass = np.float64(0)
        for c in range(x.shape[1]):
            mass += _cost(target[n], c, weight, smoothing)
        for c in range(x.shape[1]):
            p = np.exp(x[n, c] - m - log_total)
            dx[n, c] += dloss / x.shape[0] * (mass * p - _cost(target[n], c, weight, smoothing))
