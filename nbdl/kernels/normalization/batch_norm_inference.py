r"""Batch normalization for prediction: each channel by a mean and a variance that are given.

.. math:: y = \gamma_c\, \hat x + \beta_c \qquad \hat x = \frac{x - \mu_c}{\sqrt{\sigma_c^2 + \epsilon}}

x and y (N, C) or (N, C, ...); mean and variance are what `batch_norm` has averaged, and have no gradients.
Ioffe and Szegedy 2015; Zhang et al., Dive into Deep Learning, section 8.5.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.inputs import ANY, as_float, as_like, as_optional
from nbdl.kernels.door.results import as_grad, as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.normalization.channels import add_scaled, add_totals, products, scaled
from nbdl.kernels.normalization.checks import check_backward, check_eps, check_size, check_view


@jit
def batch_norm_inference(x, gamma, beta, mean, var, eps=1e-5, out=None):
    """Normalize each channel by a mean and a variance that are given: for prediction.

    Parameters
    ----------
    x : (N, C) or (N, C, ...) float array
    gamma, beta : (C,) float array or None
        Scale (1 if None) and shift (0 if None).
    mean, var : (C,) float array
        What training has averaged.
    eps : float
        Positive; added to the variance.
    out : array of the shape of `x`, optional
        Where the result goes; may be `x` itself.

    Returns
    -------
    array of the shape and dtype of `x`.

    Raises
    ------
    ShapeError, OptionError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once before the loop.
    """
    x = as_float("batch_norm_inference: `x` (N, C, ...)", x, ANY)
    gamma = as_optional("batch_norm_inference: `gamma` (C,)", gamma, 1, x)
    beta = as_optional("batch_norm_inference: `beta` (C,)", beta, 1, x)
    mean = as_like("batch_norm_inference: `mean` (C,)", mean, 1, x)
    var = as_like("batch_norm_inference: `var` (C,)", var, 1, x)
    view, eps = check_view("batch_norm_inference: `x`", x.shape), np.float64(eps)
    check_size("batch_norm_inference: `gamma`", gamma.size, view[1], True)
    check_size("batch_norm_inference: `beta`", beta.size, view[1], True)
    check_size("batch_norm_inference: `mean`", mean.size, view[1], False)
    check_size("batch_norm_inference: `var`", var.size, view[1], False)
    check_eps("batch_norm_inference", eps)
    y = as_out("batch_norm_inference: `out`", out, x.shape, x)
    _batch_norm_inference(x.reshape(view), gamma, beta, mean, var, eps, y.reshape(view))
    return y


@jit
def _batch_norm_inference(x, gamma, beta, mean, var, eps, y):
    # The mean is taken from x first: within the shift, a large one would cancel only after rounding.
    scaled(x, mean, _scale(gamma, var, eps), beta if beta.size else np.zeros_like(mean), y)


@jit
def _scale(gamma, var, eps):
    scale = np.empty_like(var)
    for c in range(var.size):
        # In float64, which costs little: a root for each channel, not for each element.
        r = 1.0 / np.sqrt(np.float64(var[c]) + eps)
        scale[c] = r * gamma[c] if gamma.size else r
    return scale


@jit
def batch_norm_inference_dx(dy, gamma, var, eps=1e-5, dx=None):
    r"""Adds :math:`dy\, \gamma / \sqrt{var + \epsilon}` to `dx` (zeros if not given)."""
    dy = as_float("batch_norm_inference_dx: `dy` (N, C, ...)", dy, ANY)
    gamma = as_optional("batch_norm_inference_dx: `gamma` (C,)", gamma, 1, dy)
    var = as_like("batch_norm_inference_dx: `var` (C,)", var, 1, dy)
    view, eps = check_view("batch_norm_inference_dx: `dy`", dy.shape), np.float64(eps)
    check_size("batch_norm_inference_dx: `gamma`", gamma.size, view[1], True)
    check_size("batch_norm_inference_dx: `var`", var.size, view[1], False)
    check_eps("batch_norm_inference_dx", eps)
    dx, add = as_grad_or_new("batch_norm_inference_dx: `dx`", dx, dy.shape, dy)
    _batch_norm_inference_dx(dy.reshape(view), gamma, var, eps, add, dx.reshape(view))
    return dx


@jit
def _batch_norm_inference_dx(dy, gamma, var, eps, add, dx):
    add_scaled(dy, _scale(gamma, var, eps), add, dx)


@jit
def batch_norm_inference_dgamma(dy, x, mean, var, eps=1e-5, dgamma=None):
    r"""Adds :math:`\sum dy\, \hat x` over each channel to `dgamma` (C,) (zeros if not given)."""
    dy = as_float("batch_norm_inference_dgamma: `dy` (N, C, ...)", dy, ANY)
    x = as_like("batch_norm_inference_dgamma: `x` (N, C, ...)", x, ANY, dy)
    mean = as_like("batch_norm_inference_dgamma: `mean` (C,)", mean, 1, dy)
    var = as_like("batch_norm_inference_dgamma: `var` (C,)", var, 1, dy)
    view, eps = check_backward("batch_norm_inference_dgamma", dy.shape, x.shape), np.float64(eps)
    check_size("batch_norm_inference_dgamma: `mean`", mean.size, view[1], False)
    check_size("batch_norm_inference_dgamma: `var`", var.size, view[1], False)
    check_eps("batch_norm_inference_dgamma", eps)
    dgamma = as_grad("batch_norm_inference_dgamma: `dgamma`", dgamma, (view[1],), dy)
    _batch_norm_inference_dgamma(dy.reshape(view), x.reshape(view), mean, var, eps, dgamma)
    return dgamma


@jit
def _batch_norm_inference_dgamma(dy, x, mean, var, eps, dgamma):
    C = var.size
    of_dy, of_d, of_both = np.empty(C), np.empty(C), np.empty(C)
    # Of the three sums one is needed; all come from the same read.
    products(dy, x, mean, of_dy, of_d, of_both)
    for c in range(C):
        dgamma[c] += of_both[c] / np.sqrt(np.float64(var[c]) + eps)


@jit
def batch_norm_inference_dbeta(dy, dbeta=None):
    r"""Adds :math:`\sum dy` over each channel to `dbeta` (C,) (zeros if not given)."""
    dy = as_float("batch_norm_inference_dbeta: `dy` (N, C, ...)", dy, ANY)
    view = check_view("batch_norm_inference_dbeta: `dy`", dy.shape)
    dbeta = as_grad("batch_norm_inference_dbeta: `dbeta`", dbeta, (view[1],), dy)
    add_totals(dy.reshape(view), dbeta)
    return dbeta


batch_norm_inference_outputs = outputs(batch_norm_inference)
