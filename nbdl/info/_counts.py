"""Counts of symbols, and of combinations of symbols, in discrete samples.

Symbols are made into codes 0, 1, ... below a size. Integers in a narrow range are their own codes; everything
else is relabelled. The counts of a few samples with small sizes stand in one dense table, filled in one pass;
those of many are the lengths of the runs of sorted codes.
"""

from functools import cached_property

import numpy as np

from nbdl._jit import jit
from nbdl.errors import DtypeError
from nbdl.info._samples import read, read_weights, recurs, same_length, without_missing

LARGEST_TABLE = 2**16  # cells that a dense table may have, however few samples there are
INTERLEAVED = 2**12  # cells up to which a table is kept four times
STRIDE = 2**12  # rows that are counted in one go


class Joint:
    """Discrete samples side by side: the counts of any group of them.

    `samples` are arrays (N,) or (N, D) of any dtype, `weights` float64 (N,).
    """

    def __init__(self, samples, weights=None):
        self.samples, self.weights = samples, weights
        self.length = len(samples[0])

    def counts(self, group):
        """The counts of the combinations that occur in the samples of `group`, without zeros."""
        if self._table is not None:
            others = tuple(i for i in range(len(self.samples)) if i not in group)
            n = self._table.sum(axis=others).ravel()
        else:
            codes, size = self._combined(group)
            if size > self._limit and self.weights is None:
                return np.diff(np.flatnonzero(np.diff(np.sort(codes), prepend=-1, append=size)))
            codes, size = relabel(codes) if size > self._limit else (codes, size)
            n = np.bincount(codes, self.weights, size)
        return n[n > 0]

    def codes(self, group):
        """One code for each combination of symbols in the samples of `group`, and how many there may be."""
        codes, size = self._combined(group)
        return relabel(codes) if size > self._limit else (codes, size)

    def _combined(self, group):
        """Codes of combinations, of which the last sample may make far more than there are rows.

        Those before it, and it alone, have at most `_limit` codes: the product does not overflow.
        """
        codes, size = self._encoded[group[0]]
        for i in group[1:]:
            if size > self._limit:
                codes, size = relabel(codes)
            more, width = self._encoded[i]
            codes, size = codes * width + more, size * width
        return codes, size

    def local(self, group):
        """The surprise of each row in nats, under the frequencies of the samples themselves."""
        codes, size = self.codes(group)
        n = np.bincount(codes, self.weights, size)
        return np.log(n.sum()) - np.log(n[codes])

    @property
    def _limit(self):
        return min(max(LARGEST_TABLE, 4 * self.length), 2**32)

    @cached_property
    def _encoded(self):
        return [encode(x) for x in self.samples]

    @cached_property
    def _table(self):
        """Counts with one axis for each sample; None where they would have too many cells."""
        if len(self.samples) > 1 and self.weights is None and all(_is_plain(x) for x in self.samples):
            table = _dense_table([x.reshape(len(x)) for x in self.samples])
            if table is not None:
                return table
        sizes = [size for _, size in self._encoded]
        cells = 1
        for size in sizes:
            cells *= size
        if cells > self._limit:
            return None
        codes = self._encoded[0][0]
        for more, width in self._encoded[1:]:
            codes = codes * width + more
        return np.bincount(codes, self.weights, cells).reshape(sizes)


def joint_of(named, weights=None, nan_policy="raise"):
    """The `Joint` of discrete samples as users give them; None if the result is NaN by `nan_policy`."""
    samples = [read(name, x) for name, x in named.items()]
    same_length(samples)
    for sample in samples:
        if sample.kind == "continuous" and (sample.said or not _are_symbols(sample)):
            text = "`{}` must be discrete: integers, truth values, text or objects, got dtype {}"
            raise DtypeError(text, sample.name, sample.values.dtype.name)
    weights = read_weights(weights, len(samples[0].values))
    samples, weights = without_missing(samples, weights, nan_policy)
    return samples and Joint([s.values for s in samples], weights)


def _are_symbols(sample):
    x = sample.values if sample.missing is None else sample.values[~sample.missing]
    return len(x) > 0 and recurs(x, whole=True)


def count(*xs, weights=None):
    """Each combination of symbols once, and how often it occurs.

    Parameters
    ----------
    *xs : (N,) or (N, D)
        Discrete samples.
    weights : (N,), optional
        What each row counts; integers stay integers.

    Returns
    -------
    The m distinct rows of each sample, m rows each, then the counts (m,), int64 or float64.

    The rows with the counts as weights give what the data would give, and so do those of several parts of the
    data together: ``*rows, n = count(x, y)``, then ``mutual_information(*rows, weights=n)``.
    """
    whole = weights is None or np.asarray(weights).dtype.kind in "biu"
    joint = joint_of({f"xs[{i}]": x for i, x in enumerate(xs)}, weights)
    codes, size = relabel(joint.codes(range(len(xs)))[0])
    first = np.empty(size, np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    n = np.bincount(codes, joint.weights, size)
    rows = (np.asarray(x)[first] for x in xs)
    return *rows, n.astype(np.int64) if whole else n


def divergence(x, y):
    """Kullback-Leibler divergence of the frequencies in y from those in x, (N, D) and (M, D), in nats."""
    if x.dtype.kind != y.dtype.kind:  # no dtype holds both: 1 and "1", or all of int64 and uint64
        x, y = x.astype(object), y.astype(object)
    codes, size = encode(np.concatenate([x, y]))
    p, q = np.bincount(codes[: len(x)], minlength=size), np.bincount(codes[len(x) :], minlength=size)
    seen = p > 0
    if (q[seen] == 0).any():
        return np.inf
    p, q = p[seen] / len(x), q[seen] / len(y)
    return max(0.0, float((p * np.log(p / q)).sum()))


# --- codes ------------------------------------------------------------------------------------------------


def encode(x):
    """int64 codes of the symbols in x, (N,) or of its rows, (N, D), and how many there may be."""
    if x.ndim == 2 and x.shape[1] > 1:
        return Joint(x.T).codes(range(x.shape[1]))
    x = x.reshape(len(x))
    if x.dtype.kind in "US":  # text of one width: a row of characters
        return encode(np.ascontiguousarray(x).view("u4" if x.dtype.kind == "U" else "u1").reshape(x.size, -1))
    if x.dtype.kind == "O":
        return relabel(x)
    if x.dtype.kind == "f":
        return relabel((x.astype(np.float64) + 0.0).view(np.int64))  # -0.0 is 0.0
    x = _as_signed(x)
    low, high = int(x.min()), int(x.max())
    if high - low < max(1024, x.size):
        return x.astype(np.int64) - low, high - low + 1
    return relabel(x)


def relabel(x):
    """int64 codes of the integers or objects in x, (N,), by their first places, and how many there are."""
    if x.dtype.kind == "O":
        seen = {}
        try:
            return np.array([seen.setdefault(v, len(seen)) for v in x]), len(seen)
        except TypeError as error:
            raise DtypeError("objects must be hashable to be symbols: {}", error) from error
    codes = np.empty(x.size, np.int64)
    slots = np.full(1 << max(4, (2 * x.size - 1).bit_length()), -1, np.int64)
    return codes, _relabel(x.astype(np.int64), slots, np.empty(x.size, np.int64), codes)


def _is_plain(x):
    """Whether x, (N,) or (N, D), is one column of integers or truth values."""
    return x.dtype.kind in "biu" and x.size == len(x)


def _as_signed(x):
    """Integers as signed ones of the same size: other symbols, but as many; one compiled core for both."""
    return np.ascontiguousarray(x).view(np.dtype(f"i{x.dtype.itemsize}"))


@jit(strict=True)
def _relabel(x, slots, symbols, codes):
    """A hash table with open addressing: `slots` hold codes, -1 where they are free."""
    last, known = slots.size - 1, 0
    for i in range(x.size):
        key = x[i]
        mixed = (key ^ (key >> 32)) & 0xFFFFFFFF
        mixed = ((mixed ^ (mixed >> 16)) * 0x2C1B3C6D) & 0xFFFFFFFF
        mixed = ((mixed ^ (mixed >> 12)) * 0x297A2D39) & 0xFFFFFFFF
        slot = (mixed ^ (mixed >> 15)) & last
        while slots[slot] >= 0 and symbols[slots[slot]] != key:
            slot = (slot + 1) & last
        if slots[slot] < 0:
            slots[slot] = known
            symbols[known] = key
            known += 1
        codes[i] = slots[slot]
    return known


# --- the table of some columns ----------------------------------------------------------------------------


def _dense_table(columns):
    """Counts of the rows of two or more columns of integers, (N,) each; None if they have too many cells.

    The ranges are guessed from a few rows, so that most data is read once; a row outside stops the count, and
    it begins anew with the true ranges.
    """
    columns = [_as_signed(x) for x in columns]
    if len(columns) > 2 or columns[0].dtype != columns[1].dtype:
        columns = [x.astype(np.int64, copy=False) for x in columns]
    few = slice(None, None, max(1, columns[0].size // 1024))
    for parts in ([x[few] for x in columns], columns):
        lows, bits = zip(*map(_range, parts))
        cells = 1 << sum(bits)
        if cells > min(max(LARGEST_TABLE, 4 * columns[0].size), 2**32):
            return None
        tables = np.zeros((4 if cells <= INTERLEAVED else 1, cells), np.int64)
        if _count(columns, lows, bits, tables):
            return (tables.sum(axis=0) if len(tables) > 1 else tables[0]).reshape([1 << b for b in bits])


def _range(x):
    """The smallest of some integers, and how many bits their differences from it have."""
    low = int(x.min())
    return low, (int(x.max()) - low).bit_length()


def _count(columns, lows, bits, tables):
    """Add the rows of the columns to `tables`; whether all of them had so few bits."""
    x, low, width = columns[0], lows[0], bits[0]
    for y, y_low, y_bits in zip(columns[1:-1], lows[1:], bits[1:]):
        pairs = np.empty(x.size, np.int64)
        if not _join(x, y, low, y_low, width, y_bits, pairs):
            return False
        x, low, width = pairs, 0, width + y_bits
    return _count_pairs(x, columns[-1], low, lows[-1], width, bits[-1], tables)


@jit(strict=True)
def _join(x, y, x0, y0, x_bits, y_bits, codes):
    """codes = the bits of x - x0, then those of y - y0; whether all of them had so few."""
    x_mask, y_mask = (1 << x_bits) - 1, (1 << y_bits) - 1
    stray = 0
    for i in range(x.size):
        u, v = np.int64(x[i]) - x0, np.int64(y[i]) - y0
        stray |= (u & ~x_mask) | (v & ~y_mask)
        codes[i] = ((u & x_mask) << y_bits) | (v & y_mask)
    return stray == 0


@jit(strict=True)
def _count_pairs(x, y, x0, y0, x_bits, y_bits, tables):
    """Add the pairs (x - x0, y - y0) to `tables`, (1 or 4, cells); whether all of them had so few bits.

    Indices are made first, for many rows at once. Then neighbouring rows add to different tables: a count
    need not wait until the one before it has been written.
    """
    cells = np.empty(STRIDE, np.uint32)
    table0, table1, table2, table3 = tables[0], tables[1 % len(tables)], tables[2 % len(tables)], tables[-1]
    for start in range(0, x.size, STRIDE):
        xs, ys = x[start : start + STRIDE], y[start : start + STRIDE]
        n = xs.size
        if not _join(xs, ys, x0, y0, x_bits, y_bits, cells):
            return False
        for i in range(n // 4 * 4, n):
            table0[cells[i]] += 1
        for i in range(0, n // 4 * 4, 4):
            table0[cells[i]] += 1
            table1[cells[i + 1]] += 1
            table2[cells[i + 2]] += 1
            table3[cells[i + 3]] += 1
    return True
