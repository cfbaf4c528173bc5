"""Inputs without targets, to predict on."""

from nbdl.data._csv import read_table
from nbdl.data._data import as_inputs
from nbdl.data._fault import expanded, fault
from nbdl.data._npz import read_arrays


def load_inputs(path):
    """Inputs (N, ...) float32 from a file, treated like those of `load` (axes, scaling, checks).

    Parameters
    ----------
    path : path
        ``.npy``; ``.npz`` with the key ``x``, ``x_test`` or one key alone; ``.csv`` with inputs only.

    Raises
    ------
    DataError
        If the file is missing, damaged, of another kind, or holds anything but finite numbers.
    """
    path = expanded(path)
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        return as_inputs(read_table(path)[0], path)
    if suffix not in (".npy", ".npz"):
        raise fault(
            f"`{path.suffix or path.name}` is not a kind of file that inputs are read from",
            path,
            ".npy, .npz or .csv",
        )
    arrays = read_arrays(path)
    key = next((k for k in ("x", "x_test") if k in arrays), None)
    if key is None and len(arrays) == 1:
        key = next(iter(arrays))
    if key is None:
        raise fault(
            f"the key x is needed, found {', '.join(arrays) or 'none'}", path, "np.savez(file, x=...)"
        )
    return as_inputs(arrays[key], f"{path}, key `{key}`" if suffix == ".npz" else path)
