"""`rollout`: predictions of a series that are fed back, step by step."""

import numpy as np

from nbdl.errors import ShapeError, UsageError


def rollout(predict, x, steps):
    """The next `steps` values of series, each from the window before it, in which predictions come to stand.

    Errors add up: k steps ahead is a harder question than one.

    Parameters
    ----------
    predict : callable
        ``predict(x)`` gives the next value (N,), (N, 1) or (N, D) after windows x: `Run.predict`, or
        ``lambda x: nbdl.train.predict(net, x)``.
    x : (N, lags) or (N, lags, D) floats
        The last values of each series, the oldest first: see `nbdl.data.lag_windows`.
    steps : int

    Returns
    -------
    (N, steps) or (N, steps, D) array.

    Examples
    --------
    >>> rollout(lambda x: x[:, -1] + x[:, -2], np.array([[1.0, 1.0]]), 5)
    array([[ 2.,  3.,  5.,  8., 13.]])
    """
    x = np.array(x)
    if x.ndim not in (2, 3) or x.dtype.kind != "f":
        text = "rollout: `x` must be floats (N, lags) or (N, lags, D), got {} of shape {}"
        raise ShapeError(text, x.dtype, x.shape)
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 0:
        raise UsageError("rollout: `steps` must be an integer from 0, got {!r}", steps)
    made = np.zeros((x.shape[0], steps, *x.shape[2:]), x.dtype)
    for k in range(steps):
        following = np.asarray(predict(x))
        wanted = made[:, k].shape
        if following.shape not in (wanted, (*wanted, 1)):
            text = "rollout: `predict` must give values of shape {}, got {}"
            raise ShapeError(text, wanted, following.shape)
        made[:, k] = following.reshape(wanted)
        x = np.concatenate([x[:, 1:], made[:, k : k + 1]], axis=1)
    return made
