r"""Entropy of a continuous variable from the spacings of its sorted sample.

With :math:`X_1 \le \dots \le X_n` sorted, :math:`X_i = X_1` for i < 1 and :math:`X_i = X_n` for i > n, the
distance over m places on either side estimates the density, :math:`2m / n (X_{i+m} - X_{i-m})`:

========== ==============================================================================================
vasicek    :math:`\frac1n \sum_i \log \frac{n}{2m} (X_{i+m} - X_{i-m})`
van_es     :math:`\frac1{n-m} \sum_{i=1}^{n-m} \log (X_{i+m} - X_i) + \sum_{k=m}^n \frac1k`
ebrahimi   as vasicek, with :math:`c_i m` for 2m: c is 2 in the middle, :math:`1 + (i-1)/m` at the lower and
           :math:`1 + (n-i)/m` at the upper end
correa     :math:`-\frac1n \sum_i \log b_i`, b the slope of j/n against :math:`X_j` over the 2m + 1 places
           about i
========== ==============================================================================================

Each takes one column and gives nats; m is `window`, by default :math:`\lfloor \sqrt n + 1/2 \rfloor`, or as
many as fit where n < 5. The entropy of a density has no lower bound: it may be negative, and it is -inf where
a value repeats so often that a spacing is 0, for then there is no density. Time n log n for the sort, memory
16 n bytes.

Vasicek, A test for normality based on sample entropy, JRSS B 38 (1976), eq. 2. Van Es, Estimating functionals
related to a density by a class of statistics based on spacings, Scand. J. Statist. 19 (1992), eq. 2.6.
Ebrahimi, Pflughoeft, Soofi, Two measures of sample entropy, Statist. Probab. Lett. 20 (1994), section 2.
Correa, A new estimator of entropy, Comm. Statist. Theory Methods 24 (1995), section 2.
"""

import math

import numpy as np

from nbdl._jit import jit
from nbdl.errors import DtypeError, OptionError, ShapeError


def vasicek(x, *, window=None, local=False, threads=1):
    """Entropy by Vasicek's spacings (see the head of this file).

    Parameters
    ----------
    x : (N, 1) float array
        At least 3 samples.
    window : int, optional
        m, the places to either side: from 1 to less than N / 2.
    local : bool
        Only False: a spacing belongs to no sample.
    threads : int
        Not used: the sort takes longest.

    Returns
    -------
    float, in nats.

    Raises
    ------
    ShapeError, OptionError
        More than one column, or a window that does not fit.
    """
    padded, n, m = _sorted("vasicek", x, window, local)
    return float(_mean_log(padded[2 * m :] - padded[:n]) + math.log(n / (2 * m)))


def van_es(x, *, window=None, local=False, threads=1):
    """Entropy by van Es's one-sided spacings; arguments as `vasicek`."""
    padded, n, m = _sorted("van_es", x, window, local)
    x = padded[m : m + n]
    harmonic = (1 / np.arange(m, n + 1)).sum()
    return float(_mean_log(x[m:] - x[:-m]) + harmonic)


def ebrahimi(x, *, window=None, local=False, threads=1):
    """Entropy by spacings whose ends count as the shorter ones that they are; arguments as `vasicek`."""
    padded, n, m = _sorted("ebrahimi", x, window, local)
    ends = 2 * np.log(1 + np.arange(m) / m).sum() + (n - 2 * m) * math.log(2)
    return float(_mean_log(padded[2 * m :] - padded[:n]) + math.log(n / m) - ends / n)


def correa(x, *, window=None, local=False, threads=1):
    """Entropy by local linear regression of the empirical distribution; arguments as `vasicek`."""
    padded, n, m = _sorted("correa", x, window, local)
    exponent = math.frexp(max(-padded[0], padded[-1]))[1]  # without it squares may overflow, or vanish
    slopes = _inverse_slopes(np.ldexp(padded, -exponent), 2 * m + 1)
    return float(_mean_log(slopes) + exponent * math.log(2) + math.log(n))


def _sorted(name, x, window, local):
    """The sorted column with its ends repeated m times, its length and m."""
    if local:
        raise OptionError("{}: `local` must be False: a spacing belongs to no sample", name)
    if x.ndim != 2 or x.shape[1] != 1:
        raise ShapeError("{}: `x` must be one column (N, 1), got shape {}", name, x.shape)
    n = len(x)
    if n < 3:
        raise ShapeError("{}: `x` must have at least 3 samples, got {}", name, n)
    m = min(math.floor(math.sqrt(n) + 0.5), (n - 1) // 2) if window is None else window
    if isinstance(m, bool) or not isinstance(m, (int, np.integer)):
        raise DtypeError("{}: `window` must be an integer, got {!r}", name, m)
    if not 1 <= m < n / 2:
        raise OptionError("{}: `window` must be from 1 to less than half of {} samples, got {}", name, n, m)
    m = int(m)
    padded = np.empty(n + 2 * m)
    middle = padded[m : m + n]
    middle[:] = x[:, 0]
    middle.sort()
    padded[:m], padded[m + n :] = middle[0], middle[-1]
    return padded, n, m


def _mean_log(spacings):
    with np.errstate(divide="ignore"):  # the logarithm of 0 is meant
        return np.log(spacings, out=spacings).mean()


@jit(strict=True)
def _inverse_slopes(x, size):
    """Slope of x against its places 0, 1, ..., as correa divides, over each `size` neighbours: 1 / (n b).

    Every such window is the end of one block of `size` and the beginning of the next. The sums of squares and
    products about the mean, of ends and beginnings, grow by terms that are never negative (Chan, Golub,
    LeVeque 1983, eq. 2.1): nothing is taken away, so nothing cancels.
    """
    n = x.size - size + 1
    out = np.empty(n)
    mean, squares, products = np.empty(size + 1), np.empty(size + 1), np.empty(size + 1)
    for start in range(0, n, size):
        mean[0] = squares[0] = products[0] = 0.0
        for k in range(size):  # the last k + 1 values of the block, from its end downwards
            v = x[start + size - 1 - k]
            d = v - mean[k]
            mean[k + 1] = mean[k] + d / (k + 1)
            squares[k + 1] = squares[k] + d * (v - mean[k + 1])
            products[k + 1] = products[k] - d * k / 2
        m = s = p = 0.0  # of the first `r` values of the next block
        for r in range(min(size, n - start)):
            if r:
                v = x[start + size + r - 1]
                d = v - m
                m += d / r
                s += d * (v - m)
                p += d * (r - 1) / 2
            left = size - r
            d = m - mean[left]
            share = left * r / size
            s_all = squares[left] + s + d * d * share
            p_all = products[left] + p + d * (size / 2) * share
            out[start + r] = s_all / p_all if s_all > 0 else 0.0
    return out
