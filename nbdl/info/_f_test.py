r"""Whether Gaussian samples are independent: the exact test for their mutual information.

Where X (p columns) and Y (q columns) are independent given Z (r columns), Wilks' criterion
:math:`\Lambda = e^{-2 I}` of the uncorrected estimate has, by Rao's approximation,

.. math::
    F = \frac{m}{pq} \left( \Lambda^{-1/s} - 1 \right) \sim F_{pq, m} \qquad
    s = \sqrt{\frac{p^2 q^2 - 4}{p^2 + q^2 - 5}} \qquad
    m = s \left( N - 1 - r - \frac{p + q + 1}{2} \right) - \frac{pq}{2} + 1

(s = 1 where p^2 + q^2 <= 5), which is exact where p or q is at most 2: the test of a correlation, of a
partial correlation and of a regression are cases of it. Y need not be normal where X is.

Rao, An asymptotic expansion of the distribution of Wilks' criterion, Bull. Int. Statist. Inst. 33 (1951).
Rencher, Methods of Multivariate Analysis (2002), eq. 6.15.
"""

import math
from itertools import count
from typing import NamedTuple

import numpy as np

from nbdl.errors import ShapeError, UsageError
from nbdl.info._estimate import nats_of
from nbdl.info._gaussian import conditional_mutual_information, independent
from nbdl.info._kinds import fitted
from nbdl.info._samples import read, same_length, without_missing

_TINY = 1e-300  # instead of a zero that would be divided by


class FTest(NamedTuple):
    """The result of `f_test`."""

    information: float  # the estimate without bias correction
    p_value: float
    statistic: float  # F
    dof: tuple  # degrees of freedom (pq, m)


def f_test(x, y, z=None, *, base="e", nan_policy="raise"):
    """Test of independence of `x` and `y`, given `z` if there is one, by their Gaussian mutual information.

    Parameters
    ----------
    x, y, z : (N,) or (N, D)
        Continuous samples, integers of more than 20 values among them. Columns that are linear functions of
        others do not count.
    base : as in `entropy`
        That of `information`.
    nan_policy : "raise" or "omit" or "propagate"
        As in `entropy`.

    Returns
    -------
    FTest
        A named tuple: information, p_value, statistic, dof. Where nothing varies p is 1.

    Raises
    ------
    ShapeError
        On too few rows.
    """
    nats = nats_of(base)
    named = {"x": x, "y": y} | ({} if z is None else {"z": z})
    samples = [read(name, each) for name, each in named.items()]
    same_length(samples)
    samples, _ = without_missing(samples, None, nan_policy)
    if samples is None:
        return FTest(math.nan, math.nan, math.nan, (0, math.nan))
    samples, _ = fitted("mutual_information", samples, "continuous")
    for sample in samples:
        if sample.kind != "continuous":
            text = "`{}` must be continuous, got dtype {}"
            raise UsageError(text, sample.name, sample.values.dtype.name)
    x, y, *z = (s.values for s in samples)
    z = independent(z[0]) if z else np.empty((len(x), 0))
    x, y = independent(x, z), independent(y, z)
    p, q = x.shape[1], y.shape[1]
    if p == 0 or q == 0:
        return FTest(0.0, 1.0, 0.0, (0, math.nan))
    s = math.sqrt((p * p * q * q - 4) / (p * p + q * q - 5)) if p * p + q * q > 5 else 1.0
    m = s * (len(x) - 1 - z.shape[1] - (p + q + 1) / 2) - p * q / 2 + 1
    if m <= 0:
        raise ShapeError("f_test: {} rows are too few for {} and {} columns", len(x), p, q)
    information = conditional_mutual_information(x, y, z, bias_correction=False)
    exponent = 2 * information / s
    statistic = m / (p * q) * (math.expm1(exponent) if exponent < 700 else math.inf)
    return FTest(information / nats, f_tail(statistic, p * q, m), statistic, (p * q, m))


def f_tail(f, k, m):
    r"""The probability that an F variable with k and m > 0 degrees of freedom exceeds f.

    It is :math:`I_z(m/2, k/2)`, z = m / (m + k f), the regularised incomplete beta function (DLMF 8.17.2).
    """
    if f <= 0:
        return 1.0
    if f == math.inf:
        return 0.0
    return _incomplete_beta(m / (m + k * f), k * f / (m + k * f), m / 2, k / 2)


def _incomplete_beta(x, rest, a, b):
    """I_x(a, b), where `rest` = 1 - x, by its continued fraction (DLMF 8.17.22)."""
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on the other side (DLMF 8.17.4)
        return 1 - _incomplete_beta(rest, x, b, a)
    if x == 0:
        return 0.0
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    value, c, d = 1.0, 1.0, 0.0  # Lentz's method, DLMF 3.10(iii)
    for j in count(1):
        i = j // 2
        if j % 2:
            term = -(a + i) * (a + b + i) * x / ((a + 2 * i) * (a + 2 * i + 1))
        else:
            term = i * (b - i) * x / ((a + 2 * i - 1) * (a + 2 * i))
        d = 1 / (1 + term * d or _TINY)
        c = 1 + term / c or _TINY
        value *= c * d
        if abs(c * d - 1) < 1e-15:
            return math.exp(a * math.log(x) + b * math.log(rest) - log_beta) / (a * value)
