"""Digamma, trigamma and ratios of gamma functions on float64 arrays > 0; the tail of chi-squared.

The first three are their asymptotic series beyond 10, to which the recurrence leads from below; errors are
some 1e-15 of the largest term. Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 6.3.18,
6.4.12, 6.1.40.
"""

import math

import numpy as np

FAR = 10  # steps of the recurrence, after which the series holds


def digamma(x):
    """The derivative of log gamma, for x > 0."""
    x = np.asarray(x, np.float64)
    below = sum(1 / (x + j) for j in range(FAR))
    x = x + FAR
    s = 1 / (x * x)
    series = s * (1 / 12 - s * (1 / 120 - s * (1 / 252 - s * (1 / 240 - s * (1 / 132 - s * 691 / 32760)))))
    return np.log(x) - 0.5 / x - series - below


def trigamma(x):
    """The derivative of `digamma`, for x > 0."""
    x = np.asarray(x, np.float64)
    below = sum(1 / (x + j) ** 2 for j in range(FAR))
    x = x + FAR
    s = 1 / (x * x)
    series = s * (1 / 6 - s * (1 / 30 - s * (1 / 42 - s * (1 / 30 - s * (5 / 66 - s * 691 / 2730)))))
    return 1 / x + s / 2 + series / x + below


def log_rising(x, n):
    """log of gamma(x + n) / gamma(x), for x > 0 and n >= 0: no cancellation where x is much larger than n."""
    x, n = np.asarray(x, np.float64), np.asarray(n, np.float64)
    below = sum(np.log(x + j) - np.log(x + n + j) for j in range(FAR))
    x = x + FAR
    return n * np.log(x) + (x + n - 0.5) * np.log1p(n / x) - n + _stirling(x + n) - _stirling(x) + below


def _stirling(x):
    """What log gamma has beyond (x - 1/2) log x - x + log(2 pi) / 2."""
    s = 1 / (x * x)
    return (1 / 12 - s * (1 / 360 - s * (1 / 1260 - s * (1 / 1680 - s * (1 / 1188 - s * 691 / 360360))))) / x


def chi2_tail(x, dof):
    """The probability that a chi-squared variable of `dof` degrees of freedom is at least `x`.

    The incomplete gamma function Q(dof/2, x/2), by the series of 1 - Q where x is small, else by Legendre's
    continued fraction (Abramowitz and Stegun, 6.5.29 and 6.5.31).
    """
    a, x = dof / 2, x / 2
    if x <= 0:
        return 1.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        n = a
        while term > 1e-17 * total:
            n += 1
            term *= x / n
            total += term
        return 1 - front * total
    b, c, d = x + 1 - a, math.inf, 1 / (x + 1 - a)
    h, j, change = d, 0, 0.0
    while abs(change - 1) > 1e-16:
        j += 1
        b += 2
        step = j * (a - j)
        d = 1 / (step * d + b)
        c = b + step / c
        change = c * d
        h *= change
    return front * h
