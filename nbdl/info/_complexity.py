r"""How regular one series is by itself: four entropies of time series, and the number of words in it.

.. math::
    \text{permutation} &= H(\text{ordinal patterns}) \\
    \text{sample} &= -\log \frac{A}{B}, \quad B, A = \#\{i < j :
        \max_{u < m} |x_{i+u} - x_{j+u}| \le r\} \text{ of } m \text{ and } m + 1 \text{ values} \\
    \text{spectral} &= -\sum_f p_f \log p_f, \quad p_f = S_f / \textstyle\sum S \\
    \text{Lempel-Ziv} &= \text{words, each the shortest that the series has not shown before}

Bandt and Pompe, Phys. Rev. Lett. 88 (2002), eq. 2. Richman and Moorman, Physiological time-series analysis
using approximate entropy and sample entropy, Am. J. Physiol. 278 (2000), H2042. Inouye et al., Quantification
of EEG irregularity by use of the entropy of the power spectrum, Electroenceph. Clin. Neurophysiol. 79 (1991).
Lempel and Ziv, On the complexity of finite sequences, IEEE Trans. Inf. Theory 22 (1976), eq. 9.
"""

import math

import numpy as np

from nbdl._cores import thread_count
from nbdl._jit import jit
from nbdl.errors import DataError, DtypeError, OptionError, ShapeError
from nbdl.info._counts import Joint
from nbdl.info._estimate import estimate, nats_of
from nbdl.info._samples import deviations, read, with_gaps, without_missing
from nbdl.info._series import check_integer
from nbdl.info._telling import warn
from nbdl.info._threads import in_parallel

_BLOCK = 4096  # pairs at a time, whose distances stay in the nearest cache
_SHARES = 16  # of the pairs, for threads


def permutation_entropy(
    x, *, order=3, delay=1, normalize=False, correction="ml", base="e", nan_policy="raise"
):
    r"""Entropy of the orders in which neighbouring values stand; ``entropy(x, "ordinal")`` by its usual name.

    Parameters
    ----------
    x : (N,)
        A series of numbers, equally spaced in time.
    order, delay, correction
        Length of the patterns, 2 to 12; samples between their values; an estimator of discrete data.
    normalize : bool
        Divide by :math:`\log order!`: 0 for a monotone series, near 1 for noise. Without a unit.
    base, nan_policy
        As in `entropy`.

    Returns
    -------
    float

    Examples
    --------
    >>> permutation_entropy([4, 7, 9, 10, 6, 11, 3], base="bits")  # Bandt and Pompe's example
    1.5219280948873621
    """
    sample = _series(x, floats=True)
    options = {"order": order, "delay": delay, "correction": correction, "nan_policy": nan_policy}
    value = estimate("entropy", {"x": with_gaps(sample).values}, "ordinal", base=base, **options)
    return float(value * nats_of(base) / math.log(math.factorial(order))) if normalize else value


def sample_entropy(x, *, order=2, tolerance=None, base="e", nan_policy="raise", threads=None):
    r"""How seldom patterns that are alike in m values stay alike in the next one: :math:`-\log(A / B)`.

    Parameters
    ----------
    x : (N,)
        A series of numbers, equally spaced in time; N > m + 1. N (N - 1) / 2 pairs of patterns are compared.
    order : int
        Length m of the patterns.
    tolerance : float, optional
        r, how far two values that are alike may be apart; 0.2 standard deviations (ddof=0) if not given.
    base, threads
        As in `entropy`.
    nan_policy : "raise", "omit" or "propagate"
        With "omit" the patterns in which a value is missing are left out; none is formed across a gap.

    Returns
    -------
    float
        inf where no pattern stays alike. Where none is alike to begin with: NaN, with a warning.

    Examples
    --------
    >>> round(sample_entropy([1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 3.0], order=1, tolerance=0.1), 4)
    0.4055
    """
    nats, threads = nats_of(base), thread_count(threads)
    check_integer("`order`", order, 1)
    sample = _series(x, floats=True)
    if without_missing([sample], None, nan_policy)[0] is None:
        return math.nan
    values = with_gaps(sample).values.ravel()
    if len(values) < order + 2:
        raise ShapeError("`x` must have at least `order` + 2 = {} samples, got {}", order + 2, len(values))
    if tolerance is None:
        tolerance = 0.2 * float(deviations(values[~np.isnan(values)][:, None])[0])
    elif (
        isinstance(tolerance, bool)
        or not isinstance(tolerance, (int, float, np.number))
        or not tolerance >= 0
    ):
        raise OptionError("`tolerance` must be a number, 0 or more, got {!r}", tolerance)
    shares = in_parallel(
        lambda first: _alike(values, order, float(tolerance), first, _SHARES), list(range(_SHARES)), threads
    )
    b, a = np.sum(shares, axis=0)
    if b == 0:
        text = "no two patterns of {} values of `x` are within {:.3g}: the sample entropy is not defined"
        warn(text.format(order, tolerance) + ". Try a larger `tolerance`")
        return math.nan
    return math.inf if a == 0 else (math.log(b) - math.log(a)) / nats


def spectral_entropy(x, *, method="fft", nperseg=256, normalize=False, base="e", nan_policy="raise"):
    r"""Entropy of the power spectrum taken as a distribution over the frequencies: 0 for a sine.

    Parameters
    ----------
    x : (N,)
        A series of numbers, equally spaced in time. Its mean is taken away.
    method : "fft" or "welch"
        The periodogram of the whole series, or the mean of those of segments, under a Hann window and half
        overlapping (Welch 1967): fewer frequencies, whose power is less noisy.
    nperseg : int
        Samples of a segment of "welch", at most N.
    normalize : bool
        Divide by the logarithm of the number of frequencies: near 1 for white noise. Without a unit.
    base
        As in `entropy`.
    nan_policy : "raise" or "propagate"
        A spectrum needs every sample: missing ones are an error, or give NaN.

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> spectral_entropy(np.sin(2 * np.pi * np.arange(1000) / 100)) < 1e-9
    True
    """
    nats = nats_of(base)
    if nan_policy == "omit":
        raise OptionError(
            '`nan_policy` must be "raise" or "propagate": a spectrum needs every sample, got "omit"'
        )
    sample = _series(x, floats=True)
    if without_missing([sample], None, nan_policy)[0] is None:
        return math.nan
    values = sample.values[:, 0]
    largest = np.abs(values).max()
    power = _power(values / (largest if largest > 0 else 1.0), method, nperseg)
    p = power / (power.sum() or 1.0)
    if not (values != values[0]).any() or not p.any():
        raise DataError("`x` must not be constant: it has no power to be shared among frequencies")
    entropy = -float((p[p > 0] * np.log(p[p > 0])).sum())
    return entropy / (math.log(p.size) if normalize else nats)


def lempel_ziv_complexity(x, *, normalize=False, nan_policy="raise"):
    r"""Number of words of the exhaustive history of a sequence: each the shortest that was not there before.

    Parameters
    ----------
    x : (N,)
        Symbols: integers, truth values, text, objects. Make symbols of measured values first, as in
        ``x > np.median(x)``.
    normalize : bool
        Divide by :math:`N / \log_k N`, k symbols seen (2 at least): near 1 for long random sequences of
        equally likely symbols.
    nan_policy : "raise" or "propagate"
        Missing symbols are an error, or give NaN.

    Returns
    -------
    int, or float if normalized or NaN

    Notes
    -----
    A word that the end cuts short counts. Words are found by a suffix automaton (Blumer et al. 1985), in time
    that grows with N alone.

    Examples
    --------
    >>> lempel_ziv_complexity([0, 0, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 1])  # 0.001.10.100.1000.101
    6
    """
    if nan_policy == "omit":
        raise OptionError('`nan_policy` must be "raise" or "propagate": a gap would join words, got "omit"')
    sample = _series(x, floats=False)
    if without_missing([sample], None, nan_policy)[0] is None:
        return math.nan
    codes, symbols = Joint([sample.values]).codes((0,))
    words = int(_words(codes))
    if not normalize:
        return words
    n, k = len(codes), max(2, int(symbols))
    return words * math.log(max(n, 2)) / math.log(k) / n


# --- reading ----------------------------------------------------------------------------------------------


def _series(x, floats):
    """The sample of one series: numbers as float64 if `floats`, else symbols."""
    sample = read("x", x)
    if sample.values.shape[1] != 1:
        raise ShapeError("`x` must be one series, (N,), got {}", np.shape(x))
    if floats and sample.kind == "discrete":
        if sample.values.dtype.kind not in "biu":
            raise DtypeError("`x` must be numbers, got dtype {}", sample.values.dtype.name)
        return sample._replace(kind="continuous", values=sample.values.astype(np.float64))
    if not floats and sample.kind == "continuous":
        text = "`x` must be symbols (integers, truth values, text), got dtype {}; try `x > np.median(x)`"
        raise DtypeError(text, sample.values.dtype.name)
    return sample


def _power(x, method, nperseg):
    """One-sided power at each frequency, up to a factor, of x (N,) about its mean."""
    if method == "fft":
        size, step, window = len(x), len(x), 1.0
    elif method == "welch":
        check_integer("`nperseg`", nperseg, 2)
        size = min(nperseg, len(x))
        step = size - size // 2
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    else:
        raise OptionError('`method` must be "fft" or "welch", got {!r}', method)
    segments = np.lib.stride_tricks.sliding_window_view(x, size)[::step]
    spectrum = np.fft.rfft((segments - segments.mean(axis=1, keepdims=True)) * window)
    power = (spectrum.real**2 + spectrum.imag**2).mean(axis=0)
    power[1 : (size + 1) // 2] *= 2  # a frequency below half the sampling rate stands for its negative too
    return power


# --- compiled ---------------------------------------------------------------------------------------------


@jit(strict=True)
def _alike(x, m, r, first, shares):
    """(pairs of patterns of m values within r, those that are within r in the next value too).

    Only pairs first + 1, first + 1 + shares, ... samples apart. A missing value is within r of none.
    """
    near = np.empty(_BLOCK + m, np.uint8)
    of_m = of_next = 0
    for apart in range(first + 1, x.size - m, shares):
        pairs = x.size - m - apart
        for start in range(0, pairs, _BLOCK):
            count = min(_BLOCK, pairs - start)
            early, late = x[start : start + count + m], x[start + apart : start + apart + count + m]
            for i in range(count + m):
                near[i] = abs(early[i] - late[i]) <= r
            for u in range(1, m + 1):
                if u == m:
                    of_m += _total(near[:count])
                for i in range(count + m - u):
                    near[i] &= near[i + 1]
            of_next += _total(near[:count])
    return of_m, of_next


@jit(strict=True)
def _total(near):
    total = 0
    for i in range(near.size):
        total += near[i]
    return total


@jit(strict=True)
def _words(symbols):
    """Words of the exhaustive history of symbols (N,) int64.

    State 0 is the root of the automaton of what was read. A state stands for substrings that end at the same
    places, the longest of `length`; its shorter suffixes are at `link`. Transitions are linked lists.
    """
    n = symbols.size
    length, link = np.zeros(2 * n + 1, np.int64), np.full(2 * n + 1, -1)
    first_edge, next_edge = np.full(2 * n + 1, -1), np.empty(4 * n + 4, np.int64)
    symbol, target = np.empty(4 * n + 4, np.int64), np.empty(4 * n + 4, np.int64)
    states, edges, last = 1, 0, 0
    words, word, state = 0, 0, 0  # `word`: the length of the word that is being read, which is at `state`
    for s in symbols:
        edge = _edge(first_edge, next_edge, symbol, state, s)
        if edge < 0:
            words, word, state = words + 1, 0, 0
        else:
            word, state = word + 1, target[edge]
        new = states
        states += 1
        length[new] = length[last] + 1
        p = last
        while p >= 0 and _edge(first_edge, next_edge, symbol, p, s) < 0:
            symbol[edges], target[edges], next_edge[edges] = s, new, first_edge[p]
            first_edge[p] = edges
            edges += 1
            p = link[p]
        link[new] = 0
        if p >= 0:
            q = target[_edge(first_edge, next_edge, symbol, p, s)]
            if length[q] == length[p] + 1:
                link[new] = q
            else:
                half = states
                states += 1
                length[half], link[half] = length[p] + 1, link[q]
                e = first_edge[q]
                while e >= 0:
                    symbol[edges], target[edges], next_edge[edges] = symbol[e], target[e], first_edge[half]
                    first_edge[half] = edges
                    edges += 1
                    e = next_edge[e]
                while p >= 0:
                    e = _edge(first_edge, next_edge, symbol, p, s)
                    if e < 0 or target[e] != q:
                        break
                    target[e] = half
                    p = link[p]
                link[q] = link[new] = half
                if state == q and word <= length[half]:
                    state = half
        last = new
    return words + (word > 0)


@jit(strict=True)
def _edge(first_edge, next_edge, symbol, state, s):
    """The transition of a state by a symbol, -1 if there is none."""
    e = first_edge[state]
    while e >= 0 and symbol[e] != s:
        e = next_edge[e]
    return e
