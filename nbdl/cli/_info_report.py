"""How ``nbdl info`` prints its answers, draws them, and lists what there is."""

import math
import shutil
import textwrap

from nbdl.cli._info_asked import words
from nbdl.cli._output import emit, pairs, table

NAME = 30  # letters of a column's name in a table


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
    lines.append(("rows", _rows(answer)))
    lines += [(role, _column(c)) for role, c in answer["samples"].items()]
    if "values" not in answer:
        return _pairs(lines)
    columns = [answer["lags"], map(_figure, answer["values"])]
    header = ["lag", title]
    if "p_values" in answer:
        columns.append([f"{p:.4g}" for p in answer["p_values"]])
        header.append(f"p-value, {_from(answer)}")
    return f"{_pairs(lines)}\n\n{table(header, list(zip(*columns)))}"


def _rows(answer):
    """How many rows the estimates are of: one number, or from the fewest to the most."""
    counts = answer.get("rows_of_lags", answer.get("rows_of_pairs", [answer["rows"]]))
    flat = [n for each in counts for n in (each if isinstance(each, list) else [each]) if n is not None]
    return f"{answer['rows']}" + (f" to {max(flat)}" if max(flat) > answer["rows"] else "")


def _column(column):
    return f"{column['column']}: {column['kind']} ({column['about']})"


def _pairs(lines):
    """Names and values in two columns, the values on several lines where they are long."""
    room = max(20, _width() - max(len(name) for name, _ in lines) - 2)
    whole = []
    for name, value in lines:
        first, *more = textwrap.wrap(str(value), room, break_on_hyphens=False) or [""]
        whole += [(name, first), *(("", each) for each in more)]
    return pairs(whole)


def _matrix_report(answer, title):
    columns = answer["columns"]
    header = ["", "column", "kind", "told from"]
    known = table(header, [(i, short(c["column"]), c["kind"], c["about"]) for i, c in enumerate(columns)])
    parts = [known, f"{title}; {_rows(answer)} rows" + _by(answer["estimators"])]
    if "given" in answer:
        parts.append(f"given {_column(answer['given'])}")
    parts.append(_square(answer["matrix"], _cell))
    if "p_values" in answer:
        parts.append(f"p-values, {_from(answer)}" + " each" * ("permutations" in answer))
        parts.append(_square(answer["p_values"], small))
    return "\n\n".join(parts)


def _square(values, text):
    """A matrix with numbers for its columns, in as many blocks as the width of the screen takes."""
    cells = [[text(v) if v is not None else "" for v in row] for row in values]
    names = [str(i) for i in range(len(cells))]
    widths = [max(map(len, [name, *column])) + 2 for name, column in zip(names, zip(*cells))]
    blocks, start = [], 0
    while start < len(names):
        stop, used = start + 1, len(names[-1]) + widths[start]
        while stop < len(names) and used + widths[stop] <= _width():
            used += widths[stop]
            stop += 1
        rows = [(name, *row[start:stop]) for name, row in zip(names, cells)]
        blocks.append(table(["", *names[start:stop]], rows))
        start = stop
    return "\n\n".join(blocks)


def _cell(value):
    return "" if math.isnan(value) else f"{round(value, 3) + 0.0:.3f}" if math.isfinite(value) else f"{value}"


def small(p):
    """A p-value, of which none is 0."""
    return "" if math.isnan(p) else "<.001" if p < 0.0005 else f"{p:.3f}"


def short(name):
    return name if len(name) <= NAME else f"{name[: NAME - 3]}..."


def _width():
    return shutil.get_terminal_size((80, 24)).columns


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


def save(path, answer, file):
    from nbdl.info import _picture
    from nbdl.train import _files

    measure, unit = answer["measure"].replace("_", " "), answer["unit"]
    label = measure + (f", {unit}" if unit else "")
    estimators = answer.get("estimators", [answer["estimator"]] if "estimator" in answer else [])
    second = f"{_rows(answer)} rows" + _by(estimators)
    if "matrix" in answer:
        if "given" in answer:
            second += f"; given {answer['given']['column']}"
        names = [c["column"] for c in answer["columns"]]
        matrix = [[math.nan if v is None else v for v in row] for row in answer["matrix"]]
        picture = _picture.heat_map(matrix, names, label, f"{measure}: {file}\n{second}")
    else:
        first, then, *given = (c["column"] for c in answer["samples"].values())
        of = f"{first} before {then}" + (f", given {given[0]}" if given else "")
        title = f"{measure}: {file}\n{of}; {second}"
        picture = _picture.curve(answer["lags"], answer["values"], f"lag of {first}, rows", label, title)
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
    estimators = []
    room = _width() - 2 * len("  ") - max(len(e["name"] + e["data"]) for e in document["estimators"])
    for e in sorted(document["estimators"], key=lambda e: e["data"]):
        offers = "every measure" if e["data"] == "discrete" else ", ".join(e["offers"])
        first, *more = textwrap.wrap(offers, max(20, room))
        estimators += [(e["name"], e["data"], first), *(("", "", each) for each in more)]
    return table(["measure", "of"], measures) + "\n\n" + table(["estimator", "data", "offers"], estimators)
