"""``nbdl plan``: the program that `nbdl train` would run, as a table, with times if they are asked for."""

from pathlib import Path

import click

from nbdl.cli._errors import fitting
from nbdl.cli._output import common_options, emit, note, settings
from nbdl.cli._train import parse, split
from nbdl.errors import UsageError


class _Shape(click.ParamType):
    """A shape as ``1,28,28``."""

    name = "shape"

    def convert(self, value, param, ctx):
        sizes = tuple(int(part) if part.strip().isdecimal() else 0 for part in value.split(","))
        if min(sizes) < 1:
            self.fail(f"a shape is positive integers with commas between them, like 1,28,28, got `{value}`")
        return sizes


@click.command()
@click.argument("model", metavar="MODEL|CONFIG.toml")
@click.option("--data", metavar="NAME|PATH", help="The data set. Images that must be downloaded are not.")
@click.option("--shape", type=_Shape(), metavar="N,...", help="Of a sample, in place of that of the data.")
@click.option("--batch-size", type=int, metavar="N", help="Samples of one step.")
@click.option("--optimizer", metavar="NAME", help="How parameters are updated: sgd, adam ...")
@click.option(
    "--loss", metavar="NAME", help="By default that of the data: cross-entropy for labels, else mse."
)
@click.option(
    "--set", "changes", multiple=True, metavar="KEY=VALUE", help="Any other setting of a config file."
)
@click.option("--threads", type=int, metavar="N", help="Of the program. Default: all cores.")
@click.option("--all", "whole", is_flag=True, help="Every row of the program, not one for each operation.")
@click.option("--time", "timed", is_flag=True, help="Compile it, and measure each row and a whole step.")
@common_options
def plan(model, shape, changes, timed, whole, **options):
    """Show the program that MODEL is trained by: what runs where, on which shapes.

    A row is an operation of the net, forward and backward together, and all that are alike; with --all it is
    one of the program, and rows that are fused take turns, some lines of the image at a time. Settings are
    found as by `nbdl train`. Nothing is trained, and without --time nothing is compiled. With it the slowest
    rows come first. Bytes and FLOPs are those of a minibatch.

    \b
    nbdl plan lenet
    nbdl plan lenet --all
    nbdl plan lenet_modern --data mnist --batch-size 64 --threads 1 --time
    nbdl plan mlp --shape 3,32,32 --set model_options.hidden=[64,32]
    """
    import nbdl.train
    from nbdl.step._short_report import short

    overrides = {k: v for k, v in options.items() if v is not None}
    overrides |= {key: parse(text) for key, text in (split("--set", c) for c in changes)}
    file = Path(model) if model.endswith(".toml") else None
    config = nbdl.train.resolve(None if file else model, file, overrides)
    data = _data(config, shape)
    with fitting(config.model, config.data):
        step = nbdl.train.compile_config(config, data)
        found = (_measured if timed else _planned)(step, data, config.batch_size)
    names = {k: getattr(config, k) for k in ("model", "data", "loss", "optimizer", "dtype")}
    title = "{model} on {data}, {loss}, {optimizer}, {dtype}".format(**names)
    emit({**names, **found.as_dict()}, lambda: f"{title}\n\n{found if whole else short(found)}")
    if not whole and settings().format == "human":
        note(f"each of the {len(found.lines)} rows of the program: --all")


def _data(config, shape):
    """One sample of the data's shape, or of `shape`, with a target."""
    import numpy as np

    from nbdl import data, registry
    from nbdl.nn._inputs import taken

    known = registry.default()
    record = known.get("dataset", config.data) if config.data in known.names("dataset") else None
    if record is not None and record.shape and not config.data_options:
        split = data.Split(np.zeros((1, *record.shape), np.float32), np.zeros(1, np.int64))
        classes, vocabularies = record.classes, {}
    else:
        loaded = data.load(config.data, **config.data_options)
        split, classes = data.Split(*(taken(a, slice(0, 1)) for a in loaded.train)), loaded.classes
        vocabularies = loaded.vocabularies
        if loaded.categories:  # which become as many columns as the training part has of them
            x = data.Preparation.of(loaded, config.loss).inputs(split.x)
            split = data.Split(x.astype(np.float32), split.y)
    if shape:
        split = split._replace(x=np.zeros((1, *shape), getattr(split.x, "dtype", np.float32)))
    test = data.Split(*(taken(a, slice(0, 0)) for a in split))
    return data.Data(config.data, split, test, classes, vocabularies=vocabularies)


def _planned(step, data, samples):
    from nbdl.step import report

    return report(step, samples)


def _measured(step, data, samples):
    """The report with times, on random samples, and with the ceiling of the machine."""
    import numba
    import numpy as np

    from nbdl.bench import ceilings
    from nbdl.nn._inputs import each
    from nbdl.step import measure

    if numba.config.DISABLE_JIT:
        raise UsageError("nothing can be measured: the compiler is switched off by NUMBA_DISABLE_JIT")
    rng = np.random.default_rng(0)

    def some(a):
        shape = (samples, *a.shape[1:])
        return rng.standard_normal(shape) if a.dtype.kind == "f" else np.resize(a, shape)

    x, y = (each(some, a) for a in data.train)
    if data.classes is not None:
        y = rng.integers(0, data.classes, y.shape)
    found = measure(step, x, y)
    found.fma = ceilings(step.threads).fma
    return found
