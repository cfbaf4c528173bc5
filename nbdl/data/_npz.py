"""NPZ files: ``x_train, y_train, x_test, y_test`` as in Keras' mnist.npz, or ``x, y``."""

import numpy as np

from nbdl.data._data import check_task, from_arrays, from_splits
from nbdl.data._fault import fault

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
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {"x": loaded}
        with loaded:
            return {key: loaded[key] for key in loaded.files}
    except Exception as error:  # what zip and header parsers raise on damaged bytes is an open set
        if isinstance(error, ValueError) and "Object arrays" in str(error):
            raise fault(
                "it holds an array of Python objects, which is never read: unpickling can run code",
                path,
                "saving it as numbers: array.astype(np.float32)",
            ) from error
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise fault(
            f"it is damaged, cut short or no {path.suffix[1:].upper()} file ({reason})",
            path,
            "copying or downloading it again",
        ) from error
