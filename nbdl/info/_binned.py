r"""Binned estimates: continuous columns as the numbers of the bins that their values fall into.

========= ===============================================================================================
"width"   bins of equal width: number :math:`\lfloor b (x - \min) / (\max - \min) \rfloor`, the maximum in
          the last one
"mass"    bins of equally many samples: they begin at the values of rank :math:`\lfloor jN/b \rfloor`; equal
          values share a bin
========= ===============================================================================================

The number b of bins of a column is `bins`; by default :math:`\lceil N^{1/(D+2)} \rceil`, the rate at which
histograms in all D columns of a measure together converge fastest, and at least 2. A constant column has
one bin. The entropy is that of the density which is constant in each bin, of volume v:

.. math:: h = H(\text{bins}) + \sum_i \frac{n_i}{N} \log v_i

while in mutual information the volumes cancel. Any estimator of discrete data corrects the counts. Heavy
tails or one value far away would put all else into one bin: where the range is more than eight times the
distance between the quartiles, the default of an entropy is b bins in four such distances, and as many more
as there are in the range.
Scott, Multivariate Density Estimation (1992), section 3.4. Moddemeijer, On estimation of entropy and mutual
information of continuous distributions, Signal Processing 16 (1989), eq. 6.
"""

import math

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError
from nbdl.info._estimate import estimate
from nbdl.info._measures import entropy_of_counts
from nbdl.info._samples import extremes, spreads
from nbdl.info._telling import warn

LARGEST_TABLE = 2**20  # cells of a table of counts; beyond, samples are sorted by their bins
HEAVY, NEAR = 8, 4  # distances between the quartiles: a range that is too long, and where bins are then
ONE_BIN = 0.9  # share of a column in one bin from which on it is said
_BLOCK = 1024  # samples at a time, whose cells stay in the nearest cache


def symbols(x, *, bins=None, binning="width"):
    """The bin of each value.

    Parameters
    ----------
    x : (N, D) float64 array
        Finite.
    bins : int, optional
        Bins of each column, from 1 to N.
    binning : "width" or "mass"
        See the head of this file.

    Returns
    -------
    codes : (N, D) int64
        From 0 to k - 1.
    k : int
        How many bins a column has.

    Raises
    ------
    OptionError
        On more bins than samples, or another word for `binning`.
    """
    bins = _bins(bins, binning, len(x), x.shape[1])
    codes = np.empty(x.shape, np.int64)
    for d in range(x.shape[1]):
        codes[:, d], _ = _column(x[:, d], bins, binning)
    return codes, bins


def entropy(x, *, bins=None, binning="width", correction="ml", local=False, threads=1):
    """Differential entropy of the density that is constant in each bin.

    Parameters
    ----------
    x, bins, binning
        As in `symbols`.
    correction : str
        An estimator of discrete data, for the counts.
    local : bool
        Return the value of each sample, (N,).
    threads : int
        Not used.

    Returns
    -------
    float, in nats. -inf where a bin that holds samples has no width: there is no density.
    """
    default, bins = bins is None, _bins(bins, binning, len(x), x.shape[1])
    each = [_in_quartiles(column, bins) if default and binning == "width" else bins for column in x.T]
    if x.shape[1] == 1 and binning == "width" and not local and each[0] <= LARGEST_TABLE:
        counts = histogram(x[:, 0], each[0])
        _warn_of_wide(counts, x[:, 0])
        k = min(each[0], max(bins, len(x)))
        return entropy_of_counts(counts, correction, k=k) + _log(_width(x, each[0]))
    codes, volume = np.empty(x.shape, np.int64), np.zeros(len(x))
    for d, number in enumerate(each):
        of_column = _column if number == bins or number <= LARGEST_TABLE else _far_apart
        codes[:, d], widths = of_column(x[:, d], number, binning)
        volume += _log(widths)[codes[:, d]]
    k = math.prod(min(number, max(bins, len(x))) for number in each)
    h = estimate("entropy", {"x": codes}, correction, local=local, k=k)
    return h + volume if local else h + float(volume.mean())


def mutual_information(
    x, y, *, bins=None, binning="width", correction="ml", local=False, threads=1, ends=(None, None)
):  # fmt: skip
    """Mutual information of the bins of two samples, (N, D) and (N, E); options as of `entropy`.

    `ends` are the smallest and the largest number of each sample, None where they are not known.
    """
    bins = _bins(bins, binning, len(x), x.shape[1] + y.shape[1])
    if local or binning == "mass" or x.shape[1] != 1 or y.shape[1] != 1 or bins**2 > LARGEST_TABLE:
        return _of_symbols("mutual_information", (x, y), bins, binning, correction, local)
    table = histogram2d(x[:, 0], y[:, 0], bins, ends)
    for axis, column in ((1, x), (0, y)):
        _warn_of_wide(table.sum(axis=axis), column[:, 0])
    row, column = np.nonzero(table)  # a cell is as good as its samples: a row of such a weight
    weights = table[row, column]
    return estimate(
        "mutual_information", {"x": row, "y": column}, correction, weights=weights, k=(bins, bins)
    )


def conditional_mutual_information(
    x, y, z, *, bins=None, binning="width", correction="ml", local=False, threads=1
):
    """I(X; Y | Z) of the bins of three samples; options as of `entropy`."""
    bins = _bins(bins, binning, len(x), x.shape[1] + y.shape[1] + z.shape[1])
    return _of_symbols("conditional_mutual_information", (x, y, z), bins, binning, correction, local)


def histogram(x, bins):
    """Counts (bins,) int64 of x (N,) in bins of equal width."""
    x, low, scale = _grid(x, bins)
    counts = np.zeros((4, bins), np.int64)
    _count(x, low, scale, counts)
    return counts.sum(axis=0)


def histogram2d(x, y, bins, ends=(None, None)):
    """Counts (bins, bins) int64 of the pairs x (N,), y (N,), the bins of x along axis 0."""
    x, low_x, scale_x = _grid(x, bins, ends[0])
    y, low_y, scale_y = _grid(y, bins, ends[1])
    counts = np.zeros((4, bins * bins), np.int64)
    _count_pairs(x, low_x, scale_x, y, low_y, scale_y, bins, counts)
    return counts.sum(axis=0).reshape(bins, bins)


def _of_symbols(measure, samples, bins, binning, correction, local):
    codes = [symbols(s, bins=bins, binning=binning)[0] for s in samples]
    k = [bins ** c.shape[1] for c in codes]
    return estimate(measure, dict(zip("xyz", codes)), correction, local=local, k=k)


def _bins(bins, binning, n, d):
    if binning not in ("width", "mass"):
        raise OptionError('binned: `binning` must be "width" or "mass", got {!r}', binning)
    if bins is None:
        return min(n, max(2, math.ceil(n ** (1 / (d + 2)) - 1e-9)))
    if isinstance(bins, bool) or not isinstance(bins, (int, np.integer)) or not 1 <= bins <= n:
        raise OptionError("binned: `bins` must be an integer from 1 to the {} samples, got {!r}", n, bins)
    return int(bins)


def _column(x, bins, binning):
    """The bin of each value of one column, int64, and the width of each bin."""
    if binning == "mass":
        edges = np.sort(x)[np.append(np.arange(bins) * len(x) // bins, -1)]
        return np.searchsorted(edges[1:-1], x, side="right"), np.diff(edges)
    codes = np.empty(len(x), np.int64)
    values, low, scale = _grid(x, bins)
    _number(values, low, scale, bins, codes)
    _warn_of_wide(np.bincount(codes), x)
    return codes, np.full(bins, _width(x, bins))


def _far_apart(x, bins, _):
    """As `_column`, of many bins of which most are empty: those that are not, counted from the middle."""
    width = _width(x, bins)
    with np.errstate(over="ignore"):  # too far away for a number of its bin
        _, codes = np.unique(np.floor((x - np.median(x)) / width), return_inverse=True)
    return codes, np.full(codes.max() + 1, width)


def _in_quartiles(x, bins):
    """`bins`, or where tails are heavy as many as are in the range if so many are about the quartiles."""
    low, high = np.searchsorted(np.cumsum(histogram(x, 1024)), (len(x) / 4, 3 * len(x) / 4))
    if HEAVY * (high - low + 1) >= 1024 or (x == x[0]).all():  # seen without a sort
        return bins
    wide = (x.max() / 2 - x.min() / 2) / (spreads(x[:, None], 0.25)[0] / 2)
    return bins if wide <= HEAVY else math.ceil(min(bins * wide / NEAR, 1e300))


def _warn_of_wide(counts, x):
    """Warn where nearly all of a column is in one of its bins of equal width, and not at one point of it."""
    if len(counts) > 1 and counts.max() >= ONE_BIN * len(x) and np.ptp(np.quantile(x, (0.05, 0.95))) > 0:
        warn(
            f"binned: {100 * counts.max() / len(x):.0f} % of the values of a column are in one of its "
            f"{len(counts)} bins of equal width, in which they cannot be told apart. "
            'Try binning="mass", or estimators `ksg1` and `kozachenko_leonenko`, which have no bins.'
        )


def _width(x, bins):
    return x.max() / float(bins) - x.min() / float(bins)


def _log(width):
    with np.errstate(divide="ignore"):  # the logarithm of 0 is meant
        return np.log(width)


def _grid(x, bins, ends=None):
    """The column, contiguous; its smallest value, and the number of bins in a unit of length."""
    x = np.ascontiguousarray(x)
    low, high = ends or extremes(x)
    if low < high and not 1e-290 < high - low < 1e290:  # or the scale would be infinite or zero
        x = np.ldexp(x, -math.frexp(max(-low, high))[1])
        low, high = extremes(x)
    return x, low, bins / (high - low) if low < high else 0.0


@jit(strict=True, inline=True)
def _bin(x, low, scale, last):
    """The bin of one value; whatever the value is, one of those that there are."""
    return max(np.int32(0), min(np.int32((x - low) * scale), last))


@jit(strict=True)
def _number(x, low, scale, bins, codes):
    for i in range(x.size):
        codes[i] = _bin(x[i], low, scale, np.int32(bins - 1))


@jit(strict=True)
def _count(x, low, scale, counts):
    """Add one to the bin of each value, in four tables by turns: a sum need not wait for the one before."""
    cell = np.empty(_BLOCK, np.int32)
    last = np.int32(counts.shape[1] - 1)
    for start in range(0, x.size, _BLOCK):
        u = x[start : start + _BLOCK]
        for i in range(u.size):
            cell[i] = _bin(u[i], low, scale, last)
        _add(cell[: u.size], counts)


@jit(strict=True)
def _count_pairs(x, low_x, scale_x, y, low_y, scale_y, bins, counts):
    """As `_count`, the cell of a pair being bins times the bin of x plus that of y."""
    cell = np.empty(_BLOCK, np.int32)
    last = np.int32(bins - 1)
    for start in range(0, x.size, _BLOCK):
        u, v = x[start : start + _BLOCK], y[start : start + _BLOCK]
        for i in range(u.size):
            row, column = _bin(u[i], low_x, scale_x, last), _bin(v[i], low_y, scale_y, last)
            cell[i] = row * np.int32(bins) + column
        _add(cell[: u.size], counts)


@jit(strict=True)
def _add(cell, counts):
    whole = cell.size - cell.size % 4
    for i in range(0, whole, 4):
        counts[0, cell[i]] += 1
        counts[1, cell[i + 1]] += 1
        counts[2, cell[i + 2]] += 1
        counts[3, cell[i + 3]] += 1
    for i in range(whole, cell.size):
        counts[0, cell[i]] += 1
