r"""Gated linear units: an axis is cut in two halves, of which one is the gate of the other.

.. math::
    \mathrm{glu}(x) = a\, \sigma(b) \qquad \mathrm{swiglu}(x) = a\, \sigma(a)\, b \qquad
    x = (a, b) \text{ along the axis}

x has any shape, with an even size along the axis; y has half of that. The second half is the gate of `glu`,
as in torch; the first half is that of `swiglu`, silu(a) b, as in the models that make both by one product. An
array is seen as (outer, 2, half): halves are contiguous. The gradients need the input, not the result.
Dauphin et al. 2017, section 3 (glu); Shazeer 2020, section 2 (swiglu).
"""

from numba.cpython.unsafe.tuple import tuple_setitem
from numba.extending import overload

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.activation.elementwise import check_same, sigmoids
from nbdl.kernels.activation.silu import silu_of, silu_slope
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.simd.registers import pointer
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.simd.vector_math import sigmoid

# --- the formulas: of both halves, and the gradients of each ----------------------------------------------


@jit
def glu_of(a, b):
    return a * sigmoid(b)


@jit
def glu_first(dy, a, b):
    return dy * sigmoid(b)


@jit
def glu_second(dy, a, b):
    s, rest = sigmoids(b)
    # Both sigmoids from b: 1 - s would be 0 where s rounds to 1.
    return dy * a * (s * rest)


@jit
def swiglu_of(a, b):
    return silu_of(a) * b


@jit
def swiglu_first(dy, a, b):
    return silu_slope(dy * b, a)


@jit
def swiglu_second(dy, a, b):
    return dy * silu_of(a)


# --- the loops --------------------------------------------------------------------------------------------


@jit(inline=True)
def _over_halves(f, x, y):
    """y = f(a, b) of the halves of x (outer, 2, half); y is (outer, half)."""
    # The halves of a slice lie one behind the other: a and b are read as two runs, nothing is gathered.
    p, q, (outer, half) = pointer(x), pointer(y), y.shape
    for o in range(outer):
        for i in range(0, half, lanes(p)):
            a, rest = 2 * o * half + i, half - i
            store_rest(q, o * half + i, f(load_rest(p, a, rest), load_rest(p, a + half, rest)), rest)


@jit(inline=True)
def _add_over_halves(df, which, dy, x, dx):
    """Half `which` of dx += df(dy, a, b)."""
    p, q, d, (outer, half) = pointer(dy), pointer(x), pointer(dx), dy.shape
    for o in range(outer):
        for i in range(0, half, lanes(p)):
            a, rest = 2 * o * half + i, half - i
            slope = df(load_rest(p, o * half + i, rest), load_rest(q, a, rest), load_rest(q, a + half, rest))
            at = a + which * half
            store_rest(d, at, load_rest(d, at, rest) + slope, rest)


# --- the kernels ------------------------------------------------------------------------------------------


@jit
def _split(kernel, shape, axis):
    """(outer, half): what stands before the axis, and how many elements lie together in a half."""
    ndim = len(shape)
    if axis < -ndim or axis >= ndim:
        raise OptionError("{}: `axis` must be one of the {} axes of `x`, got {}", kernel, ndim, axis)
    n = shape[axis]
    if n % 2 or n == 0:
        raise ShapeError("{}: `x` must have an even size along `axis` {}, got shape {}", kernel, axis, shape)
    outer = inner = 1
    for d in range(ndim):
        if d < axis % ndim:
            outer *= shape[d]
        elif d > axis % ndim:
            inner *= shape[d]
    # Axes behind this one belong to a half: it stays one run of memory.
    return outer, n // 2 * inner


def _halved(shape, axis):
    """The shape with half the size along an axis that it has."""
    return tuple(n // 2 if d == axis % len(shape) else n for d, n in enumerate(shape))


@overload(_halved)
def _halved_overload(shape, axis):
    # `_split` has refused this already, but the code has to compile for every shape.
    if len(shape) == 0:
        return lambda shape, axis: shape
    # Numba makes no tuple of a generator; replacing one element keeps the type.
    return lambda shape, axis: tuple_setitem(shape, axis % len(shape), shape[axis] // 2)


@jit
def glu(x, axis=-1, out=None):
    """The first half of x along an axis times the sigmoid of the second.

    Parameters
    ----------
    x : float array of any shape
        Its size along the axis is even.
    axis : int
        Counted from the end where negative.
    out : array of the shape of the result, optional
        Where it goes; must not overlap `x`.

    Returns
    -------
    array of the dtype of `x`, with half its size along the axis.

    Raises
    ------
    OptionError, ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once on one array before the loop.
    """
    x = as_float("glu: `x`", x, ANY)
    axis = integer("glu: `axis`", axis)
    outer, half = _split("glu", x.shape, axis)
    y = as_out("glu: `out`", out, _halved(x.shape, axis), x)
    # Two or three dimensions whatever x has: the loop is compiled once.
    _glu(x.reshape((outer, 2, half)), y.reshape((outer, half)))
    return y


@jit
def _glu(x, y):
    _over_halves(glu_of, x, y)


@jit
def glu_dx(dy, x, axis=-1, dx=None):
    """Adds dy s and dy a s (1 - s) to the halves of `dx` (zeros if not given), s the sigmoid of b."""
    dy = as_float("glu_dx: `dy`", dy, ANY)
    x = as_like("glu_dx: `x`", x, ANY, dy)
    axis = integer("glu_dx: `axis`", axis)
    outer, half = _split("glu_dx", x.shape, axis)
    check_same("glu_dx", dy.shape, "y", _halved(x.shape, axis))
    dx = as_grad("glu_dx: `dx`", dx, x.shape, dy)
    _glu_dx(dy.reshape((outer, half)), x.reshape((outer, 2, half)), dx.reshape((outer, 2, half)))
    return dx


@jit
def _glu_dx(dy, x, dx):
    _add_over_halves(glu_first, 0, dy, x, dx)
    _add_over_halves(glu_second, 1, dy, x, dx)


@jit
def swiglu(x, axis=-1, out=None):
    """The SiLU of the first half of x along an axis times the second half.

    `x`, a float array of any shape, `axis`, `out`, the result and errors as in `glu`.
    """
    x = as_float("swiglu: `x`", x, ANY)
    axis = integer("swiglu: `axis`", axis)
    outer, half = _split("swiglu", x.shape, axis)
    y = as_out("swiglu: `out`", out, _halved(x.shape, axis), x)
    _swiglu(x.reshape((outer, 2, half)), y.reshape((outer, half)))
    return y


@jit
def _swiglu(x, y):
    _over_halves(swiglu_of, x, y)


@jit
def swiglu_dx(dy, x, axis=-1, dx=None):
    """Adds dy b times the slope of silu at a, and dy silu(a), to the halves of `dx` (zeros if not given)."""
    dy = as_float("swiglu_dx: `dy`", dy, ANY)
    x = as_like("swiglu_dx: `x`", x, ANY, dy)
    axis = integer("swiglu_dx: `axis`", axis)
    outer, half = _split("swiglu_dx", x.shape, axis)
    check_same("swiglu_dx", dy.shape, "y", _halved(x.shape, axis))
    dx = as_grad("swiglu_dx: `dx`", dx, x.shape, dy)
    _swiglu_dx(dy.reshape((outer, half)), x.reshape((outer, 2, half)), dx.reshape((outer, 2, half)))
    return dx


@jit
def _swiglu_dx(dy, x, dx):
    _add_over_halves(swiglu_first, 0, dy, x, dx)
    _add_over_halves(swiglu_second, 1, dy, x, dx)


glu_outputs, swiglu_outputs = outputs(glu), outputs(swiglu)
