"""Arrays in files: alone, or in lists, tuples and dicts."""

import numpy as np

from nbdl.errors import DtypeError
from nbdl.nn._parameter import named_arrays
from nbdl.tape import Tensor

KEPT = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
        "float16", "float32", "float64", "complex64")  # fmt: skip


def is_net(thing):
    """Whether `thing` is a net: not an array, and no list, tuple or dict without layers in it."""
    if isinstance(thing, (np.ndarray, np.generic, Tensor)):
        return False
    if isinstance(thing, (list, tuple, dict)):
        items = thing.values() if isinstance(thing, dict) else thing
        return any(
            callable(item) or (isinstance(item, (list, tuple, dict)) and is_net(item)) for item in items
        )
    return callable(thing) or bool(named_arrays(thing))


def refuse_arrays(net, where):
    """Raise `DtypeError` for an array in a list or dict of layers: it would not be saved."""
    if isinstance(net, (np.ndarray, np.generic)):
        raise DtypeError("save: `net`{} is an array beside layers: save it apart", where)
    if type(net) in (list, tuple, dict):
        for key, item in net.items() if type(net) is dict else enumerate(net):
            refuse_arrays(item, f"{where}[{key!r}]")


def describe(thing, arrays, where):
    """`thing` as JSON data that names its arrays, which are put into `arrays`."""
    if type(thing) in (list, tuple):
        return {type(thing).__name__: [describe(v, arrays, f"{where}[{i}]") for i, v in enumerate(thing)]}
    if type(thing) is dict:
        for key in thing:
            if not isinstance(key, str):
                raise DtypeError("save: the keys of a dict must be texts, got {!r} in `net`{}", key, where)
        return {"dict": [[k, describe(v, arrays, f"{where}[{k!r}]")] for k, v in thing.items()]}
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


def rebuild(description, arrays):
    """What `describe` was given."""
    ((kind, content),) = description.items()
    if kind == "array":
        return arrays[content]
    if kind == "dict":
        return {key: rebuild(v, arrays) for key, v in content}
    items = [rebuild(v, arrays) for v in content]
    return {"list": list, "tuple": tuple}[kind](items)
