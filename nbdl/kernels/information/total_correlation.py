r"""Total correlation and dual total correlation: how far several variables are from independent.

.. math::
    \mathrm{TC}(X_1, \ldots, X_n) = \sum_d \mathrm{H}(X_d) - \mathrm{H}(X_1, \ldots, X_n) \qquad
    \mathrm{DTC} = \mathrm{H}(X_1, \ldots, X_n) - \sum_d \mathrm{H}(X_d | X_{-d})

:math:`X_{-d}` are all variables but one. Of two variables both are the mutual information; neither is ever
negative. Watanabe 1960 (who said total correlation); Te Sun Han 1978 (dual).
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.information.entropy import _entropy
from nbdl.kernels.information.tables import as_table, nats_in, text


@jit
def total_correlation(p, base=None, normalize=False):
    """The total correlation of the variables of a joint table: 0 if they are independent.

    Parameters
    ----------
    p : array of any shape, float32, float64 or integers
        Joint probabilities with an axis for each variable, or with ``normalize=True`` counts or weights.
    base : number, optional
        Of the logarithm: positive and not 1. None: e, the result is in nats; 2 gives bits.
    normalize : bool
        Divide the table by its sum.

    Returns
    -------
    number of the dtype of `p`; NaN if the counts are all zero.

    Raises
    ------
    ProbabilityError
        If an entry is negative, infinite or NaN, or the table does not sum to 1 (see `normalize`).
    OptionError, ShapeError, DtypeError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> round(float(total_correlation(np.array([[0.5, 0.0], [0.0, 0.5]]), base=2)), 4)
    1.0
    """
    p, nats = as_table("total_correlation: `p`", p), nats_in("total_correlation: `base`", base)
    # Before the entropy, whose walk divides by the number of entries.
    if p.size == 0:
        raise ShapeError("total_correlation: `p` must have entries, got shape {}", p.shape)
    # All entries as one distribution; in nats, the unit comes last. It checks p, too.
    h = _entropy(text("total_correlation: `p`"), p.reshape((1, p.size, 1)), 1.0, bool(normalize))[0]
    alone, outer, inner = 0.0, 1, p.size
    for d in range(p.ndim):
        inner //= p.shape[d]
        # A view with axis d in the middle: whatever the number of axes, three dimensions are enough.
        alone += _entropy_of_sums(p.reshape((outer, p.shape[d], inner)), True, bool(normalize))
        outer *= p.shape[d]
    return p.dtype.type(_positive(alone - h) / nats)


@jit
def dual_total_correlation(p, base=None, normalize=False):
    """The dual total correlation of the variables of a joint table: what of each the others know together.

    `p`, an array of any shape with an axis for each variable, `base`, `normalize`, the result and errors as
    in `total_correlation`.

    Examples
    --------
    >>> round(float(dual_total_correlation(np.array([[0.5, 0.0], [0.0, 0.5]]), base=2)), 4)
    1.0
    """
    p, nats = as_table("dual_total_correlation: `p`", p), nats_in("dual_total_correlation: `base`", base)
    if p.size == 0:
        raise ShapeError("dual_total_correlation: `p` must have entries, got shape {}", p.shape)
    h = _entropy(text("dual_total_correlation: `p`"), p.reshape((1, p.size, 1)), 1.0, bool(normalize))[0]
    private, outer, inner = 0.0, 1, p.size
    for d in range(p.ndim):
        inner //= p.shape[d]
        # H(X_d | all others) is the joint entropy less that of the others.
        private += h - _entropy_of_sums(p.reshape((outer, p.shape[d], inner)), False, bool(normalize))
        outer *= p.shape[d]
    return p.dtype.type(_positive(h - private) / nats)


@jit(strict=True)
def _positive(h):
    """What rounding makes negative is 0; NaN stays."""
    return 0.0 if h <= 0 else h


@jit(strict=True)
def _entropy_of_sums(p, middle, normalize):
    """The entropy of the marginal of (outer, n, inner) on the middle axis, or on the two others."""
    # p has been checked; it is read in the order of memory, whichever axes are summed.
    outer, n, inner = p.shape
    sums, s = np.zeros(n if middle else outer * inner), np.float64(0)
    for o in range(outer):
        for k in range(n):
            for i in range(inner):
                sums[k if middle else o * inner + i] += p[o, k, i]
    for v in sums:
        s += v
    h = np.float64(0)
    for v in sums:
        # 0 log 0 is 0, and would be NaN.
        if v > 0:
            share = v / s if normalize else v
            h -= share * np.log(share)
    return h
