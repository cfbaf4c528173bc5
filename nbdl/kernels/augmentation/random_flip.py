r"""Random flip: the last axis of each sample is reversed with probability p, images from left to right.

.. math:: y_{n \dots j} = x_{n \dots k} \qquad k = W - 1 - j \;\text{ if }\; u_n < p \;\text{ else }\; j
          \qquad u_n \sim U[0, 1)

x and y (N, ..., W). The numbers u depend on (seed, op, step, sample) alone: `op` tells the random operations
of a net apart, `step` the training steps. So they are the same however the minibatch is computed, and
backward needs nothing stored.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError
from nbdl.kernels.door.inputs import AT_LEAST_2, as_float
from nbdl.kernels.door.keys import check_key
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.simd.philox import words

_WORDS = 4294967296.0  # 2^32, the number of random words


@jit
def random_flip(x, p, seed, op, step, out=None):
    """Reverse the last axis of each sample of `x` with probability `p`.

    Parameters
    ----------
    x : (N, ..., W) float array
        Of at least 2 dimensions.
    p : float
        From 0 to 1.
    seed : int
        From 0 to 2^63 - 1.
    op, step : int
        From 0 to 2^32 - 1: which random operation of the net, which training step.
    out : array of the same shape, optional
        Where the result goes; must not overlap `x`.

    Returns
    -------
    array of the shape and dtype of `x`.

    Raises
    ------
    OptionError, ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once on one sample before the loop.
    """
    x = as_float("random_flip: `x` (N, ..., W)", x, AT_LEAST_2)
    p, seed, op, step = _options(p, seed, op, step)
    view = _rows(x.shape, x.size)
    y = as_out("random_flip: `out`", out, x.shape, x)
    _random_flip(x.reshape(view), p, seed, op, step, y.reshape(view))
    return y


@jit
def random_flip_dx(dy, p, seed, op, step, dx=None):
    """Adds `dy`, flipped as `random_flip` with these options does it, to `dx` (zeros if not given)."""
    dy = as_float("random_flip_dx: `dy` (N, ..., W)", dy, AT_LEAST_2)
    p, seed, op, step = _options(p, seed, op, step)
    view = _rows(dy.shape, dy.size)
    dx = as_grad("random_flip_dx: `dx`", dx, dy.shape, dy)
    _random_flip_dx(dy.reshape(view), p, seed, op, step, dx.reshape(view))
    return dx


@jit
def _options(p, seed, op, step):
    p, seed = np.float64(p), integer("random_flip: `seed`", seed)
    op, step = integer("random_flip: `op`", op), integer("random_flip: `step`", step)
    # Written as `not (...)`, so that NaN is refused too.
    if not (p >= 0 and p <= 1):
        raise OptionError("random_flip: `p` must be from 0 to 1, got {}", p)
    check_key("random_flip", seed, op, step)
    return p, seed, op, step


@jit
def _rows(shape, size):
    """The shape as (samples, rows, W)."""
    # An empty array has 0 rows: its sizes must not be divided by 0.
    return shape[0], size // max(shape[0] * shape[-1], 1), shape[-1]


@jit
def _flipped(n, p, seed, op, step):
    # Compared as integers: with p = 1 every word is below 2^32, with p = 0 none is below 0.
    return words(seed, op, step, n, 0)[0] < np.uint64(np.ceil(p * _WORDS))


@jit
def _random_flip(x, p, seed, op, step, y):
    N, R, W = x.shape
    for n in range(N):
        # One draw for all rows of a sample: its channels must not be flipped apart.
        flipped = _flipped(n, p, seed, op, step)
        for r in range(R):
            for j in range(W):
                y[n, r, j] = x[n, r, W - 1 - j if flipped else j]


@jit
def _random_flip_dx(dy, p, seed, op, step, dx):
    N, R, W = dy.shape
    for n in range(N):
        flipped = _flipped(n, p, seed, op, step)
        for r in range(R):
            for j in range(W):
                dx[n, r, j] += dy[n, r, W - 1 - j if flipped else j]


random_flip_outputs = outputs(random_flip)
