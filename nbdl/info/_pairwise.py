"""A measure of every pair of columns, in one call.

Plug-in values of discrete columns (`_bits`), and those of an estimator with a way of its own for all pairs
(`_correlations`), are made together, all others one by one, on threads.
"""

import contextlib
import inspect
import math
import threading
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from nbdl import registry
from nbdl._cores import thread_count
from nbdl.errors import DataError, NbdlError, OptionError, ShapeError, UsageError
from nbdl.info._bits import plug_in
from nbdl.info._counts import Joint
from nbdl.info._estimate import function_of, nats_of
from nbdl.info._kinds import ROWS, warn_of_few_rows
from nbdl.info._mask import counting, ordered, rows_that_count
from nbdl.info._samples import FEW, check_nan_policy, read, said_of, same_length
from nbdl.info._telling import renamed, warn
from nbdl.records import resolve

ONE_SIDED = ("conditional_entropy", "kl_divergence", "transfer_entropy")
GIVEN = {  # what a measure of two samples is once a third one is known, and what it calls that
    "mutual_information": ("conditional_mutual_information", "z"),
    "transfer_entropy": ("transfer_entropy", "given"),
}
PLUG_IN = ("base", "nan_policy", "threads", "weights", "z")  # options of the plug-in estimator
NAMED = 5  # columns that a warning names


def pairwise(
    X,
    measure="mutual_information",
    estimator=None,
    *,
    discrete=None,
    given=None,
    mask=None,
    base="e",
    nan_policy="raise",
    threads=None,
    **options,
):
    """The matrix of a measure of two samples over all pairs of columns.

    Parameters
    ----------
    X : (N, p), a list of p columns (N,) or (N, D) of any kinds, a mapping of them by name, or a table
        As in `entropy`. Of a table, which has `columns`, each column has its own kind.
    measure : str
        The name of a measure of two samples.
    estimator : str, optional
        As in `mutual_information`; the default one may differ from pair to pair.
    discrete : bool, or one for each column
        As in `entropy`: each column has a kind of its own.
    given : (N,) or (N, D), optional
        What is known already: the matrix of I(X;Y|Z), or of the transfer entropy given the past of it too.
    mask : (N,) truth values, optional
        The rows that count, all if not given. Of series, a history with another one in it is left out.
    nan_policy : "raise", "omit" or "propagate"
        "omit" leaves out the rows that lack a value of the pair. Where too few are left for an estimate it is
        NaN, and one warning says of which columns.
    base, threads, **options
        As in `mutual_information`.

    Returns
    -------
    float64 (p, p): in row i and column j the measure of columns i and j, in this order. The diagonal of
    mutual information holds the entropy of each discrete column, and inf for each continuous one.
    """
    columns = columns_of("pairwise", X)
    record, known = _measure(measure, given)
    check_nan_policy(nan_policy)
    if options.get("local"):
        raise OptionError("pairwise: `local` must be False: ask the measure itself, for one pair")
    keywords = {"estimator": estimator, "base": base, "nan_policy": nan_policy}
    for name, value in list(keywords.items()):
        if name not in known and "options" not in known:
            if value != inspect.signature(pairwise).parameters[name].default:
                raise UsageError("`{}` takes no `{}`, got {!r}", measure, name, value)
            del keywords[name]
    if mask is not None:
        keep, series = rows_that_count(mask, len(next(iter(columns.values())))), ordered(measure, estimator)
        columns, policy = counting(columns, keep, nan_policy, series)
        if given is not None:
            given = counting({"given": given}, keep, nan_policy, series)[0]["given"]
        if options.get("weights") is not None:
            options |= counting({"weights": options["weights"]}, keep, nan_policy, False)[0]
        keywords |= {"nan_policy": policy} if "nan_policy" in keywords else {}
    said = said_of(discrete, list(columns))
    samples = [read(name, x, d) for (name, x), d in zip(columns.items(), said)]
    condition = [] if given is None else [read("given", given)]
    same_length(samples + condition)
    pairs = Pairs("pairwise", record, samples, condition, keywords | options)
    matrix = np.full((len(samples), len(samples)), np.nan)
    done = _together(matrix, measure, samples, condition, keywords | options, thread_count(threads))
    if "threads" in known or "options" in known:
        pairs.options["threads"] = 1
    pairs.fill(matrix, done, thread_count(threads))
    return matrix


def columns_of(who, X):
    """The columns of X by the names that errors and warnings call them, of which those of X say `who`."""
    if (names := getattr(X, "columns", getattr(getattr(X, "dtype", None), "names", None))) is not None:
        if len(set(names)) < len(names):
            text = "{}: the columns of `X` must have names of their own, got {}"
            raise ShapeError(text, who, list(names))
        columns = {str(name): X[name] for name in names}
    elif isinstance(X, Mapping):
        columns = {str(name): x for name, x in X.items()}
    else:
        if not isinstance(X, (list, tuple)):
            X = np.asanyarray(X)
            if X.ndim != 2 or X.size == 0:
                text = "{}: `X` must have shape (N, p) and not be empty, got {}"
                raise ShapeError(text, who, X.shape)
            X = X.T if np.ma.isMaskedArray(X) else np.ascontiguousarray(X.T)
        columns = {f"column {i}": x for i, x in enumerate(X)}
    if not columns:
        raise ShapeError("{}: `X` must have at least one column, got {!r}", who, X)
    return columns


def _measure(measure, given):
    """The record of a measure of two samples, and the parameters of its function."""
    record = registry.default().get("measure", measure)
    if len(record.inputs) != 2 and record.inputs != ("*xs",):
        raise UsageError("`{}` is a measure of {}, not of two samples", measure, ", ".join(record.inputs))
    if given is not None and measure not in GIVEN:
        raise UsageError("pairwise: `given` is for {}, not for `{}`", " and ".join(GIVEN), measure)
    return record, registry.parameters(record.compute)


def _together(matrix, measure, samples, condition, options, threads):
    """Fill in what one call gives for many columns; which columns these are."""
    whole = [i for i, s in enumerate(samples) if s.missing is None]
    options = dict(options)
    estimator, nats = options.pop("estimator", None), nats_of(options.pop("base", "e"))
    options.pop("nan_policy", None)
    if measure != "mutual_information" or any(s.missing is not None for s in condition):
        return []
    if estimator in (None, "ml") and not options and not condition:
        found = [i for i in whole if samples[i].kind == "discrete"]
        return found if len(found) > 1 and _counted(matrix, found, samples, estimator, nats, threads) else []
    record = estimator and registry.default().get("estimator", estimator)
    found = [i for i in whole if samples[i].kind == "continuous" and samples[i].values.shape[1] == 1]
    own = f"pairwise_{measure}"
    if len(found) < 2 or not record or own not in record.measures or options.get("weights") is not None:
        return []
    if any(s.kind != "continuous" for s in condition):
        return []
    clip = options.pop("clip", False)
    z = condition[0].values if condition else np.empty((len(samples[0].values), 0))
    block = function_of(record, own, options)(
        [samples[i].values for i in found], z, threads=threads, **options
    )
    matrix[np.ix_(found, found)] = (np.maximum(block, 0) if clip else block) / nats
    return found


def _counted(matrix, found, samples, estimator, nats, threads):
    """Fill in plug-in values; False if some of the columns may be measured numbers of too few rows."""
    samples = [samples[i] for i in found]
    block, sizes = plug_in([s.values for s in samples], threads)
    if estimator is None:
        if _too_many(samples, sizes):
            return False
        pair = [samples[i] for i in np.argsort(sizes, kind="stable")[-2:]]  # those with the most symbols
        warn_of_few_rows("mutual_information", pair, Joint([s.values for s in pair]))
    matrix[np.ix_(found, found)] = block / nats
    return True


def _too_many(samples, sizes):
    """Whether some integers may be measured numbers for which there are too few rows to count pairs."""
    many = [not s.said and s.of_numbers and size > FEW for s, size in zip(samples, sizes)]
    pairs = np.outer(sizes, sizes)
    np.fill_diagonal(pairs, 0)
    return bool((pairs[many] > len(samples[0].values) / ROWS).any())


# --- one by one -------------------------------------------------------------------------------------------


class Pairs:
    """A measure of any two of some columns, whose errors and warnings say which columns they are of."""

    def __init__(self, who, record, samples, condition, options):
        self.who, self.name, self.samples, self.options = who, record.name, samples, dict(options)
        self.roles = record.inputs if len(record.inputs) == 2 else ("xs[0]", "xs[1]")
        if condition:
            conditional, role = GIVEN[record.name]
            record = registry.default().get("measure", conditional)
            self.options[role] = condition[0]._replace(name=role)
        self.compute = resolve(record.compute)
        self.omit = self.options.get("nan_policy") == "omit"
        self.lost, self.caught, self.now = {}, {}, threading.local()

    def fill(self, matrix, done, threads):
        """Compute all pairs but those of the columns `done`."""
        p, done = len(matrix), set(done)
        one_sided = self.name in ONE_SIDED
        pairs = [(i, j) for i in range(p) for j in range(p) if i <= j or one_sided]
        pairs = [pair for pair in pairs if not done.issuperset(pair)]
        for (i, j), each in zip(pairs, self.values(pairs, threads)):
            matrix[i, j] = each
            if not one_sided:
                matrix[j, i] = each

    def values(self, pairs, threads):
        """The measure of each of some pairs (i, j); NaN for one that has too few rows in common."""
        empty = [self.omit and s.missing is not None and bool(s.missing.all()) for s in self.samples]
        self.lost = {(i, i): "no value" for i in {i for pair in pairs for i in pair} if empty[i]}
        full = [(i, j) for i, j in pairs if not (empty[i] or empty[j])]
        with self._listening(), ThreadPoolExecutor(threads) as pool:
            found = dict(zip(full, pool.map(self._value, full)))
        for text, category in self.caught.items():
            warn(text, category)
        if self.lost:
            warn(f"{self.who}: NaN for {self._what_was_lost(empty)}")
        return [found.get(pair, math.nan) for pair in pairs]

    def _value(self, pair):
        i, j = self.now.pair = pair
        options, two = self.options, [self.samples[i], self.samples[j]]
        if i == j and self.name == "mutual_information":
            if self.samples[i].kind == "continuous":
                return math.inf
            if options["estimator"] is None:  # then the plug-in one, whatever the others are asked to do
                options = {name: v for name, v in options.items() if name in PLUG_IN}
                two = [s._replace(said=True) for s in two]
        try:
            return self.compute(*two, **options)
        except NbdlError as error:
            gap = any(self.samples[each].missing is not None for each in pair)
            if self.omit and gap and isinstance(error, (DataError, ShapeError, OptionError)):
                self.lost[pair] = str(error)
                return math.nan
            raise type(error)("{}", self._named(str(error))) from error

    def _named(self, text):
        """A text about the two samples, with the names of their columns."""
        names = [self.samples[each].name for each in self.now.pair]
        return renamed(text, {r: f"`{n}`" for r, n in zip(self.roles, names) if r not in names})

    @contextlib.contextmanager
    def _listening(self):
        """Keep each warning once, by its text with the names of the columns in it."""

        def keep(message, category, *_, **__):
            text, pair = self._named(str(message)), [f"`{self.samples[i].name}`" for i in self.now.pair]
            if not any(name in text for name in pair):
                text = f"{' and '.join(pair)}: {text}"
            self.caught.setdefault(text, category)

        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = keep
            yield

    def _what_was_lost(self, empty):
        names = [f"`{s.name}`" for s in self.samples]
        said = [f"{_few([n for n, e in zip(names, empty) if e])}, without a value"] if any(empty) else []
        if pairs := sorted(pair for pair in self.lost if not (empty[pair[0]] or empty[pair[1]])):
            which = _few([f"{names[i]} and {names[j]}" for i, j in pairs])
            said.append(f"{which}, with too few rows in common: {self.lost[pairs[0]]}")
        return "; and for ".join(said)


def _few(texts):
    return ", ".join(texts[:NAMED]) + (f" and {len(texts) - NAMED} more" if len(texts) > NAMED else "")
