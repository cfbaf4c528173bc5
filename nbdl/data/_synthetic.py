r"""Points about a plane, where the true answer is known.

.. math:: y = x w + b + \varepsilon,\quad w = (2, -3.4),\ b = 4.2,\ \varepsilon \sim N(0, 0.01^2)

Zhang et al., Dive into Deep Learning, section 3.3.
"""

import numpy as np

from nbdl.data._data import Data, Split
from nbdl.errors import UsageError

W, B = (2.0, -3.4), 4.2


def synthetic_regression(seed=0, noise=0.01):
    """1000 + 1000 points: x (N, 2) standard normal, y (N, 1).

    Parameters
    ----------
    seed : int
    noise : float
        Standard deviation of the noise.
    """
    if not isinstance(seed, int) or seed < 0:
        raise UsageError("data option `seed` must be an integer from 0, got {!r}", seed)
    if not isinstance(noise, (int, float)) or not 0 <= noise < np.inf:
        raise UsageError("data option `noise` must be a number from 0, got {!r}", noise)
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((2000, 2))
    y = x @ np.array(W)[:, None] + B + noise * rng.standard_normal((2000, 1))
    x, y = x.astype(np.float32), y.astype(np.float32)
    return Data("synthetic_regression", Split(x[:1000], y[:1000]), Split(x[1000:], y[1000:]), None,
                f"y = 2 x0 - 3.4 x1 + 4.2 + noise of {noise}")  # fmt: skip
