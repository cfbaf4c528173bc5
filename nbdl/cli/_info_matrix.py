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
    known = {"": asked.column(",".join(asked.given[2]))} if asked.given[2] else {}
    columns = asked.counting(columns | known, _mask.ordered(asked.measure, asked.options["estimator"]))
    condition = columns.pop("", None)
    inner = asked.given_a_condition() if condition else asked
    roles = ("x", "y") if inner.inputs[0].startswith("*") else (*inner.inputs[:3],)
    roles = (*roles, "given") if condition and len(roles) < 3 else roles
    one_sided = asked.measure in ONE_SIDED
    pairs = {
        (a, b): dict(zip(roles, [columns[a], columns[b], *([condition] if condition else [])]))
        for a, b in (permutations if one_sided else combinations)(columns, 2)
    }
    answer = {"measure": asked.measure, "unit": asked.unit}
    answer |= _understood(inner, columns, condition, pairs, one_sided)
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
    """The matrix of estimates."""
    from nbdl import info
    from nbdl.info import _samples

    given = {}
    if condition:
        given["given"] = _samples.read("given", condition.values, condition.discrete)
    with asked.blamed(columns):
        named = {name: c.values for name, c in columns.items()}
        values = info.pairwise(named, asked.measure, **given, **inner.keywords(columns))
    values = {(a, b): values[i, j] for i, a in enumerate(columns) for j, b in enumerate(columns)}
    return _square(columns, {pair: values[pair] for pair in pairs}, one_sided)


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


def _understood(asked, columns, condition, pairs, one_sided):
    """By which estimators the pairs are, of how many rows, and how each column was taken."""
    estimators, counts, taken = set(), {}, {name: {} for name in columns}
    for names, pair in pairs.items():
        with asked.blamed(pair), _naming(pair):
            counts[names] = rows_used(asked, pair)
            if counts[names] == 0:
                continue
            samples, estimator = asked.understood(pair)
        estimators.add(estimator)
        for name, sample in zip([*names, ""], samples.values()):
            taken.setdefault(name, {}).setdefault(sample.kind, sample)
    found = {"estimators": sorted(estimators - {None}), "rows": min(counts.values())}
    if len(set(counts.values())) > 1:
        found["rows_of_pairs"] = _square(columns, counts, one_sided)
    if condition:
        found["given"] = described(condition, taken.get("", {}).values())
    return found | {"columns": [described(c, taken[name].values()) for name, c in columns.items()]}


def _square(columns, values, one_sided):
    """A matrix as lists, None on the diagonal, of what pairs of columns have."""
    return [
        [None if a == b else values[(a, b) if one_sided or (a, b) in values else (b, a)] for b in columns]
        for a in columns
    ]
