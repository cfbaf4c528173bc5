"""What ``nbdl info`` answers: one value, one for each lag, or a matrix; plain numbers and text."""

from nbdl.cli._info_asked import STEPS_OF_A_SERIES, words
from nbdl.errors import UsageError

FORMULAS = {"ml": "g_test", "gaussian": "f_test"}  # tests that need no shuffle, by estimator
WITHOUT_FORMULA = ("total_correlation", "kl_divergence")  # the others are tests of (conditional) independence


def value(asked):
    """The measure, with a p-value and an interval if they are asked for."""
    from nbdl import info as measures
    from nbdl.info import _mask

    options = asked.options
    series = _mask.ordered(asked.measure, options["estimator"])
    columns = asked.counting(asked.columns(), series)
    samples = [c.values for c in columns.values()]
    found = {}
    with asked.blamed(columns):
        answer = _head(asked, columns)
        if options["permutations"] is not None:
            found |= tested(asked, columns)
        if n := options["bootstrap"]:
            three, seed = (samples + [None, None])[:3], options["seed"] or 0
            keywords = asked.keywords(columns, resamples=n, seed=seed)
            interval = measures.bootstrap(asked.measure, *three, **keywords)
            found |= {"value": interval.estimate, "interval": [interval.low, interval.high]}
            found |= {"standard_error": interval.standard_error, "resamples": n}
        if not found:
            found["value"] = compute(asked, columns)
    return answer | found


def compute(asked, columns):
    optional = len(columns) > len(asked.inputs) and not asked.inputs[0].startswith("*")
    samples = asked.samples(columns)
    more = {"given": samples.pop()} if optional else {}
    return float(asked.compute(*samples, **asked.keywords(columns, **more)))


def tested(asked, columns, problem=None):
    """The estimate and its p-value; of `problem` where it is not of the columns as they are."""
    from nbdl import info as measures
    from nbdl.info import _null, _samples, _series

    n, options = asked.options["permutations"], asked.keywords(columns)
    estimator = options.pop("estimator", None)
    if asked.measure not in _null.ARGUMENTS:
        raise UsageError("`{}` has no p-value; {} have", asked.measure, words(list(_null.ARGUMENTS)))
    whole = problem is None
    if whole:
        problem = _series.problem(asked.measure, asked.samples(columns), estimator, options)
    samples = problem.samples.values()
    if n:
        test = measures.permutation_test(
            problem.measure, *samples, estimator=problem.estimator, permutations=n,
            seed=asked.options["seed"] or 0, **problem.options,
        )  # fmt: skip
        return {"value": test.estimate, "p_value": test.p_value, "z_score": test.z_score, "permutations": n}
    if asked.measure in WITHOUT_FORMULA:
        raise UsageError("`{}` has no formula for a p-value. Try --permutations 200", asked.measure)
    name = estimator or (asked.understood(columns)[1] if asked.takes("estimator") else "ml")
    if name not in FORMULAS:
        text = "estimator `{}` has no formula for a p-value, {} have. Try --permutations 200"
        raise UsageError(text, name, words(list(FORMULAS)))
    named = {k: v for k, v in problem.options.items() if k == "nan_policy"}
    said = _samples.said_of(problem.options.get("discrete"), list(problem.samples))
    samples = [_samples.read(role, x, d) for (role, x), d in zip(problem.samples.items(), said)]
    test = getattr(measures, FORMULAS[name])(*samples, **named)
    value = compute(asked, columns) if whole else float(problem.estimate())
    found = {"value": value, "p_value": test.p_value, "test": FORMULAS[name]}
    found |= {"statistic": test.statistic, "dof": test.dof}
    return found | ({"rows_per_cell": test.rows_per_cell} if name == "ml" else {})


def scan(asked, lags):
    """The measure for each lag, with p-values if they are asked for."""
    from nbdl.info import _series

    columns = asked.counting(asked.columns(optional=("given",)), series=True)
    samples = [c.values for c in columns.values()]
    if len(samples) < 2:
        raise UsageError("--lags needs a measure of two series, `{}` is of one", asked.measure)
    more = {"given": samples[2]} if len(samples) > 2 else {}
    inner = asked.given_a_condition() if more else asked
    with asked.blamed(columns):
        answer = _head(inner, columns) | {"measure": asked.measure, "lags": lags}
        options = inner.keywords(columns, **more)
        estimator = options.pop("estimator", None)
        problems = list(_series.problems_of_lags(asked.measure, *samples[:2], lags, estimator, options))
        rows = [_complete(p.samples) for p in problems]
        answer |= {"rows": min(rows)} | ({"rows_of_lags": rows} if len(set(rows)) > 1 else {})
        if asked.options["permutations"] is None:
            return answer | {"values": [float(p.estimate()) for p in problems]}
        found = [tested(inner, columns, p) for p in problems]
    answer |= {"values": [f["value"] for f in found], "p_values": [f["p_value"] for f in found]}
    return answer | test_of(found)


def test_of(tests):
    """What many p-values are from: so many permutations each, or formulas."""
    if "permutations" in tests[0]:
        return {"permutations": tests[0]["permutations"]}
    return {"test": words(sorted({t["test"] for t in tests}))}


def _head(asked, columns):
    """What was asked, and how it was understood."""
    samples, estimator = asked.understood(columns)
    if asked.options["estimator"]:
        estimator = asked.options["estimator"]
    return {
        "measure": asked.measure, "unit": asked.unit, **({"estimator": estimator} if estimator else {}),
        "rows": rows_used(asked, columns),
        "samples": {role: described(c, [samples[role]]) for role, c in columns.items()},
    }  # fmt: skip


def rows_used(asked, columns):
    """How many rows the estimate is of: those, or those times of series, at which nothing is missing."""
    from nbdl.info import _series

    if asked.options["lags"]:
        return None  # they come with the lags
    named = {role: c.values for role, c in columns.items()}
    if asked.options["nan_policy"] != "omit" and asked.measure not in STEPS_OF_A_SERIES:
        return max(map(len, named.values()))
    if asked.measure == "kl_divergence":
        return max(_complete({role: x}) for role, x in named.items())
    if asked.measure in STEPS_OF_A_SERIES:
        options = asked.keywords(columns)
        estimator = options.pop("estimator", None)
        named = _series.problem(asked.measure, list(named.values()), estimator, options).samples
    return _complete(named)


def _complete(named):
    """In how many rows of samples by name nothing is missing."""
    from nbdl.info import _samples

    samples = [_samples.read(name, x) for name, x in named.items()]
    gone = [s.missing for s in samples if s.missing is not None]
    return len(samples[0].values) - (int(sum(gone[1:], gone[0]).astype(bool).sum()) if gone else 0)


def described(column, samples):
    """A column, and how it was taken: in a matrix of some pairs perhaps as the other kind."""
    from nbdl.info import _samples
    from nbdl.info._kinds import describe

    samples = list(samples) or [_samples.read(column.name, column.values, column.discrete)]
    kind = " or ".join(s.kind for s in samples)
    return {"column": column.name, "kind": kind, "about": describe(samples[-1])}
