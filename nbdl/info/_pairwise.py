"""A measure of every pair of columns, in one call.

Plug-in values of discrete columns have a way of their own. A column of few symbols becomes one row of bits
for each symbol: the count of a pair of symbols is the number of bits that both rows have. Other pairs are
counted row by row. Each pair is computed by one thread from its two columns alone, so that the bits of the
result do not depend on the number of threads.
"""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from nbdl import registry
from nbdl._cores import thread_count
from nbdl._jit import jit
from nbdl.errors import ShapeError, UsageError
from nbdl.info._counts import Joint, encode
from nbdl.info._kinds import ROWS, warn_of_few_rows
from nbdl.info._measures import nats_of
from nbdl.info._samples import FEW, read, said_of, same_length
from nbdl.info._threads import in_parallel
from nbdl.records import resolve

MOST_CELLS = 256  # of a pair that is counted by bits
MOST_SYMBOLS = 32  # of a column that has bits
CHUNK = 32  # pairs that a thread takes at a time
WORTH = 2**22  # rows of all pairs: threads that wait for one another lose more on fewer
ONE_SIDED = ("conditional_entropy", "kl_divergence", "transfer_entropy")


def pairwise(
    X, measure="mutual_information", estimator=None, *, discrete=None, base="e", threads=None, **options
):
    """The matrix of a measure of two samples over all pairs of columns.

    Parameters
    ----------
    X : (N, p), a table with named columns, or a list of p columns (N,) or (N, D) of any kinds
        As in `entropy`: each column has a kind of its own.
    measure : str
        The name of a measure of two samples.
    estimator : str, optional
        As in `mutual_information`; the default one may differ from pair to pair.
    discrete : bool, or one for each column
        As in `entropy`.
    base, threads, **options
        As in `mutual_information`. ``nan_policy="omit"`` leaves out the rows that lack a value of the pair.

    Returns
    -------
    float64 (p, p): in row i and column j the measure of columns i and j, in this order. The diagonal of
    mutual information holds the entropy of each discrete column, and inf for each continuous one.
    """
    columns = _columns(X)
    if not columns:
        raise ShapeError("pairwise: `X` must have at least one column, got {!r}", X)
    said = said_of(discrete, list(columns))
    samples = [read(name, x, d) for (name, x), d in zip(columns.items(), said)]
    same_length(samples)
    plain = all(s.kind == "discrete" and s.missing is None for s in samples)
    if plain and measure == "mutual_information" and estimator in (None, "ml") and not options:
        information, sizes = _plug_in([s.values for s in samples], thread_count(threads))
        if estimator == "ml" or not _too_many(samples, sizes):
            if estimator is None:
                _warn_of_few(samples, sizes)
            return information / nats_of(base)
    record = registry.default().get("measure", measure)
    if len(record.inputs) != 2 and record.inputs != ("*xs",):
        raise UsageError("`{}` is a measure of {}, not of two samples", measure, ", ".join(record.inputs))
    compute = resolve(record.compute)
    known = registry.parameters(record.compute)
    given = {"estimator": estimator, "base": base, "threads": 1}
    options |= {name: value for name, value in given.items() if name in known or "options" in known}

    def value(pair):
        i, j = pair
        pair = samples[i], samples[j]
        if i == j and measure == "mutual_information":
            if samples[i].kind == "continuous":
                return math.inf
            pair = [s._replace(said=True) for s in pair]
        return compute(*pair, **options)

    p = len(samples)
    pairs = [(i, j) for i in range(p) for j in range(p) if i <= j or measure in ONE_SIDED]
    result = np.empty((p, p))
    with ThreadPoolExecutor(thread_count(threads)) as pool:
        for (i, j), each in zip(pairs, pool.map(value, pairs)):
            result[i, j] = each
            if measure not in ONE_SIDED:
                result[j, i] = each
    return result


def _columns(X):
    """The columns of a list, a table or a matrix, by name."""
    names = getattr(X, "columns", None)
    if names is None and isinstance(X, np.ndarray):
        names = X.dtype.names
    if names is not None:
        if len(set(names)) < len(names):
            raise ShapeError("pairwise: the columns of `X` must have names of their own, got {}", list(names))
        return {f"column {name}": X[name] for name in names}
    if not isinstance(X, (list, tuple)):
        X = np.asanyarray(X)
        if X.ndim != 2 or X.size == 0:
            raise ShapeError("pairwise: `X` must have shape (N, p) and not be empty, got {}", X.shape)
        X = np.moveaxis(X, 1, 0)
    return {f"column {i}": x for i, x in enumerate(X)}


def _too_many(samples, sizes):
    """Whether some integers may be measured numbers for which there are too few rows to count pairs."""
    many = [not s.said and s.of_numbers and size > FEW for s, size in zip(samples, sizes)]
    pairs = np.outer(sizes, sizes)
    np.fill_diagonal(pairs, 0)
    return bool((pairs[many] > len(samples[0].values) / ROWS).any())


def _warn_of_few(samples, sizes):
    """Warn of the pair with the most symbols, if they are too many."""
    pair = [samples[i] for i in np.argsort(sizes, kind="stable")[-2:]]
    warn_of_few_rows("mutual_information", pair, Joint([s.values for s in pair]))


# --- plug-in mutual information ---------------------------------------------------------------------------


def _plug_in(columns, threads):
    """Mutual information of all pairs of discrete columns, in nats, and how many symbols each has."""
    p = len(columns)
    threads = threads if len(columns[0]) * p * (p - 1) // 2 >= WORTH else 1
    codes, counts = zip(*in_parallel(_dense, columns, threads))
    sizes = np.array([n.size for n in counts])
    n = len(codes[0])
    few = sizes <= MOST_SYMBOLS
    words = -(-n // 64)
    bits = np.zeros((p, sizes[few].max(initial=1), words), np.uint64)
    for i in np.flatnonzero(few):
        for symbol in range(sizes[i]):
            packed = np.packbits(codes[i] == symbol)
            bits[i, symbol].view(np.uint8)[: packed.size] = packed
    table = np.zeros((p, sizes.max()), np.int64)
    for i, c in enumerate(counts):
        table[i, : c.size] = c
    codes = np.stack(codes)
    first, second = np.triu_indices(p, 1)
    sums = np.empty(first.size)

    def work(start):
        part = slice(start, start + CHUNK)
        with np.errstate(over="ignore"):  # without the JIT NumPy minds the product in `_common`
            _pair_sums(codes, sizes, table, bits, first[part], second[part], sums[part])

    in_parallel(work, range(0, first.size, CHUNK), threads)
    h = np.array([math.log(n) - (c * np.log(c)).sum() / n for c in counts])
    h = np.maximum(h, 0)
    information = h[first] + h[second] - (math.log(n) - sums / n)
    information = np.clip(information, 0, np.minimum(h[first], h[second]))
    result = np.diag(h)
    result[first, second] = result[second, first] = information
    return result, sizes


def _dense(x):
    """Codes without gaps, of as few bytes as they need, and the count of each."""
    codes, size = encode(x)
    n = np.bincount(codes, minlength=size)
    seen = np.flatnonzero(n)
    if seen.size < size:
        new = np.zeros(size, np.int64)
        new[seen] = np.arange(seen.size)
        codes, n = new[codes], n[seen]
    return codes.astype(np.int32), n


@jit(strict=True)
def _pair_sums(codes, sizes, counts, bits, first, second, sums):
    """For each pair of columns the sum of n log n over the counts n of pairs of symbols."""
    for pair in range(first.size):
        i, j = first[pair], second[pair]
        if sizes[i] * sizes[j] <= MOST_CELLS and max(sizes[i], sizes[j]) <= MOST_SYMBOLS:
            sums[pair] = _by_bits(bits[i], bits[j], counts[i], sizes[i], sizes[j])
        else:
            sums[pair] = _by_rows(codes[i], codes[j], sizes[i], sizes[j])


@jit(strict=True)
def _by_bits(x, y, x_counts, x_size, y_size):
    total = 0.0
    for a in range(x_size):
        left = x_counts[a]  # what no other symbol of y has taken is with its last one
        for b in range(y_size - 1):
            n = _common(x[a], y[b])
            left -= n
            total += _xlogx(n)
        total += _xlogx(left)
    return total


@jit(strict=True)
def _by_rows(x, y, x_size, y_size):
    cells = np.zeros(x_size * y_size, np.int64)
    for i in range(x.size):
        cells[np.uint64(x[i]) * np.uint64(y_size) + np.uint64(y[i])] += 1
    total = 0.0
    for n in cells:
        total += _xlogx(n)
    return total


@jit(strict=True)
def _xlogx(n):
    return n * math.log(n) if n > 1 else 0.0


@jit(strict=True)
def _common(x, y):
    """How many bits are set in both x and y: sums of neighbouring bits, of pairs, of fours, of all eights.

    Compilers know this form of it and take the instruction for it, on vectors where there is one.
    """
    ones, twos = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333)
    fours, eights = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0x0101010101010101)
    total = np.uint64(0)
    for i in range(x.size):
        v = x[i] & y[i]
        v = v - ((v >> np.uint64(1)) & ones)
        v = (v & twos) + ((v >> np.uint64(2)) & twos)
        v = (v + (v >> np.uint64(4))) & fours
        total += (v * eights) >> np.uint64(56)
    return np.int64(total)
