"""`load`: a data set by its registered name, else by its path."""

import difflib
import inspect
import os
from collections.abc import Mapping

import numpy as np

from nbdl import records, registry
from nbdl.data._categories import misfit
from nbdl.data._csv import csv
from nbdl.data._data import Data, Split
from nbdl.data._fault import expanded, fault, look, near
from nbdl.data._idx import idx, is_idx
from nbdl.data._label_noise import with_noise
from nbdl.data._npz import npz
from nbdl.data._pairs import pairs
from nbdl.data._partition import Partition
from nbdl.data._rows import TABLES
from nbdl.data._text import text
from nbdl.data._vocabulary import Vocabulary
from nbdl.errors import PluginError, UsageError
from nbdl.nn._inputs import count

TEXTS = {"text": text, "pairs": pairs}  # by the data option that asks for them
READERS = {".npz": npz, **dict.fromkeys(TABLES, csv)}


def load(name_or_path, *, vocabularies=None, **options):
    """Load a data set.

    Parameters
    ----------
    name_or_path : str or path
        A registered name (``nbdl data list``); else a path: ``.npz``, a table (``.csv``, ``.tsv``,
        ``.dat``, ``.txt``), or a folder of IDX files. ``./digits`` is always a path.
    vocabularies : dict, optional
        Those of a run (``run.preparation.vocabularies``): a text is read with them, not with its own.
    **options
        Those of the data set or of the reader, for example ``size=8`` (digits), ``target="price"`` (CSV),
        ``test_fraction=0.2, seed=0`` (files that are not split yet). ``text=True`` reads a file as text for
        a language model, whatever its suffix, ``pairs=True`` its lines as sentences of two languages. Of all
        data ``label_noise=0.2`` changes a share of the training labels at random, keyed by
        ``label_noise_seed`` (see `nbdl.data.label_noise`).

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
    name = os.fspath(name_or_path)
    noise = {key: options.pop(key) for key in ("label_noise", "label_noise_seed") if key in options}
    data = _loaded(name, options, vocabularies)
    return (
        with_noise(data, noise.get("label_noise", 0.0), noise.get("label_noise_seed", 0)) if noise else data
    )


def _loaded(name, options, vocabularies):
    path = expanded(name)
    try:
        record = registry.default().get("dataset", name)
    except UsageError as error:
        if look(path) is not None:
            return _from_file(path, options, vocabularies)
        if _looks_like_path(name, path):
            hint = near(path) or "a path that exists, or a name of `nbdl data list`"
            raise fault("there is no such file or folder", path, hint) from None
        error.add_note(
            "try: one of these names, or the path of an .npz, .csv or .txt file or a folder of IDX files"
        )
        raise
    loader = records.resolve(record.load)
    _check_options(loader, options, f"data set `{record.name}`")
    data = loader(**options, **_taken(loader, vocabularies))
    wrong = _wrong(data)
    if wrong:
        owner = registry.default().owner("dataset", name).name
        raise PluginError("data set `{}` of {} must load a Data{}", record.name, owner, wrong)
    return data


def _wrong(data):
    """What is not as `Data` says it, by its field; or ""."""
    if not isinstance(data, Data):
        return f", got {type(data).__name__}"
    wrong = _wrong_field(data)
    return f": {wrong}" if wrong else ""


def _wrong_field(data):
    if data.classes is not None and (not isinstance(data.classes, int) or data.classes < 1):
        return f"`classes` must be a positive integer or None, got {data.classes!r}"
    if not isinstance(data.order, Partition | None):
        return f"`order` must be a Partition or None, got {type(data.order).__name__}"
    for name, v in data.vocabularies.items():
        if not isinstance(v, Vocabulary):
            return f"`vocabularies` must be Vocabularies by name, got {type(v).__name__} of `{name}`"
    for part in ("train", "test"):
        split = getattr(data, part)
        if not isinstance(split, Split):
            return f"`{part}` must be a Split, got {type(split).__name__}"
        for name, a in _arrays(part, split).items():
            if not isinstance(a, np.ndarray) or a.dtype.kind not in "biuf":
                kind = getattr(a, "dtype", type(a).__name__)
                return f"`{name}` must be an array of numbers, got {kind}"
            if not a.ndim and name.endswith("]"):
                return f"`{name}` must have an entry for each sample, got shape ()"
        x, y = split
        if isinstance(x, np.ndarray) and (x.ndim < 2 or (part == "train" and not len(x))):
            return f"`{part}.x` must be (N, ...) with at least one axis for each sample, got shape {x.shape}"
        wrong = _wrong_targets(y, data.classes)
        if wrong:
            return f"`{part}.y` must be {wrong}"
        if count(x) != count(y):
            return f"`{part}.y` has {count(y)} targets, `{part}.x` {count(x)} samples"
    train, test = (_arrays("", getattr(data, part)) for part in ("train", "test"))
    if set(train) != set(test):
        return f"`test` must hold the arrays of `train`: {', '.join(sorted(set(train) ^ set(test)))}"
    for name, a in train.items():
        if a.shape[1:] != test[name].shape[1:]:
            return f"`test{name}` is (N, *{test[name].shape[1:]}), `train{name}` (N, *{a.shape[1:]})"
    return misfit(data)


def _wrong_targets(y, classes):
    if isinstance(y, Mapping):
        return "" if classes is None else f"one array where `classes` is given, got {', '.join(y)}"
    if not y.ndim or y.dtype.kind not in ("f" if classes is None else "iu"):
        rule = "(N, ...) integers below `classes`" if classes else "(N, Q) floats where `classes` is None"
        return f"{rule}, got shape {y.shape}, {y.dtype}"
    if classes is None:
        return ""
    if y.size and not 0 <= y.min() <= y.max() < classes:
        return f"from 0 to {classes - 1}, got {y.min()} to {y.max()}"
    return ""


def _arrays(part, split):
    """The arrays of a split by what they are called: ``train.x``, or ``train.x["ids"]``."""
    found = {}
    for name, given in zip("xy", split):
        for key, a in given.items() if isinstance(given, Mapping) else [("", given)]:
            found[f'{part}.{name}["{key}"]' if key else f"{part}.{name}"] = a
    return found


def _taken(loader, vocabularies):
    """The vocabularies as a keyword, for a loader that takes them."""
    takes = vocabularies and "vocabularies" in inspect.signature(loader).parameters
    return {"vocabularies": vocabularies} if takes else {}


def _from_file(path, options, vocabularies):
    options = dict(options)
    kinds = {kind: options.pop(kind, False) for kind in TEXTS}
    for kind, value in kinds.items():
        if not isinstance(value, bool):
            raise UsageError("data option `{}` must be true or false, got {!r}", kind, value)
    asked = [TEXTS[kind] for kind, value in kinds.items() if value]
    if len(asked) > 1:
        raise UsageError("data options `{}` exclude each other", "` and `".join(TEXTS))
    kind = idx if path.is_dir() or is_idx(path) else READERS.get(path.suffix.lower())
    reader = asked[0] if asked else kind
    if reader is None:
        raise fault(
            f"`{path.name}` is not a kind of file that nbdl reads",
            path,
            f".npz, {', '.join(TABLES)} or a folder of IDX files; for a text of any name "
            "the data option text=true",
        )
    _check_options(reader, options, f"{path.name}", skip=1)
    return reader(path, **options, **_taken(reader, vocabularies))


def _check_options(function, options, whose, skip=0):
    parameters = list(inspect.signature(function).parameters.values())[skip:]
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [p.name for p in parameters if p.name != "vocabularies"]
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(known) or 'none'}"
            raise UsageError("unknown option `{}` of {}; {}", name, whose, hint)


def _looks_like_path(text, path):
    plugins = {plugin.name for plugin in registry.default().plugins()}  # ``plugin.part`` is no file
    return (
        "/" in text
        or os.sep in text
        or text.startswith((".", "~"))
        or (path.suffix and text.partition(".")[0] not in plugins)
    )
