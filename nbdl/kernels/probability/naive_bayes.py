r"""Naive Bayes: the classifier that takes the columns of a row for independent, given its class.

.. math::
    p_{dc} = \frac{n_{dc} + s}{n_c + 2 s} \qquad
    \log P(c, x) = \log \frac{n_c}{N} + \sum_d x_d \log p_{dc} + (1 - x_d) \log (1 - p_{dc}) = (x w + b)_c

for rows x of zeros and ones; n_dc counts the ones of column d in class c, n_c the rows of it, and s smooths.
Its log probabilities are linear in x: w is the log odds of p, b what is left. Products of 784 probabilities
underflow, sums of their logarithms do not.
Zhang et al., Dive into Deep Learning, section 22.9.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import LabelError, OptionError, ProbabilityError, ShapeError
from nbdl.kernels.door.inputs import as_float, as_labels
from nbdl.kernels.door.options import integer


@jit
def naive_bayes(x, labels, classes, smoothing=1.0):
    """The weights of a naive Bayes classifier of binary rows, fitted by counting.

    ``linear(x, w, b)`` are the logarithms of P(class, row), of which `log_softmax` makes those of
    P(class | row), and ``argmax(-1)`` the class.

    Parameters
    ----------
    x : (N, D) float array
        Zeros and ones; numbers in between count as parts.
    labels : (N,) array of integers
        The class of each row, from 0 to `classes` - 1.
    classes : int
        How many there are; at least 1.
    smoothing : float
        Counts that each outcome has beforehand, positive: what was never seen is not impossible.

    Returns
    -------
    w (D, classes), b (classes,) : arrays of the dtype of `x`
        b is -inf for a class without rows.

    Raises
    ------
    LabelError, ProbabilityError, OptionError, ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions.

    Examples
    --------
    >>> w, b = naive_bayes(np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]), np.array([0, 0, 1]), 2)
    >>> (np.array([[1.0, 0.0], [0.0, 1.0]]) @ w + b).argmax(-1)
    array([0, 1])
    """
    x = as_float("naive_bayes: `x` (N, D)", x, 2)
    labels = as_labels("naive_bayes: `labels` (N,)", labels, 1)
    classes = integer("naive_bayes: `classes`", classes)
    if classes < 1:
        raise OptionError("naive_bayes: `classes` must be at least 1, got {}", classes)
    if not (smoothing > 0 and smoothing < np.inf):
        raise OptionError("naive_bayes: `smoothing` must be positive and finite, got {}", smoothing)
    if labels.shape[0] != x.shape[0] or x.shape[0] == 0:
        raise ShapeError(
            "naive_bayes: `labels` must be as many as the rows of `x`, at least 1, got {} and {}",
            labels.shape[0], x.shape[0],
        )  # fmt: skip
    return _naive_bayes(x, labels, classes, float(smoothing))


@jit
def _naive_bayes(x, labels, classes, smoothing):
    N, D = x.shape
    ones, rows = np.zeros((classes, D)), np.zeros(classes)
    for n in range(N):
        c = labels[n]
        if c < 0 or c >= classes:
            raise LabelError(
                "naive_bayes: `labels` must be from 0 to {} (`classes` - 1), got {} at position {}",
                classes - 1, c, n,
            )  # fmt: skip
        rows[c] += 1
        for d in range(D):
            if not (x[n, d] >= 0 and x[n, d] <= 1):
                raise ProbabilityError(
                    "naive_bayes: `x` must be from 0 to 1, got {} at row {}, column {}; compare it with a "
                    "threshold", np.float64(x[n, d]), n, d,
                )  # fmt: skip
            ones[c, d] += x[n, d]
    w, b = np.empty((D, classes), x.dtype), np.empty(classes, x.dtype)
    for c in range(classes):
        total = np.log(rows[c] / N) if rows[c] > 0 else -np.inf
        for d in range(D):
            # The common divisor of both cancels in the odds.
            yes, no = ones[c, d] + smoothing, rows[c] - ones[c, d] + smoothing
            w[d, c] = np.log(yes / no)
            total += np.log(no / (rows[c] + 2 * smoothing))
        b[c] = total
    return w, b
