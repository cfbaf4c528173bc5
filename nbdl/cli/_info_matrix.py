"""What ``nbdl info --pairwise`` answers: a measure of all pairs of columns."""

import contextlib
import warnings
from itertools import combinations, permutations

from nbdl.cli._info_answers import described, rows_used, test_of, tested
from nbdl.errors import DataError, OptionError, ShapeError, UsageError


def matrix(asked):
    """The measure of every pair of columns, with p-values if they are asked for; no diagonal."""
    from nbdl.info import _mask
    from nbdl.info._pairwise import GIVEN, ONE_SIDED

    if asked.given[1]:
        raise UsageError("--pairwise takes all columns, or those given by -x; it takes no -y")
    if len(asked.inputs) != 2 and not asked.inputs[0].startswith("*"):
        text = "--pairwise needs a measure of two samples, `{}` is of {}"
        raise UsageError(text, asked.measure, asked.inputs)
    if asked.given[2] and asked.measure not in GIVEN:
        raise UsageError("--pairwise takes -z with {}, not with `{}`", " or ".join(GIVEN), asked.measure)
    columns = {name: asked.column(name) for name in _names(asked)}
    condition = {"": asked.column(",".join(asked.given[2]))} if asked.given[2] else {}
    columns = asked.counting(columns | condition, _mask.ordered(asked.measure, asked.options["estimator"]))
    condition = [columns.pop("")] if condition else []
    inner = asked.given_a_condition() if condition else asked
    roles = ("x", "y") if inner.inputs[0].startswith("*") else (*inner.inputs[:3],)
    roles = (*roles, "given") if len(roles) < 2 + len(condition) else roles
    one_sided = asked.measure in ONE_SIDED
    pairs = {
        (a, b): dict(zip(roles, [columns[a], columns[b], *condition]))
        for a, b in (permutations if one_sided else combinations)(columns, 2)
    }
    answer = {
        "measure": asked.measure, "unit": asked.unit,
        **_understood(inner, columns, pairs, one_sided),
        "columns": [described(c) for c in columns.values()],
    }  # fmt: skip
    if condition:
        answer["given"] = described(condition[0])
    if asked.options["permutations"] is None:
        return answer | {"matrix": _values(asked, inner, columns, condition, pairs, one_sided)}
    found = {pair: _tested(inner, each) for pair, each in pairs.items()}
    square = {name: {p: f[name] for p, f in found.items()} for name in ("value", "p_value")}
    square = {name: _square(columns, values, one_sided) for name, values in square.items()}
    tests = [f for f in found.values() if len(f) > 2]
    found = test_of(tests) if tests else {"permutations": asked.options["permutations"]}
    return answer | {"matrix": square["value"], "p_values": square["p_value"], **found}


def _names(asked):
    """The columns, each once: those of -x, or all; without those excluded."""
    named = [name for text in asked.given[0] for name in asked.table.split(text)]
    out = {name for text in asked.options["exclude"] for name in asked.table.split(text)}
    names = [name for name in named if name not in out] if named else asked.names
    if len(names) < 2:
        raise UsageError("--pairwise needs two columns at least, got {}", len(names))
    if twice := next((n for n in names if names.count(n) > 1), None):
        raise UsageError("--pairwise takes each column once, got `{}` twice", twice)
    return names


def _values(asked, inner, columns, condition, pairs, one_sided):
    """The matrix of estimates: in one call, unless what is chosen differs from pair to pair."""
    from nbdl import info

    given = {"given": condition[0].values} if condition else {}
    chosen = {pair: inner.keywords(each) for pair, each in pairs.items()}
    first = next(iter(chosen.values()))
    if all(each == first for each in chosen.values()):
        with asked.blamed(columns):
            values = info.pairwise({n: c.values for n, c in columns.items()}, asked.measure, **given, **first)
        values = {(a, b): values[i, j] for i, a in enumerate(columns) for j, b in enumerate(columns)}
        return _square(columns, {pair: values[pair] for pair in pairs}, one_sided)
    found = {}
    for a, b in pairs:
        two = {a: columns[a].values, b: columns[b].values}
        with asked.blamed({a: columns[a], b: columns[b]}):
            found[a, b] = info.pairwise(two, asked.measure, **given, **chosen[a, b])[0, 1]
    return _square(columns, found, one_sided)


def _tested(asked, pair):
    """The estimate and the p-value of a pair; NaN where too few rows have both of its values."""
    with asked.blamed(pair), _naming(pair):
        try:
            return tested(asked, pair)
        except (DataError, ShapeError, OptionError) as error:
            whole = rows_used(asked, pair) == max(len(c.values) for c in pair.values())
            if asked.options["nan_policy"] != "omit" or whole:
                raise
            names = " and ".join(f"`{c.name}`" for c in list(pair.values())[:2])
            warnings.warn(f"--pairwise: NaN for {names}, with too few rows in common: {error}", stacklevel=1)
            return {"value": float("nan"), "p_value": float("nan")}


@contextlib.contextmanager
def _naming(pair):
    """Warnings say which columns they are of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    names = [f"`{c.name}`" for c in pair.values()]
    for each in caught:
        text = str(each.message)
        for role, name in zip(pair, names):
            text = text.replace(f"`{role}`", name)
        if not any(name in text for name in names):
            text = f"{' and '.join(names[:2])}: {text}"
        warnings.warn(text, each.category, stacklevel=1)


def _understood(asked, columns, pairs, one_sided):
    """By which estimators the pairs are, and of how many rows."""
    estimators, counts = set(), {}
    for names, pair in pairs.items():
        with asked.blamed(pair):
            estimators.add(asked.estimator(pair))
            counts[names] = rows_used(asked, pair)
    found = {"estimators": sorted(estimators - {None}), "rows": min(counts.values())}
    if len(set(counts.values())) > 1:
        found["rows_of_pairs"] = _square(columns, counts, one_sided)
    return found


def _square(columns, values, one_sided):
    """A matrix as lists, None on the diagonal, of what pairs of columns have."""
    return [
        [None if a == b else values[(a, b) if one_sided or (a, b) in values else (b, a)] for b in columns]
        for a in columns
    ]
