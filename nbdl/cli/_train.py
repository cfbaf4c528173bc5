"""``nbdl train``: settings from a preset, a file and options; progress on stderr; the result on stdout."""

import contextlib
import time
import tomllib
from pathlib import Path

import click

from nbdl.cli import _net
from nbdl.cli._errors import advised, explain, fitting
from nbdl.cli._output import common_options, emit, figures, note, pairs, result, settings, to_json
from nbdl.cli._progress import watch
from nbdl.errors import DataError, UsageError


@click.command()
@click.argument("model", required=False, metavar="[MODEL|CONFIG.toml]")
@click.option(
    "--data", metavar="NAME|PATH", help="A data set (`nbdl data list`), a file, or a folder of IDX."
)
@click.option("--epochs", type=int, metavar="N", help="Passes over the training data.")
@click.option("--batch-size", type=int, metavar="N", help="Samples of one step.")
@click.option("--lr", type=float, metavar="X", help="Learning rate.")
@click.option("--optimizer", metavar="NAME", help="How parameters are updated: sgd, adam ...")
@click.option(
    "--loss", metavar="NAME", help="By default that of the data: cross-entropy for labels, else mse."
)
@click.option(
    "--validation", type=float, metavar="X", help="The share of the training samples to hold out and measure."
)
@click.option(
    "--patience",
    type=int,
    metavar="N",
    help="End after N epochs without a smaller loss on these; keep the best.",
)
@click.option(
    "--folds",
    type=int,
    metavar="K",
    help="Train K nets, each without one of K parts; measure it on that.",
)
@click.option(
    "--statistics", type=int, metavar="N", help="Measure activations and gradients every N epochs; draw them."
)
@click.option("--swap", multiple=True, metavar="OP=IMPL", help="Use another kernel for an operation.")
@click.option(
    "--set", "changes", multiple=True, metavar="KEY=VALUE", help="Any other setting of a config file."
)
@click.option("--seed", type=int, metavar="N", help="Of weights, order and dropout; 0 unless it is given.")
@click.option("--threads", type=int, metavar="N", help="The same bits for any number. Default: the fastest.")
@click.option("--resume", metavar="RUN", help="Go on with a run that was stopped.")
@click.option("--out", metavar="DIR", help="The folder of the run. Default: a new one in runs.")
@_net.option
@common_options
def train(model, resume, out, folds, swap, changes, own, **options):
    """Train MODEL (`nbdl models list`), or what CONFIG.toml says.

    Settings come from the model's preset for the data set, then from the file, then from the options. The
    run's folder keeps all of them (config.toml), the log, a checkpoint of each epoch, the model and, with
    matplotlib, a picture of the curves. Ctrl-C saves a checkpoint; --resume goes on from it.

    Files are .npz, IDX, or tables (.csv, .tsv, .dat, .txt): the last column is the target, text and whole
    numbers that recur are labels, and columns are standardised. A language model reads a .txt file as text.

    --folds says how well a model does on samples that it has not seen: nothing is saved.

    \b
    nbdl train lenet
    nbdl train lenet_modern --data mnist.npz --optimizer adam --lr 0.001 --epochs 5
    nbdl train mlp --data plants.csv
    nbdl train window_lm --data book.txt
    nbdl train linear_regression --data houses.csv --set data_options.target=price
    nbdl train mlp --set model_options.hidden=[64,32] --set optimizer_options.weight_decay=1e-4
    nbdl train mlp --epochs 200 --validation 0.1 --patience 5
    nbdl train linear_regression --data houses.csv --set data_options.log_target=true --folds 5
    nbdl train --resume runs/lenet-digits-001
    nbdl train --resume runs/mine --net mine.py:Own --epochs 20
    """
    import nbdl.train
    from nbdl.data._fault import look

    overrides = {k: v for k, v in options.items() if v is not None}
    overrides |= {f"swap.{op}": name for op, name in (split("--swap", s) for s in swap)}
    overrides |= {key: parse(text) for key, text in (split("--set", c) for c in changes)}
    file = Path(model) if model and model.endswith(".toml") else None
    if resume is not None:
        if file or out:
            raise UsageError("--resume goes on in the run's own folder: leave out CONFIG.toml and --out")
        file = Path(resume) / "config.toml"
        if look(file) is None:
            raise advised(
                DataError("there is no run to go on with: it has no config.toml"),
                resume,
                'the folder that `nbdl train` printed after "run"',
            )
    elif own:
        error = UsageError("--net goes with --resume: a net of your own begins with nbdl.fit in Python")
        error.add_note("try: nbdl.fit(net, 'digits', out='runs/mine'), then --resume runs/mine with --net")
        raise error
    elif not model:
        raise click.UsageError("Name a model (`nbdl models list`) or a config file.")
    if folds is not None and (out or resume is not None):
        raise UsageError("--folds saves nothing: leave out --out and --resume")
    name = None if model and model.endswith(".toml") else model
    config = nbdl.train.resolve(name, file, overrides, own=resume is not None)
    net = _net.made(own)
    if folds is not None:
        return _cross_validate(config, folds)
    with (
        _text_or_table(config),
        fitting(config.model or "of your own", config.data),
        watch(config, settings().format) as progress,
    ):
        run = nbdl.train.train(config, out=out, resume=resume, progress=progress, net=net)
    if run.interrupted:
        note(f"interrupted after step {run.steps}; go on with: nbdl train --resume {run.folder}")
        if settings().format == "json":
            result(to_json({"interrupted": True, "seconds": run.seconds, "run": run.folder}))
        click.get_current_context().exit(130)
    results = {k: v for k, v in run.best.items() if k.startswith(("valid_", "test_"))} if run.history else {}
    if run.valid is not None and config.patience:
        results["epoch"] = run.best["epoch"]
    results |= {"seconds": round(run.seconds, 3), "run": run.folder}
    emit(results, lambda: _report(run, results))


def _cross_validate(config, folds):
    """Print the figures of each fold, and their means."""
    import nbdl.data
    import nbdl.train
    from nbdl.nn._inputs import count

    def progress(event, fold, folds, **row):
        shown = "  ".join(f"{name} {value}" for name, value in figures(row))
        note(f"fold {fold}/{folds}  {shown}")

    begun = time.perf_counter()
    with _text_or_table(config), fitting(config.model, config.data):
        data = nbdl.data.load(config.data, **config.data_options)
        samples = count(data.train.x)
        if not 2 <= folds <= samples:
            raise UsageError("--folds must be from 2 to {}, the training samples, got {}", samples, folds)
        note(data.about)
        often = f"{samples} samples in {folds} folds, {config.epochs} epochs"
        note(f"training {config.model} on {config.data}: {often}")
        found = nbdl.train.cross_validate(config, data, folds, seed=config.seed, progress=progress)
    seconds = round(time.perf_counter() - begun, 3)
    document = {"folds": found.rows, "mean": found.mean, "standard_error": found.standard_error}
    emit({**document, "seconds": seconds}, lambda: str(found))


@contextlib.contextmanager
def _text_or_table(config):
    """What is wrong with a .txt file that was read as a table may be that it is a text: that is said too."""
    try:
        yield
    except DataError as error:
        if Path(config.data).suffix.lower() == ".txt" and Path(config.data).exists() and config.model:
            if not config.data_options.get("text"):
                hint = f"a language model, if it is a text: nbdl train window_lm --data {config.data}"
                error.add_note(f"try: {explain(error)[2]}; {hint}")
        raise


def _report(run, results):
    lines = [*figures(results), ("model", run.folder / "model.safetensors")]
    pictures = {name: run.folder / f"{name}.png" for name in ("curves", "statistics")}
    lines += [(name, path) for name, path in pictures.items() if path.exists()]
    if not pictures["curves"].exists():
        note('no picture of the curves: it needs matplotlib (pip install "nbdl[plot]")')
    return pairs(lines)


def split(option, text):
    """The two sides of ``KEY=VALUE``."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise click.UsageError(f"{option} needs KEY=VALUE, got `{text}`.")
    return key.strip(), value.strip()


def parse(text):
    """A value as in a TOML file (3, 0.5, true, [1, 2], "text"); whatever is none of these is text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):  # no TOML, too many digits, nested too deep
        return text
