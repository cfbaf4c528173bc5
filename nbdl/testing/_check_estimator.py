"""What an estimator must satisfy, by its record."""

import numpy as np

from nbdl import registry
from nbdl.errors import OptionError, VerificationError
from nbdl.records import resolve

ROWS = 60


def check_estimator(record):
    """Try an estimator on small samples of its kind of data.

    Of discrete data: the entropy of many counts must be right, that of few finite. Of the others each measure
    must give one finite number, the same with two threads, and leave its samples as they were; and with
    ``local=True`` values whose mean is that number, or an `OptionError` that says that it has none. There is
    one for each row; fewer only where `symbols`, made of several rows each, are fewer. These must be int64
    codes below their k, of `ordered` estimators masked where a value is missing. A ``shuffled_<measure>``
    must give the measure for the order that shuffles nothing, ``pairwise_mutual_information`` that of a pair.

    Parameters
    ----------
    record : Estimator

    Raises
    ------
    VerificationError
        If it does not.
    """
    if record.data == "discrete":
        _check_counts(record)
        return
    known = registry.default()
    rows = _check_symbols(record) if "symbols" in record.measures else ROWS
    for measure in known.names("measure"):
        if measure not in record.measures:
            continue
        inputs = known.get("measure", measure).inputs
        samples = _samples(record.data, 2 if inputs[0].startswith("*") else len(inputs))
        value = _check_value(record, measure, samples)
        _check_local(record, measure, samples, value, rows)
        if f"shuffled_{measure}" in record.measures:
            _check_shuffled(record, measure, samples, value)
    if "pairwise_mutual_information" in record.measures:
        _check_pairwise(record)


def _check_counts(record):
    counts = np.array([5, 3, 2])
    few, many = (resolve(record.measures["entropy"])(counts * n, k=4) for n in (1, 1000))
    truth = -(counts / 10 * np.log(counts / 10)).sum()
    if not np.isfinite(few) or not abs(many - truth) < 0.05:
        text = "estimator `{}`: counts {} and k=4 must give about {:.4f} nats, got {}"
        raise VerificationError(text, record.name, counts * 1000, truth, many)


def _samples(data, count):
    """Columns of numbers; where the data is mixed, the first one of symbols."""
    rng = np.random.default_rng(0)
    samples = [rng.standard_normal((ROWS, 1)) for _ in range(count)]
    if data == "mixed":
        samples[0] = rng.integers(0, 3, ROWS)
    return samples


def _check_value(record, measure, samples):
    """One finite number, of samples that are only read, with any number of threads."""
    function, before = resolve(record.measures[measure]), [s.copy() for s in samples]
    value, again = function(*samples), function(*samples, threads=2)
    if any((s != b).any() for s, b in zip(samples, before)):
        raise VerificationError("estimator `{}`: `{}` must not change its samples", record.name, measure)
    if not np.isscalar(value) or not np.isfinite(value) or value != again:
        text = "estimator `{}`: `{}` must be one finite number for any threads, got {} and {}"
        raise VerificationError(text, record.name, measure, value, again)
    return value


def _check_local(record, measure, samples, value, rows):
    """Values whose mean is the estimate, or an `OptionError`."""
    try:
        local = np.asarray(resolve(record.measures[measure])(*samples, local=True))
    except OptionError:
        return
    if local.shape != (rows,) or not np.isclose(local.mean(), value):
        text = "estimator `{}`: `{}`, {}, must be the mean of {} local values, got {} with mean {}"
        raise VerificationError(text, record.name, measure, value, rows, local.shape, local.mean())


def _check_symbols(record):
    """Codes from 0 to k - 1; returns how many rows of them there are."""
    (x,) = _samples(record.data, 1)
    codes, k = resolve(record.measures["symbols"])(np.hstack((x, x[::-1])))
    if codes.dtype != np.int64 or codes.ndim != 2 or codes.shape[1] != 2 or not len(codes) <= ROWS:
        text = "estimator `{}`: `symbols` of ({}, 2) numbers must be int64 (N', 2), got {} {}"
        raise VerificationError(text, record.name, ROWS, codes.dtype, codes.shape)
    if codes.min() < 0 or codes.max() >= k:
        text = "estimator `{}`: `symbols` must be from 0 to k - 1, k = {}, got {} to {}"
        raise VerificationError(text, record.name, k, codes.min(), codes.max())
    if record.ordered:
        x[ROWS // 2] = np.nan
        gap, _ = resolve(record.measures["symbols"])(x)
        if not 1 <= np.ma.count_masked(gap) < len(codes):
            text = "estimator `{}`: `symbols` must be masked where a value is missing, got {} masked of {}"
            raise VerificationError(text, record.name, np.ma.count_masked(gap), len(codes))
    return len(codes)


def _check_shuffled(record, measure, samples, value):
    shuffled = resolve(record.measures[f"shuffled_{measure}"])(*samples)
    found = value if shuffled is None else shuffled(np.arange(ROWS))
    if not np.isclose(found, value):
        text = "estimator `{}`: `shuffled_{}` in the order as it is must give {}, got {}"
        raise VerificationError(text, record.name, measure, value, found)


def _check_pairwise(record):
    """The mutual information of each pair of columns, given nothing and given a third sample."""
    x, y, z = _samples(record.data, 3)
    for measure, given in (("mutual_information", z[:, :0]), ("conditional_mutual_information", z)):
        found = resolve(record.measures["pairwise_mutual_information"])([x, y], given)
        value = resolve(record.measures[measure])(*(s for s in (x, y, given) if s.shape[1]))
        if np.shape(found) != (2, 2) or not np.isclose(found[0, 1], value) or found[0, 1] != found[1, 0]:
            text = "estimator `{}`: `pairwise_mutual_information` must have the `{}` {} of a pair, got {}"
            raise VerificationError(text, record.name, measure, value, found)
