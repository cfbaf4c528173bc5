r"""Gaussian negative log-likelihood: how surprising targets are, if each is normal around its prediction.

.. math::
    \ell = \frac{1}{2n} \sum_i v_i + \frac{(x_i - t_i)^2}{e^{v_i}} + \log 2 \pi \qquad v = \log \sigma^2

x and target t have one shape. log_var (v) has it too, or that of its last axes, or one element, and is then
repeated: a learned scale for each element, for each output, or for all. With a fixed scale the loss is that
of `mse`, but for a factor and a number: the same x is best. The sum is float64.
Zhang et al., Dive into Deep Learning, section 3.1.3; Nix and Weigend 1994, Estimating the mean and variance
of the target probability distribution.
"""

import math

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.results import as_grad
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.loss.elementwise import check_pair

LOG_2_PI = math.log(2 * math.pi)


@jit
def gaussian_nll(x, target, log_var):
    """The mean negative logarithm of the normal density of `target` with mean `x`, over all elements.

    Parameters
    ----------
    x, target : float arrays of one shape
        At least one element.
    log_var : float array of this shape, of its last axes (D,), or of one element
        Logarithms of variances; -inf for a variance of 0, where the loss is infinite.

    Returns
    -------
    scalar of the dtype of `x`, in nats.

    Raises
    ------
    ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: compare the shapes before the loop.

    Examples
    --------
    >>> x = np.array([[1.0], [3.0]])
    >>> round(float(gaussian_nll(x, x - 1, np.zeros(1))), 4)
    1.4189
    """
    x = as_float("gaussian_nll: `x`", x, ANY)
    target = as_like("gaussian_nll: `target`", target, ANY, x)
    log_var = as_like("gaussian_nll: `log_var`", log_var, ANY, x)
    check_pair("gaussian_nll", x.shape, "target", target.shape, x.size)
    _check_log_var("gaussian_nll", x.shape, log_var.shape, log_var.size)
    return _gaussian_nll(x.reshape(x.size), target.reshape(x.size), log_var.reshape(log_var.size))


@jit
def _check_log_var(kernel, shape, own, size):
    fits = len(own) <= len(shape)
    if fits:
        for d in range(len(own)):
            fits = fits and own[len(own) - 1 - d] == shape[len(shape) - 1 - d]
    if not (fits or size == 1):
        raise ShapeError(
            "{}: `log_var` must have shape {}, that of `x`, or of its last axes, or one element, got {}",
            kernel, shape, own,
        )  # fmt: skip


@jit
def _gaussian_nll(x, target, log_var):
    total, each = np.float64(0), log_var.size
    for first in range(0, x.size, each):
        for i in range(each):
            # Squared in float64: as a float32 the square of 2e19 is infinite.
            d, v = np.float64(x[first + i]) - target[first + i], np.float64(log_var[i])
            total += v + d * d * np.exp(-v)
    return x.dtype.type(0.5 * (total / x.size + LOG_2_PI))


@jit
def gaussian_nll_dx(dloss, x, target, log_var, dx=None):
    """Adds the scalar `dloss` times (x - target) / variance / n to `dx` (zeros if not given); returns it."""
    x = as_float("gaussian_nll_dx: `x`", x, ANY)
    target = as_like("gaussian_nll_dx: `target`", target, ANY, x)
    log_var = as_like("gaussian_nll_dx: `log_var`", log_var, ANY, x)
    check_pair("gaussian_nll_dx", x.shape, "target", target.shape, x.size)
    _check_log_var("gaussian_nll_dx", x.shape, log_var.shape, log_var.size)
    dx = as_grad("gaussian_nll_dx: `dx`", dx, x.shape, x)
    flat, variances = dx.reshape(x.size), log_var.reshape(log_var.size)
    _gaussian_nll_dx(np.float64(dloss), x.reshape(x.size), target.reshape(x.size), variances, flat)
    return dx


@jit
def gaussian_nll_dtarget(dloss, x, target, log_var, dtarget=None):
    """Adds the scalar `dloss` times (target - x) / variance / n to `dtarget` (zeros if not given)."""
    x = as_float("gaussian_nll_dtarget: `x`", x, ANY)
    target = as_like("gaussian_nll_dtarget: `target`", target, ANY, x)
    log_var = as_like("gaussian_nll_dtarget: `log_var`", log_var, ANY, x)
    check_pair("gaussian_nll_dtarget", x.shape, "target", target.shape, x.size)
    _check_log_var("gaussian_nll_dtarget", x.shape, log_var.shape, log_var.size)
    dtarget = as_grad("gaussian_nll_dtarget: `dtarget`", dtarget, x.shape, x)
    flat, variances = dtarget.reshape(x.size), log_var.reshape(log_var.size)
    # The square is even: with x and target exchanged the slope is that of the target.
    _gaussian_nll_dx(np.float64(dloss), target.reshape(x.size), x.reshape(x.size), variances, flat)
    return dtarget


@jit
def _gaussian_nll_dx(dloss, x, target, log_var, dx):
    each, slope = log_var.size, dloss / x.size
    for first in range(0, x.size, each):
        for i in range(each):
            d = np.float64(x[first + i]) - target[first + i]
            dx[first + i] += slope * d * np.exp(-np.float64(log_var[i]))


@jit
def gaussian_nll_dlog_var(dloss, x, target, log_var, dlog_var=None):
    """Adds the scalar `dloss` times the sums of (1 - (x - target)^2 / variance) / 2n to `dlog_var`."""
    x = as_float("gaussian_nll_dlog_var: `x`", x, ANY)
    target = as_like("gaussian_nll_dlog_var: `target`", target, ANY, x)
    log_var = as_like("gaussian_nll_dlog_var: `log_var`", log_var, ANY, x)
    check_pair("gaussian_nll_dlog_var", x.shape, "target", target.shape, x.size)
    _check_log_var("gaussian_nll_dlog_var", x.shape, log_var.shape, log_var.size)
    dlog_var = as_grad("gaussian_nll_dlog_var: `dlog_var`", dlog_var, log_var.shape, x)
    flat, variances = dlog_var.reshape(log_var.size), log_var.reshape(log_var.size)
    _gaussian_nll_dlog_var(np.float64(dloss), x.reshape(x.size), target.reshape(x.size), variances, flat)
    return dlog_var


@jit
def _gaussian_nll_dlog_var(dloss, x, target, log_var, dlog_var):
    # Summed in float64 before they are rounded: one variance may be that of a million elements.
    sums, each = np.zeros(log_var.size), log_var.size
    for first in range(0, x.size, each):
        for i in range(each):
            d = np.float64(x[first + i]) - target[first + i]
            sums[i] += 0.5 - 0.5 * d * d * np.exp(-np.float64(log_var[i]))
    for i in range(each):
        dlog_var[i] += dloss * sums[i] / x.size


gaussian_nll_outputs = outputs(gaussian_nll)
