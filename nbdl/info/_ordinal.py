r"""Ordinal patterns: a series as the orders in which its neighbouring values stand.

The pattern of time t ranks the n = `order` values :math:`x_t, x_{t+\tau}, \ldots`, :math:`\tau` = `delay`, by
their size. Its code is the Lehmer code of the permutation,

.. math:: c_t = \sum_{i < n} (n - 1 - i)! \; \#\{j > i : x_{t + j \tau} < x_{t + i \tau}\}

0 for a rising and n! - 1 for a falling pattern. Of equal values the earlier one counts as the smaller (a
stable sort); so a constant series has one pattern. A pattern in which a value is missing is left out: none
reaches across a gap. The entropy of the patterns is the permutation entropy,
at most :math:`\log n!`; no strictly monotone change of the series alters it.

Bandt and Pompe, Permutation entropy: a natural complexity measure for time series, Phys. Rev. Lett. 88
(2002), eq. 1 and 2. Staniek and Lehnertz, Symbolic transfer entropy, Phys. Rev. Lett. 100 (2008).
"""

import math

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.info._estimate import estimate
from nbdl.info._measures import entropy_of_counts

_BLOCK = 1024  # patterns at a time, whose codes and values stay in the nearest cache
LARGEST_ORDER = 12  # 12! = 479,001,600 patterns


def symbols(x, *, order=3, delay=1):
    """The code of the ordinal pattern that begins at each time.

    Parameters
    ----------
    x : (N, D) float64 array
        D series, C-contiguous; NaN where a value is missing.
    order : int
        Length of the patterns, n: from 2 to 12.
    delay : int
        Samples from one value of a pattern to the next.

    Returns
    -------
    codes : (N - (order - 1) delay, D) int64
        From 0 to k - 1; a masked array, masked where a value of the pattern is missing, if one is.
    k : int
        How many patterns there are, order!.

    Raises
    ------
    OptionError, ShapeError
        On an order or a delay out of range, or a series too short for one pattern.
    """
    if isinstance(order, bool) or not isinstance(order, (int, np.integer)) or not 2 <= order <= LARGEST_ORDER:
        raise OptionError("ordinal: `order` must be an integer from 2 to {}, got {!r}", LARGEST_ORDER, order)
    if isinstance(delay, bool) or not isinstance(delay, (int, np.integer)) or delay < 1:
        raise OptionError("ordinal: `delay` must be an integer > 0, got {!r}", delay)
    n = len(x) - (order - 1) * delay
    if n < 1:
        text = "ordinal: a pattern of order {} and delay {} takes {} samples, got {}"
        raise ShapeError(text, order, delay, len(x) - n + 1, len(x))
    codes = np.empty((x.shape[1], n), np.int64)
    for series, out in zip(np.ascontiguousarray(x.T), codes):
        _lehmer(series, order, delay, out)
    codes, missing = np.ascontiguousarray(codes.T), np.isnan(x)
    if missing.any():
        windows = [missing[i * delay : i * delay + n] for i in range(order)]
        codes = np.ma.array(codes, mask=np.logical_or.reduce(windows))
    return codes, math.factorial(order)


def entropy(x, *, order=3, delay=1, correction="ml", local=False, threads=1):
    """Permutation entropy; of several columns that of their patterns taken together.

    Parameters
    ----------
    x, order, delay
        As in `symbols`.
    correction : str
        An estimator of discrete data, for the counts of the patterns.
    local : bool
        Return the value of each pattern, (N - (order - 1) delay,) where no value is missing.
    threads : int
        Not used.

    Returns
    -------
    float, in nats.
    """
    codes, k = symbols(x, order=order, delay=delay)
    if local or codes.shape[1] > 1 or k > len(codes) or np.ma.isMaskedArray(codes):
        return _of_codes("entropy", {"x": codes}, correction, local, k)
    return entropy_of_counts(np.bincount(codes[:, 0], minlength=k), correction, k=k)


def mutual_information(x, y, *, order=3, delay=1, correction="ml", local=False, threads=1):
    """Mutual information of the patterns of two series; options as of `entropy`."""
    return _of_symbols("mutual_information", (x, y), order, delay, correction, local)


def conditional_mutual_information(x, y, z, *, order=3, delay=1, correction="ml", local=False, threads=1):
    """I(X; Y | Z) of the patterns of three series; options as of `entropy`."""
    return _of_symbols("conditional_mutual_information", (x, y, z), order, delay, correction, local)


def _of_symbols(measure, samples, order, delay, correction, local):
    codes = [symbols(s, order=order, delay=delay)[0] for s in samples]
    return _of_codes(measure, dict(zip("xyz", codes)), correction, local, math.factorial(order))


def _of_codes(measure, codes, correction, local, k):
    sizes = [k ** c.shape[1] for c in codes.values()]
    if all(np.ma.getmaskarray(c).all() for c in codes.values()):
        raise ShapeError("ordinal: a value is missing in every pattern")
    return estimate(measure, codes, correction, local=local, k=sizes, nan_policy="omit")


@jit(strict=True)
def _lehmer(x, order, delay, out):
    for start in range(0, out.size, _BLOCK):
        block = out[start : start + _BLOCK]
        for t in range(block.size):
            block[t] = 0
        weight = 1
        for i in range(order - 2, -1, -1):
            weight *= order - 1 - i
            early = x[start + i * delay : start + i * delay + block.size]
            for j in range(i + 1, order):
                late = x[start + j * delay : start + j * delay + block.size]
                for t in range(block.size):
                    block[t] += weight if late[t] < early[t] else 0
