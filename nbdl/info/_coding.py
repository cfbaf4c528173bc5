r"""Codes and typical sequences: what an entropy means for a message.

.. math::
    l_i = \lceil -\log_2 p_i \rceil \qquad \sum_i 2^{-l_i} \le 1 \qquad H \le \sum_i p_i l_i < H + 1 \\
    A_\epsilon^{(n)} = \Big\{ x^n : \Big| -\tfrac1n \log p(x^n) - H \Big| \le \epsilon \Big\}

Cover and Thomas, Elements of Information Theory, sections 3.1 and 5.2 to 5.4.
"""

import math
from typing import NamedTuple

import numpy as np

from nbdl.errors import OptionError, ProbabilityError, ShapeError
from nbdl.info._estimate import nats_of

MOST_TYPES = 2_000_000  # combinations of counts that are looked at


class ShannonCode(NamedTuple):
    """A prefix code: no word begins with another, so that messages need no separators."""

    lengths: np.ndarray  # (K,) bits of each word; 0 for a symbol that cannot occur
    words: tuple  # K texts of 0 and 1; empty for a symbol that cannot occur
    expected_length: float  # bits for each symbol: from the entropy to 1 more
    kraft: float  # the sum of 2^-length over the words; at most 1


def shannon_code(p):
    """The Shannon code of a distribution: words of ceil(-log2 p) bits.

    Parameters
    ----------
    p : (K,) array
        Probabilities of the symbols, which sum to 1.

    Returns
    -------
    ShannonCode
        What messages cost whose symbols have other probabilities than the code was made for is
        ``other @ code.lengths``: the cross-entropy, up to 1 bit.

    Examples
    --------
    >>> code = shannon_code([0.5, 0.25, 0.125, 0.125])
    >>> code.words, code.expected_length, code.kraft
    (('0', '10', '110', '111'), 1.75, 1.0)
    """
    p = _distribution("shannon_code", p)
    # p = m 2^e with m from 1/2 to below 1: the logarithm rounded up, without computing one.
    lengths = np.where(p > 0, 1 - np.frexp(p)[1], 0).astype(np.int64)
    words, number, before = [""] * len(p), 0, 0
    for i in sorted(np.flatnonzero(p > 0), key=lambda i: lengths[i]):
        number <<= int(lengths[i]) - before
        before = int(lengths[i])
        words[i] = format(number, f"0{before}b") if before else ""
        number += 1
    kraft = float(np.ldexp(1.0, -lengths[p > 0]).sum())
    return ShannonCode(lengths, tuple(words), float(p @ lengths), kraft)


class TypicalSet(NamedTuple):
    """How many sequences are typical, and how probable they are together."""

    entropy: float  # of one symbol, in the unit of `base`
    log_size: float  # logarithm of the number of typical sequences, in this unit; -inf if there are none
    probability: float  # of all of them together


def typical_set(p, n, epsilon=0.1, *, base="e"):
    """The typical sequences of n independent symbols: those whose surprise per symbol is near the entropy.

    They are counted exactly, by how often each symbol occurs.

    Parameters
    ----------
    p : float or (K,) array
        The distribution of a symbol; a single number is the probability of one of two.
    n : int
        Symbols of a sequence; at least 1.
    epsilon : float
        By how much the surprise per symbol may differ from the entropy, in the unit of `base`.
    base : "e", 2, 10, any number > 0 but 1; "nats", "bits", "dits"

    Returns
    -------
    TypicalSet

    Examples
    --------
    >>> a = typical_set(0.3, 200, 0.1, base=2)
    >>> round(a.entropy, 3), round(a.log_size, 1), round(a.probability, 4)
    (0.881, 188.8, 0.9893)
    """
    nats = nats_of(base)
    p = np.asarray(p, np.float64)
    p = _distribution("typical_set", [p, 1 - p] if p.ndim == 0 else p)
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise OptionError("typical_set: `n` must be an integer, at least 1, got {!r}", n)
    if not epsilon >= 0:
        raise OptionError("typical_set: `epsilon` must be at least 0, got {!r}", epsilon)
    p = p[p > 0]
    types = math.comb(n + len(p) - 1, len(p) - 1)
    if types > MOST_TYPES:
        raise OptionError(
            "typical_set: `p` of {} symbols has {} combinations of counts at n = {}, more than {}: take a "
            "smaller `n`", len(p), types, n, MOST_TYPES,
        )  # fmt: skip
    counts = _counts(int(n), len(p))
    surprise = -np.log(p)
    entropy = float(p @ surprise)
    log_factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    log_sequences = log_factorials[n] - log_factorials[counts].sum(axis=1)
    # Whether a sequence on the border belongs to it is not decided by rounding.
    apart = np.abs((counts / n - p) @ surprise)
    typical = apart <= abs(epsilon * nats) * (1 + 1e-12) + 1e-15
    if not typical.any():
        return TypicalSet(entropy / nats, -math.inf, 0.0)
    logs = log_sequences[typical]
    largest = logs.max()
    size = largest + math.log(np.exp(logs - largest).sum())
    probability = math.fsum(np.exp(logs - counts[typical] @ surprise))
    return TypicalSet(entropy / nats, float(size / nats), min(1.0, probability))


def _counts(n, symbols):
    """All ways in which n symbols of a sequence can be shared by so many kinds: (types, symbols)."""
    columns, left = [], np.array([n])
    for _ in range(symbols - 1):
        ways = left + 1
        first = np.repeat(np.cumsum(ways) - ways, ways)
        own = np.arange(ways.sum()) - first
        columns = [np.repeat(c, ways) for c in columns]
        columns.append(own)
        left = np.repeat(left, ways) - own
    return np.column_stack([*columns, left])


def _distribution(where, p):
    p = np.asarray(p, np.float64)
    if p.ndim != 1 or p.size == 0:
        raise ShapeError("{}: `p` must have one dimension and not be empty, got shape {}", where, p.shape)
    if not (p >= 0).all() or not abs(p.sum() - 1) <= 1e-6:
        text = "{}: `p` must hold probabilities that sum to 1, got least {} and sum {}; divide counts by it"
        raise ProbabilityError(text, where, p.min(), p.sum())
    return p
