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
from nbdl.kernels.door.arguments import ANY, as_float, as_grad, as_like, as_out, integer
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.simd.registers import fma, hmax, hsum, larger, pointer, splat
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.simd.vector_math import exp, log

BLOCK = 64  # vectors that are summed before their sum is added to the total: the error grows with both alone


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
    outer, n, inner = x.shape
    p, q, L = pointer(x), pointer(y), lanes(pointer(x))
    count, step, fewer = _vectors(x.shape, L)
    for o in range(outer):
        for i in range(o * n * inner, o * n * inner + inner, L):
            rest = n if inner == 1 else (o * n + 1) * inner - i
            softmax_slice(p + i, q + i, rest, count, step, fewer)


@jit(inline=True)
def _vectors(shape, lanes):
    """How a slice of (outer, n, inner) is walked: (vectors, step between them, lanes that each has fewer).

    Along the last axis, vectors lie within a slice and only the last is not whole; along another one, each of
    the n vectors holds one element of as many slices as there are lanes.
    """
    _, n, inner = shape
    return ((n + lanes - 1) // lanes, lanes, lanes) if inner == 1 else (n, inner, 0)


@jit(inline=True)
def largest(p, i, rest, count, step, fewer):
    """The largest of `count` vectors from `p[i]` on, `step` apart; vector k has rest - k fewer lanes."""
    other = -np.inf if fewer else 0.0
    a = load_rest(p, i, rest, other)
    b = c = d = a
    for k in range(1, count, 4):  # four at a time; what is seen twice changes no maximum
        k1, k2, k3 = min(k + 1, count - 1), min(k + 2, count - 1), min(k + 3, count - 1)
        a = larger(load_rest(p, i + k * step, rest - k * fewer, other), a)
        b = larger(load_rest(p, i + k1 * step, rest - k1 * fewer, other), b)
        c = larger(load_rest(p, i + k2 * step, rest - k2 * fewer, other), c)
        d = larger(load_rest(p, i + k3 * step, rest - k3 * fewer, other), d)
    return larger(larger(a, b), larger(c, d))


@jit(inline=True)
def exps(p, i, rest, count, step, fewer, m, q, j):
    """Write exp(p - m) to q, from `p[i]` and `q[j]` on, vectors as in `largest`; returns their sum."""
    other = -np.inf if fewer else 0.0
    total = zero = load_rest(p, i, 0)
    for k0 in range(0, count, BLOCK):
        part = zero
        for k in range(k0, min(count, k0 + BLOCK)):
            n = rest - k * fewer
            e = exp(load_rest(p, i + k * step, n, other) - m)
            store_rest(q, j + k * step, e, n)
            part = part + e
        total = total + part
    return total


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
    outer, n, inner = dy.shape
    p, q, d, L = pointer(dy), pointer(y), pointer(dx), lanes(pointer(dy))
    count, step, fewer = _vectors(dy.shape, L)
    for o in range(outer):
        for i in range(o * n * inner, o * n * inner + inner, L):
            rest = n if inner == 1 else (o * n + 1) * inner - i
            softmax_dx_slice(p + i, q + i, d + i, rest, count, step, fewer, True)


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


@jit
def _log_softmax(x, y):
    outer, n, inner = x.shape
    p, q, L = pointer(x), pointer(y), lanes(pointer(x))
    count, step, fewer = _vectors(x.shape, L)
    for o in range(outer):
        for i in range(o * n * inner, o * n * inner + inner, L):
            rest = n if inner == 1 else (o * n + 1) * inner - i
            log_softmax_slice(p + i, q + i, rest, count, step, fewer)


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
    outer, n, inner = dy.shape
    p, q, d, L = pointer(dy), pointer(y), pointer(dx), lanes(pointer(dy))
    count, step, fewer = _vectors(dy.shape, L)
    for o in range(outer):
        for i in range(o * n * inner, o * n * inner + inner, L):
            rest = n if inner == 1 else (o * n + 1) * inner - i
            log_softmax_dx_slice(p + i, q + i, d + i, rest, count, step, fewer, True)


# --- a slice, or as many slices as there are lanes (then `fewer` is 0): kernels and lanes twins ------------


@jit(inline=True)
def softmax_slice(x, y, rest, count, step, fewer):
    m = largest(x, 0, rest, count, step, fewer)
    if fewer:
        m = splat(hmax(m))
    total = exps(x, 0, rest, count, step, fewer, m, y, 0)
    if fewer:
        total = splat(hsum(total))
    scale = 1.0 / total
    for k in range(count):
        at, n = k * step, rest - k * fewer
        store_rest(y, at, load_rest(y, at, n) * scale, n)


@jit(inline=True)
def softmax_dx_slice(dy, y, dx, rest, count, step, fewer, add):
    mean = zero = load_rest(dy, 0, 0)
    for k0 in range(0, count, BLOCK):
        part = zero
        for k in range(k0, min(count, k0 + BLOCK)):
            at, n = k * step, rest - k * fewer
            part = fma(load_rest(dy, at, n), load_rest(y, at, n), part)
        mean = mean + part
    if fewer:
        mean = splat(hsum(mean))
    for k in range(count):
        at, n = k * step, rest - k * fewer
        slope, before = load_rest(dy, at, n) - mean, load_rest(dx, at, n) if add else zero
        store_rest(dx, at, fma(load_rest(y, at, n), slope, before), n)


@jit(inline=True)
def log_softmax_slice(x, y, rest, count, step, fewer):
    other = -np.inf if fewer else 0.0
    m = largest(x, 0, rest, count, step, fewer)
    if fewer:
        m = splat(hmax(m))
    total = zero = load_rest(x, 0, 0)
    for k0 in range(0, count, BLOCK):
        part = zero
        for k in range(k0, min(count, k0 + BLOCK)):
            part = part + exp(load_rest(x, k * step, rest - k * fewer, other) - m)
        total = total + part
    if fewer:
        total = splat(hsum(total))
    log_total = log(total)
    for k in range(count):
        at, n = k * step, rest - k * fewer
        store_rest(y, at, load_rest(x, at, n) - m - log_total, n)


@jit(inline=True)
def log_softmax_dx_slice(dy, y, dx, rest, count, step, fewer, add):
    mass = zero = load_rest(dy, 0, 0)
    for k0 in range(0, count, BLOCK):
        part = zero
        for k in range(k0, min(count, k0 + BLOCK)):
            part = part + load_rest(dy, k * step, rest - k * fewer)
        mass = mass + part
    if fewer:
        mass = splat(hsum(mass))
    for k in range(count):
        at, n = k * step, rest - k * fewer
        slope = load_rest(dy, at, n) - exp(load_rest(y, at, n)) * mass
        store_rest(dx, at, (load_rest(dx, at, n) if add else zero) + slope, n)


softmax_outputs, log_softmax_outputs = outputs(softmax), outputs(log_softmax)
