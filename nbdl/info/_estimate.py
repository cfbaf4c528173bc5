"""How a measure of samples is estimated: by which estimator, from what it offers, in which unit.

A measure is a signed sum of entropies of groups of its samples; one table holds them all. An estimator of
discrete data is an entropy of counts, and every measure follows from it. An estimator of continuous or mixed
data may offer a measure itself; what it does not offer follows by the chain rule from the mutual information
that it has, else from its entropies.
"""

import inspect
import math
import numbers
from itertools import combinations

import numpy as np

from nbdl import registry
from nbdl._cores import thread_count
from nbdl.errors import DataError, NbdlError, OptionError, ShapeError, UsageError
from nbdl.info._counts import Joint, divergence
from nbdl.info._kinds import fitted, warn_of_choices, warn_of_few_rows
from nbdl.info._samples import (
    gaps_in_any,
    read,
    read_weights,
    said_of,
    same_length,
    with_gaps,
    without_missing,
)
from nbdl.info._spread import spread
from nbdl.info._telling import Telling, renamed, telling
from nbdl.records import resolve

# --- signed sums of entropies -----------------------------------------------------------------------------


def entropies(measure, n):
    """Pairs (factor, group of samples) of a measure of n samples: the sum of factor x H(group)."""
    every, singles = tuple(range(n)), [(i,) for i in range(n)]
    rests = [tuple(j for j in every if j != i) for i in every]
    total = [(1, g) for g in singles] + [(-1, every)]
    dual = [(1, g) for g in rests] + [(1 - n, every)]
    match measure:
        case "entropy" | "joint_entropy":
            return [(1, every)]
        case "conditional_entropy":
            return [(1, (0, 1)), (-1, (1,))]
        case "conditional_mutual_information":
            return [(1, (0, 2)), (1, (1, 2)), (-1, (2,)), (-1, (0, 1, 2))]
        case "mutual_information" | "total_correlation":
            return total
        case "dual_total_correlation":
            return dual
        case "o_information":
            return total + [(-f, g) for f, g in dual]
        case "co_information":
            return [((-1) ** (r - 1), g) for r in range(1, n + 1) for g in combinations(every, r)]


_NOT_NEGATIVE = (
    "mutual_information",
    "conditional_mutual_information",
    "total_correlation",
    "dual_total_correlation",
    "kl_divergence",
)
_DEFAULTS = {  # the first that offers the measure, or else what it follows from
    "discrete": ("ml",),
    "continuous": ("ksg1", "kozachenko_leonenko", "knn"),
    "mixed": ("ross", "gao", "by_class"),
}
_OF_MIXTURES = ("mesner_shalizi", "gao")  # first, where single values recur in a continuum


# --- estimating -------------------------------------------------------------------------------------------


def estimate(
    measure,
    named,
    estimator=None,
    *,
    base="e",
    weights=None,
    nan_policy="raise",
    local=False,
    threads=None,
    clip=False,
    discrete=None,
    **options,
):
    """The measure of the samples in the mapping `named`; see `entropy` and `mutual_information`."""
    nats = nats_of(base)
    threads = thread_count(threads)
    paired = measure != "kl_divergence"
    for option, value in (("local", local), ("clip", clip)):
        if not isinstance(value, (bool, np.bool_)):
            raise OptionError("`{}` must be True or False, got {!r}", option, value)
    if clip and (local or measure not in _NOT_NEGATIVE):
        text = "`clip` is for one estimate of what cannot be negative, {}; got it for {}"
        what = f"local values of `{measure}`" if local else f"`{measure}`"
        raise OptionError(text, ", ".join(_NOT_NEGATIVE), what)
    samples = [read(name, x, d) for (name, x), d in zip(named.items(), said_of(discrete, list(named)))]
    if paired:
        same_length(samples)
    elif weights is not None:
        raise OptionError("`weights` are for samples whose rows belong together, `{}` takes none", measure)
    rows = len(samples[0].values)
    weights = read_weights(weights, rows)
    if paired:
        kept, weights = without_missing(samples, weights, nan_policy)
    else:
        kept = each_without_missing(samples, nan_policy)
    if kept is None:
        return np.full(rows, np.nan) if local else math.nan
    ordered = estimator is not None and registry.default().get("estimator", estimator).ordered
    taken = samples if ordered else kept
    record, kept, joint = prepared(measure, taken, estimator, options, weights is not None)
    if ordered:
        kept = [with_gaps(s) for s in (gaps_in_any(kept) if paired else kept)]
    if record.data == "discrete":
        if paired and joint is None:
            joint = Joint([s.values for s in kept], weights)
        value = by_counts(record, measure, kept, weights, local, options, joint)
        if estimator is None and paired:
            warn_of_few_rows(measure, kept, joint)
    else:
        if weights is not None:
            raise OptionError("`weights` are for discrete data, estimator `{}` takes none", record.name)
        value = by_estimator(record, measure, kept, local, threads, options)
    return max(0.0, value) / nats if clip else value / nats


def prepared(measure, samples, name, options, weighted=False):
    """The record of the estimator, the samples as it takes them, and their `Joint` where it was made.

    Says what was decided about samples, unless the user did.
    """
    data = None if name is None else registry.default().get("estimator", name).data
    counted = weighted or isinstance(options.get("k"), (tuple, list, np.ndarray))
    samples, joint = fitted(measure, samples, data, counted)
    mixtures = []
    if any(s.kind == "continuous" for s in samples) and "noise" not in options:
        if name is None or _spreads(registry.default().get("estimator", name)):
            samples, mixtures = spread(measure, samples, options.get("seed", 0))
    record = choose(measure, samples, name, bool(mixtures))
    if name is not None and mixtures:
        samples = [s._replace(about="") if s.name in mixtures else s for s in samples]
    warn_of_choices(samples)
    return record, samples, joint


def _spreads(record):
    """Whether an estimator is one by nearest neighbours, but for those that take ties for what they are."""
    measures = registry.default().names("measure")
    functions = [f for measure, f in record.measures.items() if measure in measures]
    tied = record.name in ("gao", "mesner_shalizi")
    return not tied and any("noise" in registry.parameters(f) for f in functions)


def each_without_missing(samples, nan_policy):
    """Samples that are not paired, of as many columns each, without the missing values of each; None if the
    result is NaN."""
    widths = [s.values.shape[1] for s in samples]
    if widths[0] != widths[1]:
        raise ShapeError(
            "`{}` must have {} columns like `{}`, got {}",
            samples[1].name,
            widths[0],
            samples[0].name,
            widths[1],
        )
    kept = [without_missing([s], None, nan_policy)[0] for s in samples]
    return None if None in kept else [k[0] for k in kept]


def nats_of(base):
    """How many nats one unit has."""
    named = {"e": 1.0, "nats": 1.0, "bits": math.log(2), "dits": math.log(10)}
    if isinstance(base, str) and base in named:
        return named[base]
    if isinstance(base, numbers.Real) and not isinstance(base, bool) and 0 < base < math.inf and base != 1:
        return math.log(base)
    text = '`base` must be a number > 0 but 1, or "e", "nats", "bits" or "dits", got {!r}'
    raise OptionError(text, base)


def choose(measure, samples, name, mixture=False):
    """The estimator of that name, or the default one for this measure and these kinds of data."""
    kinds = {s.kind for s in samples}
    data = kinds.pop() if len(kinds) == 1 else "mixed"
    names = registry.default()
    if name is not None:
        record = names.get("estimator", name)
        if record.data not in (data, "mixed"):
            which = ", ".join(f"`{s.name}` is {s.kind} ({s.values.dtype.name})" for s in samples)
            text = "estimator `{}` is for {} data, but {}; others for it: {}"
            raise UsageError(text, name, record.data, which, _others(measure, data, len(samples)))
        return record
    wanted = (_OF_MIXTURES if mixture else ()) + _DEFAULTS[data]
    known = [names.get("estimator", each) for each in wanted if each in names.names("estimator")]
    for record in sorted(known, key=lambda record: measure not in record.measures):
        if _offers(record, measure, len(samples)):
            return record
    text = "`{}` of {} samples of {} data has no default estimator; others for it: {}"
    raise UsageError(text, measure, len(samples), data, _others(measure, data, len(samples)))


def _others(measure, data, n):
    names = registry.default()
    records = ((name, names.get("estimator", name)) for name in names.names("estimator"))
    return ", ".join(name for name, r in records if r.data == data and _offers(r, measure, n)) or "none"


def _offers(record, measure, n):
    if record.data == "discrete" or measure in record.measures:
        return True
    if measure == "kl_divergence":
        return False
    if "entropy" in record.measures:
        return True
    needed = {each for _, each, _ in _chain(measure, n)}
    return bool(needed) and needed <= set(record.measures)


def function_of(record, measure, options):
    """The function of an estimator, after a look at the names of its options."""
    function = resolve(record.measures[measure])
    if options:
        parameters = inspect.signature(function).parameters.values()
        known = [p.name for p in parameters if p.kind == p.KEYWORD_ONLY]
        known = [name for name in known if name not in ("local", "threads", "ends")]
        for option in options:
            if option not in known:
                text = "estimator `{}` has no option `{}` for `{}`; it has: {}"
                raise UsageError(text, record.name, option, measure, ", ".join(known) or "none")
    return function


# --- discrete data: entropies of counts -------------------------------------------------------------------


def by_counts(record, measure, samples, weights, local, options, joint=None):
    k = options.pop("k", None)
    entropy = function_of(record, "entropy", options)
    if (local or measure == "kl_divergence") and record.name != "ml":
        what = "local values" if local else "the divergence"
        raise UsageError("{} of discrete data are those of estimator `ml`, got `{}`", what, record.name)
    if measure == "kl_divergence":
        if local or k is not None:
            raise OptionError("`kl_divergence` of discrete data takes neither `local` nor `k`")
        return divergence(*(s.values for s in samples))
    if joint is None:
        joint = Joint([s.values for s in samples], weights)
    terms = entropies(measure, len(samples))
    if local:
        return sum(factor * joint.local(group) for factor, group in terms)
    sizes = sizes_of(k, [s.name for s in samples], joint)
    h = {g: entropy(joint.counts(g), k=math.prod(sizes[i] for i in g), **options) for _, g in terms}
    value = float(sum(factor * h[group] for factor, group in terms))
    return in_bounds(measure, value, h) if record.name == "ml" else value


def in_bounds(measure, value, h):
    """The plug-in value without its rounding errors: 0 <= I(X;Y) <= H(X), H(Y), and so on."""
    if measure == "mutual_information":
        value = min(value, h[0,], h[1,])
    elif measure == "conditional_mutual_information":
        value = min(value, h[0, 2] - h[2,], h[1, 2] - h[2,])
    elif measure == "conditional_entropy":
        value = max(value, 0.0)
    return max(value, 0.0) if measure in _NOT_NEGATIVE else value


def sizes_of(k, names, joint):
    """The size of the alphabet of each sample: what the user says, else the number of symbols seen."""
    seen = [joint.counts((i,)).size for i in range(len(names))]
    if k is None:
        return seen
    sizes = tuple(k) if isinstance(k, (tuple, list, np.ndarray)) else (k,)
    if len(sizes) != len(names):
        raise OptionError("`k` must be {} sizes of alphabets, of {}, got {}", len(names), ", ".join(names), k)
    for name, size, symbols in zip(names, sizes, seen):
        if not isinstance(size, numbers.Integral) or size < symbols:
            text = "`k` must be an integer, at least the {} symbols that `{}` has, got {!r}"
            raise OptionError(text, symbols, name, size)
    return [int(size) for size in sizes]


# --- continuous and mixed data ----------------------------------------------------------------------------


def by_estimator(record, measure, samples, local, threads, options):
    """The estimate by the estimator itself, by its entropies, or by the chain rule."""
    n = len(samples)
    chain = _chain(measure, n)
    if measure in record.measures:
        terms = [(1, measure, [(i,) for i in range(n)])]
    elif chain and {each for _, each, _ in chain} <= set(record.measures):
        terms = chain  # first: a constant sample shares nothing, but has a differential entropy of -inf
    elif "entropy" in record.measures and measure != "kl_divergence":
        terms = [(factor, "entropy", [group]) for factor, group in entropies(measure, n)]
        samples, terms = _without_constants(samples, terms)
    else:
        offered = sorted(set(record.measures) & set(registry.default().names("measure")))
        raise UsageError("estimator `{}` has no `{}`; it has: {}", record.name, measure, ", ".join(offered))
    value, said = 0.0, Telling()
    for factor, each, groups in terms:
        function = function_of(record, each, options)
        arrays = [_side_by_side([samples[i] for i in group]) for group in groups]
        known = {}
        if "ends" in (getattr(function, "__kwdefaults__", None) or {}):
            known["ends"] = [samples[g[0]].ends if len(g) == 1 else None for g in groups]
        said.names = _names_of(samples, groups)
        with telling(said), np.errstate(invalid="ignore"):  # the difference of infinities is refused below
            try:
                each = function(*arrays, local=local, threads=threads, **known, **options)
            except NbdlError as error:
                if (text := renamed(str(error), said.names)) == str(error):
                    raise
                raise type(error)("{}", text) from error
            value = value + factor * each
    if terms and np.isnan(value).any():
        text = "`{}` is a difference of informations that are infinite by estimator `{}`: a column follows "
        text += "from others. Try to leave it out"
        if terms[0][1] == "entropy":
            text = "`{}` is a difference of entropies that are -inf by estimator `{}`: there is no density "
            text += "where values repeat or columns follow from others. Try noise=1e-6 if values were rounded"
        raise DataError(text, measure, record.name)
    if local:
        return value if np.ndim(value) else np.zeros(len(samples[0].values))
    return float(value)


def _names_of(samples, groups):
    """The user's names by those that an estimator has for its arguments, a group of samples each."""
    names = [" and ".join(f"`{samples[i].name}`" for i in group) for group in groups]
    numbered = {f"xs[{i}]": name for i, name in enumerate(names)}
    return numbered | dict(zip("xyz", names)) | dict(zip(("x", "given"), names))


def _without_constants(samples, terms):
    """Samples and terms without the constant columns whose entropies, of -inf, are to cancel."""
    kept = list(samples)
    for i, s in enumerate(samples):
        if s.kind == "continuous" and sum(factor for factor, _, (group,) in terms if i in group) == 0:
            varying = (s.values != s.values[0]).any(axis=0)
            kept[i] = s._replace(values=s.values[:, varying], ends=None) if not varying.all() else s
    gone = {i for i, s in enumerate(kept) if not s.values.shape[1]}
    terms = [(f, each, [tuple(i for i in group if i not in gone)]) for f, each, (group,) in terms]
    return kept, [term for term in terms if term[2][0]]


def _chain(measure, n):
    """A measure as a sum of (factor, measure, groups of samples) by the chain rule."""
    singles = [(i,) for i in range(n)]
    mutual, conditional = "mutual_information", "conditional_mutual_information"
    total = [(1, mutual, [tuple(range(i)), (i,)]) for i in range(1, n)]
    dual = [(1, conditional, [(i,), tuple(range(i)), tuple(range(i + 1, n))]) for i in range(1, n - 1)]
    dual.append((1, mutual, [(n - 1,), tuple(range(n - 1))]))
    match measure:
        case "total_correlation":
            return total
        case "dual_total_correlation":
            return dual
        case "o_information":
            return total + [(-factor, each, groups) for factor, each, groups in dual]
        case "co_information" if n == 2:
            return [(1, mutual, singles)]
        case "co_information" if n == 3:
            return [(1, mutual, singles[:2]), (-1, conditional, singles)]
    return []


def _side_by_side(samples):
    """A group of samples as one argument of an estimator: float64 (N, D), int64 codes (N,), or both."""
    symbols = [s.values for s in samples if s.kind == "discrete"]
    columns = [s.values for s in samples if s.kind == "continuous"]
    codes = Joint(symbols).codes(range(len(symbols)))[0] if symbols else None
    if not columns:
        return codes
    columns = np.ascontiguousarray(np.hstack(columns) if len(columns) > 1 else columns[0])
    return (codes, columns) if symbols else columns
