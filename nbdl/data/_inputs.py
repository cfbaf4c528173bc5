"""Inputs without targets, to predict on."""

import numpy as np

from nbdl.data._categories import coded, name_of, warn_of_unknown
from nbdl.data._csv import check_columns
from nbdl.data._data import as_inputs
from nbdl.data._fault import expanded, fault
from nbdl.data._npz import read_arrays
from nbdl.data._preparation import Preparation
from nbdl.data._rows import TABLES, read_rows
from nbdl.data._text import ends_of_lines
from nbdl.data._vocabulary import BOOK


def load_inputs(path, preparation=None, length=None):
    """Inputs (N, ...) from a file, treated like those of `load` (axes, scaling of pixels, checks).

    Parameters
    ----------
    path : path
        ``.npy``; ``.npz`` with the key ``x``, ``x_test`` or one key alone; a table (``.csv``, ``.tsv``,
        ``.dat``, ``.txt``) with inputs only.
    preparation : Preparation, optional
        Of a run: where its table and this one have a header, the columns are found by name, in any order and
        among others.
    length : int, optional
        For a language model: a ``.txt`` file is text, and of each line its last tokens are read, so many, by
        the vocabulary of the preparation (without one: small letters and spaces).

    Returns
    -------
    array
        float32, or integers of rows that hold such; of a table (N, D) float64, if the preparation
        standardises it.

    Raises
    ------
    DataError
        If the file is missing, damaged, of another kind, or holds anything but finite numbers.
    """
    path, preparation = expanded(path), preparation or Preparation()
    suffix, exact = path.suffix.lower(), bool(preparation.mean.size)
    if length is not None and suffix == ".txt":
        return ends_of_lines(path, length, preparation.vocabularies.get("text", BOOK))
    if suffix in TABLES:
        return _of_table(path, preparation, exact)
    if suffix not in (".npy", ".npz"):
        raise fault(
            f"`{path.suffix or path.name}` is not a kind of file that inputs are read from",
            path,
            f".npy, .npz, {', '.join(TABLES)}",
        )
    arrays = read_arrays(path)
    key = next((k for k in ("x", "x_test") if k in arrays), None)
    if key is None and len(arrays) == 1:
        key = next(iter(arrays))
    if key is None:
        raise fault(
            f"the key x is needed, found {', '.join(arrays) or 'none'}", path, "np.savez(file, x=...)"
        )
    return as_inputs(arrays[key], f"{path}, key `{key}`" if suffix == ".npz" else path, exact)


def _of_table(path, preparation, exact):
    """The columns of a table that a model was trained on, their categories as its codes."""
    found = {}

    def keep(names):
        by_name = preparation.columns and set(preparation.columns) & set(names)
        found["chosen"] = preparation.order(names, path) if by_name else list(range(len(names)))
        return [i for i, names in zip(found["chosen"], preparation.categories) if names]

    rows = read_rows(path, keep=keep)
    chosen = found["chosen"]
    if preparation.columns and rows.header:
        chosen = preparation.order(rows.names, path)
    check_columns(path, rows, [i for i in chosen if i not in rows.kept], choose=False, gaps=exact)
    x = as_inputs(np.where([i in rows.kept for i in chosen], 0.0, rows.values[:, chosen]), path, exact, exact)
    for at, (i, names) in enumerate(zip(chosen, preparation.categories)):
        if names:
            fields = [name_of(text) for text in rows.kept[i]]
            warn_of_unknown(sorted(set(fields) - set(names)), rows.names[i], path)
            x[:, at] = coded(fields, names)
    return x
