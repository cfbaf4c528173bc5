"""What ``nbdl info`` answers: one value, one for each lag, or a matrix; plain numbers and text."""

from itertools import combinations, permutations

from nbdl.errors import UsageError


def value(asked):
    """The measure, with a p-value and an interval if they are asked for."""
    from nbdl import info as measures

    columns, options = asked.columns(), asked.options
    samples = [c.values for c in columns.values()]
    three, seed = (samples + [None, None])[:3], {"seed": options["seed"] or 0}
    found = {}
    with asked.blamed(columns):
        answer = _head(asked, columns)
        if n := options["permutations"]:
            test = measures.permutation_test(
                asked.measure, *three, **asked.keywords(columns, permutations=n, **seed)
            )
            found |= {"value": test.estimate, "p_value": test.p_value, "z_score": test.z_score}
            found["permutations"] = n
        if n := options["bootstrap"]:
            interval = measures.bootstrap(
                asked.measure, *three, **asked.keywords(columns, resamples=n, **seed)
            )
            found |= {"value": interval.estimate, "interval": [interval.low, interval.high]}
            found |= {"standard_error": interval.standard_error, "resamples": n}
        if not found:
            found["value"] = _compute(asked, columns)
    return answer | found


def _compute(asked, columns):
    optional = len(columns) > len(asked.inputs) and not asked.inputs[0].startswith("*")
    samples = [c.values for c in columns.values()]
    more = {"given": samples.pop()} if optional else {}
    return float(asked.compute(*samples, **asked.keywords(columns, **more)))


def scan(asked, lags):
    """The measure for each lag."""
    from nbdl.info import lagged

    columns = asked.columns()
    samples = [c.values for c in columns.values()]
    more = {"given": samples[2]} if len(samples) > 2 else {}
    if len(samples) < 2:
        raise UsageError("--lags needs a measure of two series, `{}` is of one", asked.measure)
    with asked.blamed(columns):
        answer = _head(asked, columns)
        values = lagged(asked.measure, *samples[:2], lags, **asked.keywords(columns, **more))
    return answer | {"lags": lags, "values": values.tolist()}


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
    values, p_values, estimators = _pairs(asked, columns)
    n = asked.options["permutations"]
    return {
        "measure": asked.measure, "unit": asked.unit, "estimators": estimators,
        "rows": len(columns[0].values), "columns": [_described(c) for c in columns],
        "matrix": values.tolist(), **({"p_values": p_values.tolist(), "permutations": n} if n else {}),
    }  # fmt: skip


def _pairs(asked, columns):
    """The matrices of estimates and of p-values, and the names of the estimators."""
    import numpy as np

    from nbdl import info as measures
    from nbdl.info._pairwise import ONE_SIDED

    n, seed = asked.options["permutations"], asked.options["seed"] or 0
    values, p_values = np.full((2, len(columns), len(columns)), np.nan)
    one_sided, estimators = asked.measure in ONE_SIDED, set()
    if all(c.kind == "discrete" for c in columns) and not n:
        every = {f"column {i}": c for i, c in enumerate(columns)}
        with asked.blamed(every):
            values[:] = measures.pairwise([c.values for c in columns], asked.measure, **asked.keywords(every))
        np.fill_diagonal(values, np.nan)
        return values, p_values, [asked.estimator(every)] if asked.takes("estimator") else []
    for i, j in (permutations if one_sided else combinations)(range(len(columns)), 2):
        pair = dict(zip(("x", "y"), (columns[i], columns[j])))
        with asked.blamed(pair):
            estimators.add(asked.estimator(pair))
            if n:
                samples = (c.values for c in pair.values())
                options = asked.keywords(pair, permutations=n, seed=seed)
                values[i, j], p_values[i, j], *_ = measures.permutation_test(
                    asked.measure, *samples, **options
                )
            else:
                values[i, j] = _compute(asked, pair)
        if not one_sided:
            values[j, i], p_values[j, i] = values[i, j], p_values[i, j]
    return values, p_values, sorted(estimators - {None})


def _head(asked, columns):
    """What was asked, and how it was understood."""
    estimator = asked.estimator(columns)
    return {
        "measure": asked.measure, "unit": asked.unit, **({"estimator": estimator} if estimator else {}),
        "rows": max(len(c.values) for c in columns.values()),
        "samples": {role: _described(c) for role, c in columns.items()},
    }  # fmt: skip


def _described(column):
    return {"column": column.name, "kind": column.kind, "about": column.about}
