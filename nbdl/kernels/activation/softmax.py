r"""Softmax along an axis, and its logarithm.

.. math:: y_i = \frac{e^{x_i - m}}{\sum_j e^{x_j - m}} \qquad
          \log y_i = x_i - m - \log \sum_j e^{x_j - m} \qquad m = \max_j x_j

x and y have any number of dimensions; an array is seen as (outer, n, inner) with the axis in the middle.
Subtracting the maximum changes nothing but keeps every exponential in [0, 1]. An entry of -inf has
probability 0; a slice with NaN, with +inf or with nothing but -inf is NaN. `out` may be `x` itself.
Zhang et al., Dive into Deep Learning, section 4.1.
"""

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.activation.softmax_slices import (
    log_softmax_dx_slice,
    log_softmax_slice,
    softmax_dx_slice,
    softmax_slice,
)
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.options import integer, split_axis
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.simd.registers import pointer
from nbdl.kernels.simd.shuffle import lanes


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

    Examples
    --------
    >>> softmax(np.array([0.0, np.log(3.0)]))
    array([0.25, 0.75])
    """
    x = as_float("softmax: `x`", x, ANY)
    view = split_axis("softmax", x.shape, integer("softmax: `axis`", axis))
    y = as_out("softmax: `out`", out, x.shape, x)
    # Three dimensions whatever x has: the loop is compiled once.
    _softmax(x.reshape(view), y.reshape(view))
    return y


@jit
def _softmax(x, y):
    _over_slices(softmax_slice, x, y)


@jit(inline=True)
def _over_slices(kernel, x, y):
    """``kernel(x, y, ...)`` of each slice of arrays (outer, n, inner)."""
    outer, n, inner = x.shape
    p, q, L = pointer(x), pointer(y), lanes(pointer(x))
    count, step, fewer = _vectors(x.shape, L)
    for o in range(outer):
        # A single turn where inner is 1: the vectors then walk along the slice.
        for i in range(o * n * inner, o * n * inner + inner, L):
            # Lanes that exist: of the slice itself, or as many as there are slices left side by side.
            rest = n if inner == 1 else (o * n + 1) * inner - i
            kernel(p + i, q + i, rest, count, step, fewer)


@jit(inline=True)
def _vectors(shape, lanes):
    """How a slice of (outer, n, inner) is walked: (vectors, step between them, lanes that each has fewer).

    Along the last axis, vectors lie within a slice and only the last is not whole; along another one, each of
    the n vectors holds one element of as many slices as there are lanes.
    """
    # `fewer` also says whether the lanes are of one slice, so that they must be combined in the end.
    _, n, inner = shape
    return ((n + lanes - 1) // lanes, lanes, lanes) if inner == 1 else (n, inner, 0)


@jit
def softmax_dx(dy, y, axis=-1, dx=None):
    r"""Adds :math:`y_i (dy_i - \sum_j dy_j y_j)` to `dx` (zeros if not given); y is what `softmax` gave.

    Examples
    --------
    >>> softmax_dx(np.array([1.0, 0.0]), np.array([0.25, 0.75]))
    array([ 0.1875, -0.1875])
    """
    dy = as_float("softmax_dx: `dy`", dy, ANY)
    y = as_like("softmax_dx: `y`", y, ANY, dy)
    if dy.shape != y.shape:
        raise ShapeError("softmax_dx: `dy` must have shape {}, that of `y`, got {}", y.shape, dy.shape)
    view = split_axis("softmax_dx", dy.shape, integer("softmax_dx: `axis`", axis))
    # Zeros or what was there before: the loop adds in both cases.
    dx = as_grad("softmax_dx: `dx`", dx, dy.shape, dy)
    _softmax_dx(dy.reshape(view), y.reshape(view), dx.reshape(view))
    return dx


@jit
def _softmax_dx(dy, y, dx):
    _add_over_slices(softmax_dx_slice, dy, y, dx)


@jit(inline=True)
def _add_over_slices(kernel, dy, y, dx):
    """``kernel(dy, y, dx, ...)`` of each slice, which adds to dx."""
    outer, n, inner = dy.shape
    p, q, d, L = pointer(dy), pointer(y), pointer(dx), lanes(pointer(dy))
    count, step, fewer = _vectors(dy.shape, L)
    for o in range(outer):
        for i in range(o * n * inner, o * n * inner + inner, L):
            rest = n if inner == 1 else (o * n + 1) * inner - i
            kernel(p + i, q + i, d + i, rest, count, step, fewer, True)


@jit
def log_softmax(x, axis=-1, out=None):
    """The logarithm of `softmax`, exact also where the probability underflows.

    `x`, a float array of any shape, `axis`, `out`, the result and errors as in `softmax`.

    Examples
    --------
    >>> log_softmax(np.array([0.0, 0.0]))
    array([-0.69314718, -0.69314718])
    """
    x = as_float("log_softmax: `x`", x, ANY)
    view = split_axis("log_softmax", x.shape, integer("log_softmax: `axis`", axis))
    y = as_out("log_softmax: `out`", out, x.shape, x)
    _log_softmax(x.reshape(view), y.reshape(view))
    return y


@jit
def _log_softmax(x, y):
    _over_slices(log_softmax_slice, x, y)


@jit
def log_softmax_dx(dy, y, axis=-1, dx=None):
    r"""Adds :math:`dy_i - e^{y_i} \sum_j dy_j` to `dx` (zeros if not given); y is what `log_softmax` gave.

    Examples
    --------
    >>> log_softmax_dx(np.array([1.0, 0.0]), np.log([0.25, 0.75]))
    array([ 0.75, -0.75])
    """
    dy = as_float("log_softmax_dx: `dy`", dy, ANY)
    y = as_like("log_softmax_dx: `y`", y, ANY, dy)
    if dy.shape != y.shape:
        raise ShapeError("log_softmax_dx: `dy` must have shape {}, that of `y`, got {}", y.shape, dy.shape)
    view = split_axis("log_softmax_dx", dy.shape, integer("log_softmax_dx: `axis`", axis))
    dx = as_grad("log_softmax_dx: `dx`", dx, dy.shape, dy)
    _log_softmax_dx(dy.reshape(view), y.reshape(view), dx.reshape(view))
    return dx


@jit
def _log_softmax_dx(dy, y, dx):
    _add_over_slices(log_softmax_dx_slice, dy, y, dx)


softmax_outputs, log_softmax_outputs = outputs(softmax), outputs(log_softmax)
