"""What ``nbdl info`` is asked: a measure, the columns of a table, and what follows from them."""

import contextlib
import inspect
from dataclasses import dataclass, replace

from nbdl.cli._errors import advised
from nbdl.cli._output import note
from nbdl.cli._train import parse, split
from nbdl.errors import DataError, DtypeError, LabelError, NbdlError, ShapeError, UsageError

UNITS = {"e": "nats", "2": "bits", "10": "dits"}
STEPS_OF_A_SERIES = {  # what a measure of series is, once histories are taken
    "transfer_entropy": "conditional_mutual_information",
    "active_information_storage": "mutual_information",
}
SHOWN = 30  # columns that an error names
PLACES = 4  # samples whose columns it names
APART = ("weights", "trials", "mask")  # options that name a column, which is none of the variables then
TRUTH = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}


@dataclass
class Asked:
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

    @property
    def names(self):
        """The columns that are taken where none is named: but those excluded, or with another part."""
        others = {name for text in self.options["exclude"] for name in self.table.split(text)}
        others |= {name for text in self.given[2] for name in self.table.split(text)}
        return [name for name in self.table.names if name not in others]

    def columns(self, optional=()):
        """The `Column` for each argument of the measure, by the name of the argument."""
        texts = [list(each) for each in self.given]
        if self.inputs[0].startswith("*"):
            each = [t for some in texts for t in some] or self.names
            return {f"{self.inputs[0][1:]}[{i}]": self.column(t) for i, t in enumerate(each)}
        if not any(texts) and len(self.names) == len(self.inputs):
            texts = [[name] for name in self.names]
        if "given" in inspect.signature(self.compute).parameters:
            optional = ("given",)
        roles = list(dict.fromkeys([*self.inputs, *optional]))
        flags = ["-x", "-y", "-z"]
        for flag, text in zip(flags, texts):
            if text and flag not in flags[: len(roles)]:
                raise UsageError("`{}` takes {}, got {} too", self.measure, words(flags[: len(roles)]), flag)
        if not all(texts[: len(self.inputs)]):
            shown = ", ".join(self.table.names[:SHOWN]) + (", ..." if len(self.table.names) > SHOWN else "")
            text = "`{}` needs {}; the columns of {} are {}"
            needed = words(flags[: len(self.inputs)])
            raise UsageError(text, self.measure, needed, self.table.path, shown)
        return {role: self.column(",".join(text)) for role, text in zip(roles, texts) if text}

    def counting(self, columns, series):
        """The columns without the rows that do not count: taken out, or made gaps of `series`."""
        keep = self.options["mask"]
        if keep is None:
            return columns
        from nbdl.info import _mask

        values = {role: c.values for role, c in columns.items()}
        policy = self.options["nan_policy"] or "raise"
        with self.blamed(columns):
            values, policy = _mask.counting(values, keep, policy, series)
        self.options["nan_policy"] = policy
        if not series:
            for name in ("weights", "trials"):
                self.options[name] = None if self.options[name] is None else self.options[name][keep]
        return {role: c._replace(values=values[role]) for role, c in columns.items()}

    def given_a_condition(self):
        """What is asked where there is a condition that the measure itself does not take."""
        if self.measure != "mutual_information":
            return self
        from nbdl import info, registry

        measure = "conditional_mutual_information"
        inputs = registry.default().get("measure", measure).inputs
        return replace(self, measure=measure, compute=info.conditional_mutual_information, inputs=inputs)

    def keywords(self, columns, **more):
        """The options for the measure's function, or for one that passes them on to it."""
        names = ("estimator", "base", "nan_policy", "threads", "k", "weights", "trials")
        named = {n: self.options[n] for n in names}
        named = {n: v for n, v in named.items() if v is not None}
        if not self.takes("threads"):
            named.pop("threads", None)
        for name in named:
            if not self.takes(name):
                raise UsageError("`{}` takes no --{}", self.measure, name.replace("_", "-"))
        said = tuple(c.discrete for c in columns.values())
        if any(kind is not None for kind in said) and self.takes("discrete"):
            named["discrete"] = said
        return named | self.options["set"] | more

    def samples(self, columns):
        """What the measure is given for each column, which says its kind where no option does."""
        from nbdl.info import _samples

        if self.takes("discrete"):
            return [c.values for c in columns.values()]
        return [_samples.read(role, c.values, c.discrete) for role, c in columns.items()]

    def understood(self, columns):
        """The samples as the measure takes them, by role, and the name of the estimator if there is one."""
        from nbdl.info import _estimate, _samples, _series

        samples = {role: _samples.read(role, c.values, c.discrete) for role, c in columns.items()}
        if not self.takes("estimator"):  # a measure of labels
            return {role: s.as_symbols() for role, s in samples.items()}, None
        measure, options = self.measure, self.keywords(columns)
        name, policy = options.pop("estimator", None), options.pop("nan_policy", "raise")
        taken = list(samples.values())
        if measure in STEPS_OF_A_SERIES and name is None:
            problem = _series.problem(measure, taken, None, options)
            measure, options = problem.measure, problem.options
            said = _samples.said_of(options.pop("discrete", None), list(problem.samples))
            taken = [_samples.read(n, x, d) for (n, x), d in zip(problem.samples.items(), said)]
        measure = STEPS_OF_A_SERIES.get(measure, measure)
        if measure == "kl_divergence":
            taken = _estimate.each_without_missing(taken, policy)
        else:
            _samples.same_length(taken)
            taken, _ = _samples.without_missing(taken, None, policy)
        if taken is None:
            return samples, _estimate.choose(measure, list(samples.values()), name).name
        weighted = options.get("weights") is not None
        record, taken, _ = _estimate.prepared(measure, taken, name, options, weighted)
        return samples | dict(zip(samples, taken)), record.name

    @property
    def unit(self):
        base = self.options["base"]
        if not self.takes("base") or self.options["set"].get("normalize"):
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
            if ". Try " in str(error):
                error.add_note(f"where: {place}")
                raise
            if isinstance(error, (ShapeError, LabelError, DtypeError)):
                raise advised(DataError("{}", error), place, _hint(error)) from error
            if not getattr(error, "__notes__", None):
                advised(error, place, _hint(error))
            raise


def _places(columns, error):
    """Which columns the samples are, those that the error names, or else the first ones."""
    shown = {role: c for role, c in columns.items() if f"`{role}`" in error} or columns
    said = [f"`{role}` is {c.name}: {_kind(c)}" for role, c in shown.items()]
    return ", ".join(said[:PLACES]) + (f" and {len(said) - PLACES} more" if len(said) > PLACES else "")


def _kind(column):
    """The kind of a column by its dtype and what is said, of values that may be faulty."""
    x = column.values
    if column.discrete is None and x.dtype.kind in "iu":
        return f"whole numbers ({x.dtype.name})"
    measured = x.dtype.kind == "f" if column.discrete is None else not column.discrete
    return f"{'continuous' if measured else 'discrete'} ({'text' if x.dtype.kind in 'USO' else x.dtype.name})"


def _hint(error):
    """One thing to try about an error of the data or of an option."""
    text = str(error)
    if "in every row" in text:
        return "other columns: no row has a value in all of these"
    if "missing" in text:
        return "--nan-policy omit"
    if "`k`" in text:
        return "--k with another number"
    if "is for" in text and "data" in text:
        return "--discrete COL or --continuous COL, or no --estimator: a fitting one is found"
    return "nbdl info --list, or docs/information.md, which has a page for each kind of data"


def read(measure, file, xs, ys, zs, discrete, continuous, changes, **options):
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
        weights = table.column(options["weights"], {options["weights"]: "continuous"}).values
        options["weights"] = (
            weights.astype(float).filled(float("nan")) if hasattr(weights, "filled") else weights
        )
    options["exclude"] = [*options["exclude"], *(options[n] for n in APART if options[n] is not None)]
    if options["trials"] is not None:
        options["trials"] = table.column(options["trials"], kinds).values
    if options["mask"] is not None:
        options["mask"] = _truth(table.column(options["mask"], {options["mask"]: "discrete"}), file)
    return Asked(measure, resolve(record.compute), record.inputs, table, (xs, ys, zs), kinds, options)


def _truth(column, path):
    """The truth values of a column of 1 and 0, or of true and false; a missing one is false."""
    import numpy as np

    texts = np.ma.array(column.values).astype(str).filled("0")
    values = [TRUTH.get(t.lower()) for t in texts.ravel()] if texts.ndim == 1 else [None]
    if None in values:
        stray = texts[values.index(None)] if texts.ndim == 1 else f"{texts.shape[1]} columns"
        what = DataError("--mask is a column of 1 and 0, or of true and false, got {!r}", str(stray))
        raise advised(what, f"{path}: {column.name}", "a column that says of each row whether it counts")
    return np.array(values)


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


def lags_of(text):
    """The lags of ``A:B``, both ends among them."""
    try:
        first, last = map(int, text.split(":"))
    except ValueError:
        first, last = 1, 0
    if first > last:
        raise UsageError("--lags are A:B with integers A <= B, like 0:20, got `{}`", text)
    return list(range(first, last + 1))


def words(each):
    """One, two and three."""
    return " and ".join([", ".join(each[:-1]), each[-1]]) if len(each) > 1 else each[0]
