r"""Mean squared error.

.. math:: \ell = \frac{s}{n} \sum_i (x_i - t_i)^2 \qquad s = 1 \text{, or } \tfrac12 \text{ with } half

x and target t have the same shape, of any number of dimensions; n is the number of elements. The book's
derivations use the half, its concise code (and torch) does not. The sum is float64.
Zhang et al., Dive into Deep Learning, section 3.1.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.results import as_grad
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.loss.elementwise import check_pair


@jit
def mse(x, target, half=False):
    """Mean squared difference over all elements.

    Parameters
    ----------
    x, target : float arrays of one shape
        At least one element; nothing is broadcast.
    half : bool
        Whether to multiply by 1/2.

    Returns
    -------
    scalar of the dtype of `x`.

    Raises
    ------
    ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: compare the shapes before the loop.

    Examples
    --------
    >>> float(mse(np.array([1.0, 2.0]), np.array([1.0, 4.0])))
    2.0
    """
    x = as_float("mse: `x`", x, ANY)
    target = as_like("mse: `target`", target, ANY, x)
    check_pair("mse", x.shape, "target", target.shape, x.size)
    return _mse(x.reshape(x.size), target.reshape(x.size), 0.5 if half else 1.0)


@jit
def mse_dx(dloss, x, target, half=False, dx=None):
    """Adds the scalar `dloss` times 2 s (x - target) / n to `dx` (zeros if not given); returns it."""
    x = as_float("mse_dx: `x`", x, ANY)
    target = as_like("mse_dx: `target`", target, ANY, x)
    check_pair("mse_dx", x.shape, "target", target.shape, x.size)
    dx = as_grad("mse_dx: `dx`", dx, x.shape, x)
    _mse_dx(
        # The 2 of the derivative is what the half takes back.
        np.float64(dloss) * (1.0 if half else 2.0),
        x.reshape(x.size),
        target.reshape(x.size),
        dx.reshape(x.size),
    )
    return dx


@jit
def mse_dtarget(dloss, x, target, half=False, dtarget=None):
    """Adds the scalar `dloss` times 2 s (target - x) / n to `dtarget` (zeros if not given); returns it."""
    x = as_float("mse_dtarget: `x`", x, ANY)
    target = as_like("mse_dtarget: `target`", target, ANY, x)
    check_pair("mse_dtarget", x.shape, "target", target.shape, x.size)
    d = as_grad("mse_dtarget: `dtarget`", dtarget, x.shape, x)
    # The square is even: with x and target exchanged the slope is that of the target.
    _mse_dx(
        np.float64(dloss) * (1.0 if half else 2.0),
        target.reshape(x.size),
        x.reshape(x.size),
        d.reshape(x.size),
    )
    return d


@jit
def _mse(x, target, factor):
    total = np.float64(0)
    for i in range(x.size):
        # Squared in float64: as a float32 the square of 2e19 is infinite.
        d = np.float64(x[i] - target[i])
        total += d * d
    return x.dtype.type(total * factor / x.size)


@jit
def _mse_dx(slope, x, target, dx):
    # Divided in float64 and rounded once, not for each element.
    step = x.dtype.type(slope / x.size)
    for i in range(x.size):
        dx[i] += step * (x[i] - target[i])


mse_outputs = outputs(mse)
