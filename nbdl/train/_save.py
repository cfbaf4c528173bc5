"""Nets and arrays to files: `save`."""

import types
import warnings

from nbdl import __version__, nn
from nbdl.errors import NumericError, UsageError
from nbdl.nn._parameter import named_arrays
from nbdl.step import not_finite
from nbdl.train import _files
from nbdl.train._arrays import describe, is_net, refuse_arrays


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
    document |= described(net)
    if preparation:
        document["preparation"] = preparation.document()
    name = not_finite(net)
    if name:
        warnings.warn(f"`{name}` of the net is not finite; it is saved as it is", stacklevel=2)
    _files.write(path, nn.state_dict(net), document)


def described(net):
    """What a file says of how a net is built, as data of JSON: "net" builds it again, None if none can.

    Then "why" says what is in the way, and "made" where its class stands, if that can be imported: for
    messages, no file has anything imported.
    """
    try:
        description = nn.config(net)
        if set(named_arrays(nn.build(description))) != set(named_arrays(net)):
            raise UsageError("some of its layers share parameters, which a description does not say")
    except UsageError as error:
        kind, own = type(net), not isinstance(net, (types.FunctionType, list, tuple, dict))
        module, name = kind.__module__, kind.__qualname__
        found = own and "<" not in name and module.partition(".")[0] not in ("__main__", "builtins", "nbdl")
        return {"net": None, "why": str(error), "made": f"{module}:{name}" if found else ""}
    return {"net": description}


def check_weights(net, where):
    """Raise `NumericError` if a parameter or buffer of a net, read from `where`, is not finite."""
    name = not_finite(net)
    if name:
        error = NumericError("`{}` of the model is not finite: its training diverged", name)
        error.add_note(f"where: {where}")
        error.add_note("try: training it again with a smaller learning rate")
        raise error
