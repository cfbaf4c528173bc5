"""What a measure is given: samples, each of discrete or of continuous data.

At first the dtype says which: integers, times, truth values, text and categories are discrete, floats are
continuous; objects that are all numbers are read as these numbers, others are symbols. ``discrete=`` says
otherwise; `_kinds` has what is decided from the content. Missing values are NaN in floats, NaT in times,
None, NaN and NA in objects, and what a masked array masks. No number stands for a missing value: -1 is a
symbol like any other.
"""

import numbers
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from nbdl._jit import jit
from nbdl.errors import DataError, DtypeError, OptionError, ShapeError, UsageError
from nbdl.kernels.simd.registers import hmax, larger, load, pointer, smaller, some
from nbdl.kernels.simd.shuffle import lanes, load_rest

FEW = 20  # values of a column of symbols
RECURS = 5  # rows for each value, on average, of floats that are symbols


class Sample(NamedTuple):
    """One argument of a measure: N rows of D numbers or symbols."""

    name: str
    kind: str  # "discrete" or "continuous"
    values: np.ndarray  # (N, D); float64 if continuous
    missing: np.ndarray | None  # (N,), whether something is missing in the row
    ends: tuple | None = None  # the smallest and the largest number, where known and finite
    said: bool = False  # whether `discrete=` said the kind
    about: str = ""  # what was decided about it from its content

    def taking(self, rows):
        """The sample of some of its rows, in which nothing is missing."""
        return self._replace(values=np.ascontiguousarray(self.values[rows]), missing=None, ends=None)

    @property
    def of_numbers(self):
        """Whether the values are numbers, which may be measured or be symbols."""
        return self.values.dtype.kind in "iuf"

    def as_symbols(self):
        """The sample as discrete data; whole floats become integers, which are counted faster."""
        x = self.values
        if x.dtype.kind == "f":
            present = x if self.missing is None else np.where(np.isnan(x), 0.0, x)
            if are_whole(present) and np.abs(present).max() < 2**53:
                x = present.astype(np.int64)
        return self._replace(kind="discrete", values=x, ends=None)

    def as_numbers(self):
        """The sample as continuous data; of integers beyond 2^53 their differences from the smallest."""
        if self.kind == "continuous":
            return self
        x = self.values
        if x.dtype.kind in "iu" and max(int(x.max()), -int(x.min())) > 2**53:
            x = (x.astype(np.uint64) - x.min(axis=0).astype(np.uint64)).view(np.uint64)
        return self._replace(kind="continuous", values=np.ascontiguousarray(x, np.float64))


def read(name, x, discrete=None):
    """The `Sample` in what a user gave: an array, a list, a column of a table; (N,) or (N, D).

    `discrete` says its kind; None leaves it to the dtype. A `Sample` is what it is.
    """
    if isinstance(x, Sample):
        return x
    mask = np.ma.getmaskarray(x) if np.ma.isMaskedArray(x) else None
    listed = isinstance(x, (list, tuple))
    x, given = np.ma.getdata(x) if mask is not None else as_array(name, x), x
    if listed and x.dtype.kind in "US":
        x = np.array(given, object)  # NumPy would make "nan" of a NaN among text
    if x.ndim not in (1, 2):
        raise ShapeError("`{}` must have shape (N,) or (N, D), got {}", name, x.shape)
    if x.size == 0:
        raise ShapeError("`{}` has no samples, shape {}", name, x.shape)
    absent, ends = None, None
    if x.dtype.kind == "O":
        absent = np.reshape([_is_missing(v) for v in x.ravel()], x.shape)
        hidden = absent if mask is None else absent | mask
        x = _numbers(x, hidden)
        if x.dtype.kind == "O" and x.ndim == 2 and not discrete:
            _refuse_measured(name, x, hidden)
    elif x.dtype.kind in "mM":
        absent = np.isnat(x)
        x = np.where(absent, 0, x.astype(x.dtype.newbyteorder("="), copy=False).view(np.int64))
    if x.dtype.kind == "f":
        x = np.ascontiguousarray(x, np.float64)
        with np.errstate(invalid="ignore"):  # the difference of infinities is meant
            ends = extremes(x.ravel())
        if not np.isfinite(ends).all():
            ends, nan = None, np.isnan(x)
            absent = nan if absent is None else absent | nan
            if np.isinf(x).any():
                raise DataError("`{}` must be finite, got {}", name, x[np.isinf(x)][0])
    elif x.dtype.kind not in "biuSUO":
        text = "`{}` must hold integers, truth values, text, objects, times or floats, got dtype {}"
        raise DtypeError(text, name, x.dtype.name)
    absent = [m for m in (mask, absent) if m is not None and m.any()]
    missing = np.logical_or.reduce(absent).reshape(len(x), -1).any(axis=1) if absent else None
    kind = "continuous" if x.dtype.kind == "f" else "discrete"
    sample = Sample(name, kind, x.reshape(len(x), -1), missing, ends, discrete is not None)
    if discrete is None:
        return sample
    if discrete:
        return sample.as_symbols()
    if x.dtype.kind in "USO":
        text = "`{}` is text, it cannot be continuous: discrete=False is for numbers"
        raise DtypeError(text, name)
    return sample.as_numbers()


def said_of(discrete, names):
    """What `discrete=` says of each sample: True, False, or None where it says nothing."""
    if discrete is None or isinstance(discrete, (bool, np.bool_)):
        return [discrete] * len(names)
    if isinstance(discrete, dict):
        for name in discrete:
            if name not in names:
                text = "`discrete` names `{}`, the samples are {}"
                raise OptionError(text, name, ", ".join(f"`{n}`" for n in names))
        each = [discrete.get(name) for name in names]
    elif isinstance(discrete, (tuple, list, np.ndarray)) and len(discrete) == len(names):
        each = list(discrete)
    else:
        each = [discrete]
    if len(each) != len(names) or any(not (v is None or isinstance(v, (bool, np.bool_))) for v in each):
        text = "`discrete` must be True or False, or one of these for each of {}, got {!r}"
        raise OptionError(text, ", ".join(f"`{n}`" for n in names), discrete)
    return each


def _refuse_measured(name, x, absent):
    """Raise where columns of measured numbers stand beside such that are text: they would be symbols."""
    for d in range(x.shape[1]):
        column = _numbers(x[:, d], absent[:, d])
        if column.dtype.kind == "f" and not recurs(column[~absent[:, d], None], whole=True):
            text = "`{}` has text beside measured numbers (column {}): make two samples, or discrete=True"
            raise DtypeError(text, name, d)


def _numbers(x, absent):
    """Objects as the numbers that all of them are, 0 where one is missing; else as they are."""
    present = x[~absent]
    types = set(map(type, present.ravel()))
    if not types or not all(issubclass(t, (numbers.Real, Decimal, np.bool_)) for t in types):
        return x
    truth = all(issubclass(t, (bool, np.bool_)) for t in types)
    whole = all(issubclass(t, (numbers.Integral, np.bool_)) for t in types)
    out = np.zeros(x.shape, bool if truth else np.int64 if whole else np.float64)
    try:
        out[~absent] = present
    except OverflowError:  # integers of more than 64 bits are symbols
        return x
    return out


@jit(strict=True)
def extremes(x):
    """The smallest and the largest of some numbers, float64 (N,); NaN where one is NaN or infinite."""
    p, L = pointer(x), lanes(pointer(x))
    low = high = load_rest(p, 0, x.size, x[0])
    stray = low - low  # 0 for finite numbers, NaN for others
    for i in range(0, x.size - L + 1, L):
        v = load(p, i)
        low, high, stray = smaller(v, low), larger(v, high), stray + (v - v)
    v = load_rest(p, x.size - x.size % L, x.size % L, x[0])
    if some(stray + (v - v) != 0):
        return np.nan, np.nan
    return -float(hmax(-smaller(v, low))), float(hmax(larger(v, high)))


def as_array(name, x):
    """`x` as an array; rows of one length each. Of columns of tables, categories become text, for they are
    names, and integers and truth values of which some are missing become objects, for they are no floats."""
    refuse_text(name, x)
    dtype = getattr(x, "dtype", None)
    if hasattr(dtype, "categories"):
        values = np.asarray(x, object)
        return np.array([None if _is_missing(v) else str(v) for v in values], object)
    if not isinstance(dtype, np.dtype) and getattr(dtype, "kind", "") in ("b", "i", "u"):
        plain = np.asarray(x)
        return plain if plain.dtype.kind in "biu" else np.asarray(x, object)
    try:
        return np.asarray(x)
    except ValueError as error:
        raise ShapeError(
            "`{}` must have shape (N,) or (N, D), got rows of different lengths", name
        ) from error


def refuse_text(name, x):
    """Raise `UsageError` for a text, such as an estimator's name, where samples are meant."""
    if isinstance(x, (str, bytes)):
        text = "`{}` must be samples, got the text {!r}: the name of an estimator is given as estimator={!r}"
        raise UsageError(text, name, x, x)


def _is_missing(value):
    """Whether an object stands for no value: None, NaN, and the NA of tables, which is equal to nothing."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except TypeError:
        return True


def same_length(samples):
    """Raise `ShapeError` unless all samples have as many rows as the first one."""
    first = samples[0]
    for sample in samples:
        if len(sample.values) != len(first.values):
            text = "`{}` must have as many rows as `{}`, {}, got {}"
            raise ShapeError(text, sample.name, first.name, len(first.values), len(sample.values))


def check_nan_policy(nan_policy):
    if nan_policy not in ("raise", "omit", "propagate"):
        raise OptionError('`nan_policy` must be "raise", "omit" or "propagate", got {!r}', nan_policy)


def without_missing(samples, weights, nan_policy):
    """Samples and weights as `nan_policy` wants them; None for samples if the result is NaN."""
    check_nan_policy(nan_policy)
    absent = [s for s in samples if s.missing is not None]
    if not absent:
        return samples, weights
    if nan_policy == "raise":
        text = '`{}` has {} rows with missing values, the first is row {}; nan_policy="omit" leaves them out'
        raise DataError(text, absent[0].name, absent[0].missing.sum(), absent[0].missing.argmax())
    if nan_policy == "propagate":
        return None, weights
    keep = ~np.logical_or.reduce([s.missing for s in absent])
    if not keep.any():
        raise DataError("in every row a value is missing, of {}", ", ".join(f"`{s.name}`" for s in absent))
    kept = [s.taking(keep) for s in samples]
    return kept, None if weights is None else weights[keep]


def recurs(x, whole):
    """Whether the floats in x (N, D) are symbols: at most `FEW` values or, if `whole` counts, any whole
    numbers; in all columns, with `RECURS` rows for each value."""
    return all(_recurs(column, whole) for column in x.T)


def _recurs(x, whole):
    most = x.size // RECURS
    if not whole or not are_whole(x):
        most = min(most, FEW)
    return at_most(x, most) and (x != x[0]).any()


def at_most(x, count):
    """Whether x (N,) has at most so many different values."""
    return np.unique(x[: 2 * count + 1]).size <= count and np.unique(x).size <= count


def are_whole(x):
    return not (x[:FEW] % 1).any() and not (x % 1).any()


def with_gaps(sample):
    """A continuous sample with all its rows, NaN where something is missing: for what the order counts of."""
    if sample.missing is None:
        return sample
    values = np.where(sample.missing[:, None], np.nan, sample.values)
    return sample._replace(values=values, missing=None, ends=None)


def gaps_in_any(samples):
    """Samples in each of which a row is missing that is missing in any."""
    gaps = [s.missing for s in samples if s.missing is not None]
    return [s._replace(missing=np.logical_or.reduce(gaps)) for s in samples] if gaps else samples


def deviations(x):
    """Standard deviation of each column of finite x (N, D), 0 of a constant one; no number is too large."""
    largest = np.abs(x).max(axis=0)
    of_unit = (x / np.where(largest > 0, largest, 1.0)).std(axis=0)
    return np.where((x == x[0]).all(axis=0), 0.0, of_unit * largest)


def spreads(x, tail=0.1):
    """Distance of the quantiles `tail` and 1 - `tail` of each column of x (N, D); its deviation if that is 0.

    Unlike the deviation it says where most rows are, however far away some others.
    """
    largest = np.abs(x).max(axis=0)
    largest = np.where(largest > 0, largest, 1.0)
    low, high = np.quantile(x / largest, (tail, 1 - tail), axis=0)
    return np.where(high > low, (high - low) * largest, deviations(x))


def units_of(x):
    """What each column of finite x (N, D) is measured in where units are not to count: its spread, or 1."""
    spread = spreads(x)
    return np.where(spread > 0, spread, 1.0)


def read_weights(weights, length):
    """Sample weights as float64 (N,), not negative, not all zero."""
    if weights is None:
        return None
    w = np.asarray(weights)
    if w.dtype.kind not in "biuf":
        raise DtypeError("`weights` must be numbers, got dtype {}", w.dtype.name)
    if w.shape != (length,):
        raise ShapeError("`weights` must have shape ({},), one for each row, got {}", length, w.shape)
    w = np.ascontiguousarray(w, np.float64)
    if not (w >= 0).all() or not np.isfinite(w).all():
        raise DataError("`weights` must be finite and not negative, got {}", w[~((w >= 0) & (w < np.inf))][0])
    if not w.any():
        raise DataError("`weights` are all zero")
    return w


def read_counts(counts):
    """Counts of symbols as int64 or float64 (m,), not negative, not all zero."""
    n = as_array("counts", counts).ravel()
    if n.size and n.dtype.kind not in "biuf":
        raise DtypeError("`counts` must be numbers, got dtype {}", n.dtype.name)
    large = n.dtype.kind == "u" and n.size and n.max() >= 2**63
    if not n.size or not (n >= 0).all() or not n.any() or not np.isfinite(n).all() or large:
        text = "`counts` must be finite, not negative, below 2^63 and not all zero, got {}"
        raise OptionError(text, counts)
    return n.astype(np.float64 if n.dtype.kind == "f" else np.int64)
