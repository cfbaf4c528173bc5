r"""Batch normalization: each channel has mean 0 and variance 1 over the minibatch, then a scale and a shift.

.. math::
    y = \gamma_c\, \hat x + \beta_c \qquad \hat x = \frac{x - \mu_c}{\sqrt{\sigma_c^2 + \epsilon}} \qquad
    \mu_c = \frac{1}{n} \sum x \qquad \sigma_c^2 = \frac{1}{n} \sum (x - \mu_c)^2

x and y (N, C) or (N, C, ...), with any number of axes behind the channels; the sums are over all axes but
that of the channels, n values each. For prediction mean and variance are running averages, which training
keeps (`momentum` m, as in torch):

.. math:: \mu_c' \leftarrow (1 - m) \mu_c' + m\, \mu_c \qquad
          \sigma_c'^2 \leftarrow (1 - m) \sigma_c'^2 + m\, \frac{n}{n - 1} \sigma_c^2

Conventions differ: the momentum of ONNX and Keras is 1 - m. torch averages the unbiased variance, and so does
the kernel unless told otherwise (`unbiased`); ONNX, Keras and the book's code from scratch average the biased
one. Gradients, with sums over a channel:

.. math::
    d\beta = \sum dy \qquad d\gamma = \sum dy\, \hat x \qquad
    dx = \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}} \Big(dy - \frac{d\beta + \hat x\, d\gamma}{n}\Big)

Statistics and sums are float64, by Chan's formula: a mean of 10^4 beside a deviation of 10^-2 costs nothing.
Ioffe and Szegedy 2015; Zhang et al., Dive into Deep Learning, section 8.5.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.door.inputs import ANY, as_float, as_like, as_optional
from nbdl.kernels.door.results import as_grad, as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.normalization.channels import add_combined, add_totals, moments, products, scaled
from nbdl.kernels.normalization.checks import check_backward, check_eps, check_size, check_view


@jit
def batch_norm(x, gamma, beta, running_mean, running_var, eps=1e-5, momentum=0.1, unbiased=True, out=None):
    """Normalize each channel by its own mean and variance: for training (see the formulas above).

    Parameters
    ----------
    x : (N, C) or (N, C, ...) float array
        With at least 2 values for each channel.
    gamma, beta : (C,) float array or None
        Scale (1 if None) and shift (0 if None).
    running_mean, running_var : (C,) float array
        Averages so far. They are read only.
    eps : float
        Positive; added to the variance.
    momentum : float
        From 0 to 1: the share of this minibatch in the new averages, as in torch; what ONNX and Keras call
        momentum, the share of the old ones, is 1 - momentum.
    unbiased : bool
        Whether the running variance averages variances divided by n - 1, as in torch, or by n, as in ONNX and
        Keras. y is made of the biased one in any case.
    out : array of the shape of `x`, optional
        Where y goes; may be `x` itself.

    Returns
    -------
    y, mean, rstd, new_running_mean, new_running_var
        y of the shape of `x`, the others (C,); rstd is 1 / sqrt(variance + eps).

    Raises
    ------
    ShapeError, OptionError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once before the loop.
    """
    x = as_float("batch_norm: `x` (N, C, ...)", x, ANY)
    gamma = as_optional("batch_norm: `gamma` (C,)", gamma, 1, x)
    beta = as_optional("batch_norm: `beta` (C,)", beta, 1, x)
    running_mean = as_like("batch_norm: `running_mean` (C,)", running_mean, 1, x)
    running_var = as_like("batch_norm: `running_var` (C,)", running_var, 1, x)
    eps, momentum = np.float64(eps), np.float64(momentum)
    view = check_view("batch_norm: `x`", x.shape)
    check_size("batch_norm: `gamma`", gamma.size, view[1], True)
    check_size("batch_norm: `beta`", beta.size, view[1], True)
    check_size("batch_norm: `running_mean`", running_mean.size, view[1], False)
    check_size("batch_norm: `running_var`", running_var.size, view[1], False)
    check_eps("batch_norm", eps)
    if not (momentum >= 0 and momentum <= 1):
        raise OptionError("batch_norm: `momentum` must be from 0 to 1, got {}", momentum)
    # The unbiased variance divides by n - 1, which this keeps above 0.
    if view[0] * view[2] < 2:
        raise ShapeError(
            "batch_norm: `x` must have at least 2 values for each channel, of which one has no variance; got "
            "shape {}",
            x.shape,
        )
    y = as_out("batch_norm: `out`", out, x.shape, x)
    mean, rstd = np.empty(view[1], x.dtype), np.empty(view[1], x.dtype)
    new_mean, new_var = np.empty(view[1], x.dtype), np.empty(view[1], x.dtype)
    _batch_norm(
        x.reshape(view), gamma, beta, running_mean, running_var, eps, momentum, bool(unbiased),
        y.reshape(view), mean, rstd, new_mean, new_var,
    )  # fmt: skip
    return y, mean, rstd, new_mean, new_var


@jit
def _batch_norm(
    x, gamma, beta, running_mean, running_var, eps, m, unbiased, y, mean, rstd, new_mean, new_var
):
    N, C, S = x.shape
    centre, square = np.empty(C), np.empty(C)
    moments(x, centre, square)
    # gamma, beta and 1 / sigma are put together by channel: an element takes a difference and an fma.
    scale, shift, n = np.empty_like(mean), np.empty_like(mean), N * S
    for c in range(C):
        r = 1.0 / np.sqrt(square[c] / n + eps)
        mean[c], rstd[c] = centre[c], r
        new_mean[c] = (1.0 - m) * running_mean[c] + m * centre[c]
        new_var[c] = (1.0 - m) * running_var[c] + m * (square[c] / (n - 1 if unbiased else n))
        a = r * gamma[c] if gamma.size else r
        rest = centre[c] - np.float64(mean[c])  # what a float32 cannot hold of the mean
        scale[c], shift[c] = a, (beta[c] if beta.size else 0.0) - a * rest
    # The mean is taken from x first: within the shift, a large one would cancel only after rounding.
    scaled(x, mean, scale, shift, y)


@jit
def batch_norm_dx(dy, x, gamma, mean, rstd, dx=None):
    """Adds the gradient with respect to `x` to `dx` (zeros if not given); mean and rstd as `batch_norm`
    gave them, `gamma` None if there was none.
    """
    dy = as_float("batch_norm_dx: `dy` (N, C, ...)", dy, ANY)
    x = as_like("batch_norm_dx: `x` (N, C, ...)", x, ANY, dy)
    gamma = as_optional("batch_norm_dx: `gamma` (C,)", gamma, 1, dy)
    mean = as_like("batch_norm_dx: `mean` (C,)", mean, 1, dy)
    rstd = as_like("batch_norm_dx: `rstd` (C,)", rstd, 1, dy)
    view = check_backward("batch_norm_dx", dy.shape, x.shape)
    check_size("batch_norm_dx: `gamma`", gamma.size, view[1], True)
    check_size("batch_norm_dx: `mean`", mean.size, view[1], False)
    check_size("batch_norm_dx: `rstd`", rstd.size, view[1], False)
    dx, add = as_grad_or_new("batch_norm_dx: `dx`", dx, x.shape, dy)
    # By-products that are dropped: dx needs the sums of both in any case.
    dgamma, dbeta = np.zeros(view[1], dy.dtype), np.zeros(view[1], dy.dtype)
    _batch_norm_backward(
        dy.reshape(view), x.reshape(view), gamma, mean, rstd, dx.reshape(view), dgamma, dbeta, add
    )
    return dx


@jit
def batch_norm_dgamma(dy, x, mean, rstd, dgamma=None):
    """Adds the gradient with respect to `gamma` to `dgamma` (C,) (zeros if not given)."""
    dy = as_float("batch_norm_dgamma: `dy` (N, C, ...)", dy, ANY)
    x = as_like("batch_norm_dgamma: `x` (N, C, ...)", x, ANY, dy)
    mean = as_like("batch_norm_dgamma: `mean` (C,)", mean, 1, dy)
    rstd = as_like("batch_norm_dgamma: `rstd` (C,)", rstd, 1, dy)
    view = check_backward("batch_norm_dgamma", dy.shape, x.shape)
    check_size("batch_norm_dgamma: `mean`", mean.size, view[1], False)
    check_size("batch_norm_dgamma: `rstd`", rstd.size, view[1], False)
    dgamma = as_grad("batch_norm_dgamma: `dgamma`", dgamma, (view[1],), dy)
    # No gamma, on which its gradient does not depend; an empty dx is not made.
    gamma, dbeta = np.empty(0, dy.dtype), np.zeros(view[1], dy.dtype)
    dx = np.empty((0, 0, 0), dy.dtype)
    _batch_norm_backward(dy.reshape(view), x.reshape(view), gamma, mean, rstd, dx, dgamma, dbeta, np.int64(1))
    return dgamma


@jit
def batch_norm_dbeta(dy, dbeta=None):
    r"""Adds :math:`\sum dy` over each channel to `dbeta` (C,) (zeros if not given)."""
    dy = as_float("batch_norm_dbeta: `dy` (N, C, ...)", dy, ANY)
    view = check_view("batch_norm_dbeta: `dy`", dy.shape)
    dbeta = as_grad("batch_norm_dbeta: `dbeta`", dbeta, (view[1],), dy)
    # Sums of dy alone: x need not be read.
    add_totals(dy.reshape(view), dbeta)
    return dbeta


@jit
def batch_norm_backward(dy, x, gamma, mean, rstd, dx=None, dgamma=None, dbeta=None):
    """All three gradients of `batch_norm`, (dx, dgamma, dbeta), from one pass of sums."""
    dy = as_float("batch_norm_backward: `dy` (N, C, ...)", dy, ANY)
    x = as_like("batch_norm_backward: `x` (N, C, ...)", x, ANY, dy)
    gamma = as_optional("batch_norm_backward: `gamma` (C,)", gamma, 1, dy)
    mean = as_like("batch_norm_backward: `mean` (C,)", mean, 1, dy)
    rstd = as_like("batch_norm_backward: `rstd` (C,)", rstd, 1, dy)
    view = check_backward("batch_norm_backward", dy.shape, x.shape)
    check_size("batch_norm_backward: `gamma`", gamma.size, view[1], True)
    check_size("batch_norm_backward: `mean`", mean.size, view[1], False)
    check_size("batch_norm_backward: `rstd`", rstd.size, view[1], False)
    dx, add = as_grad_or_new("batch_norm_backward: `dx`", dx, x.shape, dy)
    dgamma = as_grad("batch_norm_backward: `dgamma`", dgamma, (view[1],), dy)
    dbeta = as_grad("batch_norm_backward: `dbeta`", dbeta, (view[1],), dy)
    _batch_norm_backward(
        dy.reshape(view), x.reshape(view), gamma, mean, rstd, dx.reshape(view), dgamma, dbeta, add
    )
    return dx, dgamma, dbeta


@jit(apart=True)
def _batch_norm_backward(dy, x, gamma, mean, rstd, dx, dgamma, dbeta, add):
    """Adds to `dgamma` and `dbeta`, and to `dx` if it has elements."""
    N, C, S = dy.shape
    of_dy, of_d, of_both = np.empty(C), np.empty(C), np.empty(C)
    products(dy, x, mean, of_dy, of_d, of_both)
    # n is at least 1: backward of an empty minibatch must not divide by 0.
    a, b, shift, n = np.empty_like(mean), np.empty_like(mean), np.empty_like(mean), max(N * S, 1)
    for c in range(C):
        r = np.float64(rstd[c])
        off = of_d[c] / n  # the mean itself, less what a float32 can hold of it
        scale = r * (of_both[c] - off * of_dy[c])
        dgamma[c] += scale
        dbeta[c] += of_dy[c]
        first = r * gamma[c] if gamma.size else r
        second = -first * r * scale / n
        a[c], b[c], shift[c] = first, second, -first * of_dy[c] / n - second * off
    if dx.size:
        add_combined(dy, x, a, b, mean, shift, add, dx)


def batch_norm_outputs(x, gamma, beta, running_mean, running_var, **options):
    """(shape, dtype) of each output of `batch_norm`; raises `ShapeError` for what fits no minibatch."""
    ((shape, dtype),) = outputs(batch_norm)(x, gamma, beta, running_mean, running_var, **options)
    return [(shape, dtype), *[(shape[1:2], dtype)] * 4]
