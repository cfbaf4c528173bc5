r"""Measures of time series: what the past of one tells about another, and about itself.

.. math::
    TE_{X \to Y} &= I(Y_t ;\, X^{(l)}_{t-u} \mid Y^{(k)}_{t-1}) \\
    AIS_X &= I(X_t ;\, X^{(k)}_{t-1}) \qquad
    X^{(k)}_t = (x_t, x_{t-\tau}, \ldots, x_{t-(k-1)\tau})

with k = `history`, l = `source_history`, u = `lag` and :math:`\tau` = `step`, in samples. Every estimator of
(conditional) mutual information serves; one that makes symbols of values (binned, ordinal) makes them of the
whole series, before histories are taken. Samples that have no complete past in their own trial are left out.

Schreiber, Measuring information transfer, Phys. Rev. Lett. 85 (2000), eq. 4. Wibral et al., Measuring
information-transfer delays, PLoS ONE 8 (2013), eq. 9, for the lag. Lizier, Prokopenko, Zomaya, Local measures
of information storage in complex distributed computation, Information Sciences 208 (2012), eq. 5.
"""

import numbers
from typing import NamedTuple

import numpy as np

from nbdl import registry
from nbdl.errors import DataError, DtypeError, OptionError, ShapeError, UsageError
from nbdl.info._estimate import estimate
from nbdl.info._kinds import fitted
from nbdl.info._mask import gaps, rows_that_count
from nbdl.info._samples import Sample, as_array, read, said_of, same_length, with_gaps, without_missing
from nbdl.info._telling import Telling, telling
from nbdl.records import resolve

MUTUAL, CONDITIONAL = "mutual_information", "conditional_mutual_information"

# --- the measures -----------------------------------------------------------------------------------------


def transfer_entropy(
    source,
    target,
    estimator=None,
    *,
    given=None,
    history=1,
    source_history=1,
    given_history=1,
    lag=1,
    step=1,
    trials=None,
    **options,
):
    """What the past of `source` tells about `target` beyond the past of the target itself.

    Parameters
    ----------
    source, target : (N,) or (N, D)
        Series, equally spaced in time.
    estimator : str, optional
        A name of the registry, as for `conditional_mutual_information`.
    given : (N,) or (N, D), optional
        Further series whose past is known too: the conditional transfer entropy.
    history, source_history, given_history : int
        How many past values of the target, the source and the given series count.
    lag : int
        Samples from the latest value of the source to the target: 1 or more. That of the others is 1.
    step : int
        Samples between the values of a history.
    trials : (N,), optional
        Which trial each sample belongs to, where the series consist of several: a change begins another one.
        No history and no ordinal pattern reaches from one into the next.
    **options
        As of `conditional_mutual_information`, such as ``base``, ``local``; ``theiler`` of the estimators by
        nearest neighbours; ``order`` of ordinal patterns; ``discrete``, of source, target and given.

    Returns
    -------
    float, or float64 with one value for each time that has a complete past if ``local=True``.

    Raises
    ------
    ShapeError, OptionError
        On series or trials too short for their histories, of different lengths, on weights, and all that the
        measures refuse.
    """
    options["trials"] = trials
    series = _Series({"source": source, "target": target} | _if_given(given), estimator, options)
    problems = _transfer(series, (lag,), history, source_history, given_history, step)
    return next(problems).estimate()


def active_information_storage(x, estimator=None, *, history=1, step=1, trials=None, **options):
    """What the past of a series tells about its next value; arguments as of `transfer_entropy`."""
    options["trials"] = trials
    return _storage(_Series({"x": x}, estimator, options), history, step).estimate()


def lagged(measure, x, y, lags, estimator=None, *, given=None, mask=None, **options):
    """A measure of `y` and earlier values of `x`, for each of many lags.

    All lags are estimated from the same times of `y`, so that they can be compared.

    Parameters
    ----------
    measure : "mutual_information" or "transfer_entropy"
        I(X_{t-lag}; Y_t), or the transfer entropy from x to y.
    x, y : (N,) or (N, D)
        Series, equally spaced in time.
    lags : int or sequence of int
        An integer n stands for 0 ... n of mutual information, 1 ... n of transfer entropy. Negative lags, for
        mutual information alone: x after y.
    given : (N,) or (N, D), optional
        What is known already: I(X_{t-lag}; Y_t | Z_t), or the transfer entropy given the past of it too.
    mask : (N,) truth values, optional
        The times that count, all if not given: a history with another one in it is left out.
    estimator, **options
        As of the measure; ``trials`` for both, as of `transfer_entropy`.

    Returns
    -------
    (number of lags,) float64.
    """
    if options.get("local"):
        raise OptionError("lagged: `local` must be False: ask the measure itself, for one lag")
    options |= {"given": given, "mask": mask}
    return np.array([each.estimate() for each in problems_of_lags(measure, x, y, lags, estimator, options)])


def embed(x, history, *, step=1, lag=0, trials=None):
    """The past of a series x, (N,) or (N, D), at each time t that has one: (times, h D).

    A row holds x[t - lag], x[t - lag - step], ... The first one belongs to t = lag + (history - 1) step. With
    `trials`, as of `transfer_entropy`, the same for each trial: N - trials (lag + (history - 1) step) rows.
    """
    series = _Series({"x": x}, None, {"trials": trials})
    offsets = series.offsets("x", history, step, lag, 0)
    return series.past("x", offsets, series.times({"x": offsets}))


# --- from series to samples -------------------------------------------------------------------------------


class Problem(NamedTuple):
    """A measure of samples whose rows have no order: what every measure, of series too, comes to."""

    measure: str
    samples: dict  # by name, (N, D) each; the first is what a permutation test shuffles
    estimator: str | None
    options: dict

    def estimate(self):
        return estimate(self.measure, self.samples, self.estimator, **self.options)


def problem(measure, samples, estimator, options):
    """The `Problem` of a measure by name, `samples` in the order of its arguments."""
    options = dict(options)
    if measure == "transfer_entropy":
        names = ("history", "source_history", "given_history", "step", "lag")
        embedding = {n: options.pop(n, 1) for n in names}
        series = _Series(dict(zip(("source", "target", "given"), samples)), estimator, options)
        return next(_transfer(series, (embedding.pop("lag"),), **embedding))
    if measure == "active_information_storage":
        embedding = {n: options.pop(n, 1) for n in ("history", "step")}
        return _storage(_Series(dict(zip("x", samples)), estimator, options), **embedding)
    if options.get("trials") is not None:
        raise UsageError("`trials` are for measures of series, `{}` is of rows without order", measure)
    names = "xyz" if len(samples) <= 3 else [f"samples[{i}]" for i in range(len(samples))]
    series = _Series(dict(zip(names, samples)), estimator, options)
    return series.problem(measure, dict(series.values), series.discrete.values())


def problems_of_lags(measure, x, y, lags, estimator, options):
    """A `Problem` for each lag, arguments as of `lagged`; all of them have the same times of y."""
    options = dict(options)
    transfer = measure == "transfer_entropy"
    named = {"source": x, "target": y} if transfer else {"x": x, "y": y}
    named |= _if_given(options.pop("given", None))
    mask = options.pop("mask", None)
    if mask is not None:
        named = {name: _plain(name, each) for name, each in named.items()}
        keep = rows_that_count(mask, len(next(iter(named.values()))))
        named, options["nan_policy"] = gaps(named, keep, options.get("nan_policy", "raise"))
    if transfer:
        embedding = {n: options.pop(n, 1) for n in ("history", "source_history", "given_history", "step")}
        return _transfer(_Series(named, estimator, options), _lags(lags, 1), **embedding)
    if measure == MUTUAL:
        return _shifted(_Series(named, estimator, options), _lags(lags, 0))
    raise UsageError('`measure` must be "mutual_information" or "transfer_entropy", got {!r}', measure)


def _symbols(record, function, samples, options):
    """Symbols of the columns of all samples, masked where a value is missing, and how many there are."""
    x = np.hstack([with_gaps(s).values for s in samples])
    if record.ordered:
        return function(x, **options)
    present = ~np.isnan(x).any(axis=1)
    if present.all():
        return function(x, **options)
    if not present.any():
        raise DataError("in every row a value is missing, of {}", ", ".join(f"`{s.name}`" for s in samples))
    codes = np.ma.masked_all(x.shape, np.int64)
    codes[present], k = function(np.ascontiguousarray(x[present]), **options)
    return codes, k


class _Series:
    """Series by name, (N, D) each; where the estimator makes symbols of values, the symbols."""

    def __init__(self, named, estimator, options):
        self.estimator, self.options, self.alphabet = estimator, dict(options), None
        trials = self.options.pop("trials", None)
        if options.get("weights") is not None:
            text = "`weights` are for one estimate of rows without order: not for series, shuffles, resamples"
            raise OptionError(text)
        said = said_of(self.options.pop("discrete", None), list(named))
        said = [
            x.kind == "discrete" if isinstance(x, Sample) and x.said else d
            for x, d in zip(named.values(), said)
        ]
        self.discrete = dict(zip(named, said))
        self.values = {name: _plain(name, x) for name, x in named.items()}
        lengths = {name: len(x) for name, x in self.values.items()}
        if len(set(lengths.values())) > 1:
            text = "the series must be of one length, got {}"
            raise ShapeError(text, ", ".join(f"`{name}` {n}" for name, n in lengths.items()))
        self.trial = None if trials is None else _runs(trials, *set(lengths.values()))
        record = None if estimator is None else registry.default().get("estimator", estimator)
        if record is not None and "symbols" in record.measures:
            self._make_symbols(record)

    def _make_symbols(self, record):
        samples = [read(name, x, self.discrete[name]) for name, x in self.values.items()]
        same_length(samples)
        if self.options.get("nan_policy", "raise") == "raise":
            without_missing(samples, None, "raise")
        samples, _ = fitted("entropy", samples, record.data)
        for s in samples:
            if s.kind != record.data:
                text = "estimator `{}` is for {} data, but `{}` is {} ({})"
                raise UsageError(text, record.name, record.data, s.name, s.kind, s.values.dtype.name)
        function, options = resolve(record.measures["symbols"]), dict(self.options)
        own = {n: options.pop(n) for n in function.__kwdefaults__ if n in options}
        with telling(Telling()):
            codes, self.alphabet = _symbols(record, function, samples, own)
        self.estimator, self.options = options.pop("correction", "ml"), options
        if self.trial is not None:  # a symbol may be made of several neighbours: all of one trial
            longer = len(samples[0].values) - len(codes)
            whole = self.trial[: len(codes)] == self.trial[longer:]
            if not whole.any():
                raise ShapeError("no trial has the {} samples that a symbol is made of", longer + 1)
            codes, self.trial = codes[whole], self.trial[: len(codes)][whole]
        ends = np.cumsum([s.values.shape[1] for s in samples])[:-1]
        self.values = dict(zip(self.values, np.hsplit(codes, ends)))
        self.discrete = dict.fromkeys(self.values, True)

    def problem(self, measure, samples, discrete):
        """The `Problem` of samples that are made of the series; `discrete` says the kind of each, or None."""
        options = dict(self.options)
        if any(kind is not None for kind in discrete):
            options["discrete"] = tuple(discrete)
        if self.alphabet is not None:
            options["k"] = [self.alphabet ** x.shape[1] for x in samples.values()]
        return Problem(measure, samples, self.estimator, options)

    def offsets(self, name, history, step, lag, smallest_lag):
        """How many samples before a time the values of its past are; raises where no time has one."""
        for option, value, least in (("history", history, 1), ("step", step, 1), ("lag", lag, smallest_lag)):
            check_integer(f"`{option}` of `{name}`", value, least)
        offsets = range(lag, lag + history * step, step)
        if offsets[-1] >= len(self.values[name]):
            text = "`{}` must have more than {} samples for its history and lag, got {}"
            raise ShapeError(text, name, offsets[-1], len(self.values[name]))
        return offsets

    def times(self, offsets):
        """The times whose values at all `offsets`, by name, are there and of one trial."""
        n = len(next(iter(self.values.values())))
        least, most = (end(0, *(o for each in offsets.values() for o in each)) for end in (min, max))
        times = range(most, n + least)
        if self.trial is None:
            return times
        whole = self.trial[: len(times)] == self.trial[n - len(times) :]
        if not whole.any():
            text = "no trial has more than the {} samples that histories and lags take, of {} trials"
            raise ShapeError(text, most - least, self.trial[-1] + 1 if n else 0)
        return np.arange(most, n + least)[whole]

    def past(self, name, offsets, times):
        """Rows of the values of a series at each of the offsets before each of the times."""
        return _side_by_side([_at(self.values[name], times, offset) for offset in offsets])


def _transfer(series, lags, history, source_history, given_history, step):
    """The `Problem` of a transfer entropy for each lag; all of them have the same times."""
    known = {"target": history} | ({"given": given_history} if "given" in series.values else {})
    known = {name: series.offsets(name, h, step, 1, 1) for name, h in known.items()}
    sources = [series.offsets("source", source_history, step, lag, 1) for lag in lags]
    times = series.times(known | {"source": [o for each in sources for o in (each[0], each[-1])]})
    history = _side_by_side([series.past(name, offsets, times) for name, offsets in known.items()])
    target = series.past("target", [0], times)
    past_kinds = {series.discrete[name] for name in known} - {None} or {None}
    if len(past_kinds) > 1:
        text = "`discrete` must be the same for `target` and `given`, whose pasts are taken together, got {}"
        raise OptionError(text, series.discrete)
    kinds = series.discrete["source"], series.discrete["target"], *past_kinds
    for offsets in sources:
        past = series.past("source", offsets, times)
        samples = {"source": past, "target": target, "history": history}
        yield series.problem(CONDITIONAL, samples, kinds)


def _storage(series, history, step):
    offsets = series.offsets("x", history, step, 1, 1)
    times = series.times({"x": offsets})
    samples = {"x": series.past("x", [0], times), "history": series.past("x", offsets, times)}
    return series.problem(MUTUAL, samples, [series.discrete["x"]] * 2)


def _shifted(series, lags):
    """The `Problem` of x before y, given what is known then, for each lag; all have the same times of y."""
    times = series.times({"x": lags})
    if len(times) == 0:
        text = "`lags` from {} to {} leave nothing of {} samples"
        raise ShapeError(text, min(lags), max(lags), len(series.values["y"]))
    for lag in lags:
        names = [("x", "x", lag), ("y", "y", 0)] + [("z", "given", 0)] * ("given" in series.values)
        samples = {role: series.past(name, [offset], times) for role, name, offset in names}
        yield series.problem(CONDITIONAL if "z" in samples else MUTUAL, samples, series.discrete.values())


def _at(x, times, offset):
    """Rows of x at so many samples before the times."""
    if isinstance(times, range):
        return x[times.start - offset : times.stop - offset]
    return x[times - offset]


def _runs(trials, n):
    """The number of the trial of each sample, from 0; a change of what is in `trials` begins another one."""
    sample = read("trials", trials)
    if sample.values.shape != (n, 1):
        raise ShapeError("`trials` must have shape ({},), one for each sample, got {}", n, np.shape(trials))
    without_missing([sample], None, "raise")
    values = sample.values[:, 0]
    return np.append(0, np.cumsum(values[1:] != values[:-1]))


def _side_by_side(columns):
    if len(columns) == 1:
        return columns[0]
    if len({c.dtype.kind in "USO" for c in columns}) > 1:  # NumPy would make text of the numbers
        columns = [c.astype(object) for c in columns]
    return np.ma.hstack(columns) if any(map(np.ma.isMaskedArray, columns)) else np.hstack(columns)


def _lags(lags, least):
    if isinstance(lags, numbers.Integral):
        check_integer("`lags`", lags, least)
        return range(least, lags + 1)
    if not np.iterable(lags):
        raise DtypeError("`lags` must be an integer or a sequence of integers, got {!r}", lags)
    lags = list(lags)
    if not lags:
        raise OptionError("`lags` must be an integer or at least one lag, got none")
    for lag in lags:
        check_integer("each of `lags`", lag, least or None)
    return lags


def _if_given(given):
    return {} if given is None else {"given": given}


def _plain(name, x):
    """A series as an array (N, D), masked or not."""
    if isinstance(x, Sample):
        if x.missing is None:
            return x.values
        return np.ma.array(x.values, mask=np.zeros(x.values.shape, bool) | x.missing[:, None])
    x = x if np.ma.isMaskedArray(x) else as_array(name, x)
    if x.ndim not in (1, 2) or x.size == 0:
        raise ShapeError("`{}` must have shape (N,) or (N, D) and samples, got {}", name, x.shape)
    if x.dtype.kind in "mM":  # side by side with others they are numbers
        absent = np.ma.getmaskarray(x) | np.isnat(np.ma.getdata(x))
        x = np.ma.getdata(x).astype(x.dtype.newbyteorder("="), copy=False).view(np.int64)
        x = np.ma.array(np.where(absent, 0, x), mask=absent) if absent.any() else x
    return x.reshape(len(x), -1)


def check_integer(name, value, least=None):
    """Raise unless `value` is an integer, and at least so large."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise DtypeError("{} must be an integer, got {!r}", name, value)
    if least is not None and value < least:
        raise OptionError("{} must be at least {}, got {}", name, least, value)
