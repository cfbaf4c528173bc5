"""Nets in files: `save` and `load`."""

import warnings
from pathlib import Path

from nbdl import __version__, nn
from nbdl.data import Preparation
from nbdl.errors import DataError, NbdlError, UsageError
from nbdl.train import _files


def save(net, path, preparation=None):
    """Write the weights of `net`, and the net itself if it is made of registered layers, to one file.

    Parameters
    ----------
    net : net
        Whose parameters have their shapes.
    path : path
        By custom ``*.safetensors``. Replaced whole or not at all.
    preparation : nbdl.data.Preparation, optional
        Of a run: saved with the net, for `nbdl.train.load_run`, `nbdl eval` and `nbdl predict`.

    Raises
    ------
    SaveError
        If the file cannot be written; the former one is intact.
    """
    document = {"kind": "net", "version": __version__}
    if not all(p.ready for p in nn.parameters(net)):
        raise UsageError("the net has no weights yet: call nbdl.nn.init(net, example), or train it")
    try:
        document["net"] = nn.config(net)
        if set(nn.named_parameters(nn.build(document["net"]))) != set(nn.named_parameters(net)):
            raise UsageError("some of its layers share parameters, which a description does not say")
    except UsageError as error:
        document["net"], document["why"] = None, str(error)
    if preparation:
        document["preparation"] = preparation.document()
    _files.write(path, nn.state_dict(net), document)


def load(path, into=None):
    """Read a net from a file that `save` (or a training run) wrote.

    Parameters
    ----------
    path : path
    into : net, optional
        Give this net the weights instead of building one: needed where the file holds weights alone.

    Raises
    ------
    DataError
        If the file is missing, cut short, damaged, or holds no net; or its weights do not fit `into`.

    Warns
    -----
    UserWarning
        If the net was trained on standardised columns: it takes ``preparation.inputs(x)``, with the
        preparation that ``nbdl.train.load_run(path)`` gives beside the net.
    """
    net, preparation = load_prepared(path, into)
    if preparation.mean.size:
        warnings.warn(
            f"the net of {path} was trained on standardised columns and takes preparation.inputs(x): see "
            "nbdl.train.load_run",
            stacklevel=2,
        )
    return net


def load_prepared(path, into=None):
    """The net of a file, as `load` gives it, and its `Preparation`."""
    state, document = _files.read(path)
    if document.get("kind") != "net":
        raise DataError("{} holds a {}, not a net", path, document.get("kind"))
    if into is None:
        if document.get("net") is None:
            raise DataError(
                "{} holds weights alone ({}). Build the net, then nbdl.load(path, into=net)",
                Path(path),
                document.get("why", ""),
            )
        try:
            into = nn.build(document["net"])
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            if isinstance(error, NbdlError):
                raise
            raise DataError("{} describes no net: {!r}", path, error) from error
    nn.load_state_dict(into, state)
    return into, Preparation.read(document.get("preparation"), path)
