"""`load`: a data set by its registered name, else by its path."""

import difflib
import inspect
import os
from pathlib import Path

from nbdl import records, registry
from nbdl.data._csv import csv
from nbdl.data._data import Data
from nbdl.data._fault import fault
from nbdl.data._idx import idx, is_idx
from nbdl.data._npz import npz
from nbdl.data._rows import TABLES
from nbdl.errors import PluginError, UsageError

READERS = {".npz": npz, **dict.fromkeys(TABLES, csv)}


def load(name_or_path, **options):
    """Load a data set.

    Parameters
    ----------
    name_or_path : str or path
        A registered name (``nbdl data list``); else a path: ``.npz``, a table (``.csv``, ``.tsv``,
        ``.dat``, ``.txt``), or a folder of IDX files. ``./digits`` is always a path.
    **options
        Those of the data set or of the reader, for example ``size=8`` (digits), ``target="price"`` (CSV),
        ``test_fraction=0.2, seed=0`` (files that are not split yet).

    Returns
    -------
    Data

    Raises
    ------
    UsageError
        For an unknown name or option; the nearest is named.
    DataError
        For a file that is missing, cut short, corrupt or of the wrong kind, and for data that cannot be
        learnt from (NaN, labels out of range). The notes of the error say where, and what to try.
    """
    text = os.fspath(name_or_path)
    path = _expanded(text)
    try:
        record = registry.default().get("dataset", text)
    except UsageError as error:
        if _exists(path):
            return _from_file(path, options)
        if _looks_like_path(text, path):
            raise fault("there is no such file or folder", path, _advice(path)) from None
        error.add_note(
            "try: one of these names, or the path of an .npz or .csv file or a folder of IDX files"
        )
        raise
    loader = records.resolve(record.load)
    _check_options(loader, options, f"data set `{record.name}`")
    data = loader(**options)
    if not isinstance(data, Data):
        owner = registry.default().owner("dataset", text).name
        raise PluginError(
            "data set `{}` of {} must load a Data, got {}", record.name, owner, type(data).__name__
        )
    return data


def _expanded(text):
    """The path of a text; where ``~`` or ``~name`` has no folder, it is a name like any other."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def _exists(path):
    """Whether there is such a file or folder; one that cannot be looked at (a name too long) is a fault."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:  # ValueError: a null character
        text = getattr(error, "strerror", None) or error
        raise fault(f"the file cannot be read: {text}", path, _advice(path)) from error
    return True


def _from_file(path, options):
    reader = idx if path.is_dir() or is_idx(path) else READERS.get(path.suffix.lower())
    if reader is None:
        raise fault(
            f"`{path.name}` is not a kind of file that nbdl reads",
            path,
            f".npz, {', '.join(TABLES)} or a folder of IDX files",
        )
    _check_options(reader, options, f"{path.name}", skip=1)
    return reader(path, **options)


def _check_options(function, options, whose, skip=0):
    parameters = list(inspect.signature(function).parameters.values())[skip:]
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters]
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(known) or 'none'}"
            raise UsageError("unknown option `{}` of {}; {}", name, whose, hint)


def _looks_like_path(text, path):
    return (
        "/" in text
        or os.sep in text
        or text.startswith((".", "~"))
        or path.suffix in (*READERS, ".gz", ".npy")
    )


def _advice(path):
    try:
        siblings = [p.name for p in path.parent.iterdir()]
    except (OSError, ValueError):
        return "a path that exists, or a name of `nbdl data list`"
    near = difflib.get_close_matches(path.name, siblings, n=1)
    return str(path.parent / near[0]) if near else "a path that exists, or a name of `nbdl data list`"
