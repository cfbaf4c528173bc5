"""``nbdl rank``: the columns of a file, by what they tell about one of them."""

import math
from pathlib import Path

import click

from nbdl.cli._info import telling
from nbdl.cli._info_answers import described
from nbdl.cli._info_asked import read, words
from nbdl.cli._info_report import short, small
from nbdl.cli._output import check_picture, common_options, emit, note, table
from nbdl.errors import UsageError

TOP = 20


@click.command()
@click.argument("file", metavar="FILE")
@click.option("-y", "ys", metavar="COL", required=True, help="The column that the others are to tell about.")
@click.option("-x", "xs", multiple=True, metavar="COL", help="The columns that are ranked. Default: all.")
@click.option("-z", "zs", multiple=True, metavar="COL", help="What is known already.")
@click.option("--top", type=click.IntRange(1), default=TOP, metavar="N", help=f"Rows shown. Default: {TOP}.")
@click.option(
    "--select",
    type=click.Choice(["mrmr", "jmi"]),
    help="One after the other, each by what those before have not told.",
)
@click.option("--permutations", type=click.IntRange(1), metavar="N", help="p-values, from N shuffles each.")
@click.option(
    "--fdr",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="RATE",
    help="Only columns of which at most this share is false. Needs --permutations.",
)
@click.option("--bootstrap", type=click.IntRange(2), metavar="N", help="95 % intervals, from N resamples.")
@click.option("--mask", metavar="COL", help="The rows that count, for which this column is 1 or true.")
@click.option("--exclude", multiple=True, metavar="COL", help="Columns that are not ranked.")
@click.option("--discrete", multiple=True, metavar="COL", help="The values of these columns are symbols.")
@click.option("--continuous", multiple=True, metavar="COL", help="The values of these columns are measured.")
@click.option("--estimator", metavar="NAME", help="By default one that fits the kinds of the columns.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Any other option of it.")
@click.option("--base", metavar="2|e|10|bits", help="Of the logarithm; nats if not given.")
@click.option(
    "--nan-policy",
    type=click.Choice(["raise", "omit"]),
    help="Rows with missing values: an error (if not given), or left out.",
)
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE.png", help="The columns as bars.")
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Of shuffles and resamples. Default: 0.")
@click.option(
    "--threads", type=click.IntRange(1), metavar="N", help="Default: all cores. Results do not depend on it."
)
@common_options
def rank(file, ys, xs, zs, top, select, permutations, fdr, bootstrap, plot, seed, **given):
    """Which columns of a table tell most about one of them: by mutual information.

    FILE and COL are as of `nbdl info`. With --select a column that repeats another one comes late.

    \b
    nbdl rank iris.csv -y species
    nbdl rank genes.csv -y disease --permutations 1000 --fdr 0.05 --nan-policy omit
    nbdl rank genes.csv -y disease --select mrmr --top 10 --plot genes.png
    """
    if fdr is not None and permutations is None:
        raise UsageError("--fdr needs p-values. Try --permutations 1000")
    if select and zs:
        raise UsageError("--select goes without -z")
    if plot is not None:
        check_picture(plot)
    more = {"k": None, "weights": None, "trials": None, "lags": None, "permutations": None, "bootstrap": None}
    asked = read("mutual_information", file, xs=xs, ys=(ys,), zs=zs, **given, **more)
    with telling():
        answer = _answer(asked, top, select, permutations, fdr, bootstrap, seed or 0)
    emit(answer, lambda: _report(answer))
    if plot is not None:
        _save(plot, answer, Path(file).name)
        note(f"picture: {plot}")


def _answer(asked, top, select, permutations, fdr, bootstrap, seed):
    from nbdl import info

    target = ",".join(asked.given[1])
    taken = {*asked.table.split(target)}
    named = [name for text in asked.given[0] for name in asked.table.split(text)] or asked.names
    names = [name for name in dict.fromkeys(named) if name not in taken]
    if not names:
        raise UsageError("there is no column to rank but `{}`", target)
    columns = {name: asked.column(name) for name in names}
    known = {"given": asked.column(",".join(asked.given[2]))} if asked.given[2] else {}
    y = asked.column(target)
    inner = asked.given_a_condition() if known else asked
    everything = {**columns, **known, "y": y}
    options = inner.keywords(everything)
    said = options.pop("discrete", None)
    if said is not None:
        options["discrete"] = [c.discrete for name, c in everything.items() if name != "given"]
    with asked.blamed({"y": y}):
        found = info.rank(
            {name: c.values for name, c in columns.items()}, y.values, select=select,
            top=None if fdr is not None else top, given=known["given"].values if known else None,
            mask=asked.options["mask"], permutations=permutations or 0, resamples=bootstrap or 0, seed=seed,
            **options,
        )  # fmt: skip
    answer = {"measure": "mutual_information", "unit": asked.unit, "y": described(y, [])}
    answer |= {"given": described(known["given"], [])} if known else {}
    answer |= {"select": select} if select else {}
    answer |= {"permutations": permutations} if permutations else {}
    answer |= {"resamples": bootstrap} if bootstrap else {}
    rows = []
    for i, name in enumerate(found.names):
        row = {"column": name, "kind": described(columns[name], [])["kind"], "value": float(found.values[i])}
        row |= {"score": float(found.scores[i])} if select else {}
        row |= {"interval": [float(found.low[i]), float(found.high[i])]} if bootstrap else {}
        if permutations:
            row |= {"p_value": float(found.p_values[i]), "q_value": float(found.q_values[i])}
        rows.append(row)
    answer["columns_ranked"] = len(names)
    if fdr is not None:
        answer["fdr"] = fdr
        rows = [row for row in rows if row["q_value"] <= fdr]
        answer["found"] = len(rows)
    return answer | {"ranking": rows[:top]}


def _report(answer):
    y, unit = answer["y"], f", {answer['unit']}" if answer["unit"] else ""
    known = f" given {answer['given']['column']}" if "given" in answer else ""
    lines = [f"mutual information with {y['column']} ({y['kind']}){known}{unit}; {_how_many(answer)}"]
    rows = answer["ranking"]
    if not rows:
        return lines[0]
    header, cells = ["", "column", "kind", "value"], []
    header += [answer["select"]] if "score" in rows[0] else []
    header += ["95 % interval"] if "interval" in rows[0] else []
    header += ["p-value", "q-value"] if "p_value" in rows[0] else []
    for i, row in enumerate(rows):
        cell = [i + 1, short(row["column"]), row["kind"], _number(row["value"])]
        cell += [_number(row["score"])] if "score" in row else []
        cell += ["{} to {}".format(*map(_number, row["interval"]))] if "interval" in row else []
        cell += [small(row["p_value"]), small(row["q_value"])] if "p_value" in row else []
        cells.append(cell)
    lines.append(table(header, cells))
    if "permutations" in answer:
        lines.append(f"p-values from {answer['permutations']} permutations each")
    return "\n\n".join(lines)


def _how_many(answer):
    shown, ranked = len(answer["ranking"]), answer["columns_ranked"]
    if "fdr" in answer:
        return f"{answer['found']} of {ranked} columns at a false discovery rate of {answer['fdr']:g}" + (
            f", the first {shown}" if shown < answer["found"] else ""
        )
    return f"{shown} of {ranked} columns" if shown < ranked else f"{ranked} columns"


def _number(value):
    return f"{value:.4g}"


def _save(path, answer, file):
    from nbdl.info import _picture
    from nbdl.train import _files

    rows = answer["ranking"]
    title = f"{file}\nmutual information with {answer['y']['column']}; {_how_many(answer)}"
    if answer.get("select"):
        title += f", selected by {words([answer['select']])}"
    label = f"mutual information, {answer['unit']}" if answer["unit"] else "mutual information"
    ends = [row.get("interval", (math.nan, math.nan)) for row in rows]
    picture = _picture.bars([r["value"] for r in rows], [r["column"] for r in rows], ends, label, title)
    _files.write_bytes(path, picture)
