"""Nets and arrays in files: `save` and `load`."""

from pathlib import Path

import numpy as np

from nbdl import __version__, nn
from nbdl.errors import DataError, DtypeError, NbdlError, UsageError
from nbdl.tape import Tensor
from nbdl.train import _files

KEPT = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
        "float16", "float32", "float64", "complex64")  # fmt: skip


def save(net, path):
    """Write a net, or arrays, to one file.

    Of a net: its weights, and the net itself if it is made of registered layers. Of arrays: every value,
    with its dtype, shape and place.

    Parameters
    ----------
    net : net, array, list, tuple or dict
        A net whose parameters have their shapes; or an array, or arrays in lists, tuples and dicts with texts
        as keys, nested as you like. A Tensor counts as its array.
    path : path
        By custom ``*.safetensors``. Replaced whole or not at all.

    Raises
    ------
    DtypeError
        If an array has a dtype that the format does not hold, or something beside arrays is no array.
    SaveError
        If the file cannot be written; the former one is intact.

    Examples
    --------
    >>> nbdl.save({"x": x, "pair": [x, y]}, "arrays.safetensors")
    >>> nbdl.load("arrays.safetensors")["pair"][1]
    """
    document = {"kind": "net", "version": __version__}
    if not _is_net(net):
        arrays = {}
        document.update(kind="arrays", arrays=_describe(net, arrays, ""))
        _files.write(path, arrays, document)
        return
    _refuse_arrays(net, "")
    if not all(p.ready for p in nn.parameters(net)):
        raise UsageError("the net has no weights yet: call nbdl.nn.init(net, example), or train it")
    try:
        document["net"] = nn.config(net)
        if set(nn.named_parameters(nn.build(document["net"]))) != set(nn.named_parameters(net)):
            raise UsageError("some of its layers share parameters, which a description does not say")
    except UsageError as error:
        document["net"], document["why"] = None, str(error)
    _files.write(path, nn.state_dict(net), document)


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
        If the file is missing, cut short, damaged, or holds neither; or its weights do not fit `into`.
    """
    state, document = _files.read(path)
    if document.get("kind") == "arrays" and into is None:
        try:
            return _rebuild(document["arrays"], state)
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise DataError("{} describes no arrays: {!r}", path, error) from error
    return _load_net(path, state, document, into)


def load_net(path):
    """The net in a file; `DataError` if it holds anything else."""
    return _load_net(path, *_files.read(path), None)


def _load_net(path, state, document, into):
    if document.get("kind") != "net":
        kind = document.get("kind")
        raise DataError("{} holds {}, not a net", path, kind if kind == "arrays" else f"a {kind}")
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
    return into


# --- arrays -------------------------------------------------------------------------------------------------


def _is_net(thing):
    """Whether `thing` is a net: not an array, and no list, tuple or dict without layers in it."""
    if isinstance(thing, (np.ndarray, np.generic, Tensor)):
        return False
    if isinstance(thing, (list, tuple, dict)):
        items = thing.values() if isinstance(thing, dict) else thing
        return any(
            callable(item) or (isinstance(item, (list, tuple, dict)) and _is_net(item)) for item in items
        )
    return callable(thing) or bool(nn.named_parameters(thing))


def _refuse_arrays(net, where):
    """Raise `DtypeError` for an array in a list or dict of layers: it would not be saved."""
    if isinstance(net, (np.ndarray, np.generic)):
        raise DtypeError("save: `net`{} is an array beside layers: save it apart", where)
    if type(net) in (list, tuple, dict):
        for key, item in net.items() if type(net) is dict else enumerate(net):
            _refuse_arrays(item, f"{where}[{key!r}]")


def _describe(thing, arrays, where):
    """`thing` as JSON data that names its arrays, which are put into `arrays`."""
    if type(thing) in (list, tuple):
        return {type(thing).__name__: [_describe(v, arrays, f"{where}[{i}]") for i, v in enumerate(thing)]}
    if type(thing) is dict:
        for key in thing:
            if not isinstance(key, str):
                raise DtypeError("save: the keys of a dict must be texts, got {!r} in `net`{}", key, where)
        return {"dict": [[k, _describe(v, arrays, f"{where}[{k!r}]")] for k, v in thing.items()]}
    a = thing.data if isinstance(thing, Tensor) else thing
    if not isinstance(a, (np.ndarray, np.generic)) or isinstance(a, np.ma.MaskedArray):
        text = "save: `net`{} must be a net, or arrays, alone or in lists and dicts, got a {}; try np.array"
        raise DtypeError(text, where, type(thing).__name__)
    if a.dtype.name not in KEPT or not a.dtype.isnative:
        raise DtypeError(
            "save: `net`{} must have one of the dtypes {}, got {}", where, ", ".join(KEPT), a.dtype
        )
    name = f"{len(arrays)}"
    arrays[name] = a
    return {"array": name}


def _rebuild(description, arrays):
    """What `_describe` was given."""
    ((kind, content),) = description.items()
    if kind == "array":
        return arrays[content]
    if kind == "dict":
        return {key: _rebuild(v, arrays) for key, v in content}
    items = [_rebuild(v, arrays) for v in content]
    return {"list": list, "tuple": tuple}[kind](items)
