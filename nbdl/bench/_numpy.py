"""NumPy as a peer: counts and bins as its users take them."""

from functools import partial

import numpy as np

from nbdl.bench._race import repeated

VERSION = np.__version__


def competitors(case, arguments, quick):
    """NumPy's entry for a row; none for what no one would write in NumPy."""
    if case.name not in CALLS:
        return []
    return [repeated("", partial(CALLS[case.name], **arguments, **case.options))]


def label_mi(x, y):
    size = y.max() + 1
    return _information(np.bincount(x * size + y, minlength=(x.max() + 1) * size).reshape(-1, size))


def label_te(source, target):
    """H(x, past) + H(y, past) - H(past) - H(x, y, past), one `bincount` each."""
    x, y, past = source[:-1], target[1:], target[:-1]
    size = max(source.max(), target.max()) + 1
    n = [np.bincount(code) for code in (past * size + x, past * size + y, past, (past * size + x) * size + y)]
    xz, yz, z, xyz = map(_xlogx, n)
    return (xyz + z - xz - yz) / x.size


def pairwise_mi(X):
    return np.array([[label_mi(x, y) for y in X.T] for x in X.T])


def gaussian_pairs(X):
    r = np.corrcoef(X.T)
    np.fill_diagonal(r, 0)
    return -np.log1p(-r * r) / 2


def binned_mi(x, y, bins):
    return _information(np.histogram2d(x, y, bins)[0])


def _information(counts):
    """Of a table of counts: sums of n log n."""
    n = [_xlogx(counts.sum(axis)) for axis in (0, 1)]
    total = counts.sum()
    return (_xlogx(counts) - sum(n)) / total + np.log(total)


def _xlogx(n):
    n = n[n > 0]
    return (n * np.log(n)).sum()


CALLS = {f.__name__: f for f in (label_mi, label_te, pairwise_mi, gaussian_pairs, binned_mi)}
