"""Inputs without targets, to predict on."""

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
        rows = read_rows(path)
        by_name = rows.header and preparation.columns
        chosen = preparation.order(rows.names, path) if by_name else list(range(len(rows.names)))
        check_columns(path, rows, chosen, choose=False)
        return as_inputs(rows.values[:, chosen], path, exact)
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
