r"""Instance normalization: each channel of a sample has mean 0 and variance 1, then a scale and a shift.

.. math::
    y = \gamma_c\, \hat x + \beta_c \qquad \hat x = \frac{x - \mu_{nc}}{\sqrt{\sigma_{nc}^2 + \epsilon}}

x and y (N, C, L, ...): mean and (biased) variance are over all axes behind the channels. It is group
normalization with a group for each channel (`group_norm.py` has the loops), without running averages.
Ulyanov, Vedaldi and Lempitsky 2016, Instance Normalization.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.inputs import ANY, as_float, as_like, as_optional
from nbdl.kernels.door.results import as_grad, as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.normalization.channels import add_totals
from nbdl.kernels.normalization.checks import check_eps_of, check_like, check_places, check_size
from nbdl.kernels.normalization.group_norm import _group_norm, _group_norm_backward


@jit
def instance_norm(x, gamma, beta, eps=1e-5, out=None):
    """Normalize each channel of a sample by its own mean and variance (see the formula above).

    Parameters
    ----------
    x : (N, C, L, ...) float array
        With at least one axis behind the channels.
    gamma, beta : (C,) float array or None
        Scale (1 if None) and shift (0 if None) of each channel.
    eps : float
        Positive; added to the variance.
    out : array of the shape of `x`, optional
        Where the result goes; may be `x` itself.

    Returns
    -------
    array of the shape and dtype of `x`. A channel of one value, or of equal ones, is `beta`.

    Raises
    ------
    ShapeError, OptionError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> instance_norm(np.array([[[1.0, 3.0], [10.0, 50.0]]]), None, None).round(4)
    array([[[-1.,  1.],
            [-1.,  1.]]])
    """
    x = as_float("instance_norm: `x` (N, C, L, ...)", x, ANY)
    gamma = as_optional("instance_norm: `gamma` (C,)", gamma, 1, x)
    beta = as_optional("instance_norm: `beta` (C,)", beta, 1, x)
    view, eps = check_places("instance_norm: `x`", x.shape), np.float64(eps)
    check_size("instance_norm: `gamma`", gamma.size, view[1], True)
    check_size("instance_norm: `beta`", beta.size, view[1], True)
    check_eps_of("instance_norm", eps, x)
    y = as_out("instance_norm: `out`", out, x.shape, x)
    # At least one group: without channels there would be a division by 0 groups.
    _group_norm(x.reshape(view), gamma, beta, max(view[1], 1), eps, y.reshape(view))
    return y


@jit
def instance_norm_dx(dy, x, gamma, eps=1e-5, dx=None):
    """Adds the gradient with respect to `x` to `dx` (zeros if not given); `gamma` None if there was none."""
    dy = as_float("instance_norm_dx: `dy` (N, C, L, ...)", dy, ANY)
    x = as_like("instance_norm_dx: `x` (N, C, L, ...)", x, ANY, dy)
    gamma = as_optional("instance_norm_dx: `gamma` (C,)", gamma, 1, dy)
    check_like("instance_norm_dx", dy.shape, x.shape)
    view, eps = check_places("instance_norm_dx: `x`", x.shape), np.float64(eps)
    check_size("instance_norm_dx: `gamma`", gamma.size, view[1], True)
    check_eps_of("instance_norm_dx", eps, dy)
    dx, add = as_grad_or_new("instance_norm_dx: `dx`", dx, x.shape, dy)
    # Arrays without elements stand for the gradients that are not asked for.
    none, flat = np.empty(0, dy.dtype), dx.reshape(view)
    _group_norm_backward(
        dy.reshape(view), x.reshape(view), gamma, max(view[1], 1), eps, flat, none, none, add
    )
    return dx


@jit
def instance_norm_dgamma(dy, x, eps=1e-5, dgamma=None):
    r"""Adds :math:`\sum dy\, \hat x` over samples and places to `dgamma` (C,) (zeros if not given)."""
    dy = as_float("instance_norm_dgamma: `dy` (N, C, L, ...)", dy, ANY)
    x = as_like("instance_norm_dgamma: `x` (N, C, L, ...)", x, ANY, dy)
    check_like("instance_norm_dgamma", dy.shape, x.shape)
    view, eps = check_places("instance_norm_dgamma: `x`", x.shape), np.float64(eps)
    check_eps_of("instance_norm_dgamma", eps, dy)
    dgamma = as_grad("instance_norm_dgamma: `dgamma`", dgamma, (view[1],), dy)
    # No gamma, on which its gradient does not depend; an empty dx is not made.
    none, dx = np.empty(0, dy.dtype), np.empty((0, 0, 0), dy.dtype)
    _group_norm_backward(
        dy.reshape(view), x.reshape(view), none, max(view[1], 1), eps, dx, dgamma, none, np.int64(1)
    )
    return dgamma


@jit
def instance_norm_dbeta(dy, dbeta=None):
    r"""Adds :math:`\sum dy` over samples and places to `dbeta` (C,) (zeros if not given)."""
    dy = as_float("instance_norm_dbeta: `dy` (N, C, L, ...)", dy, ANY)
    view = check_places("instance_norm_dbeta: `dy`", dy.shape)
    dbeta = as_grad("instance_norm_dbeta: `dbeta`", dbeta, (view[1],), dy)
    # Sums of dy alone: x need not be read.
    add_totals(dy.reshape(view), dbeta)
    return dbeta


@jit
def instance_norm_backward(dy, x, gamma, eps=1e-5, dx=None, dgamma=None, dbeta=None):
    """All three gradients of `instance_norm`, (dx, dgamma, dbeta), from one read of `dy` and `x`."""
    dy = as_float("instance_norm_backward: `dy` (N, C, L, ...)", dy, ANY)
    x = as_like("instance_norm_backward: `x` (N, C, L, ...)", x, ANY, dy)
    gamma = as_optional("instance_norm_backward: `gamma` (C,)", gamma, 1, dy)
    check_like("instance_norm_backward", dy.shape, x.shape)
    view, eps = check_places("instance_norm_backward: `x`", x.shape), np.float64(eps)
    check_size("instance_norm_backward: `gamma`", gamma.size, view[1], True)
    check_eps_of("instance_norm_backward", eps, dy)
    dx, add = as_grad_or_new("instance_norm_backward: `dx`", dx, x.shape, dy)
    dgamma = as_grad("instance_norm_backward: `dgamma`", dgamma, (view[1],), dy)
    dbeta = as_grad("instance_norm_backward: `dbeta`", dbeta, (view[1],), dy)
    flat = dy.reshape(view), x.reshape(view), dx.reshape(view)
    _group_norm_backward(flat[0], flat[1], gamma, max(view[1], 1), eps, flat[2], dgamma, dbeta, add)
    return dx, dgamma, dbeta


instance_norm_outputs = outputs(instance_norm)
