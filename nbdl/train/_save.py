"""Nets and arrays in files: `save` and `load`."""

import warnings

from nbdl import __version__, nn
from nbdl.data import Preparation
from nbdl.data._fault import fault, reading
from nbdl.errors import NumericError, UsageError
from nbdl.nn._parameter import named_arrays
from nbdl.step import not_finite
from nbdl.train import _files
from nbdl.train._arrays import describe, is_net, rebuild, refuse_arrays


def save(net, path, preparation=None):
    """Write a net, or arrays, to one file.

    Of a net: its parameters and buffers, and the net itself if it is made of registered layers. Of arrays:
    every value, with its dtype, shape and place.

    Parameters
    ----------
    net : net, array, list, tuple or dict
        A net whose parameters have their shapes; or an array, or arrays in lists, tuples and dicts with texts
        as keys, nested as you like. A Tensor counts as its array.
    path : path
        By custom ``*.safetensors``. Replaced whole or not at all.
    preparation : nbdl.data.Preparation, optional
        Of a run: saved with the net, for `nbdl.train.load_run`, `nbdl eval` and `nbdl predict`.

    Raises
    ------
    DtypeError
        If an array has a dtype that the format does not hold, or something beside arrays is no array.
    SaveError
        If the file cannot be written; the former one is intact.

    Warns
    -----
    UserWarning
        If a parameter or buffer of the net is not finite: its training diverged.

    Examples
    --------
    >>> nbdl.save({"x": x, "pair": [x, y]}, "arrays.safetensors")
    >>> nbdl.load("arrays.safetensors")["pair"][1]
    """
    document = {"kind": "net", "version": __version__}
    if not is_net(net):
        arrays = {}
        document.update(kind="arrays", arrays=describe(net, arrays, ""))
        _files.write(path, arrays, document)
        return
    refuse_arrays(net, "")
    if not all(p.ready for p in named_arrays(net).values()):
        raise UsageError("the net has no weights yet: call nbdl.nn.init(net, example), or train it")
    try:
        document["net"] = nn.config(net)
        if set(named_arrays(nn.build(document["net"]))) != set(named_arrays(net)):
            raise UsageError("some of its layers share parameters, which a description does not say")
    except UsageError as error:
        document["net"], document["why"] = None, str(error)
    if preparation:
        document["preparation"] = preparation.document()
    name = not_finite(net)
    if name:
        warnings.warn(f"`{name}` of the net is not finite; it is saved as it is", stacklevel=2)
    _files.write(path, nn.state_dict(net), document)


def check_weights(net, where):
    """Raise `NumericError` if a parameter or buffer of a net, read from `where`, is not finite."""
    name = not_finite(net)
    if name:
        error = NumericError("`{}` of the model is not finite: its training diverged", name)
        error.add_note(f"where: {where}")
        error.add_note("try: training it again with a smaller learning rate")
        raise error


def load(path, into=None):
    """Read a net or arrays from a file that `save` (or a training run) wrote.

    Parameters
    ----------
    path : path
    into : net, optional
        Give this net the weights instead of building one: needed where the file holds weights alone.

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
    """
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


def load_prepared(path):
    """The net of a file and its `Preparation`; `DataError` if the file holds anything else."""
    return _prepared(path, *_files.read(path), None)


def _prepared(path, state, document, into):
    if document.get("kind") != "net":
        kind = document.get("kind")
        what = f"it holds {kind if kind == 'arrays' else f'a {kind}'}, not a net"
        raise fault(what, path, "the model.safetensors of a run")
    with reading(path, "model file"):
        if into is None:
            if document.get("net") is None:
                what = f"it holds weights alone ({document.get('why', '')})"
                raise fault(what, path, "building the net, then nbdl.load(path, into=net)")
            into = nn.build(document["net"])
        nn.load_state_dict(into, state)
        return into, Preparation.read(document.get("preparation"), path)
