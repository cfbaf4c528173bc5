"""Real handwriting without a download: the 1797 digits that come with scikit-learn.

8 x 8 pixels in 17 shades, written by 13 people, one part of the UCI data set.
E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998.
"""

import numpy as np

from nbdl.data._data import Data, Split
from nbdl.data._fault import fault
from nbdl.errors import UsageError

TRAIN = 1437  # the other 360 are for testing


def digits(size=28):
    """Handwritten digits, x (1437 + 360, 1, size, size) in [0, 1].

    Parameters
    ----------
    size : {28, 8}
        28: enlarged three times, bilinearly, within a margin of 2, so that nets made for MNIST fit.
        8: as scanned.
    """
    if size not in (8, 28):
        raise UsageError("data option `size` of digits must be 8 or 28, got {!r}", size)
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise fault("the digits come with scikit-learn, which is not installed", "data set `digits`",
                    'pip install "nbdl[data]"') from error  # fmt: skip
    bunch = load_digits()
    # RandomState is frozen: the same split under every version of NumPy
    order = np.random.RandomState(0).permutation(len(bunch.target))
    x, y = bunch.images[order] / 16, bunch.target[order].astype(np.int64)
    if size == 28:
        x = np.pad(enlarge(x, 3), ((0, 0), (2, 2), (2, 2)))
    x = x[:, None].astype(np.float32)
    about = f"scikit-learn's handwritten digits, {size} x {size}"
    return Data("digits", Split(x[:TRAIN], y[:TRAIN]), Split(x[TRAIN:], y[TRAIN:]), 10, about)


def enlarge(x, times):
    """Images (N, H, W) enlarged bilinearly to (N, times H, times W); the border pixels are continued."""
    rows, columns = (_weights(n, times) for n in x.shape[1:])
    return rows @ x @ columns.T


def _weights(n, times):
    """Matrix (times n, n) of linear interpolation between pixel centres."""
    at = (np.arange(times * n) + 0.5) / times - 0.5
    low = np.floor(at).astype(int)
    w = np.zeros((times * n, n))
    for i, (a, l) in enumerate(zip(at, low)):
        w[i, max(l, 0)] += 1 - (a - l)
        w[i, min(l + 1, n - 1)] += a - l
    return w
