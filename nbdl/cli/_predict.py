"""``nbdl predict``: a trained model's predictions for inputs from a file, into a file."""

import contextlib
import csv
import io

import click

from nbdl.cli import _net
from nbdl.cli._errors import advised
from nbdl.cli._output import common_options, emit
from nbdl.errors import DataError, DtypeError, LabelError, NbdlError, ShapeError, UsageError

KINDS = (".csv", ".npz", ".npy")


@click.command()
@click.argument("path", metavar="RUN|FILE")
@click.argument("inputs", metavar="INPUT")
@click.option(
    "-o", "--output", required=True, metavar="OUTPUT", help="Where predictions go: .csv, .npz or .npy."
)
@click.option(
    "--task", type=click.Choice(["classification", "regression"]), help="Needed for a model file only."
)
@_net.option
@common_options
def predict(path, inputs, output, task, own):
    """Write the predictions of a trained model (a run's folder or a model file).

    INPUT is an .npy, .npz (key x) or .csv file of inputs alone, in the form of the training data; the columns
    of a table with a header are found by name, so that it may hold others too. OUTPUT gets one row a sample:
    for classes the label and the probability of each class, else the values. A language model reads the lines
    of a .txt file, or token ids, and predicts what comes next.

    \b
    nbdl predict runs/lenet-digits-001 images.npy -o labels.csv
    """
    import nbdl.data
    import nbdl.train
    from nbdl import registry
    from nbdl.data._fault import expanded
    from nbdl.train._save import check_weights

    output = expanded(output)
    if output.suffix.lower() not in KINDS:
        raise UsageError("predictions are written as {}, got `{}`", ", ".join(KINDS), output.name)
    net, config, preparation = nbdl.train.load_run(path, _net.made(own))
    if "source" in preparation.vocabularies:
        what = "the model translates sentences: `nbdl predict` has no row of numbers for each"
        raise advised(UsageError(what), path, f"nbdl translate {path} --file {inputs}")
    if task is None:
        task = _task(config, preparation, path)
    check_weights(net, path)
    text = "text" in preparation.vocabularies
    x = nbdl.data.load_inputs(inputs, preparation, _length(config, path, inputs) if text else None)
    with registry.swap(**(config.swap if config else {})):
        try:
            y = preparation.values(nbdl.train.predict(net, preparation.inputs(x)))
        except ShapeError as error:
            raise _wrong_shape(error, config, preparation, x, inputs) from error
        except (DtypeError, LabelError) as error:
            fault = DataError("the inputs do not fit the net: {}", error)
            raise advised(fault, inputs, "token ids: integers (N, T) from 0") from error
    y = y[:, -1] if text and y.ndim == 3 else y.reshape(len(y), -1)
    if task == "classification":
        columns = _classes(y, preparation)
    else:
        columns = {f"y{i}": y[:, i] for i in range(y.shape[1])}
    _write(output, columns)
    results = {"samples": len(x), "output": output}
    if task == "classification":
        results["classes"] = y.shape[1]
    emit(results, lambda: f"{len(x)} predictions in {output}: {', '.join(columns)}")


def _task(config, preparation, path):
    from nbdl import registry

    if preparation.labels:
        return "classification"
    if preparation.target_mean.size:
        return "regression"
    if config is None:
        raise advised(
            UsageError("a model file does not say whether it predicts classes or values"),
            path,
            "the run's folder instead, or --task classification|regression",
        )
    metrics = registry.default().get("loss", config.loss).metrics
    return "classification" if "accuracy" in metrics else "regression"


def _length(config, path, inputs):
    """How many tokens a language model was trained to read at a time."""
    from nbdl.data._text import LENGTH

    if config is None and inputs.lower().endswith(".txt"):
        what = "a model file does not say how many characters it reads at a time"
        raise advised(UsageError(what), path, "the run's folder instead, or token ids (N, T) in an .npy file")
    return LENGTH if config is None else config.data_options.get("length", LENGTH)


def _wrong_shape(error, config, preparation, x, inputs):
    """The same fault as one of the input file, naming the shape that the net was trained on."""
    import nbdl.data

    expected = preparation.mean.shape if preparation.mean.size else None
    with contextlib.suppress(NbdlError):
        if config is not None and expected is None:
            expected = nbdl.data.load(config.data, **config.data_options).train.x.shape[1:]
    shape = _say(x.shape[1:])
    if expected is None:
        fault = DataError(f"inputs of shape {shape} do not fit the net: {error}")
    else:
        fault = DataError(f"the net takes inputs of shape {_say(expected)}, got {shape}")
    return advised(fault, inputs, "inputs alone, without the targets, in the form of the training data")


def _say(shape):
    return f"(N, {', '.join(map(str, shape))})"


def _classes(logits, preparation):
    """The label and the probabilities (softmax in float64) by column, with the names of the classes."""
    import numpy as np

    e = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    names = preparation.labels or range(p.shape[1])
    columns = {f"p{n}" if str(n).isdecimal() else f"p_{n}": p[:, i] for i, n in enumerate(names)}
    return {"label": preparation.names(logits.argmax(axis=1)), **columns}


def _together(columns):
    """An array (N, D) of numbers; with labels that are text, one (N,) of named fields."""
    import numpy as np

    arrays = list(columns.values())
    if all(a.dtype.kind != "U" for a in arrays):
        return np.column_stack(arrays)
    return np.rec.fromarrays(arrays, names=list(columns)).view(np.ndarray)


def _write(path, columns):
    """All columns side by side as .csv or .npy, or by name as .npz; whole or not at all."""
    import numpy as np

    from nbdl.train import _files

    file = io.BytesIO()
    if path.suffix.lower() == ".npz":
        np.savez(file, **columns)
    elif path.suffix.lower() == ".npy":
        np.save(file, _together(columns))
    else:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values())))
        text.detach()
    _files.write_bytes(path, file.getvalue())
