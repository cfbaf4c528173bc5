r"""Huber loss, and its limit, the absolute error.

.. math::
    \mathrm{huber} = \frac1n \sum_i h(x_i - t_i) \qquad
    h(d) = \tfrac12 d^2 \text{ where } |d| \le \delta \text{, else } \delta\, (|d| - \tfrac12 \delta) \qquad
    \mathrm{l1} = \frac1n \sum_i |x_i - t_i|

x and target t have the same shape, of any number of dimensions; n is the number of elements. One large error
weighs as much as its size, not its square. The gradient of l1 at 0 is 0. What torch calls smooth_l1_loss is
this with delta = beta, divided by beta.
Huber 1964, Robust Estimation of a Location Parameter, equation 1.8.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.activation.elementwise import positive
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.results import as_grad
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.loss.elementwise import add_slopes, check_pair, mean_over_all
from nbdl.kernels.simd.registers import larger, smaller, where


@jit
def huber_of(x, target, delta):
    d = abs(x - target)
    # Every lane has both: beyond delta a square that overflows is not taken. A NaN fails the test, and stays.
    return where(d <= delta, 0.5 * d * d, delta * (d - 0.5 * delta))


@jit
def huber_slope(x, target, delta):
    # The difference comes second in both, where a NaN stays.
    return larger(-delta, smaller(delta, x - target))


@jit
def huber_slope_of_target(x, target, delta):
    return huber_slope(target, x, delta)


@jit
def l1_of(x, target):
    return abs(x - target)


@jit
def l1_slope(x, target):
    d = x - target
    # 0 times d rather than 0: the slope of a NaN is NaN.
    return where(d > 0.0, 1.0, where(d < 0.0, -1.0, 0.0 * d))


@jit
def l1_slope_of_target(x, target):
    return l1_slope(target, x)


@jit
def huber(x, target, delta=1.0):
    """Mean Huber loss over all elements.

    Parameters
    ----------
    x, target : float arrays of one shape
        At least one element; nothing is broadcast.
    delta : float
        From this distance on the loss is a straight line; positive.

    Returns
    -------
    scalar of the dtype of `x`.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        Not inside ``prange``, where Numba drops exceptions: compare the shapes before the loop.
    """
    x = as_float("huber: `x`", x, ANY)
    target = as_like("huber: `target`", target, ANY, x)
    delta = positive("huber: `delta`", delta, x)
    check_pair("huber", x.shape, "target", target.shape, x.size)
    return _huber(flat(x), flat(target), delta)


@jit
def _huber(x, target, delta):
    return mean_over_all(huber_of, x, target, (delta,))


@jit
def huber_dx(dloss, x, target, delta=1.0, dx=None):
    """Adds the scalar `dloss` times clip(x - target, -delta, delta) / n to `dx` (zeros if not given)."""
    x = as_float("huber_dx: `x`", x, ANY)
    target = as_like("huber_dx: `target`", target, ANY, x)
    delta = positive("huber_dx: `delta`", delta, x)
    check_pair("huber_dx", x.shape, "target", target.shape, x.size)
    dx = as_grad("huber_dx: `dx`", dx, x.shape, x)
    _huber_dx(np.float64(dloss), flat(x), flat(target), delta, flat(dx))
    return dx


@jit
def huber_dtarget(dloss, x, target, delta=1.0, dtarget=None):
    """Adds the scalar `dloss` times clip(target - x, -delta, delta) / n to `dtarget` (zeros if not given)."""
    x = as_float("huber_dtarget: `x`", x, ANY)
    target = as_like("huber_dtarget: `target`", target, ANY, x)
    delta = positive("huber_dtarget: `delta`", delta, x)
    check_pair("huber_dtarget", x.shape, "target", target.shape, x.size)
    dtarget = as_grad("huber_dtarget: `dtarget`", dtarget, x.shape, x)
    # h is even: with x and target exchanged the slope is that of the target.
    _huber_dx(np.float64(dloss), flat(target), flat(x), delta, flat(dtarget))
    return dtarget


@jit
def _huber_dx(dloss, x, target, delta, dx):
    add_slopes(huber_slope, dloss, x, target, dx, (delta,))


@jit
def l1(x, target):
    """Mean absolute difference over all elements.

    `x` and `target`, float arrays of one shape, the result and errors as in `huber`.
    """
    x = as_float("l1: `x`", x, ANY)
    target = as_like("l1: `target`", target, ANY, x)
    check_pair("l1", x.shape, "target", target.shape, x.size)
    return _l1(flat(x), flat(target))


@jit
def _l1(x, target):
    return mean_over_all(l1_of, x, target)


@jit
def l1_dx(dloss, x, target, dx=None):
    """Adds the scalar `dloss` times the sign of x - target, 0 where they are equal, / n to `dx`."""
    x = as_float("l1_dx: `x`", x, ANY)
    target = as_like("l1_dx: `target`", target, ANY, x)
    check_pair("l1_dx", x.shape, "target", target.shape, x.size)
    dx = as_grad("l1_dx: `dx`", dx, x.shape, x)
    _l1_dx(np.float64(dloss), flat(x), flat(target), flat(dx))
    return dx


@jit
def l1_dtarget(dloss, x, target, dtarget=None):
    """Adds the scalar `dloss` times the sign of target - x, 0 where they are equal, / n to `dtarget`."""
    x = as_float("l1_dtarget: `x`", x, ANY)
    target = as_like("l1_dtarget: `target`", target, ANY, x)
    check_pair("l1_dtarget", x.shape, "target", target.shape, x.size)
    dtarget = as_grad("l1_dtarget: `dtarget`", dtarget, x.shape, x)
    # |d| is even: with x and target exchanged the slope is that of the target.
    _l1_dx(np.float64(dloss), flat(target), flat(x), flat(dtarget))
    return dtarget


@jit
def _l1_dx(dloss, x, target, dx):
    add_slopes(l1_slope, dloss, x, target, dx)


huber_outputs, l1_outputs = outputs(huber), outputs(l1)
