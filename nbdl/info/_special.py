"""Digamma, trigamma and ratios of gamma functions, on float64 arrays of positive numbers.

Each is its asymptotic series beyond 10, to which the recurrence leads from below; errors are some 1e-15 of
the largest term. Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 6.3.18, 6.4.12, 6.1.40.
"""

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
