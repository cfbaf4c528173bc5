r"""Negative log-likelihood: cross entropy from log-probabilities, as `log_softmax` gives them.

.. math:: \ell_n = -w_{c}\, x_{nc} \quad \text{with } c \text{ the label of row } n

x (N, ..., C), labels (N, ...) one for each row, weight w (C,), all 1 if not given. Means and
`ignore_index` as in torch and in `softmax_cross_entropy`. Zhang et al., Dive into Deep Learning, section 4.1.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.inputs import AT_LEAST_1, AT_LEAST_2, as_float, as_labels, as_like, as_optional
from nbdl.kernels.door.labels import check_classes, check_cotangent, check_rows, count_labels, mean_of, spread
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat, rows


@jit
def _inputs(kernel, x, labels, weight, ignore_index):
    x = as_float("nll_loss: `x` (N, ..., C)", x, AT_LEAST_2)
    labels = as_labels("nll_loss: `labels` (N, ...)", labels, AT_LEAST_1)
    weight = as_optional("nll_loss: `weight` (C,)", weight, 1, x)
    # After this check each label that is not ignored is a column of x: the cores index unchecked.
    check_classes(kernel, x.shape, labels, weight, ignore_index)
    return x, labels, weight


@jit
def nll_loss(x, labels, weight=None, ignore_index=-100):
    """Mean negative log-likelihood of the labels.

    Parameters
    ----------
    x : (N, ..., C) float array
        Log-probabilities, classes last; at least one row.
    labels : (N, ...) array of integers
        One for each row: classes from 0 to C - 1, or `ignore_index`.
    weight : (C,) float array, optional
        What a label of each class counts; the mean divides by the sum of the weights.
    ignore_index : int
        Labels of this value are left out.

    Returns
    -------
    scalar of the dtype of `x`.

    Raises
    ------
    LabelError
        If a label is out of range, or none counts (torch returns NaN there).
    ShapeError, DtypeError
        None of these inside ``prange``, where Numba drops exceptions: call `check_labels` before the loop.

    Examples
    --------
    >>> log_p = np.log([[0.25, 0.75], [0.5, 0.5]])
    >>> round(float(nll_loss(log_p, np.array([1, 0]))), 4)
    0.4904
    """
    ignore = integer("nll_loss: `ignore_index`", ignore_index)
    x, labels, weight = _inputs("nll_loss", x, labels, weight, ignore)
    check_rows("nll_loss", x.shape)
    count = count_labels("nll_loss", labels, weight, ignore)
    # Losses one by one, then their mean in float64: the same numbers as `nll_loss_each`.
    each = np.empty(labels.size, x.dtype)
    _nll(rows(x), flat(labels), weight, ignore, each)
    return mean_of(each, count)


@jit
def nll_loss_dx(dloss, x, labels, weight=None, ignore_index=-100, dx=None):
    """Adds the scalar `dloss` times the gradient of the mean to `dx` (N, ..., C) (zeros if not given)."""
    ignore = integer("nll_loss_dx: `ignore_index`", ignore_index)
    x, labels, weight = _inputs("nll_loss_dx", x, labels, weight, ignore)
    check_rows("nll_loss_dx", x.shape)
    count = count_labels("nll_loss_dx", labels, weight, ignore)
    dx = as_grad("nll_loss_dx: `dx`", dx, x.shape, x)
    # The loss is linear in x: its gradient needs the shape of x alone.
    _nll_dx(spread(np.float64(dloss), count, labels, x), flat(labels), weight, ignore, rows(dx))
    return dx


@jit
def nll_loss_each(x, labels, weight=None, ignore_index=-100, out=None):
    """Negative log-likelihood of each label, (N, ...): 0 where ignored.

    Arguments `x` (N, ..., C), `labels` (N, ...), `weight` (C,) and errors as in `nll_loss`; there may be no
    labels. `out`, an (N, ...) array of the dtype of `x`, is where the result goes; it must not overlap the
    inputs.
    """
    ignore = integer("nll_loss_each: `ignore_index`", ignore_index)
    x, labels, weight = _inputs("nll_loss_each", x, labels, weight, ignore)
    y = as_out("nll_loss_each: `out`", out, labels.shape, x)
    _nll(rows(x), flat(labels), weight, ignore, flat(y))
    return y


@jit
def nll_loss_each_dx(dy, x, labels, weight=None, ignore_index=-100, dx=None):
    """Adds `dy` (N, ...) times the gradient of each loss to `dx` (N, ..., C) (zeros if not given)."""
    ignore = integer("nll_loss_each_dx: `ignore_index`", ignore_index)
    x, labels, weight = _inputs("nll_loss_each_dx", x, labels, weight, ignore)
    dy = as_like("nll_loss_each_dx: `dy` (N, ...)", dy, AT_LEAST_1, x)
    check_cotangent("nll_loss_each_dx", dy, labels)
    dx = as_grad("nll_loss_each_dx: `dx`", dx, x.shape, x)
    _nll_dx(flat(dy), flat(labels), weight, ignore, rows(dx))
    return dx


@jit
def _nll(x, labels, weight, ignore_index, y):
    one = x.dtype.type(1)
    for n in range(labels.size):
        label = labels[n]
        if label == ignore_index:
            # Written, since `each` and a given `out` hold any values.
            y[n] = 0
        else:
            y[n] = -x[n, label] * (weight[label] if weight.size else one)


@jit
def _nll_dx(dy, labels, weight, ignore_index, dx):
    one = dy.dtype.type(1)
    for n in range(labels.size):
        label = labels[n]
        if label != ignore_index:
            dx[n, label] -= dy[n] * (weight[label] if weight.size else one)


nll_loss_outputs = outputs(nll_loss)
nll_loss_each_outputs = outputs(nll_loss_each, shape=lambda labels, **_: labels.shape)
