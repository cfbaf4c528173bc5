r"""Pooling by the norm of each window.

.. math:: y_{ncij} = \Big( \sum_{uv} |x_{n,\,c,\,i s_h + u d_h - p_t,\,j s_w + v d_w - p_l}|^p \Big)^{1/p}
          \qquad \frac{\partial y}{\partial x} = \frac{x}{|x|} \Big( \frac{|x|}{y} \Big)^{p - 1}

x (N, C, H, W), y (N, C, P, Q), p >= 1; the windows are those of `pool2d.py`, padding adds nothing. It stands
between the sum of magnitudes (p = 1) and their maximum (large p). Where y or x is 0 the gradient is 0. This
is LpPool of ONNX; torch takes powers of x, not of its magnitude, which differs for an odd p and a negative x.
Sermanet et al. 2012, Convolutional Neural Networks Applied to House Numbers Digit Classification, 2.2.

The same as a loop, for `x` that needs no padding::

    def plain_lp_pool2d(x, kernel, stride, dilation, p):
        (N, C, H, W), (KH, KW), (sh, sw), (dh, dw) = x.shape, kernel, stride, dilation
        P, Q = (H - (KH - 1) * dh - 1) // sh + 1, (W - (KW - 1) * dw - 1) // sw + 1
        y = np.empty((N, C, P, Q))
        for n, c, i, j in np.ndindex(N, C, P, Q):
            window = [x[n, c, i * sh + u * dh, j * sw + v * dw] for u, v in np.ndindex(KH, KW)]
            y[n, c, i, j] = sum(abs(value) ** p for value in window) ** (1 / p)
        return y

Sums over windows are those of `avg_pool2d`: the average of powers, times the size of the window. Where such
a sum is beyond the dtype, or near its end, the window is divided by its largest magnitude first.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.door.inputs import as_float, as_like
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.pooling.avg_pool2d import _avg_pool2d
from nbdl.kernels.pooling.pool2d import _spans, _windows


@jit
def lp_pool2d(x, kernel, stride=None, padding=0, dilation=1, ceil_mode=False, p=2.0, out=None):
    """The norm of each window: the p-th root of the sum of p-th powers of magnitudes.

    Parameters
    ----------
    x, kernel, stride, padding, dilation, ceil_mode, out
        As in `max_pool2d`: x is (N, C, H, W).
    p : float
        At least 1 and finite. Powers may be beyond the range of the dtype: the result is not.

    Returns
    -------
    (N, C, P, Q) array of the dtype of `x`.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        Not inside ``prange``, where Numba drops exceptions: call `pool2d_shape` before the loop.
    """
    x = as_float("lp_pool2d: `x` (N, C, H, W)", x, 4)
    p = _power_of(p)
    shape, size, step, pad, gap = _windows(x.shape, kernel, stride, padding, dilation, ceil_mode)
    y = as_out("lp_pool2d: `out`", out, shape, x)
    _lp_pool2d(x, size, step, pad, gap, p, y)
    return y


@jit
def _power_of(p):
    if not 1 <= p < np.inf:
        raise OptionError("lp_pool2d: `p` must be at least 1 and finite (or use `max_pool2d`), got {}", p)
    # Beyond this it is the maximum in any dtype; float32 holds it, and one part of it.
    return min(float(p), 1e30)


@jit
def _lp_pool2d(x, kernel, stride, padding, dilation, p, y):
    # A copy, so that an element in several windows is raised to the power once.
    powers = np.empty(x.shape, x.dtype)
    _powers(x.reshape(x.size), p, powers.reshape(x.size))
    # Without the padding: the divisor must be the size by which it is multiplied back.
    _avg_pool2d(powers, kernel, stride, padding, dilation, np.int64(0), y)
    (P, Q), limits = y.shape[2:], np.finfo(x.dtype)
    rows = _spans(x.shape[2], kernel[0], stride[0], padding[0], dilation[0], P)
    columns = _spans(x.shape[3], kernel[1], stride[1], padding[2], dilation[1], Q)
    planes, results = x.reshape(-1, *x.shape[2:]), y.reshape(-1, P, Q)
    for n in range(len(planes)):
        for i in range(P):
            for j in range(Q):
                total = results[n, i, j] * x.dtype.type(rows[i, 1] * columns[j, 1])
                # A sum near 0 has lost powers that are no normal numbers.
                if p == 1 or limits.tiny / limits.eps < total < np.inf:
                    results[n, i, j] = _root(total, p)
                else:
                    results[n, i, j] = _norm(planes[n], rows[i], columns[j], dilation, p, total)


@jit
def _norm(x, rows, columns, dilation, p, total):
    """The norm of a window, divided by its largest magnitude first; `total` if that is 0, inf or NaN."""
    largest = x.dtype.type(0)
    for u in range(rows[1]):
        for v in range(columns[1]):
            largest = max(largest, abs(x[rows[0] + u * dilation[0], columns[0] + v * dilation[1]]))
    if total != total or not 0 < largest < np.inf:
        return total
    total, exponent, one = x.dtype.type(0), x.dtype.type(p), x.dtype.type(1)
    for u in range(rows[1]):
        for v in range(columns[1]):
            share = min(abs(x[rows[0] + u * dilation[0], columns[0] + v * dilation[1]]) / largest, one)
            total += share * share if p == 2 else share**exponent
    # The share of the largest is 1, which a quotient may miss by its last bit.
    return largest * _root(max(total, one), p)


@jit
def _powers(x, p, powers):
    if p == 1:
        for i in range(x.size):
            powers[i] = abs(x[i])
    elif p == 2:
        for i in range(x.size):
            powers[i] = x[i] * x[i]
    else:
        exponent = x.dtype.type(p)
        for i in range(x.size):
            powers[i] = abs(x[i]) ** exponent


@jit
def _root(sum_of_powers, p):
    if p == 1:
        return sum_of_powers
    if p == 2:
        return np.sqrt(sum_of_powers)
    # An exponent of float64 would make a float32 power one of float64.
    return sum_of_powers ** type(sum_of_powers)(1 / p)


@jit
def lp_pool2d_dx(dy, x, y, kernel, stride=None, padding=0, dilation=1, ceil_mode=False, p=2.0, dx=None):
    """Adds the gradient to `dx`, of the shape of `x` (zeros if not given); `y` (N, C, P, Q) is the result."""
    dy = as_float("lp_pool2d_dx: `dy` (N, C, P, Q)", dy, 4)
    x = as_like("lp_pool2d_dx: `x` (N, C, H, W)", x, 4, dy)
    y = as_like("lp_pool2d_dx: `y` (N, C, P, Q)", y, 4, dy)
    p = _power_of(p)
    shape, size, step, pad, gap = _windows(x.shape, kernel, stride, padding, dilation, ceil_mode)
    if dy.shape != shape or y.shape != shape:
        raise ShapeError(
            "lp_pool2d_dx: `dy` and `y` must have the shape {} of the result, got {} and {}",
            shape, dy.shape, y.shape,
        )  # fmt: skip
    dx = as_grad("lp_pool2d_dx: `dx`", dx, x.shape, dy)
    _lp_pool2d_dx(dy, x, y, size, step, pad, gap, p, dx)
    return dx


@jit
def _lp_pool2d_dx(dy, x, y, kernel, stride, padding, dilation, p, dx):
    N, C, P, Q = y.shape
    rows = _spans(x.shape[2], kernel[0], stride[0], padding[0], dilation[0], P)
    columns = _spans(x.shape[3], kernel[1], stride[1], padding[2], dilation[1], Q)
    more, one = x.dtype.type(p - 1), x.dtype.type(1)
    for n, c, i, j in np.ndindex(N, C, P, Q):
        norm, share = y[n, c, i, j], dy[n, c, i, j]
        # All of the window is 0: nothing can be divided by this norm.
        if norm == 0:
            continue
        for u in range(rows[i, 1]):
            for v in range(columns[j, 1]):
                r, k = rows[i, 0] + u * dilation[0], columns[j, 0] + v * dilation[1]
                value = x[n, c, r, k]
                # The quotient first: it is at most 1, where powers of x and of y may overflow. A large power
                # does not forgive the last bit of one that is 1.
                slope = one if abs(value) >= norm else abs(value) / norm
                if p != 2:
                    slope = one if p == 1 else slope**more
                # With p = 1 the slope jumps at 0, from -1 to 1: 0 lies between.
                if value != 0:
                    dx[n, c, r, k] += share * (-slope if value < 0 else slope)


lp_pool2d_outputs = outputs(lp_pool2d)
