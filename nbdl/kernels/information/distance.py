r"""Distances between distributions that need no logarithm, and the one that is one of an affinity.

.. math::
    \mathrm{TV}(p, q) &= \tfrac12 \sum_i |p_i - q_i| \qquad
    \mathrm{H}(p, q) = \Big( \tfrac12 \sum_i (\sqrt{p_i} - \sqrt{q_i})^2 \Big)^{1/2} \\
    \chi^2(p \| q) &= \sum_i \frac{(p_i - q_i)^2}{q_i} \qquad
    \mathrm{B}(p, q) = -\log \sum_i \sqrt{p_i q_i}

Total variation and the Hellinger distance are metrics from 0 to 1; some authors leave out their one half.
The Bhattacharyya distance is infinite for distributions without a common outcome; it is found as
:math:`-\log(1 - \mathrm{H}^2)`, which is exact also where p is next to q. chi^2 is infinite where q = 0 < p.
Tsybakov, Introduction to Nonparametric Estimation, section 2.4; Bhattacharyya 1943.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.information.compare import compare, sum_terms
from nbdl.kernels.information.log_terms import SMALLEST
from nbdl.kernels.information.pairs import as_pair
from nbdl.kernels.information.tables import as_result
from nbdl.kernels.simd.registers import larger, sqrt, where


@jit
def total_variation(p, q, axis=-1, normalize=False, out=None):
    """The total variation distance along `axis`: the most by which the two differ on any event.

    Arguments `p` and `q` (arrays of one shape), `axis`, `normalize`, `out`, the result and errors as in
    `cross_entropy`; from 0 to 1.

    Examples
    --------
    >>> round(float(total_variation(np.array([0.5, 0.5]), np.array([0.25, 0.75]))), 4)
    0.25
    """
    pair, _, _, result = as_pair("total_variation", p, q, axis, None)
    y = _total_variation(pair, bool(normalize))
    return as_result("total_variation: `out`", out, result, pair.p, y)


@jit(inline=True)
def _difference(p, q):
    return abs(p - q)


@jit(strict=True)
def _total_variation(pair, normalize):
    y, _ = compare(sum_terms, _difference, None, pair, normalize)
    for i in range(y.size):
        # Once in the end, which is exact: in every term it would cost a product.
        y[i] *= 0.5
    return y


@jit
def hellinger_distance(p, q, axis=-1, normalize=False, out=None):
    """The Hellinger distance along `axis`: a metric from 0 to 1.

    Arguments `p` and `q` (arrays of one shape), `axis`, `normalize`, `out`, the result and errors as in
    `cross_entropy`.

    Examples
    --------
    >>> round(float(hellinger_distance(np.array([1.0, 0.0]), np.array([0.0, 1.0]))), 4)
    1.0
    """
    pair, _, _, result = as_pair("hellinger_distance", p, q, axis, None)
    y = _squared_hellinger(pair, bool(normalize))
    for i in range(y.size):
        y[i] = np.sqrt(y[i])
    return as_result("hellinger_distance: `out`", out, result, pair.p, y)


@jit(inline=True)
def _root_difference(p, q):
    # Not p + q - 2 sqrt(p q), which cancels where p is next to q.
    d = sqrt(p) - sqrt(q)
    return d * d


@jit(strict=True)
def _squared_hellinger(pair, normalize):
    y, _ = compare(sum_terms, _root_difference, None, pair, normalize)
    for i in range(y.size):
        y[i] *= 0.5
    return y


@jit
def bhattacharyya_distance(p, q, axis=-1, base=None, normalize=False, out=None):
    """The Bhattacharyya distance along `axis`: minus the logarithm of how far the two overlap.

    Arguments `p` and `q` (arrays of one shape), `axis`, `base`, `normalize`, `out`, the result and errors as
    in `cross_entropy`; infinite where the two have no outcome in common.

    Examples
    --------
    >>> round(float(bhattacharyya_distance(np.array([0.5, 0.5]), np.array([1.0, 0.0]), base=2)), 4)
    0.5
    """
    pair, nats, _, result = as_pair("bhattacharyya_distance", p, q, axis, base)
    y = _squared_hellinger(pair, bool(normalize))
    _bhattacharyya_distance(pair, nats, y)
    return as_result("bhattacharyya_distance: `out`", out, result, pair.p, y)


@jit(strict=True)
def _bhattacharyya_distance(pair, nats, y):
    p, q = pair.p, pair.q
    for number in range(y.size):
        # -log(1 - H^2) from the squared Hellinger distance, exact where the two are alike
        if y[number] < 0.5:
            y[number] = -np.log1p(-y[number]) / nats
        elif y[number] >= 0.5:  # the overlap itself, which may be very small
            o, i = number // p.shape[2], number % p.shape[2]
            overlap, s, t = np.float64(0), np.float64(0), np.float64(0)
            for k in range(p.shape[1]):
                a, b = np.float64(p[o, k, i]), np.float64(q[o, k, i])
                # Root by root: the product of two small numbers could underflow.
                overlap, s, t = overlap + np.sqrt(a) * np.sqrt(b), s + a, t + b
            y[number] = np.inf
            if overlap > 0:
                y[number] = -np.log(overlap / (np.sqrt(s) * np.sqrt(t)))
            y[number] /= nats
        if y[number] == 0:
            y[number] = 0.0  # not -0


@jit
def chi_squared_divergence(p, q, axis=-1, normalize=False, out=None):
    """Pearson's chi-squared divergence of `p` from `q` along `axis`; not symmetric.

    Arguments `p` and `q` (arrays of one shape), `axis`, `normalize`, `out`, the result and errors as in
    `cross_entropy`; infinite where q = 0 < p.

    Examples
    --------
    >>> round(float(chi_squared_divergence(np.array([0.5, 0.5]), np.array([0.25, 0.75]))), 4)
    0.3333
    """
    pair, _, _, result = as_pair("chi_squared_divergence", p, q, axis, None)
    y = _chi_squared_divergence(pair, bool(normalize))
    return as_result("chi_squared_divergence: `out`", out, result, pair.p, y)


@jit(inline=True)
def _chi_squared(p, q):
    d = p - q
    # Not d^2 / q: the square of a small d could underflow. Computed in every lane, also where q is 0.
    finite = d * (d / larger(q, SMALLEST))
    # d = 0 is asked first: an outcome that neither has adds nothing.
    return where(d == 0.0, 0.0, where(q > 0.0, finite, np.inf))


@jit(strict=True)
def _chi_squared_divergence(pair, normalize):
    y, _ = compare(sum_terms, _chi_squared, None, pair, normalize)
    return y
