r"""Autoregression: a series as windows of its past and the value that comes next.

.. math:: P(x_1, \ldots, x_T) = \prod_t P(x_t \mid x_{t-1}, \ldots, x_1) \approx
          \prod_t P(x_t \mid x_{t-1}, \ldots, x_{t-\tau})

Zhang et al., Dive into Deep Learning, section 9.1.
"""

import numpy as np

from nbdl.errors import DtypeError, ShapeError, UsageError


def lag_windows(series, lags, ahead=1):
    """The last `lags` values of a series as inputs, and the value `ahead` steps later as targets.

    Parameters
    ----------
    series : (T,) or (T, D) numbers
    lags, ahead : int
        At least 1 each, together at most T.

    Returns
    -------
    x : (N, lags) or (N, lags, D)
        The oldest value first, N = T - lags - ahead + 1. A copy.
    y : (N,) or (N, D)

    Examples
    --------
    >>> x, y = lag_windows(np.arange(5), 2)
    >>> x.tolist(), y.tolist()
    ([[0, 1], [1, 2], [2, 3]], [2, 3, 4])
    """
    series = np.asarray(series)
    if series.dtype.kind not in "iuf":
        raise DtypeError("lag_windows: `series` must hold numbers, got {}", series.dtype)
    if series.ndim not in (1, 2):
        raise ShapeError("lag_windows: `series` must be (T,) or (T, D), got {}", series.shape)
    for name, value in (("lags", lags), ("ahead", ahead)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise UsageError("lag_windows: `{}` must be an integer of at least 1, got {!r}", name, value)
    n = len(series) - lags - ahead + 1
    if n < 1:
        text = "lag_windows: `lags` {} and `ahead` {} need a series of {}, got {} values"
        raise ShapeError(text, lags, ahead, lags + ahead, len(series))
    windows = np.lib.stride_tricks.sliding_window_view(series, lags, axis=0)[:n]
    x = np.moveaxis(windows, -1, 1).copy()
    return x, series[lags + ahead - 1 :].copy()
