r"""Pointwise mutual information: how much more often two values occur together than if independent.

.. math::
    \mathrm{PMI}(x, y) = \log \frac{p(x, y)}{p(x)\, p(y)} \qquad
    \mathrm{PPMI} = \max(\mathrm{PMI}, 0) \qquad
    \mathrm{NPMI} = \frac{\mathrm{PMI}}{-\log p(x, y)}

A pair that never occurs has PMI -infinity, PPMI 0 and NPMI -1. NPMI is 0 for independent values and 1 for
values that only occur together, whatever the base. The mean of PMI under p is the mutual information.
Church and Hanks 1990; Bouma 2009, Normalized (pointwise) mutual information in collocation extraction.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.results import as_out
from nbdl.kernels.information.entropy import _entropy
from nbdl.kernels.information.mutual_information import _tables, marginals
from nbdl.kernels.information.tables import as_table, nats_in, text

PLAIN, POSITIVE, NORMALIZED = 0, 1, 2


@jit
def pointwise_mutual_information(p, base=None, normalize=False, out=None):
    """The pointwise mutual information of each pair of values; -inf for a pair of probability 0.

    Parameters
    ----------
    p : (..., X, Y) array, float32, float64 or integers
        Joint probabilities, or with ``normalize=True`` counts or weights; each table sums to 1.
    base : number, optional
        Of the logarithm: positive and not 1. None: e, the result is in nats; 2 gives bits.
    normalize : bool
        Divide each table by its sum.
    out : array of the shape of `p`, optional
        Where the result goes; may be `p` itself.

    Returns
    -------
    array of the shape and dtype of `p`; a table of counts that are all zero gives -inf.

    Raises
    ------
    ProbabilityError
        If an entry is negative, infinite or NaN, or a table does not sum to 1 (see `normalize`).
    OptionError, ShapeError, DtypeError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> pointwise_mutual_information(np.array([[0.5, 0.0], [0.0, 0.5]]), base=2)
    array([[  1., -inf],
           [-inf,   1.]])
    """
    p = as_table("pointwise_mutual_information: `p`", p)
    nats = nats_in("pointwise_mutual_information: `base`", base)
    view = _tables(text("pointwise_mutual_information"), p.shape, 2)
    # For its checks alone; before `y` is written, which may be `p` itself.
    _entropy(text("pointwise_mutual_information: `p`"), p.reshape(view), 1.0, bool(normalize))
    y = as_out("pointwise_mutual_information: `out`", out, p.shape, p)
    shape = (view[0], p.shape[p.ndim - 2], p.shape[p.ndim - 1])
    _pointwise(p.reshape(shape), nats, PLAIN, y.reshape(shape))
    return y


@jit
def positive_pointwise_mutual_information(p, base=None, normalize=False, out=None):
    """The pointwise mutual information where it is positive, else 0.

    `p`, an array (..., X, Y), `base`, `normalize`, `out`, the result and errors as in
    `pointwise_mutual_information`.
    """
    p = as_table("positive_pointwise_mutual_information: `p`", p)
    nats = nats_in("positive_pointwise_mutual_information: `base`", base)
    view = _tables(text("positive_pointwise_mutual_information"), p.shape, 2)
    _entropy(text("positive_pointwise_mutual_information: `p`"), p.reshape(view), 1.0, bool(normalize))
    y = as_out("positive_pointwise_mutual_information: `out`", out, p.shape, p)
    shape = (view[0], p.shape[p.ndim - 2], p.shape[p.ndim - 1])
    _pointwise(p.reshape(shape), nats, POSITIVE, y.reshape(shape))
    return y


@jit
def normalized_pointwise_mutual_information(p, normalize=False, out=None):
    """The pointwise mutual information over -log p(x, y): from -1 to 1.

    `p`, an array (..., X, Y), `normalize`, `out`, the result and errors as in `pointwise_mutual_information`.
    """
    p = as_table("normalized_pointwise_mutual_information: `p`", p)
    view = _tables(text("normalized_pointwise_mutual_information"), p.shape, 2)
    _entropy(text("normalized_pointwise_mutual_information: `p`"), p.reshape(view), 1.0, bool(normalize))
    y = as_out("normalized_pointwise_mutual_information: `out`", out, p.shape, p)
    shape = (view[0], p.shape[p.ndim - 2], p.shape[p.ndim - 1])
    # In nats: the base cancels in the quotient.
    _pointwise(p.reshape(shape), 1.0, NORMALIZED, y.reshape(shape))
    return y


@jit(strict=True)
def _pointwise(p, nats, form, y):
    p_x, p_y = np.empty(p.shape[1]), np.empty(p.shape[2])
    for number in range(p.shape[0]):
        # Before the table is written, which may be in the place of p; then each element is read before.
        s = marginals(p[number], p_x, p_y)
        for i in range(p.shape[1]):
            for j in range(p.shape[2]):
                v = np.float64(p[number, i, j])
                # One division after the other: the product of two marginals could overflow or underflow.
                information = np.log(v / p_x[i] / p_y[j] * s) / nats if v > 0 else -np.inf
                if form == POSITIVE:
                    information = max(information, 0.0)
                elif form == NORMALIZED and v == 0:
                    information = -1.0
                elif form == NORMALIZED:
                    # All in one cell is 0 / 0, of which the limit is 1.
                    information = 1.0 if v >= s else information / -np.log(v / s)
                y[number, i, j] = information
