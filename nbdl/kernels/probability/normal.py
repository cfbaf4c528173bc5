r"""The density of the normal (Gaussian) distribution.

.. math:: p(x) = \frac{1}{\sqrt{2 \pi}\, \sigma} e^{-z^2 / 2} \qquad
          \log p(x) = -\tfrac12 z^2 - \log \sigma - \tfrac12 \log 2 \pi \qquad z = \frac{x - \mu}{\sigma}

x has any shape. Far from the mean the density underflows to 0, its logarithm does not: add logarithms where
densities are multiplied. Zhang et al., Dive into Deep Learning, section 3.1.3.
"""

import math

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError
from nbdl.kernels.door.inputs import ANY, as_float
from nbdl.kernels.door.results import as_out

HALF_LOG_2_PI = 0.5 * math.log(2 * math.pi)


@jit
def normal_log_density(x, mean=0.0, std=1.0, out=None):
    """The logarithm of the normal density at each element of `x`, an array of any shape.

    Parameters
    ----------
    x : float array of any shape
    mean, std : float
        Of the distribution; `std` is positive and finite.
    out : array of the same shape, optional
        Where the result goes; may be `x` itself.

    Returns
    -------
    array of the shape and dtype of `x`.

    Raises
    ------
    OptionError, ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> normal_log_density(np.array([0.0, 40.0])).round(4)
    array([  -0.9189, -800.9189])
    """
    x = as_float("normal_log_density: `x`", x, ANY)
    _check_std("normal_log_density", std)
    y = as_out("normal_log_density: `out`", out, x.shape, x)
    _normal(x.reshape(x.size), float(mean), float(std), np.int64(0), y.reshape(y.size))
    return y


@jit
def normal_density(x, mean=0.0, std=1.0, out=None):
    """The normal density at each element of `x`, an array of any shape: as `normal_log_density`.

    Examples
    --------
    >>> normal_density(np.array([3.0, 5.0]), 3.0, 2.0).round(4)
    array([0.1995, 0.121 ])
    """
    x = as_float("normal_density: `x`", x, ANY)
    _check_std("normal_density", std)
    y = as_out("normal_density: `out`", out, x.shape, x)
    _normal(x.reshape(x.size), float(mean), float(std), np.int64(1), y.reshape(y.size))
    return y


@jit
def _check_std(kernel, std):
    if not (std > 0 and std < np.inf):
        raise OptionError("{}: `std` must be positive and finite, got {}", kernel, std)


@jit
def _normal(x, mean, std, exponentiate, y):
    # As a sum, or a narrow distribution would have an infinite factor.
    constant = np.log(std) + HALF_LOG_2_PI
    for i in range(x.size):
        z = (x[i] - mean) / std
        log = -0.5 * z * z - constant
        y[i] = np.exp(log) if exponentiate else log
