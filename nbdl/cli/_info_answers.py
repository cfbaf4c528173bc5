"""What ``nbdl info`` answers: one value, one for each lag, or a matrix; plain numbers and text."""

from itertools import combinations, permutations

from nbdl.cli._info_asked import words
from nbdl.errors import UsageError

FORMULAS = {"ml": "g_test", "gaussian": "f_test"}  # tests that need no shuffle, by estimator
WITHOUT_FORMULA = ("total_correlation", "kl_divergence")  # the others are tests of (conditional) independence


def value(asked):
    """The measure, with a p-value and an interval if they are asked for."""
    from nbdl import info as measures

    columns, options = asked.columns(), asked.options
    samples = [c.values for c in columns.values()]
    found = {}
    with asked.blamed(columns):
        answer = _head(asked, columns)
        if options["permutations"] is not None:
            found |= _tested(asked, columns)
        if n := options["bootstrap"]:
            three, seed = (samples + [None, None])[:3], options["seed"] or 0
            keywords = asked.keywords(columns, resamples=n, seed=seed)
            interval = measures.bootstrap(asked.measure, *three, **keywords)
            found |= {"value": interval.estimate, "interval": [interval.low, interval.high]}
            found |= {"standard_error": interval.standard_error, "resamples": n}
        if not found:
            found["value"] = _compute(asked, columns)
    return answer | found


def _compute(asked, columns):
    optional = len(columns) > len(asked.inputs) and not asked.inputs[0].startswith("*")
    samples = asked.samples(columns)
    more = {"given": samples.pop()} if optional else {}
    return float(asked.compute(*samples, **asked.keywords(columns, **more)))


def _tested(asked, columns, problem=None):
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
    value = _compute(asked, columns) if whole else float(problem.estimate())
    found = {"value": value, "p_value": test.p_value, "test": FORMULAS[name]}
    found |= {"statistic": test.statistic, "dof": test.dof}
    return found | ({"rows_per_cell": test.rows_per_cell} if name == "ml" else {})


def scan(asked, lags):
    """The measure for each lag, with p-values if they are asked for."""
    from nbdl.info import _series

    columns = asked.columns()
    samples = [c.values for c in columns.values()]
    more = {"given": samples[2]} if len(samples) > 2 else {}
    if len(samples) < 2:
        raise UsageError("--lags needs a measure of two series, `{}` is of one", asked.measure)
    with asked.blamed(columns):
        answer = _head(asked, columns)
        options = asked.keywords(columns, **more)
        estimator = options.pop("estimator", None)
        problems = _series.problems_of_lags(asked.measure, *samples[:2], lags, estimator, options)
        if asked.options["permutations"] is None:
            return answer | {"lags": lags, "values": [float(p.estimate()) for p in problems]}
        found = [_tested(asked, columns, p) for p in problems]
    answer |= {"lags": lags, "values": [f["value"] for f in found], "p_values": [f["p_value"] for f in found]}
    return answer | _test_of(found)


def matrix(asked):
    """The measure of every pair of columns, with p-values if they are asked for; no diagonal."""
    if any(asked.given[1:]):
        raise UsageError("--pairwise takes all columns, or those given by -x; it takes no -y and no -z")
    if len(asked.inputs) != 2 and not asked.inputs[0].startswith("*"):
        raise UsageError(
            "--pairwise needs a measure of two samples, `{}` is of {}", asked.measure, asked.inputs
        )
    names = [n for text in asked.given[0] for n in asked.table.split(text)] or asked.table.names
    columns = [asked.column(n) for n in names]
    if len(columns) < 2:
        raise UsageError("--pairwise needs two columns at least, got {}", len(columns))
    values, estimators, samples, tests = _pairs(asked, columns)
    return {
        "measure": asked.measure, "unit": asked.unit, "estimators": estimators,
        "rows": len(columns[0].values), "columns": [_described(c, s) for c, s in zip(columns, samples)],
        "matrix": values.tolist(), **tests,
    }  # fmt: skip


def _pairs(asked, columns):
    """The matrix of estimates, the names of the estimators, how each column was taken, and the p-values with
    what they are from."""
    import numpy as np

    from nbdl.info._pairwise import ONE_SIDED

    values, p_values = np.full((2, len(columns), len(columns)), np.nan)
    tests, estimators, tested = [], set(), asked.options["permutations"] is not None
    one_sided, taken = asked.measure in ONE_SIDED, [{} for _ in columns]
    for i, j in (permutations if one_sided else combinations)(range(len(columns)), 2):
        pair = dict(zip(("x", "y"), (columns[i], columns[j])))
        with asked.blamed(pair):
            samples, name = asked.understood(pair)
            estimators.add(name)
            for column, sample in zip((i, j), samples.values()):
                taken[column].setdefault(sample.kind, sample)
            if tested:
                tests.append(_tested(asked, pair))
                values[i, j], p_values[i, j] = tests[-1]["value"], tests[-1]["p_value"]
            else:
                values[i, j] = _compute(asked, pair)
        if not one_sided:
            values[j, i], p_values[j, i] = values[i, j], p_values[i, j]
    found = {"p_values": p_values.tolist(), **_test_of(tests)} if tested else {}
    return values, sorted(estimators - {None}), [list(kinds.values()) for kinds in taken], found


def _test_of(tests):
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
        "rows": max(len(c.values) for c in columns.values()),
        "samples": {role: _described(c, [samples[role]]) for role, c in columns.items()},
    }  # fmt: skip


def _described(column, samples):
    """A column, and how it was taken: in a matrix of some pairs perhaps as the other kind."""
    from nbdl.info._kinds import describe

    kind = " or ".join(s.kind for s in samples)
    return {"column": column.name, "kind": kind, "about": describe(samples[-1])}
