r"""Cross entropy between targets and the softmax of class scores, in one step from the logits.

.. math::
    \ell_n = -\sum_c w_c\, t_{nc} \log \mathrm{softmax}(x_n)_c \qquad
    \log \mathrm{softmax}(x)_c = x_c - m - \log \sum_j e^{x_j - m} \qquad m = \max_j x_j

x (N, ..., C), target t (N, ..., C), weight w (C,), all 1 if not given. Each row of x has a loss: that of a
sample, or of a position of one, such as a token of x (N, T, C). A label, of (N, ...), stands for the target
with 1 at its class; ``label_smoothing`` :math:`\epsilon` makes every target :math:`(1 - \epsilon) t +
\epsilon / C`. The conventions are those of torch.nn.functional.cross_entropy: rows whose label is
`ignore_index` cost nothing and are not counted, and a weighted mean over labels divides by the sum of their
weights; with soft targets the mean is over all rows. A class of target 0 costs nothing, also where its
logit is -inf. The loops are in `cross_entropy_cores.py`.
Zhang et al., Dive into Deep Learning, sections 4.1 and 4.5; label smoothing: Szegedy et al. 2016, section 7.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.door.inputs import AT_LEAST_1, AT_LEAST_2, as_float, as_labels, as_like, as_optional
from nbdl.kernels.door.labels import (
    check_classes,
    check_cotangent,
    check_rows,
    check_weight,
    count_labels,
    mean_of,
    spread,
)
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat, rows
from nbdl.kernels.loss.cross_entropy_cores import (
    _from_labels,
    _from_labels_dx,
    _from_targets,
    _from_targets_dx,
)


@jit
def _inputs(kernel, x, labels, weight, ignore_index, smoothing):
    """The door of the kernels with labels: all checks, and the arrays as their cores want them."""
    x = as_float("softmax_cross_entropy: `x` (N, ..., C)", x, AT_LEAST_2)
    labels = as_labels("softmax_cross_entropy: `labels` (N, ...)", labels, AT_LEAST_1)
    weight = as_optional("softmax_cross_entropy: `weight` (C,)", weight, 1, x)
    _check_smoothing(smoothing)
    # After this check each label that is not ignored is a column of x: the cores index unchecked.
    check_classes(kernel, x.shape, labels, weight, ignore_index)
    return x, labels, weight


@jit
def _check_smoothing(smoothing):
    # `not (...)` refuses NaN too.
    if not (smoothing >= 0 and smoothing <= 1):
        raise OptionError("softmax_cross_entropy: `label_smoothing` must be from 0 to 1, got {}", smoothing)


@jit
def softmax_cross_entropy(x, labels, weight=None, ignore_index=-100, label_smoothing=0.0):
    """Mean cross entropy between labels and the softmax of each row (formula at the head of this file).

    Parameters
    ----------
    x : (N, ..., C) float array
        Logits, classes last; at least one row.
    labels : (N, ...) array of integers
        One for each row: classes from 0 to C - 1, or `ignore_index`.
    weight : (C,) float array, optional
        What a label of each class counts.
    ignore_index : int
        Labels of this value are left out.
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

    Examples
    --------
    >>> x = np.log([[0.25, 0.75], [0.5, 0.5]])
    >>> round(float(softmax_cross_entropy(x, np.array([1, 0]))), 4)
    0.4904
    """
    ignore, smoothing = (
        integer("softmax_cross_entropy: `ignore_index`", ignore_index),
        np.float64(label_smoothing),
    )
    x, labels, weight = _inputs("softmax_cross_entropy", x, labels, weight, ignore, smoothing)
    check_rows("softmax_cross_entropy", x.shape)
    count = count_labels("softmax_cross_entropy", labels, weight, ignore)
    # Losses one by one, then their mean in float64: the same numbers as `softmax_cross_entropy_each`.
    each = np.empty(labels.size, x.dtype)  # not filled: of an ignored row 0 is written
    _from_labels(rows(x), flat(labels), weight, ignore, smoothing, each)
    return mean_of(each, count)


@jit
def softmax_cross_entropy_dx(dloss, x, labels, weight=None, ignore_index=-100, label_smoothing=0.0, dx=None):
    """Adds the scalar `dloss` times the gradient of the mean to `dx` (N, ..., C) (zeros if not given).

    Unweighted, the gradient is (softmax - target) / the number of labels.
    """
    ignore, smoothing = (
        integer("softmax_cross_entropy_dx: `ignore_index`", ignore_index),
        np.float64(label_smoothing),
    )
    x, labels, weight = _inputs("softmax_cross_entropy_dx", x, labels, weight, ignore, smoothing)
    check_rows("softmax_cross_entropy_dx", x.shape)
    # Raises where no label counts, so before anything is written to dx.
    count = count_labels("softmax_cross_entropy_dx", labels, weight, ignore)
    dx = as_grad("softmax_cross_entropy_dx: `dx`", dx, x.shape, x)
    # The gradient of a mean: each label has the same cotangent.
    dy = spread(np.float64(dloss), count, labels, x)
    _from_labels_dx(dy, rows(x), flat(labels), weight, ignore, smoothing, rows(dx))
    return dx


@jit
def softmax_cross_entropy_each(x, labels, weight=None, ignore_index=-100, label_smoothing=0.0, out=None):
    """Cross entropy of each label, (N, ...): 0 where ignored.

    Arguments `x` (N, ..., C), `labels` (N, ...), `weight` (C,) and errors as in `softmax_cross_entropy`;
    there may be no labels. `out`, an (N, ...) array of the dtype of `x`, is where the result goes; it must
    not overlap the inputs.

    Examples
    --------
    >>> x = np.log([[0.25, 0.75], [0.5, 0.5]])
    >>> softmax_cross_entropy_each(x, np.array([1, 0]), ignore_index=0).round(4)
    array([0.2877, 0.    ])
    """
    ignore, smoothing = (
        integer("softmax_cross_entropy_each: `ignore_index`", ignore_index),
        np.float64(label_smoothing),
    )
    x, labels, weight = _inputs("softmax_cross_entropy_each", x, labels, weight, ignore, smoothing)
    y = as_out("softmax_cross_entropy_each: `out`", out, labels.shape, x)
    _from_labels(rows(x), flat(labels), weight, ignore, smoothing, flat(y))
    return y


@jit
def softmax_cross_entropy_each_dx(
    dy, x, labels, weight=None, ignore_index=-100, label_smoothing=0.0, dx=None
):
    """Adds `dy` (N, ...) times the gradient of each loss to `dx` (N, ..., C) (zeros if not given)."""
    ignore, smoothing = (
        integer("softmax_cross_entropy_each_dx: `ignore_index`", ignore_index),
        np.float64(label_smoothing),
    )
    x, labels, weight = _inputs("softmax_cross_entropy_each_dx", x, labels, weight, ignore, smoothing)
    dy = as_like("softmax_cross_entropy_each_dx: `dy` (N, ...)", dy, AT_LEAST_1, x)
    check_cotangent("softmax_cross_entropy_each_dx", dy, labels)
    dx = as_grad("softmax_cross_entropy_each_dx: `dx`", dx, x.shape, x)
    _from_labels_dx(flat(dy), rows(x), flat(labels), weight, ignore, smoothing, rows(dx))
    return dx


# --- soft targets -----------------------------------------------------------------------------------------


@jit
def softmax_cross_entropy_soft(x, target, weight=None, label_smoothing=0.0):
    """Mean over the rows of the cross entropy between target probabilities and the softmax of the row.

    Parameters
    ----------
    x : (N, ..., C) float array
        Logits, classes last; at least one row.
    target : (N, ..., C) float array
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

    Examples
    --------
    >>> x, target = np.zeros((1, 2)), np.array([[0.5, 0.5]])
    >>> round(float(softmax_cross_entropy_soft(x, target)), 4)
    0.6931
    """
    smoothing = np.float64(label_smoothing)
    x, target, weight = _soft_inputs(x, target, weight, smoothing)
    return _from_targets(rows(x), rows(target), weight, smoothing)


@jit
def softmax_cross_entropy_soft_dx(dloss, x, target, weight=None, label_smoothing=0.0, dx=None):
    """Adds the scalar `dloss` times the gradient of the mean to `dx` (N, ..., C) (zeros if not given)."""
    smoothing = np.float64(label_smoothing)
    x, target, weight = _soft_inputs(x, target, weight, smoothing)
    dx = as_grad("softmax_cross_entropy_soft_dx: `dx`", dx, x.shape, x)
    _from_targets_dx(np.float64(dloss), rows(x), rows(target), weight, smoothing, rows(dx))
    return dx


@jit
def _soft_inputs(x, target, weight, smoothing):
    x = as_float("softmax_cross_entropy_soft: `x` (N, ..., C)", x, AT_LEAST_2)
    target = as_like("softmax_cross_entropy_soft: `target` (N, ..., C)", target, AT_LEAST_2, x)
    weight = as_optional("softmax_cross_entropy_soft: `weight` (C,)", weight, 1, x)
    check_rows("softmax_cross_entropy_soft", x.shape)
    if target.shape != x.shape:
        raise ShapeError(
            "softmax_cross_entropy_soft: `target` must have shape {}, got {}", x.shape, target.shape
        )
    check_weight("softmax_cross_entropy_soft", x.shape, weight)
    _check_smoothing(smoothing)
    return x, target, weight


softmax_cross_entropy_outputs = outputs(softmax_cross_entropy)
softmax_cross_entropy_each_outputs = outputs(
    softmax_cross_entropy_each, shape=lambda labels, **_: labels.shape
)
softmax_cross_entropy_soft_outputs = outputs(softmax_cross_entropy_soft)
