r"""Softmax along an axis, and its logarithm.

.. math:: y_i = \frac{e^{x_i - m}}{\sum_j e^{x_j - m}} \qquad
          \log y_i = x_i - m - \log \sum_j e^{x_j - m} \qquad m = \max_j x_j

x and y have any number of dimensions; an array is seen as (outer, n, inner) with the axis in the middle.
Subtracting the maximum changes nothing but keeps every exponential in [0, 1]. An entry of -inf has
probability 0; a slice with NaN, with +inf or with nothing but -inf is NaN. `out` may be `x` itself.
Zhang et al., Dive into Deep Learning, section 4.1.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels._door import ANY, as_float, as_grad, as_like, as_out, integer


@jit
def _split(kernel, shape, axis):
    """The shape as (outer, n, inner), n along `axis`; raises where there is no such axis or it is empty."""
    ndim = len(shape)
    if axis < -ndim or axis >= ndim:
        raise OptionError("{}: `axis` must be one of the {} axes of the array, got {}", kernel, ndim, axis)
    axis = axis % ndim
    outer = inner = 1
    for d in range(ndim):
        if d < axis:
            outer *= shape[d]
        elif d > axis:
            inner *= shape[d]
    if shape[axis] == 0:
        raise ShapeError("{}: `axis` {} has no elements, shape {}", kernel, axis, shape)
    return outer, shape[axis], inner


@jit
def softmax(x, axis=-1, out=None):
    """Positive numbers that sum to 1 along `axis` (see the formula at the head of this file).

    Parameters
    ----------
    x : float array of any shape
    axis : int
        Counted from the end where negative.
    out : array of the same shape, optional
        Where the result goes; may be `x` itself.

    Returns
    -------
    array of the shape and dtype of `x`.

    Raises
    ------
    OptionError, ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once on one array before the loop.
    """
    x = as_float("softmax: `x`", x, ANY)
    view = _split("softmax", x.shape, integer("softmax: `axis`", axis))
    y = as_out("softmax: `out`", out, x.shape, x)
    _softmax(x.reshape(view), y.reshape(view))
    return y


@jit
def _softmax(x, y):
    for o in range(x.shape[0]):
        for i in range(x.shape[2]):
            m = _maximum(x, o, i)
            total = np.float64(0)
            for k in range(x.shape[1]):
                e = np.exp(x[o, k, i] - m)
                total += e
                y[o, k, i] = e
            scale = x.dtype.type(1 / total)
            for k in range(x.shape[1]):
                y[o, k, i] *= scale


@jit
def _maximum(x, o, i):
    m = x[o, 0, i]
    for k in range(1, x.shape[1]):
        if x[o, k, i] > m:
            m = x[o, k, i]
    return m


@jit
def softmax_dx(dy, y, axis=-1, dx=None):
    r"""Adds :math:`y_i (dy_i - \sum_j dy_j y_j)` to `dx` (zeros if not given); y is what `softmax` gave."""
    dy = as_float("softmax_dx: `dy`", dy, ANY)
    y = as_like("softmax_dx: `y`", y, ANY, dy)
    if dy.shape != y.shape:
        raise ShapeError("softmax_dx: `dy` must have shape {}, that of `y`, got {}", y.shape, dy.shape)
    view = _split("softmax_dx", dy.shape, integer("softmax_dx: `axis`", axis))
    dx = as_grad("softmax_dx: `dx`", dx, dy.shape, dy)
    _softmax_dx(dy.reshape(view), y.reshape(view), dx.reshape(view))
    return dx


@jit
def _softmax_dx(dy, y, dx):
    for o in range(dy.shape[0]):
        for i in range(dy.shape[2]):
            total = np.float64(0)
            for k in range(dy.shape[1]):
                total += dy[o, k, i] * y[o, k, i]
            mean = dy.dtype.type(total)
            for k in range(dy.shape[1]):
                dx[o, k, i] += y[o, k, i] * (dy[o, k, i] - mean)


@jit
def log_softmax(x, axis=-1, out=None):
    """The logarithm of `softmax`, exact also where the probability underflows.

    `x`, a float array of any shape, `axis`, `out`, the result and errors as in `softmax`.
    """
    x = as_float("log_softmax: `x`", x, ANY)
    view = _split("log_softmax", x.shape, integer("log_softmax: `axis`", axis))
    y = as_out("log_softmax: `out`", out, x.shape, x)
    _log_softmax(x.reshape(view), y.reshape(view))
    return y


@jit(strict=True)  # else (x - m) - log_total becomes x - (m + log_total)
def _log_softmax(x, y):
    for o in range(x.shape[0]):
        for i in range(x.shape[2]):
            m = _maximum(x, o, i)
            total = np.float64(0)
            for k in range(x.shape[1]):
                total += np.exp(x[o, k, i] - m)
            log_total = x.dtype.type(np.log(total))
            for k in range(x.shape[1]):
                y[o, k, i] = (x[o, k, i] - m) - log_total


@jit
def log_softmax_dx(dy, y, axis=-1, dx=None):
    r"""Adds :math:`dy_i - e^{y_i} \sum_j dy_j` to `dx` (zeros if not given); y is what `log_softmax` gave."""
    dy = as_float("log_softmax_dx: `dy`", dy, ANY)
    y = as_like("log_softmax_dx: `y`", y, ANY, dy)
    if dy.shape != y.shape:
        raise ShapeError("log_softmax_dx: `dy` must have shape {}, that of `y`, got {}", y.shape, dy.shape)
    view = _split("log_softmax_dx", dy.shape, integer("log_softmax_dx: `axis`", axis))
    dx = as_grad("log_softmax_dx: `dx`", dx, dy.shape, dy)
    _log_softmax_dx(dy.reshape(view), y.reshape(view), dx.reshape(view))
    return dx


@jit
def _log_softmax_dx(dy, y, dx):
    for o in range(dy.shape[0]):
        for i in range(dy.shape[2]):
            total = np.float64(0)
            for k in range(dy.shape[1]):
                total += dy[o, k, i]
            mass = dy.dtype.type(total)
            for k in range(dy.shape[1]):
                dx[o, k, i] += dy[o, k, i] - np.exp(y[o, k, i]) * mass
