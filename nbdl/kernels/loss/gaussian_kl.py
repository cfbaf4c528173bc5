r"""Kullback-Leibler divergence of a diagonal normal distribution from the standard normal one.

.. math::
    \ell = \frac1N \sum_n D(q_n \Vert \mathcal N(0, I))
         = \frac1{2N} \sum_{n, i} \mu_{ni}^2 + \sigma_{ni}^2 - 1 - \log \sigma_{ni}^2

mean and log_var have the same shape (N, ...): axis 0 is the sample, and the divergence is summed over all
others. What a latent code costs, in nats. sigma^2 - 1 - log sigma^2 is computed without a loss of digits near
a variance of 1, where it is (log sigma^2)^2 / 2.
Kingma and Welling 2013, Auto-encoding variational Bayes, appendix B.
"""

import math

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.results import as_grad
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.loss.elementwise import add_slopes, mean_over_all
from nbdl.kernels.simd.registers import larger, where
from nbdl.kernels.simd.vector_math import expm1

_NEAR = 0.5  # log variances up to this are those of the series
_SERIES = tuple(1 / math.factorial(k) for k in range(14, 1, -1))  # (e^v - 1 - v) / v^2, from the last term on


@jit
def kl_of(mean, log_var):
    """The divergence in one dimension; numbers or vectors of them."""
    series = _SERIES[0] * log_var + _SERIES[1]
    for k in range(2, len(_SERIES)):
        series = series * log_var + _SERIES[k]
    # Where exp(v) is large v has no digit in it; at its end infinity less infinity would be NaN.
    apart = expm1(log_var) + larger(-log_var, -200.0)
    spread = where(abs(log_var) < _NEAR, series * log_var * log_var, apart)
    return 0.5 * (mean * mean + spread)


@jit
def slope_of_mean(mean, log_var):
    return mean


@jit
def slope_of_log_var(mean, log_var):
    return 0.5 * expm1(log_var)


@jit
def gaussian_kl(mean, log_var):
    """Mean over the samples of the divergence of N(`mean`, exp(`log_var`)) from N(0, 1), in nats.

    Parameters
    ----------
    mean, log_var : (N, ...) float arrays of one shape
        At least one element. The divergences of the elements of a sample are summed.

    Returns
    -------
    scalar of the dtype of `mean`.

    Raises
    ------
    ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: compare the shapes before the loop.

    Examples
    --------
    >>> round(float(gaussian_kl(np.array([[0.5, -1.0]]), np.array([[0.0, 0.5]]))), 10)
    0.6993606354
    """
    mean = as_float("gaussian_kl: `mean` (N, ...)", mean, ANY)
    log_var = as_like("gaussian_kl: `log_var`", log_var, ANY, mean)
    samples = _samples("gaussian_kl", mean.shape, log_var.shape, mean.size)
    return _gaussian_kl(flat(mean), flat(log_var), samples)


@jit
def gaussian_kl_dmean(dloss, mean, log_var, dmean=None):
    """Adds the scalar `dloss` times mean / N to `dmean` (zeros if not given); returns it."""
    mean = as_float("gaussian_kl_dmean: `mean` (N, ...)", mean, ANY)
    log_var = as_like("gaussian_kl_dmean: `log_var`", log_var, ANY, mean)
    samples = _samples("gaussian_kl_dmean", mean.shape, log_var.shape, mean.size)
    dmean = as_grad("gaussian_kl_dmean: `dmean`", dmean, mean.shape, mean)
    _gaussian_kl_dmean(np.float64(dloss) * (mean.size // samples), flat(mean), flat(log_var), flat(dmean))
    return dmean


@jit
def gaussian_kl_dlog_var(dloss, mean, log_var, dlog_var=None):
    """Adds the scalar `dloss` times (exp(log_var) - 1) / 2N to `dlog_var` (zeros if not given)."""
    mean = as_float("gaussian_kl_dlog_var: `mean` (N, ...)", mean, ANY)
    log_var = as_like("gaussian_kl_dlog_var: `log_var`", log_var, ANY, mean)
    samples = _samples("gaussian_kl_dlog_var", mean.shape, log_var.shape, mean.size)
    dlog_var = as_grad("gaussian_kl_dlog_var: `dlog_var`", dlog_var, mean.shape, mean)
    dloss = np.float64(dloss) * (mean.size // samples)
    _gaussian_kl_dlog_var(dloss, flat(mean), flat(log_var), flat(dlog_var))
    return dlog_var


@jit
def _samples(kernel, shape, other, size):
    """How many samples there are."""
    if other != shape:
        raise ShapeError("{}: `log_var` must have shape {}, that of `mean`, got {}", kernel, shape, other)
    if size == 0:
        raise ShapeError("{}: `mean` has no elements, shape {}: it has no divergence", kernel, shape)
    return np.int64(shape[0]) if len(shape) > 0 else np.int64(1)


@jit
def _gaussian_kl(mean, log_var, samples):
    # Of each element the mean, then times the elements of a sample.
    return mean.dtype.type(mean_over_all(kl_of, mean, log_var) * np.float64(mean.size // samples))


@jit
def _gaussian_kl_dmean(dloss, mean, log_var, dmean):
    add_slopes(slope_of_mean, dloss, mean, log_var, dmean)


@jit
def _gaussian_kl_dlog_var(dloss, mean, log_var, dlog_var):
    add_slopes(slope_of_log_var, dloss, mean, log_var, dlog_var)


gaussian_kl_outputs = outputs(gaussian_kl)
