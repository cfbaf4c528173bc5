r"""RMS normalization: each row divided by the root of its mean square, then a scale for each feature.

.. math::
    y_d = \gamma_d\, \hat x_d \qquad \hat x = \frac{x}{\sqrt{m + \epsilon}} \qquad
    m = \frac{1}{D} \sum_d x_d^2

x and y (N, ..., D): a row is the last axis, or the last `axes` axes seen as one of D elements. It is layer
normalization without the mean and the shift; epsilon is inside the root. Gradients, with g = gamma dy:

.. math::
    d\gamma = \sum_{rows} dy\, \hat x \qquad
    dx = \frac{1}{\sqrt{m + \epsilon}} \Big(g - \hat x \frac{1}{D} \sum_d g_d \hat x_d\Big)

See `rows.py` for hard input. Zhang and Sennrich 2019, Root Mean Square Layer Normalization.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.inputs import AT_LEAST_2, as_float, as_like, as_optional
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_grad, as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.normalization.checks import check_affine, check_eps_of, check_like, check_rows
from nbdl.kernels.normalization.rows import add_gradients, normalize


@jit
def rms_norm(x, gamma, eps=1e-5, axes=1, out=None):
    """Divide each row by the root of its mean square (see the formulas above).

    Parameters
    ----------
    x : (N, ..., D) float array
    gamma : (D,) float array or None
        Scale of each element of a row; 1 if None.
    eps : float
        Positive; added to the mean square.
    axes : int
        How many of the last axes are a row; the first axis is that of the samples. D is their product.
    out : array of the shape of `x`, optional
        Where the result goes; may be `x` itself.

    Returns
    -------
    array of the shape and dtype of `x`. A row of zeros is 0.

    Raises
    ------
    ShapeError, OptionError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> rms_norm(np.array([[1.0, 7.0]]), None).round(4)
    array([[0.2, 1.4]])
    """
    x = as_float("rms_norm: `x` (N, ..., D)", x, AT_LEAST_2)
    gamma = as_optional("rms_norm: `gamma` (D,)", gamma, 1, x)
    view, eps = check_rows("rms_norm", x.shape, integer("rms_norm: `axes`", axes)), np.float64(eps)
    check_affine("rms_norm: `gamma`", gamma.size, view[2])
    # Of a row of zeros eps is all that is under the root, in the dtype of x.
    check_eps_of("rms_norm", eps, x)
    y = as_out("rms_norm: `out`", out, x.shape, x)
    _rms_norm(x.reshape(view), gamma, eps, y.reshape(view))
    return y


@jit
def _rms_norm(x, gamma, eps, y):
    # Layer normalization that is not centred; an array without elements stands for no beta.
    normalize(x, gamma, np.empty(0, x.dtype), 1, False, eps, False, y)


@jit
def rms_norm_dx(dy, x, gamma, eps=1e-5, axes=1, dx=None):
    """Adds the gradient with respect to `x` to `dx` (zeros if not given); `gamma` None if there was none."""
    dy = as_float("rms_norm_dx: `dy` (N, ..., D)", dy, AT_LEAST_2)
    x = as_like("rms_norm_dx: `x` (N, ..., D)", x, AT_LEAST_2, dy)
    gamma = as_optional("rms_norm_dx: `gamma` (D,)", gamma, 1, dy)
    view, eps = check_rows("rms_norm_dx", x.shape, integer("rms_norm_dx: `axes`", axes)), np.float64(eps)
    check_like("rms_norm_dx", dy.shape, x.shape)
    check_affine("rms_norm_dx: `gamma`", gamma.size, view[2])
    check_eps_of("rms_norm_dx", eps, dy)
    dx, add = as_grad_or_new("rms_norm_dx: `dx`", dx, x.shape, dy)
    # An array without elements stands for the gradient that is not asked for.
    dgamma = np.empty(0, dy.dtype)
    _rms_norm_backward(dy.reshape(view), x.reshape(view), gamma, eps, dx.reshape(view), dgamma, add)
    return dx


@jit
def rms_norm_dgamma(dy, x, eps=1e-5, axes=1, dgamma=None):
    r"""Adds :math:`\sum dy\, \hat x` over the rows to `dgamma` (D,) (zeros if not given)."""
    dy = as_float("rms_norm_dgamma: `dy` (N, ..., D)", dy, AT_LEAST_2)
    x = as_like("rms_norm_dgamma: `x` (N, ..., D)", x, AT_LEAST_2, dy)
    view, eps = (
        check_rows("rms_norm_dgamma", x.shape, integer("rms_norm_dgamma: `axes`", axes)),
        np.float64(eps),
    )
    check_like("rms_norm_dgamma", dy.shape, x.shape)
    check_eps_of("rms_norm_dgamma", eps, dy)
    dgamma = as_grad("rms_norm_dgamma: `dgamma`", dgamma, (view[2],), dy)
    # No gamma, on which its gradient does not depend; an empty dx is not made.
    gamma, dx = np.empty(0, dy.dtype), np.empty((0, 0, 0), dy.dtype)
    _rms_norm_backward(dy.reshape(view), x.reshape(view), gamma, eps, dx, dgamma, np.int64(1))
    return dgamma


@jit
def rms_norm_backward(dy, x, gamma, eps=1e-5, axes=1, dx=None, dgamma=None):
    """Both gradients of `rms_norm`, (dx, dgamma), from one read of `dy` and `x`."""
    dy = as_float("rms_norm_backward: `dy` (N, ..., D)", dy, AT_LEAST_2)
    x = as_like("rms_norm_backward: `x` (N, ..., D)", x, AT_LEAST_2, dy)
    gamma = as_optional("rms_norm_backward: `gamma` (D,)", gamma, 1, dy)
    axes, eps = integer("rms_norm_backward: `axes`", axes), np.float64(eps)
    view = check_rows("rms_norm_backward", x.shape, axes)
    check_like("rms_norm_backward", dy.shape, x.shape)
    check_affine("rms_norm_backward: `gamma`", gamma.size, view[2])
    check_eps_of("rms_norm_backward", eps, dy)
    dx, add = as_grad_or_new("rms_norm_backward: `dx`", dx, x.shape, dy)
    dgamma = as_grad("rms_norm_backward: `dgamma`", dgamma, (view[2],), dy)
    _rms_norm_backward(dy.reshape(view), x.reshape(view), gamma, eps, dx.reshape(view), dgamma, add)
    return dx, dgamma


@jit(apart=True)
def _rms_norm_backward(dy, x, gamma, eps, dx, dgamma, add):
    """Adds to those of the last two that have elements."""
    add_gradients(dy, x, gamma, 1, False, eps, False, add, dx, dgamma, np.empty(0, dy.dtype))


rms_norm_outputs = outputs(rms_norm)
