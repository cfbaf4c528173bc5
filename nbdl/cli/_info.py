"""``nbdl info``: information measures of the columns of a file."""

import contextlib
import importlib.util
import inspect
import math
import warnings
from dataclasses import dataclass
from itertools import combinations, permutations
from pathlib import Path

import click

from nbdl.cli._errors import advised
from nbdl.cli._output import common_options, emit, note, pairs, table
from nbdl.cli._train import parse, split
from nbdl.errors import DataError, DtypeError, LabelError, NbdlError, ShapeError, UsageError

UNITS = {"e": "nats", "2": "bits", "10": "dits"}
STEPS_OF_A_SERIES = {  # what a measure of series is, once histories are taken
    "transfer_entropy": "conditional_mutual_information",
    "active_information_storage": "mutual_information",
}
OF_MIXED = {  # estimators that take values that recur for what they are
    "mutual_information": "gao", "conditional_mutual_information": "mesner_shalizi",
}  # fmt: skip
NOISE = 1e-6  # as a part of the standard deviation, where values are rounded
SHOWN = 30  # columns that an error names
WARNINGS = 3  # that are shown
PLACES = 4  # samples whose columns it names


@click.command()
@click.argument("measure", required=False, metavar="MEASURE")
@click.argument("file", required=False, metavar="FILE")
@click.option("-x", "xs", multiple=True, metavar="COL", help="Columns of the first sample, or of every one.")
@click.option("-y", "ys", multiple=True, metavar="COL", help="Columns of the second.")
@click.option("-z", "zs", multiple=True, metavar="COL", help="Columns of the third.")
@click.option("--weights", metavar="COL", help="How much each row counts, for discrete data.")
@click.option("--discrete", multiple=True, metavar="COL", help="The values of these columns are symbols.")
@click.option("--continuous", multiple=True, metavar="COL", help="The values of these columns are measured.")
@click.option("--estimator", metavar="NAME", help="By default one that fits the kinds of the columns.")
@click.option("--k", metavar="N", help="Nearest neighbours; for discrete data sizes of alphabets, N or N,N.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Any other option of the measure.")
@click.option("--base", metavar="2|e|10|bits", help="Of the logarithm; nats if not given.")
@click.option(
    "--nan-policy",
    type=click.Choice(["raise", "omit", "propagate"]),
    help="Rows with missing values: an error (if not given), left out, or no result.",
)
@click.option("--permutations", type=click.IntRange(1), metavar="N", help="A p-value, from N shuffles of x.")
@click.option("--bootstrap", type=click.IntRange(2), metavar="N", help="A 95 % interval, from N resamples.")
@click.option("--lags", metavar="A:B", help="A value for each lag from A to B: x so many rows before y.")
@click.option("--pairwise", is_flag=True, help="A matrix of all pairs of columns, or of those given by -x.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE.png", help="Of --pairwise or --lags.")
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Of shuffles and resamples. Default: 0.")
@click.option(
    "--threads", type=click.IntRange(1), metavar="N", help="Default: all cores. Results do not depend on it."
)
@click.option("--list", "listing", is_flag=True, help="List the measures and the estimators.")
@common_options
def info(measure, file, listing, pairwise, lags, plot, **given):
    """Entropy, mutual information and their kin, of the columns of a table.

    FILE is .csv, .npy, .npz, or a name of `nbdl data list`. A column COL is given by its name or its number
    from 0; a,b are two columns as one joint variable. Text and whole numbers that recur are discrete, other
    numbers continuous: the result says how each column was taken, --discrete and --continuous change it. A
    missing value is an empty field or NaN.

    \b
    MEASURE                          of
    entropy                          -x
    conditional_entropy              -x when -y is known
    mutual_information               -x and -y
    conditional_mutual_information   -x and -y when -z is known
    kl_divergence                    -x from -y
    transfer_entropy                 from -x to -y, -z known too: rows are times
    total_correlation                -x -x -x: any number of variables
    and others                       see --list

    \b
    nbdl info mutual_information iris.csv -x petal_length -y species --base bits --permutations 1000
    nbdl info mutual_information iris.csv --pairwise --plot matrix.png
    """
    if listing:
        _list()
        return
    if not measure or not file:
        raise UsageError("a measure and a file are needed. Try nbdl info entropy FILE -x COL, or --list")
    _check_together(pairwise=pairwise, lags=lags, **{n: given[n] for n in ("permutations", "bootstrap")})
    if plot is not None:
        _check_plot(plot, pairwise or lags)
    asked = _read(measure, file, **given)
    with _telling():
        if pairwise:
            answer = _matrix(asked)
        elif lags:
            answer = _scan(asked, _range(lags))
        else:
            answer = _value(asked)
    emit(answer, lambda: _report(answer))
    if plot is not None:
        _save(plot, answer)
        note(f"picture: {plot}")


def _check_together(pairwise, lags, permutations, bootstrap):
    if pairwise and (lags or bootstrap):
        raise UsageError("--pairwise goes with --permutations alone, not with --lags or --bootstrap")
    if lags and (permutations or bootstrap):
        raise UsageError("--lags goes with neither --permutations nor --bootstrap. Try --set lag=N with them")


def _check_plot(path, drawn):
    """What would make the picture fail, before anything is computed."""
    if not drawn:
        raise UsageError("there is a picture of a matrix or of lags. Try --pairwise or --lags with --plot")
    if path.suffix.lower() != ".png":
        raise UsageError("the picture is a .png file, got `{}`", path.name)
    if not path.absolute().parent.is_dir():
        raise UsageError("there is no folder {} for the picture", path.parent)
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError('a picture needs matplotlib. Try pip install "nbdl[plot]"')


# --- what is asked ------------------------------------------------------------------------------------------


@dataclass
class _Asked:
    """A measure by name, the columns that it is asked of, and how."""

    measure: str
    compute: object
    inputs: tuple
    table: object
    given: tuple  # the texts of every -x, -y, -z
    kinds: dict  # what columns are said to be
    options: dict

    def takes(self, option):
        """Whether the measure's function takes a keyword."""
        known = inspect.signature(self.compute).parameters
        return option in known or any(p.kind is p.VAR_KEYWORD for p in known.values())

    def column(self, text):
        return self.table.column(text, self.kinds)

    def columns(self):
        """The `Column` for each argument of the measure, by the name of the argument."""
        texts = [list(each) for each in self.given]
        if self.inputs[0].startswith("*"):
            each = [t for some in texts for t in some] or self.table.names
            return {f"{self.inputs[0][1:]}[{i}]": self.column(t) for i, t in enumerate(each)}
        if not any(texts) and len(self.table.names) == len(self.inputs):
            texts = [[name] for name in self.table.names]
        roles = (
            [*self.inputs, "given"] if "given" in inspect.signature(self.compute).parameters else self.inputs
        )
        roles = list(dict.fromkeys(roles))
        flags = ["-x", "-y", "-z"]
        for flag, text in zip(flags, texts):
            if text and flag not in flags[: len(roles)]:
                raise UsageError("`{}` takes {}, got {} too", self.measure, _and(flags[: len(roles)]), flag)
        if not all(texts[: len(self.inputs)]):
            shown = ", ".join(self.table.names[:SHOWN]) + (", ..." if len(self.table.names) > SHOWN else "")
            text = "`{}` needs {}; the columns of {} are {}"
            needed = _and(flags[: len(self.inputs)])
            raise UsageError(text, self.measure, needed, self.table.path, shown)
        return {role: self.column(",".join(text)) for role, text in zip(roles, texts) if text}

    def keywords(self, columns, **more):
        """The options for the measure's function, or for one that passes them on to it."""
        named = {n: self.options[n] for n in ("estimator", "base", "nan_policy", "threads", "k", "weights")}
        named = {n: v for n, v in named.items() if v is not None}
        if not self.takes("threads"):
            named.pop("threads", None)
        for name in named:
            if not self.takes(name):
                raise UsageError("`{}` takes no --{}", self.measure, name.replace("_", "-"))
        return self.fitting(columns) | named | self.options["set"] | more

    def fitting(self, columns):
        """What is chosen because values recur in the columns: another estimator, or noise between them."""
        from nbdl import registry

        measure = STEPS_OF_A_SERIES.get(self.measure, self.measure)
        if measure not in OF_MIXED:
            return {}
        if any(c.kind == "mixed" for c in columns.values()) and self.options["estimator"] is None:
            return {"estimator": OF_MIXED[measure]}
        if any(c.rounded for c in columns.values()):
            functions = self.record(columns).measures
            if measure in functions and "noise" in registry.parameters(functions[measure]):
                return {"noise": NOISE}
        return {}

    def record(self, columns):
        """The estimator that is used, None where the measure has no choice of one."""
        if not self.takes("estimator"):
            return None
        from nbdl.info._measures import _choose
        from nbdl.info._samples import read

        measure = STEPS_OF_A_SERIES.get(self.measure, self.measure)
        samples = [read(role, c.values) for role, c in columns.items()]
        return _choose(measure, samples, self.options["estimator"])

    def estimator(self, columns):
        """Its name, with what was chosen beside it."""
        if not self.takes("estimator"):
            return None
        chosen = self.fitting(columns) | self.options["set"]
        name = chosen.get("estimator") or self.record(columns).name
        return f"{name}, noise {chosen['noise']:g}" if chosen.get("noise") else name

    @property
    def unit(self):
        base = self.options["base"]
        if not self.takes("base"):
            return ""
        return (
            "nats"
            if base is None
            else UNITS.get(str(base), base if isinstance(base, str) else f"base {base}")
        )

    @contextlib.contextmanager
    def blamed(self, columns):
        """Errors of what is in the columns say which columns they are."""
        try:
            yield
        except NbdlError as error:
            place = f"{self.table.path}: {_places(columns, str(error))}"
            if isinstance(error, (ShapeError, LabelError, DtypeError)):
                raise advised(DataError("{}", error), place, _hint(error)) from error
            if not getattr(error, "__notes__", None):
                advised(error, place, _hint(error))
            raise


def _places(columns, error):
    """Which columns the samples are, those that the error names, or else the first ones."""
    shown = {role: c for role, c in columns.items() if f"`{role}`" in error} or columns
    said = [f"`{role}` is {c.name}: {c.kind} ({c.about})" for role, c in shown.items()]
    return ", ".join(said[:PLACES]) + (f" and {len(said) - PLACES} more" if len(said) > PLACES else "")


def _hint(error):
    """One thing to try about an error of the data or of an option."""
    text = str(error)
    if "missing" in text:
        return "--nan-policy omit"
    if "`k`" in text:
        return "--k with another number"
    if "is for" in text and "data" in text:
        return "--discrete COL or --continuous COL, or no --estimator: a fitting one is found"
    return "nbdl info --list, or docs/information.md, which has a page for each kind of data"


def _read(measure, file, xs, ys, zs, discrete, continuous, changes, **options):
    """The question, with the table read."""
    from nbdl import registry
    from nbdl.data._columns import load_table
    from nbdl.records import resolve

    record = registry.default().get("measure", measure)
    options["base"], options["k"] = _base(options["base"]), _sizes(options["k"])
    options["set"] = {key: parse(text) for key, text in (split("--set", c) for c in changes)}
    table = load_table(file)
    for text in table.notes:
        note(text)
    kinds = {name: "discrete" for text in discrete for name in table.split(text)}
    kinds |= {name: "continuous" for text in continuous for name in table.split(text)}
    if options["weights"] is not None:
        options["weights"] = table.column(options["weights"], {options["weights"]: "continuous"}).values
    return _Asked(measure, resolve(record.compute), record.inputs, table, (xs, ys, zs), kinds, options)


def _base(text):
    """A number, or the name of a unit, which the measure knows."""
    if text is None:
        return None
    value = parse(text)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else text


def _sizes(text):
    if text is None:
        return None
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UsageError("--k is an integer, or several with commas between them, got `{}`", text) from None
    return sizes[0] if len(sizes) == 1 else sizes


def _range(text):
    """The lags of ``A:B``, both ends among them."""
    try:
        first, last = map(int, text.split(":"))
    except ValueError:
        first, last = 1, 0
    if first > last:
        raise UsageError("--lags are A:B with integers A <= B, like 0:20, got `{}`", text)
    return list(range(first, last + 1))


def _and(words):
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


# --- the answers --------------------------------------------------------------------------------------------


def _value(asked):
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


def _scan(asked, lags):
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


def _matrix(asked):
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


@contextlib.contextmanager
def _telling():
    """Says so on stderr when something must be compiled, which takes seconds; shows the first warnings."""
    from nbdl import _jit

    told = []

    def tell(name):
        if not told:
            note("compiling for this machine, once")
        told.append(name)

    with _jit.watch(tell), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    texts = list(dict.fromkeys(" ".join(str(w.message).split()) for w in caught))
    for text in texts[:WARNINGS]:
        note(f"warning: {text}")
    if len(texts) > WARNINGS:
        note(f"and {len(texts) - WARNINGS} more warnings like these")


# --- how they are printed -----------------------------------------------------------------------------------


def _report(answer):
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
        lines.append(("p-value", f"{answer['p_value']:.4g}, from {answer['permutations']} permutations"))
    if "estimator" in answer:
        lines.append(("estimator", answer["estimator"]))
    lines.append(("rows", answer["rows"]))
    lines += [(role, f"{c['column']}: {c['kind']} ({c['about']})") for role, c in answer["samples"].items()]
    if "values" not in answer:
        return pairs(lines)
    rows = [(lag, _figure(v)) for lag, v in zip(answer["lags"], answer["values"])]
    return f"{pairs(lines)}\n\n{table(['lag', title], rows)}"


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
        parts.append(f"p-values, from {answer['permutations']} permutations each")
        parts.append(square(answer["p_values"]))
    return "\n\n".join(parts)


def _by(estimators):
    return f"; by {_and(estimators)}" if estimators else ""


def _figure(value):
    return f"{value:.6g}"


def _save(path, answer):
    from nbdl.info import _picture
    from nbdl.train import _files

    label = f"{answer['measure'].replace('_', ' ')}" + (f", {answer['unit']}" if answer["unit"] else "")
    if "matrix" in answer:
        picture = _picture.heat_map(answer["matrix"], [c["column"] for c in answer["columns"]], label)
    else:
        picture = _picture.curve(answer["lags"], answer["values"], "lag, rows", label)
    _files.write_bytes(path, picture)


def _list():
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
