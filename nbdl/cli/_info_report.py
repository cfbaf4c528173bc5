"""How ``nbdl info`` prints its answers, draws them, and lists what there is."""

import math

from nbdl.cli._info_asked import words
from nbdl.cli._output import emit, pairs, table


def report(answer):
    unit = f" {answer['unit']}" if answer["unit"] else ""
    name = answer["measure"].replace("_", " ")
    title = name + (f",{unit}" if unit else "")
    if "matrix" in answer:
        return _matrix_report(answer, title)
    lines = []
    if "value" in answer:
        lines.append((name, f"{_figure(answer['value'])}{unit}"))
    if "interval" in answer:
        low, high = map(_figure, answer["interval"])
        lines.append(("95 % interval", f"{low} to {high}{unit}, from {answer['resamples']} resamples"))
    if "p_value" in answer:
        lines.append(("p-value", f"{answer['p_value']:.4g}, {_from(answer)}"))
    if "estimator" in answer:
        lines.append(("estimator", answer["estimator"]))
    lines.append(("rows", answer["rows"]))
    lines += [(role, f"{c['column']}: {c['kind']} ({c['about']})") for role, c in answer["samples"].items()]
    if "values" not in answer:
        return pairs(lines)
    columns = [answer["lags"], map(_figure, answer["values"])]
    header = ["lag", title]
    if "p_values" in answer:
        columns.append([f"{p:.4g}" for p in answer["p_values"]])
        header.append(f"p-value, {_from(answer)}")
    return f"{pairs(lines)}\n\n{table(header, list(zip(*columns)))}"


def _matrix_report(answer, title):
    columns = answer["columns"]
    known = table(
        ["", "column", "kind", "told from"],
        [(i, c["column"], c["kind"], c["about"]) for i, c in enumerate(columns)],
    )
    header = ["", *map(str, range(len(columns)))]

    def square(values):
        rows = [(i, *(f"{v:.3f}" if math.isfinite(v) else "" for v in row)) for i, row in enumerate(values)]
        return table(header, rows)

    parts = [known, f"{title}; {answer['rows']} rows" + _by(answer["estimators"])]
    parts.append(square(answer["matrix"]))
    if "p_values" in answer:
        parts.append(f"p-values, {_from(answer)}" + " each" * ("permutations" in answer))
        parts.append(square(answer["p_values"]))
    return "\n\n".join(parts)


def _from(answer):
    """Where p-values are from."""
    if "permutations" in answer:
        return f"from {answer['permutations']} permutations"
    said = f"by the {answer['test'].replace('_', '-').capitalize()}"
    if "dof" in answer:
        dof = answer["dof"] if isinstance(answer["dof"], tuple) else (answer["dof"],)
        said += f", {words([f'{d:g}' for d in dof])} degrees of freedom"
    if "rows_per_cell" in answer:
        said += f", {answer['rows_per_cell']:.3g} rows for each combination"
    return said


def _by(estimators):
    return f"; by {words(estimators)}" if estimators else ""


def _figure(value):
    return f"{value:.6g}"


def save(path, answer):
    from nbdl.info import _picture
    from nbdl.train import _files

    label = f"{answer['measure'].replace('_', ' ')}" + (f", {answer['unit']}" if answer["unit"] else "")
    if "matrix" in answer:
        picture = _picture.heat_map(answer["matrix"], [c["column"] for c in answer["columns"]], label)
    else:
        picture = _picture.curve(answer["lags"], answer["values"], "lag, rows", label)
    _files.write_bytes(path, picture)


def list_all():
    """The measures and the estimators of the registry."""
    from nbdl import registry

    known = registry.default()
    measures = []
    for name in known.names("measure"):
        inputs = known.get("measure", name).inputs
        of = "-x -x ..." if inputs[0].startswith("*") else " ".join(("-x", "-y", "-z")[: len(inputs)])
        measures.append({"name": name, "of": of})
    estimators = []
    for name in known.names("estimator"):
        record = known.get("estimator", name)
        offered = [m for m in known.names("measure") if m in record.measures]
        estimators.append({"name": name, "data": record.data, "offers": offered})
    document = {"measures": measures, "estimators": estimators}
    emit(document, lambda: _listing(document))


def _listing(document):
    measures = [(m["name"], m["of"]) for m in document["measures"]]
    estimators = [
        (e["name"], e["data"], "every measure" if e["data"] == "discrete" else ", ".join(e["offers"]))
        for e in sorted(document["estimators"], key=lambda e: e["data"])
    ]
    return table(["measure", "of"], measures) + "\n\n" + table(["estimator", "data", "offers"], estimators)
