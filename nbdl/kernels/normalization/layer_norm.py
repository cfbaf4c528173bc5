r"""Layer normalization: the features of each row have mean 0 and variance 1, then a scale and a shift each.

.. math::
    y_d = \gamma_d\, \hat x_d + \beta_d \qquad \hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} \qquad
    \mu = \frac{1}{D} \sum_d x_d \qquad \sigma^2 = \frac{1}{D} \sum_d (x_d - \mu)^2

x and y (N, ..., D): a row is the last axis, or the last `axes` axes seen as one of D elements (the
`normalized_shape` of torch; `axis` of ONNX is -`axes`). Samples do not see one another, and training and
prediction are the same. Gradients, with g = gamma dy:

.. math::
    d\beta = \sum_{rows} dy \qquad d\gamma = \sum_{rows} dy\, \hat x \qquad
    dx = r \Big(g - \frac{1}{D} \sum_d g_d - \hat x \frac{1}{D} \sum_d g_d \hat x_d\Big) \qquad
    r = \frac{1}{\sqrt{\sigma^2 + \epsilon}}

They make the statistics again, from a row that is in the cache. See `rows.py` for hard input.
Ba, Kiros and Hinton 2016; Zhang et al., Dive into Deep Learning, section 8.5.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.inputs import AT_LEAST_2, as_float, as_like, as_optional
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_grad, as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.normalization.channels import add_totals
from nbdl.kernels.normalization.checks import check_affine, check_eps_of, check_like, check_rows
from nbdl.kernels.normalization.rows import add_gradients, normalize


@jit
def layer_norm(x, gamma, beta, eps=1e-5, axes=1, out=None):
    """Normalize each row by its own mean and variance (see the formulas above).

    Parameters
    ----------
    x : (N, ..., D) float array
    gamma, beta : (D,) float array or None
        Scale (1 if None) and shift (0 if None) of each element of a row.
    eps : float
        Positive; added to the variance.
    axes : int
        How many of the last axes are a row; the first axis is that of the samples. D is their product.
    out : array of the shape of `x`, optional
        Where the result goes; may be `x` itself.

    Returns
    -------
    array of the shape and dtype of `x`. A row of one element, or of equal ones, is `beta`.

    Raises
    ------
    ShapeError, OptionError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> layer_norm(np.array([[1.0, 3.0], [5.0, 5.0]]), None, None).round(4)
    array([[-1.,  1.],
           [ 0.,  0.]])
    """
    x = as_float("layer_norm: `x` (N, ..., D)", x, AT_LEAST_2)
    gamma = as_optional("layer_norm: `gamma` (D,)", gamma, 1, x)
    beta = as_optional("layer_norm: `beta` (D,)", beta, 1, x)
    view, eps = check_rows("layer_norm", x.shape, integer("layer_norm: `axes`", axes)), np.float64(eps)
    check_affine("layer_norm: `gamma`", gamma.size, view[2])
    check_affine("layer_norm: `beta`", beta.size, view[2])
    # Of a constant row eps is all that is under the root, in the dtype of x.
    check_eps_of("layer_norm", eps, x)
    y = as_out("layer_norm: `out`", out, x.shape, x)
    _layer_norm(x.reshape(view), gamma, beta, eps, y.reshape(view))
    return y


@jit
def _layer_norm(x, gamma, beta, eps, y):
    # One group: every row has the same gamma and beta, a number for each element.
    normalize(x, gamma, beta, 1, False, eps, True, y)


@jit
def layer_norm_dx(dy, x, gamma, eps=1e-5, axes=1, dx=None):
    """Adds the gradient with respect to `x` to `dx` (zeros if not given); `gamma` None if there was none."""
    dy = as_float("layer_norm_dx: `dy` (N, ..., D)", dy, AT_LEAST_2)
    x = as_like("layer_norm_dx: `x` (N, ..., D)", x, AT_LEAST_2, dy)
    gamma = as_optional("layer_norm_dx: `gamma` (D,)", gamma, 1, dy)
    view, eps = check_rows("layer_norm_dx", x.shape, integer("layer_norm_dx: `axes`", axes)), np.float64(eps)
    check_like("layer_norm_dx", dy.shape, x.shape)
    check_affine("layer_norm_dx: `gamma`", gamma.size, view[2])
    check_eps_of("layer_norm_dx", eps, dy)
    dx, add = as_grad_or_new("layer_norm_dx: `dx`", dx, x.shape, dy)
    # Arrays without elements stand for the gradients that are not asked for.
    none = np.empty(0, dy.dtype)
    _layer_norm_backward(dy.reshape(view), x.reshape(view), gamma, eps, dx.reshape(view), none, none, add)
    return dx


@jit
def layer_norm_dgamma(dy, x, eps=1e-5, axes=1, dgamma=None):
    r"""Adds :math:`\sum dy\, \hat x` over the rows to `dgamma` (D,) (zeros if not given)."""
    dy = as_float("layer_norm_dgamma: `dy` (N, ..., D)", dy, AT_LEAST_2)
    x = as_like("layer_norm_dgamma: `x` (N, ..., D)", x, AT_LEAST_2, dy)
    axes, eps = integer("layer_norm_dgamma: `axes`", axes), np.float64(eps)
    view = check_rows("layer_norm_dgamma", x.shape, axes)
    check_like("layer_norm_dgamma", dy.shape, x.shape)
    check_eps_of("layer_norm_dgamma", eps, dy)
    dgamma = as_grad("layer_norm_dgamma: `dgamma`", dgamma, (view[2],), dy)
    none = np.empty(0, dy.dtype)
    dx = np.empty((0, 0, 0), dy.dtype)
    _layer_norm_backward(dy.reshape(view), x.reshape(view), none, eps, dx, dgamma, none, np.int64(1))
    return dgamma


@jit
def layer_norm_dbeta(dy, axes=1, dbeta=None):
    r"""Adds :math:`\sum dy` over the rows to `dbeta` (D,) (zeros if not given)."""
    dy = as_float("layer_norm_dbeta: `dy` (N, ..., D)", dy, AT_LEAST_2)
    rows, _, size = check_rows("layer_norm_dbeta", dy.shape, integer("layer_norm_dbeta: `axes`", axes))
    dbeta = as_grad("layer_norm_dbeta: `dbeta`", dbeta, (size,), dy)
    # Elements of a row as channels of one place: lanes are elements, and no sum goes across them.
    add_totals(dy.reshape((rows, size, 1)), dbeta)
    return dbeta


@jit
def layer_norm_backward(dy, x, gamma, eps=1e-5, axes=1, dx=None, dgamma=None, dbeta=None):
    """All three gradients of `layer_norm`, (dx, dgamma, dbeta), from one read of `dy` and `x`."""
    dy = as_float("layer_norm_backward: `dy` (N, ..., D)", dy, AT_LEAST_2)
    x = as_like("layer_norm_backward: `x` (N, ..., D)", x, AT_LEAST_2, dy)
    gamma = as_optional("layer_norm_backward: `gamma` (D,)", gamma, 1, dy)
    axes, eps = integer("layer_norm_backward: `axes`", axes), np.float64(eps)
    view = check_rows("layer_norm_backward", x.shape, axes)
    check_like("layer_norm_backward", dy.shape, x.shape)
    check_affine("layer_norm_backward: `gamma`", gamma.size, view[2])
    check_eps_of("layer_norm_backward", eps, dy)
    dx, add = as_grad_or_new("layer_norm_backward: `dx`", dx, x.shape, dy)
    dgamma = as_grad("layer_norm_backward: `dgamma`", dgamma, (view[2],), dy)
    dbeta = as_grad("layer_norm_backward: `dbeta`", dbeta, (view[2],), dy)
    _layer_norm_backward(dy.reshape(view), x.reshape(view), gamma, eps, dx.reshape(view), dgamma, dbeta, add)
    return dx, dgamma, dbeta


@jit(apart=True)
def _layer_norm_backward(dy, x, gamma, eps, dx, dgamma, dbeta, add):
    """Adds to those of the last three that have elements."""
    add_gradients(dy, x, gamma, 1, False, eps, True, add, dx, dgamma, dbeta)


layer_norm_outputs = outputs(layer_norm)
