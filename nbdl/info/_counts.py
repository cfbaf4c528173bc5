"""Counts of symbols, and of combinations of symbols, in discrete samples."""

import numpy as np

LARGEST_TABLE = 2**20  # cells that a joint table may have however few samples there are


class Joint:
    """Discrete samples side by side: the counts of any group of them."""

    def __init__(self, columns, weights=None):
        self.codes, self.sizes = zip(*map(encode, columns))
        self.weights = weights
        self.length = len(self.codes[0])

    def counts(self, group):
        """The counts of the combinations that occur in the columns of `group`, without zeros."""
        codes, size = self.combined(group)
        n = np.bincount(codes, self.weights, size)
        return n[n > 0]

    def combined(self, group):
        """One code for each combination of symbols in the columns of `group`, and how many there may be."""
        codes, size = self.codes[group[0]], self.sizes[group[0]]
        for i in group[1:]:
            codes, size = codes * self.sizes[i] + self.codes[i], size * self.sizes[i]
            if size > max(LARGEST_TABLE, 8 * self.length):
                codes, size = relabel(codes)
        return codes, size

    def local(self, group):
        """The surprise of each row in nats, under the frequencies of the samples themselves."""
        codes, size = self.combined(group)
        n = np.bincount(codes, self.weights, size)
        return np.log(n.sum()) - np.log(n[codes])

    def codes_of_all(self):
        """One int64 code 0, 1, ... for each row, (N,)."""
        return self.combined(range(len(self.codes)))[0]


def encode(x):
    """Codes 0, 1, ... of the symbols in the rows of x, (N, D), and how many there may be."""
    if x.ndim == 2 and x.shape[1] > 1:
        return Joint(x.T).combined(range(x.shape[1]))
    x = x.reshape(len(x))
    if x.dtype.kind in "biu" and x.dtype.itemsize < 8:
        x = x.astype(np.int64)
    if x.dtype.kind in "iu":
        low, high = int(x.min()), int(x.max())
        if high - low < max(1024, x.size):
            return (x - x.dtype.type(low)).astype(np.int64), high - low + 1
    return relabel(x)


def relabel(x):
    """Codes of the symbols in x, (N,), and how many there are."""
    if x.dtype.kind == "O":
        codes = {}
        return np.array([codes.setdefault(v, len(codes)) for v in x]), len(codes)
    symbols, codes = np.unique(x, return_inverse=True)
    return codes, symbols.size


def divergence(x, y):
    """Kullback-Leibler divergence of the frequencies of y from those of x, in nats."""
    codes, size = encode(np.concatenate([x, y]))
    p, q = np.bincount(codes[: len(x)], minlength=size), np.bincount(codes[len(x) :], minlength=size)
    seen = p > 0
    if (q[seen] == 0).any():
        return np.inf
    p, q = p[seen] / len(x), q[seen] / len(y)
    return max(0.0, float((p * np.log(p / q)).sum()))
