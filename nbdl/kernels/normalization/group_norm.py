r"""Group normalization: groups of channels of a sample have mean 0 and variance 1, then a scale and a shift.

.. math::
    y = \gamma_c\, \hat x + \beta_c \qquad \hat x = \frac{x - \mu_{ng}}{\sqrt{\sigma_{ng}^2 + \epsilon}}

x and y (N, C, ...): mean and (biased) variance of sample n and group g are over C / G neighbouring channels
and all axes behind them. One group is layer normalization with scale and shift by channel; as many groups as
channels are instance normalization, which has a kernel by this name. Samples do not see one another.
Gradients as in `layer_norm.py`, with dgamma and dbeta summed over samples and places. See `rows.py` for hard
input. Wu and He 2018, Group Normalization.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.inputs import ANY, as_float, as_like, as_optional
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_grad, as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.normalization.channels import add_totals
from nbdl.kernels.normalization.checks import (
    check_backward,
    check_eps_of,
    check_groups,
    check_size,
    check_view,
)
from nbdl.kernels.normalization.rows import add_gradients, normalize


@jit
def group_norm(x, gamma, beta, groups, eps=1e-5, out=None):
    """Normalize each group of channels of a sample by its own mean and variance (see the formulas above).

    Parameters
    ----------
    x : (N, C) or (N, C, ...) float array
    gamma, beta : (C,) float array or None
        Scale (1 if None) and shift (0 if None) of each channel.
    groups : int
        Into how many groups the channels fall; a divisor of C.
    eps : float
        Positive; added to the variance.
    out : array of the shape of `x`, optional
        Where the result goes; may be `x` itself.

    Returns
    -------
    array of the shape and dtype of `x`. A group of one value, or of equal ones, is `beta`.

    Raises
    ------
    ShapeError, OptionError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> group_norm(np.array([[1.0, 3.0, 10.0, 50.0]]), None, None, 2).round(4)
    array([[-1.,  1., -1.,  1.]])
    """
    x = as_float("group_norm: `x` (N, C, ...)", x, ANY)
    gamma = as_optional("group_norm: `gamma` (C,)", gamma, 1, x)
    beta = as_optional("group_norm: `beta` (C,)", beta, 1, x)
    groups, eps = integer("group_norm: `groups`", groups), np.float64(eps)
    view = check_view("group_norm: `x`", x.shape)
    check_groups("group_norm", view[1], groups)
    check_size("group_norm: `gamma`", gamma.size, view[1], True)
    check_size("group_norm: `beta`", beta.size, view[1], True)
    check_eps_of("group_norm", eps, x)
    y = as_out("group_norm: `out`", out, x.shape, x)
    _group_norm(x.reshape(view), gamma, beta, groups, eps, y.reshape(view))
    return y


@jit
def _group_norm(x, gamma, beta, groups, eps, y):
    view = _rows(x.shape, groups)
    # A row is one run of memory: groups are neighbouring channels of a sample.
    normalize(x.reshape(view), gamma, beta, groups, x.shape[2] > 1, eps, True, y.reshape(view))


@jit
def _rows(shape, groups):
    """A row for each group of a sample; where a channel is one value they are its elements, not its parts."""
    N, C, S = shape
    own = C // groups
    # With one place a part would be a vector with one lane in use.
    return (N * groups, own, S) if S > 1 else (N * groups, 1, own * S)


@jit
def group_norm_dx(dy, x, gamma, groups, eps=1e-5, dx=None):
    """Adds the gradient with respect to `x` to `dx` (zeros if not given); `gamma` None if there was none."""
    dy = as_float("group_norm_dx: `dy` (N, C, ...)", dy, ANY)
    x = as_like("group_norm_dx: `x` (N, C, ...)", x, ANY, dy)
    gamma = as_optional("group_norm_dx: `gamma` (C,)", gamma, 1, dy)
    groups, eps = integer("group_norm_dx: `groups`", groups), np.float64(eps)
    view = check_backward("group_norm_dx", dy.shape, x.shape)
    check_groups("group_norm_dx", view[1], groups)
    check_size("group_norm_dx: `gamma`", gamma.size, view[1], True)
    check_eps_of("group_norm_dx", eps, dy)
    dx, add = as_grad_or_new("group_norm_dx: `dx`", dx, x.shape, dy)
    # Arrays without elements stand for the gradients that are not asked for.
    none = np.empty(0, dy.dtype)
    _group_norm_backward(
        dy.reshape(view), x.reshape(view), gamma, groups, eps, dx.reshape(view), none, none, add
    )
    return dx


@jit
def group_norm_dgamma(dy, x, groups, eps=1e-5, dgamma=None):
    r"""Adds :math:`\sum dy\, \hat x` over samples and places to `dgamma` (C,) (zeros if not given)."""
    dy = as_float("group_norm_dgamma: `dy` (N, C, ...)", dy, ANY)
    x = as_like("group_norm_dgamma: `x` (N, C, ...)", x, ANY, dy)
    groups, eps = integer("group_norm_dgamma: `groups`", groups), np.float64(eps)
    view = check_backward("group_norm_dgamma", dy.shape, x.shape)
    check_groups("group_norm_dgamma", view[1], groups)
    check_eps_of("group_norm_dgamma", eps, dy)
    dgamma = as_grad("group_norm_dgamma: `dgamma`", dgamma, (view[1],), dy)
    none, dx = np.empty(0, dy.dtype), np.empty((0, 0, 0), dy.dtype)
    _group_norm_backward(dy.reshape(view), x.reshape(view), none, groups, eps, dx, dgamma, none, np.int64(1))
    return dgamma


@jit
def group_norm_dbeta(dy, dbeta=None):
    r"""Adds :math:`\sum dy` over samples and places to `dbeta` (C,) (zeros if not given)."""
    dy = as_float("group_norm_dbeta: `dy` (N, C, ...)", dy, ANY)
    view = check_view("group_norm_dbeta: `dy`", dy.shape)
    dbeta = as_grad("group_norm_dbeta: `dbeta`", dbeta, (view[1],), dy)
    # Sums of dy alone: neither x nor groups matter.
    add_totals(dy.reshape(view), dbeta)
    return dbeta


@jit
def group_norm_backward(dy, x, gamma, groups, eps=1e-5, dx=None, dgamma=None, dbeta=None):
    """All three gradients of `group_norm`, (dx, dgamma, dbeta), from one read of `dy` and `x`."""
    dy = as_float("group_norm_backward: `dy` (N, C, ...)", dy, ANY)
    x = as_like("group_norm_backward: `x` (N, C, ...)", x, ANY, dy)
    gamma = as_optional("group_norm_backward: `gamma` (C,)", gamma, 1, dy)
    groups, eps = integer("group_norm_backward: `groups`", groups), np.float64(eps)
    view = check_backward("group_norm_backward", dy.shape, x.shape)
    check_groups("group_norm_backward", view[1], groups)
    check_size("group_norm_backward: `gamma`", gamma.size, view[1], True)
    check_eps_of("group_norm_backward", eps, dy)
    dx, add = as_grad_or_new("group_norm_backward: `dx`", dx, x.shape, dy)
    dgamma = as_grad("group_norm_backward: `dgamma`", dgamma, (view[1],), dy)
    dbeta = as_grad("group_norm_backward: `dbeta`", dbeta, (view[1],), dy)
    flat = dy.reshape(view), x.reshape(view), dx.reshape(view)
    _group_norm_backward(flat[0], flat[1], gamma, groups, eps, flat[2], dgamma, dbeta, add)
    return dx, dgamma, dbeta


@jit(apart=True)
def _group_norm_backward(dy, x, gamma, groups, eps, dx, dgamma, dbeta, add):
    """Adds to those of the last three that have elements."""
    view, by_part = _rows(x.shape, groups), x.shape[2] > 1
    # An empty dx, which is not made, has no elements for a view.
    dx = dx.reshape(view if dx.size else (0, 0, 0))
    add_gradients(
        dy.reshape(view), x.reshape(view), gamma, groups, by_part, eps, True, add, dx, dgamma, dbeta
    )


group_norm_outputs = outputs(group_norm)
