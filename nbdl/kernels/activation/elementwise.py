r"""Activation functions, element by element: relu, sigmoid and tanh; and the loops of all the others.

.. math::
    \mathrm{relu}(x) = \max(0, x) \qquad \sigma(x) = \frac{1}{1 + e^{-x}} \qquad
    \tanh(x) = \frac{1 - e^{-2x}}{1 + e^{-2x}}

x and y have any number of dimensions. Infinite inputs saturate, NaN stays NaN, nothing overflows: the
exponential is taken of negative numbers only. The gradients need the result alone, not the input. `out` may
be `x` itself: each element is read before it is written.
Zhang et al., Dive into Deep Learning, section 5.1.

A formula is a function of one number, or of one vector of them, written in what `nbdl.kernels.simd` has:
``f(x, *options)``, and for its gradient ``slope(dy, x, *options)``, or y in the place of x. It stands on one
page alone; the loops here and those on lanes (`nbdl.kernels.lanes.elementwise`) take it as an argument.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.results import as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.simd import vector_math as _vector_math
from nbdl.kernels.simd.registers import larger, pointer, where
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.simd.vector_math import exp

# --- the formulas, on one number or one vector of them ----------------------------------------------------


@jit
def relu_of(x):
    # In this order: `larger` keeps a NaN in its second argument and loses one in its first.
    return larger(0.0, x)


@jit
def relu_slope(dy, y):
    """`dy` where y > 0: a NaN in y lets it pass, so that it is not hidden."""
    return where(y <= 0.0, 0.0, dy)


@jit
def sigmoid_slope(dy, y):
    # 0 where y has rounded to 1: what is lost there only x still knows, see `sigmoids`.
    return dy * y * (1.0 - y)


@jit
def sigmoids(x):
    """The sigmoids of x and of -x, which are 1 together: both with all their digits."""
    # At most 1, so no overflow; and e / (1 + e) keeps the digits of a small e, which 1 - 1 / (1 + e) loses.
    e = exp(-abs(x))
    least, most = e / (1.0 + e), 1.0 / (1.0 + e)
    return where(x > 0.0, most, least), where(x > 0.0, least, most)


@jit
def tanh_slope(dy, y):
    """dy (1 - y^2), without its cancellation near 1."""
    return dy * (1.0 - y) * (1.0 + y)


# --- the loops --------------------------------------------------------------------------------------------


@jit(inline=True)
def over_all(f, x, y, options=()):
    """y = f(x, *options), arrays of one dimension."""
    # The last vector may be a part: pointers check nothing, but no element beyond n is read or written.
    p, q, n = pointer(x), pointer(y), x.size
    for i in range(0, n, lanes(p)):
        store_rest(q, i, f(load_rest(p, i, n - i), *options), n - i)


@jit(inline=True)
def add_over_all(df, dy, known, add, dx, options=()):
    """dx += df(dy, known, *options), or = if not `add`; arrays of one dimension."""
    p, q, d, n = pointer(dy), pointer(known), pointer(dx), dy.size
    # Zeros of the dtype at hand. A new dx has any values, even NaN: without `add` it must not be read.
    zero = load_rest(p, 0, 0)
    for i in range(0, n, lanes(p)):
        slope = df(load_rest(p, i, n - i), load_rest(q, i, n - i), *options)
        store_rest(d, i, (load_rest(d, i, n - i) if add else zero) + slope, n - i)


# --- the kernels ------------------------------------------------------------------------------------------


@jit
def relu(x, out=None):
    """The larger of `x` and 0, element by element.

    Parameters
    ----------
    x : float array of any shape
    out : array of the same shape, optional
        Where the result goes; may be `x` itself.

    Returns
    -------
    array of the shape and dtype of `x`; NaN stays NaN.

    Raises
    ------
    ShapeError, DtypeError
        None if `x` is a float array and `out` is not given.
    """
    x = as_float("relu: `x`", x, ANY)
    y = as_out("relu: `out`", out, x.shape, x)
    # Seen flat, so that the loop is compiled once, not once more for each number of dimensions.
    _relu(x.reshape(x.size), y.reshape(y.size))
    return y


@jit
def _relu(x, y):
    over_all(relu_of, x, y)


@jit
def relu_dx(dy, y, dx=None):
    """Adds `dy` where `y` > 0 to `dx` (zeros if not given), nothing elsewhere: the derivative at 0 is 0."""
    dy = as_float("relu_dx: `dy`", dy, ANY)
    y = as_like("relu_dx: `y`", y, ANY, dy)
    check_same("relu_dx", dy.shape, "y", y.shape)
    dx, add = as_grad_or_new("relu_dx: `dx`", dx, dy.shape, dy)
    _relu_dx(dy.reshape(dy.size), y.reshape(y.size), add, dx.reshape(dx.size))
    return dx


@jit
def _relu_dx(dy, y, add, dx):
    add_over_all(relu_slope, dy, y, add, dx)


@jit
def sigmoid(x, out=None):
    """The logistic function 1 / (1 + exp(-x)), element by element.

    `x`, a float array of any shape, `out`, the result and errors as in `relu`.
    """
    x = as_float("sigmoid: `x`", x, ANY)
    y = as_out("sigmoid: `out`", out, x.shape, x)
    _sigmoid(x.reshape(x.size), y.reshape(y.size))
    return y


@jit
def _sigmoid(x, y):
    over_all(_vector_math.sigmoid, x, y)


@jit
def sigmoid_dx(dy, y, dx=None):
    """Adds dy y (1 - y) to `dx` (zeros if not given); y is the result of `sigmoid`."""
    dy = as_float("sigmoid_dx: `dy`", dy, ANY)
    y = as_like("sigmoid_dx: `y`", y, ANY, dy)
    check_same("sigmoid_dx", dy.shape, "y", y.shape)
    dx, add = as_grad_or_new("sigmoid_dx: `dx`", dx, dy.shape, dy)
    _sigmoid_dx(dy.reshape(dy.size), y.reshape(y.size), add, dx.reshape(dx.size))
    return dx


@jit
def _sigmoid_dx(dy, y, add, dx):
    add_over_all(sigmoid_slope, dy, y, add, dx)


@jit
def tanh(x, out=None):
    """The hyperbolic tangent, element by element.

    `x`, a float array of any shape, `out`, the result and errors as in `relu`.
    """
    x = as_float("tanh: `x`", x, ANY)
    y = as_out("tanh: `out`", out, x.shape, x)
    _tanh(x.reshape(x.size), y.reshape(y.size))
    return y


@jit
def _tanh(x, y):
    over_all(_vector_math.tanh, x, y)


@jit
def tanh_dx(dy, y, dx=None):
    """Adds dy (1 - y^2) to `dx` (zeros if not given); y is the result of `tanh`."""
    dy = as_float("tanh_dx: `dy`", dy, ANY)
    y = as_like("tanh_dx: `y`", y, ANY, dy)
    check_same("tanh_dx", dy.shape, "y", y.shape)
    dx, add = as_grad_or_new("tanh_dx: `dx`", dx, dy.shape, dy)
    _tanh_dx(dy.reshape(dy.size), y.reshape(y.size), add, dx.reshape(dx.size))
    return dx


@jit
def _tanh_dx(dy, y, add, dx):
    add_over_all(tanh_slope, dy, y, add, dx)


@jit
def check_same(kernel, dy_shape, name, shape):
    if dy_shape != shape:
        raise ShapeError("{}: `dy` must have shape {}, that of `{}`, got {}", kernel, shape, name, dy_shape)


@jit
def finite(where, v, x):
    """An option as a number of the dtype of `x`."""
    # Put so that NaN, which compares false, is refused, and what would be infinite in the dtype of `x`.
    if not abs(v) <= float(np.finfo(x.dtype).max):
        raise OptionError("{} must be a finite number, got {}", where, v)
    return x.dtype.type(v)


@jit
def positive(where, v, x):
    """The same for one that must be above 0."""
    # Asked in the dtype of `x`, where a tiny number may be 0: callers divide by it.
    if not (v <= float(np.finfo(x.dtype).max) and x.dtype.type(v) > 0):
        raise OptionError("{} must be a positive number, got {}", where, v)
    return x.dtype.type(v)


relu_outputs, sigmoid_outputs, tanh_outputs = outputs(relu), outputs(sigmoid), outputs(tanh)
