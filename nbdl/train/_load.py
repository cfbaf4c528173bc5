"""What a run's folder or a model file holds, read back: `load` and `load_run`."""

import dataclasses
import stat
import warnings
from pathlib import Path

from nbdl import nn
from nbdl.data import Preparation
from nbdl.data._fault import fault, look, near, reading
from nbdl.errors import UsageError
from nbdl.train import _files
from nbdl.train._arrays import rebuild
from nbdl.train._checkpoint import TITLE, read_checkpoint, saved_config
from nbdl.train._class_weights import BALANCED
from nbdl.train._config import Config
from nbdl.train._folder import CHECKPOINT, MODEL
from nbdl.train._model import built


def load(path, into=None):
    """Read a net or arrays from a file that `save` wrote, or the net of a training run.

    Parameters
    ----------
    path : path
        A file, or a run's folder: the net of its last checkpoint.
    into : net, optional
        Give this net the weights instead of building one: needed where the file holds weights alone, as of a
        net of your own class.

    Returns
    -------
    The net; or the array, list, tuple or dict that was saved.

    Raises
    ------
    DataError
        If the file is missing, cut short, damaged, or holds neither a net nor arrays; or its weights do not
        fit `into`.

    Warns
    -----
    UserWarning
        If the net was trained on standardised columns: it takes ``preparation.inputs(x)``, with the
        preparation that ``nbdl.train.load_run(path)`` gives beside the net.

    Examples
    --------
    >>> net = nbdl.load("runs/mine", into=Own())
    """
    if _is_folder(path):
        net, _, preparation = load_run(path, into)
    else:
        state, document = _files.read(path)
        if document.get("kind") == "arrays" and into is None:
            with reading(path, "file of arrays"):
                return rebuild(document["arrays"], state)
        net, preparation = _prepared(path, state, document, into)
    if preparation.mean.size:
        warnings.warn(
            f"the net of {path} was trained on standardised columns and takes preparation.inputs(x): see "
            "nbdl.train.load_run",
            stacklevel=2,
        )
    return net


def load_run(path, into=None):
    """What a run folder or a model file holds.

    Parameters
    ----------
    path : path
    into : net, optional
        As with `load`: needed for a net of your own class.

    Returns
    -------
    net, config, preparation
        The net of the run's last checkpoint, whether the run was finished or not; the `Config`, None for a
        plain model file; and the `nbdl.data.Preparation`: ``preparation.inputs(x)`` is what the net takes,
        ``preparation.values(net(...))`` is in the units of the targets, and ``preparation.vocabularies``
        says what the token ids of a text stand for.

    Examples
    --------
    >>> net, config, preparation = nbdl.train.load_run("runs/mine", into=Own())
    >>> preparation.vocabularies["text"].decode(ids)
    """
    path = Path(path)
    if look(path) is None:
        raise fault("there is no such run or model file", path, near(path) or "a path that exists")
    if not _is_folder(path):
        net, preparation = _prepared(path, *_files.read(path), into)
        return net, None, preparation
    saved = read_checkpoint(path)
    preparation = Preparation.read(saved[1].get("preparation"), path / CHECKPOINT)
    with reading(path / CHECKPOINT, TITLE):
        net = net_of_run(path, saved[1]) if into is None else into
        nn.load_state_dict(net, weights(saved[0]))
    return net, saved_config(saved[1]), preparation


def net_of_run(folder, document):
    """The net that a checkpoint describes, without its values; `DataError` if it has weights alone."""
    config = saved_config(document)
    if config.model:
        return built(config)
    if "net" not in document and look(folder / MODEL) is not None:  # a checkpoint from before
        return _prepared(folder / MODEL, *_files.read(folder / MODEL), None)[0]
    return _built(folder, document)


def _prepared(path, state, document, into):
    """The net of a model file and its `Preparation`; `DataError` if the file holds anything else."""
    if document.get("kind") != "net":
        kind = document.get("kind")
        what = f"it holds {kind if kind == 'arrays' else f'a {kind}'}, not a net"
        raise fault(what, path, "the model.safetensors of a run")
    with reading(path, "model file"):
        into = _built(path, document) if into is None else into
        nn.load_state_dict(into, state)
        return into, Preparation.read(document.get("preparation"), path)


def _built(path, document):
    """The net that a document describes; the `DataError` of one that has weights alone says what to do."""
    if document.get("net") is not None:
        return nn.build(document["net"])
    place = str(document.get("made") or "")
    net = f"{place.rpartition(':')[2]}()" if place else "net"
    raise fault(
        f"it holds weights alone ({document.get('why', '')})",
        path,
        f"nbdl.load({str(path)!r}, into={net}), or on the command line --net {place or 'MODULE:NAME'}, the "
        "class of the net or a function that makes it",
    )


def resumed_config(config, document):
    """The settings of a checkpoint, with the epochs and threads of `config` if that agrees in all else."""
    saved = saved_config(document)
    if config is None:
        return saved
    for field in {f.name for f in dataclasses.fields(Config)} - {"epochs", "threads"}:
        ours, theirs = getattr(saved, field), getattr(config, field)
        if isinstance(ours, dict):  # options that follow from the data are in the saved ones alone
            ours = {k: ours.get(k) for k in theirs} if field == "model_options" else ours
            if field == "loss_options" and theirs.get("weight") == BALANCED:  # saved as numbers
                theirs = {**theirs, "weight": ours.get("weight")}
        if theirs != ours and not (field == "loss" and not theirs):
            raise UsageError(
                "the run was made with {} = {!r}, not {!r}: only `epochs` and `threads` may change on "
                "resuming",
                field,
                ours,
                theirs,
            )
    if config.epochs < document["epoch"]:
        text = "the run has done {} epochs: `epochs` must be at least as many on resuming, got {}"
        raise UsageError(text, document["epoch"], config.epochs)
    return dataclasses.replace(saved, epochs=config.epochs, threads=config.threads)


def check_own(config, folder, net):
    """Raise unless a run can go on without what only its user's code has."""
    if config.model and net is not None:
        raise UsageError("the run is one of the model `{}`: leave out the `net`", config.model)
    what = None
    if not config.data:
        what, call = "it was trained on arrays or a Data object", "nbdl.fit(net, (x, y), resume={!r})"
    elif ":" in config.loss:
        what, call = f"its loss is the function `{config.loss}`", "nbdl.fit(net, data, loss, resume={!r})"
    if what is not None:
        hint = call.format(str(folder)) + " in Python, with the arguments that it was started with"
        raise fault(f"only your own code can go on with this run: {what}", Path(folder) / CHECKPOINT, hint)


def weights(arrays):
    """The values of parameters and buffers in a checkpoint, by name."""
    return {k.removeprefix("net/"): a for k, a in arrays.items() if k.startswith("net/")}


def _is_folder(path):
    status = look(path)
    return status is not None and stat.S_ISDIR(status.st_mode)
