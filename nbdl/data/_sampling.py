"""Which samples are for what: random parts, and the folds of cross-validation."""

import numpy as np

from nbdl.errors import OptionError
from nbdl.nn._options import is_number


def random_split(n, shares, seed=0):
    """Parts of n samples at random, each as their indices in ascending order.

    Parameters
    ----------
    n : int
    shares : sequence of floats
        What part gets, in all 1: ``(0.6, 0.2, 0.2)`` for training, validation and test. Each part gets a
        sample at least.
    seed : int

    Returns
    -------
    list of (M,) int64 arrays
        Disjoint; together they are all samples.

    Raises
    ------
    OptionError

    Examples
    --------
    >>> train, valid, test = random_split(10, (0.6, 0.2, 0.2))
    >>> len(train), len(valid), len(test)
    (6, 2, 2)
    """
    shares = list(shares)
    if not shares or not all(is_number(s) and 0 < s <= 1 for s in shares) or abs(sum(shares) - 1) > 1e-9:
        raise OptionError("random_split: `shares` must be numbers above 0 whose sum is 1, got {}", shares)
    _check("random_split", n, len(shares), seed, "shares")
    ends = np.round(np.cumsum(shares) * n).astype(np.int64)
    for i in range(len(shares)):  # one sample for each part before it, and after it
        ends[i] = min(max(ends[i], (ends[i - 1] if i else 0) + 1), n - (len(shares) - 1 - i))
    return [np.sort(part) for part in np.split(np.random.default_rng(seed).permutation(n), ends[:-1])]


def k_folds(n, k=5, seed=0):
    """The folds of k-fold cross-validation: k pairs (training, validation) of indices of n samples.

    Each sample is in the validation part of one pair and in the training part of all others. The parts are
    drawn by the seed, and their sizes differ by one at most.

    Raises
    ------
    OptionError
        For fewer than 2 folds, or more than samples.

    Notes
    -----
    Zhang et al., Dive into Deep Learning, section 3.6.3.

    Examples
    --------
    >>> [valid.tolist() for train, valid in k_folds(6, 3)]
    [[0, 2], [3, 5], [1, 4]]
    """
    if not isinstance(k, (int, np.integer)) or isinstance(k, bool) or k < 2:
        raise OptionError("k_folds: `k` must be an integer from 2, got {!r}", k)
    _check("k_folds", n, k, seed, "folds")
    parts = np.array_split(np.random.default_rng(seed).permutation(n), k)
    return [
        (np.sort(np.concatenate(parts[:i] + parts[i + 1 :])), np.sort(part)) for i, part in enumerate(parts)
    ]


def _check(name, n, parts, seed, what):
    for key, value, least in (("n", n, parts), ("seed", seed, 0)):
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
            rule = f"as many samples as {what}, {parts}" if key == "n" else "an integer from 0"
            raise OptionError("{}: `{}` must be {} at least, got {!r}", name, key, rule, value)
