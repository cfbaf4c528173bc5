"""Labels that are wrong on purpose: what a net learns of them it has learnt by heart."""

import dataclasses

import numpy as np

from nbdl.errors import DataError, DtypeError, OptionError, UsageError
from nbdl.nn._options import is_number


def label_noise(y, classes, share, seed=0):
    """Labels of which a share is changed, each to one of the other classes, all of them alike.

    Zhang et al. 2017, "Understanding deep learning requires rethinking generalization", section 2.

    Parameters
    ----------
    y : integer array of any shape
        From 0 to `classes` - 1.
    classes : int
        At least 2.
    share : float
        From 0 to 1: round(share * y.size) labels are changed, chosen at random.
    seed : int

    Returns
    -------
    array of the shape and dtype of `y`.

    Raises
    ------
    DtypeError, DataError, OptionError

    Examples
    --------
    >>> y = np.arange(10) % 2
    >>> int((label_noise(y, 2, 0.3) != y).sum())
    3
    """
    y = np.asarray(y)
    if y.dtype.kind not in "iu":
        raise DtypeError("label_noise: `y` must hold integers, got {}", y.dtype)
    _check("label_noise: `share`", share, "label_noise: `seed`", seed)
    if isinstance(classes, bool) or not isinstance(classes, (int, np.integer)) or classes < 2:
        raise OptionError("label_noise: `classes` must be an integer of at least 2, got {!r}", classes)
    if y.size and not 0 <= y.min() <= y.max() < classes:
        text = "label_noise: `y` must be from 0 to {}, got {} to {}"
        raise DataError(text, classes - 1, y.min(), y.max())
    rng, noisy = np.random.Generator(np.random.Philox(key=seed)), y.ravel().copy()
    rows = rng.permutation(y.size)[: round(share * y.size)]
    noisy[rows] = (noisy[rows] + rng.integers(1, classes, len(rows))) % classes
    return noisy.reshape(y.shape)


def with_noise(data, share, seed):
    """`data` with noise in its training labels: the data options `label_noise` and `label_noise_seed`."""
    _check("data option `label_noise`", share, "data option `label_noise_seed`", seed)
    y = data.train.y
    if data.classes is None or data.classes < 2 or not isinstance(y, np.ndarray):
        raise UsageError("data option `label_noise` needs targets that are classes, at least 2 of them")
    noisy = label_noise(y, data.classes, share, seed)
    about = (
        f"{data.about}; {np.mean(noisy != y):.0%} of the training labels are changed"
        if y.size
        else data.about
    )
    return dataclasses.replace(data, train=data.train._replace(y=noisy), about=about)


def _check(name, share, name_of_seed, seed):
    if not is_number(share) or not 0 <= share <= 1:
        raise OptionError("{} must be from 0 to 1, got {!r}", name, share)
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**63:
        raise OptionError("{} must be an integer from 0 to 2^63 - 1, got {!r}", name_of_seed, seed)
