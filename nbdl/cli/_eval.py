"""``nbdl eval``: loss and metrics of a trained model."""

import dataclasses
import math

import click

from nbdl.cli import _net
from nbdl.cli._errors import advised, fitting
from nbdl.cli._output import common_options, emit, figures, note, pairs
from nbdl.cli._train import parse, split
from nbdl.errors import NumericError, UsageError


@click.command("eval")
@click.argument("path", metavar="RUN|FILE")
@click.option("--data", "name", metavar="NAME|PATH", help="Another data set than the run's own.")
@click.option("--split", "part", type=click.Choice(["test", "train"]), default="test", help="Default: test.")
@click.option("--loss", metavar="NAME", help="By default that of the run, or of the data.")
@click.option(
    "--set", "changes", multiple=True, metavar="KEY=VALUE", help="data_options.KEY=VALUE, as in `nbdl train`."
)
@click.option(
    "--standard-error", is_flag=True, help="Print how far off the loss is as an estimate of the expected one."
)
@_net.option
@common_options
def evaluate(path, name, part, loss, changes, standard_error, own):
    """Measure a trained model: a run's folder, or a model file (which needs --data).

    A run of nbdl.fit on arrays needs --data too, one of a net of your own class --net.

    \b
    nbdl eval runs/lenet-digits-001
    nbdl eval runs/lenet-digits-001/model.safetensors --data digits --split train
    nbdl eval runs/mine --net mine.py:Own --data test.npz
    """
    import nbdl.data
    import nbdl.train
    from nbdl import registry
    from nbdl.data._fault import expanded
    from nbdl.data._rows import read_header
    from nbdl.nn._inputs import count
    from nbdl.train._save import check_weights

    net, config, preparation = nbdl.train.load_run(path, _net.made(own))
    alone = config is None
    if alone:
        config = nbdl.train.Config()
    if name is not None:
        config = dataclasses.replace(
            config, data=name, data_options=_options(config, preparation, name, loss or config.loss)
        )
    if not config.data:
        who, other = ("a model file", "the run's folder instead, or ") if alone else ("a run on arrays", "")
        raise advised(
            UsageError("{} does not say what it was trained on", who),
            path,
            f"{other}--data NAME|PATH, an .npz file with x and y for example",
        )
    options = dict(config.data_options)
    for change in changes:
        key, value = split("--set", change)
        table, _, key = key.partition(".")
        if table != "data_options" or not key:
            raise UsageError("--set takes data_options.KEY=VALUE here, got `{}`", change)
        options[key] = parse(value)
    check_weights(net, path)
    if name is not None and preparation.columns and nbdl.data.is_table(name) and "inputs" in options:
        header = read_header(expanded(name), options.get("delimiter"))
        if header is not None:
            preparation.order(header, name)  # all that are missing are named
    loaded = nbdl.data.load(config.data, vocabularies=preparation.vocabularies, **options)
    data = preparation.agree(loaded, config.data)
    given, loss = loss, loss or config.loss or ("mse" if data.classes is None else "softmax_cross_entropy")
    samples = getattr(data, part)
    with registry.swap(**config.swap), fitting(path, config.data, samples.x):
        measured = nbdl.train.evaluate(
            net,
            samples,
            loss,
            preparation,
            metrics=data.metrics,
            standard_error=standard_error,
            **({} if given else config.loss_options),
        )
    if not math.isfinite(measured["loss"]):
        raise advised(
            NumericError("the {} loss is {}: the model does not fit these data", part, measured["loss"]),
            path,
            "data on the scale of the training data",
        )
    results = {f"{part}_{k}": v for k, v in measured.items()}
    results |= {"samples": count(samples.x), "data": data.name}
    remark = nbdl.train.worse_than_a_constant(measured, preparation.logs(samples.y), loss, part)
    if remark:
        note(f"warning: {remark}")
    emit({**results, "loss": loss, "model": path}, lambda: pairs(figures(results)))


def _options(config, preparation, name, loss):
    """The options of another data set: of a table those that say what it means, as of the run's own."""
    from nbdl import registry
    from nbdl.data import is_table
    from nbdl.train._config import text_options

    if preparation.vocabularies and config.model:  # text: in the same windows
        options = {k: v for k, v in config.data_options.items() if k != "text"}
        return {**options, **text_options(registry.default().get("model", config.model), name, {})}
    if "text" in preparation.vocabularies and name not in registry.default().names("dataset"):
        return {"text": True}
    options = {}
    if is_table(name) and name not in registry.default().names("dataset"):
        if is_table(config.data):
            options = {k: v for k, v in config.data_options.items() if k in ("target", "task", "inputs")}
        if preparation.columns:
            options.setdefault("inputs", list(preparation.columns))
            options.setdefault("target", preparation.target)
        if preparation.categories:
            names = preparation.columns or range(preparation.mean.size)
            options["categories"] = [n for n, c in zip(names, preparation.categories) if c]
        if loss:
            classes = "accuracy" in registry.default().get("loss", loss).metrics
            options.setdefault("task", "classification" if classes else "regression")
    return options
