r"""The exponential linear units: elu, selu and celu.

.. math::
    \mathrm{elu}(x) = x \text{ if } x > 0 \text{, else } \alpha\, (e^x - 1) \qquad
    \mathrm{celu}(x) = x \text{ if } x > 0 \text{, else } \alpha\, (e^{x / \alpha} - 1)

    \mathrm{selu}(x) = \lambda\, \mathrm{elu}(x), \; \lambda = 1.0507009873554805, \alpha = 1.6732632423543772

x and y have any number of dimensions. Near 0 no digit of e^x - 1 is lost; far below it is -1. NaN stays NaN.
The gradients need the input, not the result; at 0 they are those from below, as in torch: alpha for elu,
lambda alpha for selu, 1 for celu, which has no kink.
Clevert et al. 2016, section 3 (elu); Klambauer et al. 2017, equation 2 (selu); Barron 2017 (celu).
"""

from nbdl._jit import jit
from nbdl.kernels.activation.elementwise import add_over_all, check_same, finite, over_all, positive
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.results import as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.simd.registers import where
from nbdl.kernels.simd.vector_math import exp, expm1

SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772  # the fixed point of mean 0 and variance 1


@jit
def elu_of(x, alpha):
    # Both sides are computed in every lane: of a large x expm1 is inf, and is not chosen.
    return where(x > 0.0, x, alpha * expm1(x))


@jit
def elu_slope(dy, x, alpha):
    # From x: y + alpha is the same number, but cancels far below 0, where y is next to -alpha.
    return where(x > 0.0, dy, dy * (alpha * exp(x)))


@jit
def selu_of(x):
    return SCALE * where(x > 0.0, x, ALPHA * expm1(x))


@jit
def selu_slope(dy, x):
    return SCALE * where(x > 0.0, dy, dy * (ALPHA * exp(x)))


@jit
def celu_of(x, alpha):
    # The checks let no alpha through that is 0 in the dtype of x.
    return where(x > 0.0, x, alpha * expm1(x / alpha))


@jit
def celu_slope(dy, x, alpha):
    # No factor alpha, which the division by it takes away: the slope at 0 is 1 from both sides.
    return where(x > 0.0, dy, dy * exp(x / alpha))


@jit
def elu(x, alpha=1.0, out=None):
    """x where it is positive, else alpha (exp(x) - 1), element by element.

    `x`, a float array of any shape, `out` and the result as in `relu`. `alpha` is any finite number.
    Raises `OptionError`, `ShapeError`, `DtypeError`.
    """
    x = as_float("elu: `x`", x, ANY)
    # An infinite one would make NaN of x = 0.
    alpha = finite("elu: `alpha`", alpha, x)
    y = as_out("elu: `out`", out, x.shape, x)
    _elu(flat(x), alpha, flat(y))
    return y


@jit
def _elu(x, alpha, y):
    over_all(elu_of, x, y, (alpha,))


@jit
def elu_dx(dy, x, alpha=1.0, dx=None):
    """Adds dy where x > 0, elsewhere dy alpha exp(x), to `dx` (zeros if not given); x is the input."""
    dy = as_float("elu_dx: `dy`", dy, ANY)
    x = as_like("elu_dx: `x`", x, ANY, dy)
    alpha = finite("elu_dx: `alpha`", alpha, dy)
    check_same("elu_dx", dy.shape, "x", x.shape)
    dx, add = as_grad_or_new("elu_dx: `dx`", dx, dy.shape, dy)
    _elu_dx(flat(dy), flat(x), alpha, add, flat(dx))
    return dx


@jit
def _elu_dx(dy, x, alpha, add, dx):
    add_over_all(elu_slope, dy, x, add, dx, (alpha,))


@jit
def selu(x, out=None):
    """elu with the scale and the alpha that keep mean 0 and variance 1, element by element.

    `x`, a float array of any shape, `out`, the result and errors as in `relu`.
    """
    x = as_float("selu: `x`", x, ANY)
    y = as_out("selu: `out`", out, x.shape, x)
    _selu(flat(x), flat(y))
    return y


@jit
def _selu(x, y):
    over_all(selu_of, x, y)


@jit
def selu_dx(dy, x, dx=None):
    """Adds lambda dy where x > 0, elsewhere lambda dy alpha exp(x), to `dx` (zeros if not given)."""
    dy = as_float("selu_dx: `dy`", dy, ANY)
    x = as_like("selu_dx: `x`", x, ANY, dy)
    check_same("selu_dx", dy.shape, "x", x.shape)
    dx, add = as_grad_or_new("selu_dx: `dx`", dx, dy.shape, dy)
    _selu_dx(flat(dy), flat(x), add, flat(dx))
    return dx


@jit
def _selu_dx(dy, x, add, dx):
    add_over_all(selu_slope, dy, x, add, dx)


@jit
def celu(x, alpha=1.0, out=None):
    """x where it is positive, else alpha (exp(x / alpha) - 1), element by element.

    `x`, a float array of any shape, `out` and the result as in `relu`. `alpha` is a positive
    number. Raises `OptionError`, `ShapeError`, `DtypeError`.
    """
    x = as_float("celu: `x`", x, ANY)
    alpha = positive("celu: `alpha`", alpha, x)
    y = as_out("celu: `out`", out, x.shape, x)
    _celu(flat(x), alpha, flat(y))
    return y


@jit
def _celu(x, alpha, y):
    over_all(celu_of, x, y, (alpha,))


@jit
def celu_dx(dy, x, alpha=1.0, dx=None):
    """Adds dy where x > 0, elsewhere dy exp(x / alpha), to `dx` (zeros if not given); x is the input."""
    dy = as_float("celu_dx: `dy`", dy, ANY)
    x = as_like("celu_dx: `x`", x, ANY, dy)
    alpha = positive("celu_dx: `alpha`", alpha, dy)
    check_same("celu_dx", dy.shape, "x", x.shape)
    dx, add = as_grad_or_new("celu_dx: `dx`", dx, dy.shape, dy)
    _celu_dx(flat(dy), flat(x), alpha, add, flat(dx))
    return dx


@jit
def _celu_dx(dy, x, alpha, add, dx):
    add_over_all(celu_slope, dy, x, add, dx, (alpha,))


elu_outputs, selu_outputs, celu_outputs = outputs(elu), outputs(selu), outputs(celu)
