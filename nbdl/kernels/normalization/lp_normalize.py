r"""Vectors along an axis, divided by their norm.

.. math:: y_i = \frac{x_i}{n} \qquad n = \max\Big(\epsilon,\; \big(\sum_j |x_j|^p\big)^{1/p}\Big) \qquad
          dx_i = \frac{1}{n} \Big(dy_i - \operatorname{sign}(x_i)\, |y_i|^{p-1} \sum_j dy_j\, y_j\Big)

x and y have any number of dimensions; an array is seen as (outer, n, inner) with the axis in the middle.
p >= 1: with 1 magnitudes sum to 1, with 2 vectors have length 1, which makes products of them cosines. Norms
are taken of x over a power of 2, in float64: nothing overflows. Where the norm is below `eps` the
vector is divided by `eps`, so one of zeros stays so. A vector with a NaN or an infinity is NaN.
It is ``torch.nn.functional.normalize`` and LpNormalization of ONNX.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.algebra.vectors import length_of
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.options import integer, split_axis
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs


@jit
def lp_normalize(x, p=2.0, axis=-1, eps=1e-12, out=None):
    """`x` with vectors of norm 1 along `axis` (see the formula at the head of this file).

    Parameters
    ----------
    x : float array of any shape
    p : float
        At least 1, and finite.
    axis : int
        Counted from the end where negative.
    eps : float
        What a norm is at least; positive.
    out : array of the same shape, optional
        Where the result goes; may be `x` itself.

    Returns
    -------
    array of the shape and dtype of `x`.

    Raises
    ------
    OptionError, ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once on one array before the loop.

    Examples
    --------
    >>> lp_normalize(np.array([[3.0, -4.0], [0.0, 0.0]]))
    array([[ 0.6, -0.8],
           [ 0. ,  0. ]])
    """
    x = as_float("lp_normalize: `x`", x, ANY)
    p, eps = _numbers("lp_normalize", p, eps)
    view = split_axis("lp_normalize", x.shape, integer("lp_normalize: `axis`", axis))
    y = as_out("lp_normalize: `out`", out, x.shape, x)
    _lp_normalize(x.reshape(view), p, eps, y.reshape(view))
    return y


@jit
def _numbers(kernel, p, eps):
    if not 1 <= p < np.inf:
        raise OptionError("{}: `p` must be at least 1 and finite, got {}", kernel, p)
    if not eps > 0:
        raise OptionError("{}: `eps` must be positive, got {}", kernel, eps)
    return float(p), float(eps)


@jit
def _lp_normalize(x, p, eps, y):
    outer, n, inner = x.shape
    for o in range(outer):
        for i in range(inner):
            unit, root = length_of(x, o, i, p)
            norm = unit * root
            if norm < eps:
                for k in range(n):
                    y[o, k, i] = x[o, k, i] / eps
            else:  # in two steps: the norm itself may be beyond the dtype
                for k in range(n):
                    y[o, k, i] = x[o, k, i] / unit / root


@jit
def lp_normalize_dx(dy, x, y, p=2.0, axis=-1, eps=1e-12, dx=None):
    """Adds the gradient to `dx`, of the shape of `x` (zeros if not given); `y` is the result."""
    dy = as_float("lp_normalize_dx: `dy`", dy, ANY)
    x = as_like("lp_normalize_dx: `x`", x, ANY, dy)
    y = as_like("lp_normalize_dx: `y`", y, ANY, dy)
    p, eps = _numbers("lp_normalize_dx", p, eps)
    if dy.shape != x.shape or y.shape != x.shape:
        raise ShapeError(
            "lp_normalize_dx: `dy` and `y` must have shape {}, that of `x`, got {} and {}",
            x.shape, dy.shape, y.shape,
        )  # fmt: skip
    view = split_axis("lp_normalize_dx", dy.shape, integer("lp_normalize_dx: `axis`", axis))
    dx = as_grad("lp_normalize_dx: `dx`", dx, dy.shape, dy)
    _lp_normalize_dx(dy.reshape(view), x.reshape(view), y.reshape(view), p, eps, dx.reshape(view))
    return dx


@jit
def _lp_normalize_dx(dy, x, y, p, eps, dx):
    outer, n, inner = x.shape
    for o in range(outer):
        for i in range(inner):
            unit, root = length_of(x, o, i, p)
            # Here y is x / eps: the norm does not count, nor its slope.
            if unit * root < eps:
                for k in range(n):
                    dx[o, k, i] += dy[o, k, i] / eps
                continue
            along = np.float64(0)
            for k in range(n):
                along += np.float64(dy[o, k, i]) * y[o, k, i]
            for k in range(n):
                value = np.float64(y[o, k, i])
                # From y, at most about 1: no power of it overflows.
                slope = value if p == 2 else np.sign(value) * (1.0 if p == 1 else abs(value) ** (p - 1))
                dx[o, k, i] += (dy[o, k, i] - along * slope) / unit / root


lp_normalize_outputs = outputs(lp_normalize)
