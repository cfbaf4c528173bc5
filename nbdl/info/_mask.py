"""Which rows count: a mask is True where one does."""

import numpy as np

from nbdl import registry
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.info._samples import as_array, read, without_missing

OF_SERIES = (  # measures whose rows are times
    "transfer_entropy", "active_information_storage", "permutation_entropy", "sample_entropy",
    "spectral_entropy", "lempel_ziv_complexity",
)  # fmt: skip


def rows_that_count(mask, rows):
    """A mask as truth values (N,)."""
    keep = as_array("mask", mask)
    if keep.dtype.kind != "b":
        raise DtypeError(
            "`mask` must be truth values, True where a row counts, got dtype {}", keep.dtype.name
        )
    if keep.shape != (rows,):
        raise ShapeError("`mask` must have shape ({},), one for each row, got {}", rows, keep.shape)
    if not keep.any():
        raise OptionError("`mask` must be True somewhere: no row of {} counts", rows)
    return keep


def ordered(measure, estimator=None):
    """Whether neighbouring rows belong together, so that leaving some out leaves a gap."""
    by_order = estimator is not None and registry.default().get("estimator", estimator).ordered
    return measure in OF_SERIES or by_order


def counting(named, keep, nan_policy, series):
    """Samples by name without the rows that do not count, and the `nan_policy` for what is left of them.

    Rows that have no order are taken out; of a `series` they are gaps.
    """
    if series:
        return gaps(named, keep, nan_policy)
    return {name: _taken(name, x, keep) for name, x in named.items()}, nan_policy


def gaps(named, keep, nan_policy):
    """Samples that are masked where a row does not count, and the `nan_policy` with which these are left out.

    For series: a row that does not count is a gap. What is missing in rows that count is still an error where
    the policy says so.
    """
    samples = {name: np.ma.array(x, copy=True) for name, x in named.items()}
    for name, x in samples.items():
        _check_length(name, x, keep)
    if nan_policy == "raise":
        without_missing([read(name, x[keep]) for name, x in samples.items()], None, nan_policy)
        nan_policy = "omit"
    for x in samples.values():
        x[~keep] = np.ma.masked
    return samples, nan_policy


def _taken(name, x, keep):
    _check_length(name, x, keep)
    if isinstance(x, (list, tuple)):
        return [value for value, counts in zip(x, keep) if counts]
    return (x if isinstance(x, np.ndarray) else np.asarray(x))[keep]


def _check_length(name, x, keep):
    if len(x) != len(keep):
        raise ShapeError("`mask` must have one value for each of the {} rows of `{}`", len(x), name)
