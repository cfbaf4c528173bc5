r"""NSB: the posterior of the entropy under a prior that is nearly flat in the entropy itself.

Under a Dirichlet prior of concentration beta per symbol the entropy is known before the data, about
:math:`\xi(\beta) = \psi(k \beta + 1) - \psi(\beta + 1)`. So concentrations are mixed, with the density
:math:`d\xi / d\beta`:

.. math::
    E[H | n] &= \frac{\int \rho(\beta) \frac{d\xi}{d\beta} E[H | n, \beta] d\beta}{\int \rho \, d\xi} \\
    \rho(\beta) &= \frac{\Gamma(k \beta)}{\Gamma(N + k \beta)}
                   \prod_i \frac{\Gamma(n_i + \beta)}{\Gamma(\beta)}

The k - m symbols that were not seen count in the prior and in the moments. Nemenman, Shafee, Bialek,
Entropy and Inference, Revisited (2002), eq. 9-12; moments: Wolpert and Wolf (1995), theorem 8.
"""

import math
import numbers
from typing import NamedTuple

import numpy as np

from nbdl.errors import DataError, OptionError
from nbdl.info._samples import read_counts
from nbdl.info._special import digamma, log_rising, trigamma

DEPTH = 45.0  # what is e^-45 times the largest weight is left out
POINTS = 400  # of the trapezoidal rule in log beta, exponentially accurate for what vanishes at both ends


class Posterior(NamedTuple):
    """Mean and standard deviation of the entropy, in nats."""

    mean: float
    sd: float


def nsb(counts, *, k=None):
    """Posterior mean of the entropy; see `nsb_posterior`."""
    return nsb_posterior(counts, k=k).mean


def nsb_posterior(counts, *, k=None):
    """Posterior mean and standard deviation of the entropy, for counts of k symbols.

    Parameters
    ----------
    counts : (m,)
        Whole numbers, not negative.
    k : int, optional
        Size of the alphabet, as many as there are counts if not given. The estimate depends on it little
        where N is far above the square root of k.

    Returns
    -------
    Posterior, a pair (mean, sd) in nats.
    """
    counts = read_counts(counts)
    n, k = counts[counts > 0], counts.size if k is None else k
    if isinstance(k, bool) or not isinstance(k, numbers.Integral) or k < n.size:
        raise OptionError("nsb: `k` must be an integer, at least the {} counts > 0, got {!r}", n.size, k)
    if (n % 1).any():
        raise DataError("nsb: the counts must be whole numbers, got {}", n[n % 1 > 0][0])
    if k == 1:
        return Posterior(0.0, 0.0)
    # symbols with equal counts have equal terms: at most sqrt(2N) of them differ
    n, times = (v.astype(np.float64) for v in np.unique(n, return_counts=True))
    if times.sum() < k:
        n, times = np.append(n, 0.0), np.append(times, k - times.sum())
    middle = -math.log(k) / 2
    reach = 2 * DEPTH + math.log(k) / 2 + math.log(n @ times)
    grid = np.linspace(middle - reach, middle + reach, POINTS)
    weights = _log_weight(np.exp(grid), n, times, k)
    heavy = np.flatnonzero(weights > weights.max() - DEPTH)
    grid = np.linspace(grid[max(0, heavy[0] - 1)], grid[min(POINTS - 1, heavy[-1] + 1)], POINTS)
    weights = _log_weight(np.exp(grid), n, times, k)
    weights = np.exp(weights - weights.max())
    first, second = _moments(np.exp(grid), n, times, k)
    mean, square = weights @ first / weights.sum(), weights @ second / weights.sum()
    return Posterior(float(mean), math.sqrt(max(0.0, square - mean * mean)))


def _log_weight(beta, n, times, k):
    """log of rho(beta) dxi/dbeta beta, the weight of a point in log beta."""
    evidence = log_rising(beta[:, None], n) @ times - log_rising(k * beta, n @ times)
    return evidence + np.log(_slope(beta, k)) + np.log(beta)


def _slope(beta, k):
    """dxi/dbeta = k trigamma(k beta + 1) - trigamma(beta + 1); where both are nearly 1/beta, without it."""
    near = k * trigamma(k * beta + 1) - trigamma(beta + 1)
    return np.where(beta < 1, near, _below(beta) - k * _below(k * beta))


def _below(x):
    """1/x - trigamma(x + 1), by its series where these are nearly equal."""
    far = (0.5 - (1 / 6 - 1 / (30 * x * x)) / x) / x / x
    return np.where(x > 1e3, far, 1 / x - trigamma(x + 1))


def _moments(beta, n, times, k):
    """E[H | beta] and E[H^2 | beta] of the Dirichlet posterior with parameters n_i + beta."""
    a = n + beta[:, None]
    total = (n @ times + k * beta)[:, None]
    first = digamma(total + 1)[:, 0] - (a / total * digamma(a + 1)) @ times
    one = digamma(a + 1) - digamma(total + 2)
    two = digamma(a + 2) - digamma(total + 2)
    rest = trigamma(total + 2)
    pairs = ((a * one) @ times) ** 2 - (a * one) ** 2 @ times
    pairs -= rest[:, 0] * ((a @ times) ** 2 - a * a @ times)
    same = (a * (a + 1) * (two * two + trigamma(a + 2) - rest)) @ times
    return first, (pairs + same) / (total * (total + 1))[:, 0]
