"""NPZ files: ``x_train, y_train, x_test, y_test`` as in Keras' mnist.npz, or ``x, y``."""

import zipfile

import numpy as np

from nbdl.data._data import check_task, from_arrays, from_splits
from nbdl.data._fault import check_size, fault, reading

FOUR = ("x_train", "y_train", "x_test", "y_test")


def npz(path, test_fraction=0.2, seed=0, task=None, standardize=True):
    """Read an NPZ file.

    Parameters
    ----------
    path : Path
        With keys ``x_train, y_train, x_test, y_test``; or ``x, y``, of which a random share is for testing.
    test_fraction, seed : float, int
        That share, and the seed of its choice.
    task : {"classification", "regression"}, optional
        What the targets are; without it text, truth values and integers are labels.
    standardize : bool
        Whether training gives each column of a table x (N, D) a mean of 0 and a deviation of 1.
    """
    check_task(task)
    arrays = read_arrays(path)
    for keys in (FOUR, ("x", "y")):
        if set(keys) <= set(arrays):
            break
    else:
        raise fault(
            f"the keys {', '.join(FOUR)} (or x, y) are needed, found {', '.join(arrays) or 'none'}",
            path,
            "np.savez(file, x_train=..., y_train=..., x_test=..., y_test=...)",
        )
    values, places = [arrays[k] for k in keys], [f"{path}, key `{k}`" for k in keys]
    about = f"arrays of {path}"
    if keys == FOUR:
        return from_splits(path.stem, values[:2], values[2:], places, task, about, standardize)
    return from_arrays(path.stem, *values, places, test_fraction, seed, task, about, standardize=standardize)


def read_arrays(path):
    """All arrays of an NPZ file by key; of an NPY file, one under the key ``x``. Never unpickles."""
    with reading(path, f"{path.suffix[1:].upper()} file"):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                check_size(sum(member.file_size for member in archive.infolist()), path)
        try:
            loaded = np.load(path, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {"x": loaded}
            with loaded:
                arrays = {key: loaded[key] for key in loaded.files}
        except ValueError as error:
            if "Object arrays" in str(error):
                raise fault(
                    "it holds an array of Python objects, which is never read: unpickling can run code",
                    path,
                    "saving it as numbers: array.astype(np.float32)",
                ) from error
            if "pickle" in str(error):  # NumPy takes bytes that it does not know for a pickle
                raise ValueError("it does not start like one") from error
            raise
        for key, a in arrays.items():
            if not isinstance(a, np.ndarray):  # a member of the archive that is no array comes as bytes
                raise fault(f"its key `{key}` holds no array", path, "np.savez(file, x=..., y=...)")
        return arrays
