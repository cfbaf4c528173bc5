r"""Hard sigmoid and hard swish: sigmoid and SiLU of straight lines, without an exponential.

.. math::
    h(x) = \min(1, \max(0, \alpha x + \beta)) \qquad
    \mathrm{hard\_swish}(x) = x\, h(x) \text{ with } \alpha = \tfrac16, \beta = \tfrac12

x and y have any number of dimensions. By default alpha is 1/6 as in torch; ONNX, and Keras of old, say 1/5.
NaN stays NaN. The gradient of `hard_sigmoid` needs the result: it is alpha where 0 < y < 1, and 0 where y is
0 or 1. That of `hard_swish` needs the input: it is 0 at -3 and 1 at 3.
Courbariaux et al. 2015, equation 3; Howard et al. 2019, section 5.2.
"""

from nbdl._jit import jit
from nbdl.kernels.activation.elementwise import add_over_all, check_same, finite, over_all
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.results import as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.simd.registers import larger, smaller, where


@jit
def hard_sigmoid_of(x, alpha, beta):
    # x is in the second argument of both, where a NaN is kept.
    return larger(0.0, smaller(1.0, alpha * x + beta))


@jit
def hard_sigmoid_slope(dy, y, alpha, beta):
    """A NaN in y lets dy pass, so that it is not hidden."""
    # y is enough: it is between 0 and 1 just where the line has a slope.
    return where((y <= 0.0) | (y >= 1.0), 0.0, alpha * dy)


@jit
def hard_swish_of(x):
    # Below -3 it is 0 in any case: cut off, -inf is not multiplied by 0.
    x = larger(-3.0, x)
    return x * smaller(1.0, (x + 3.0) * (1.0 / 6.0))


@jit
def hard_swish_slope(dy, x):
    # Computed everywhere and chosen between -3 and 3 alone; at infinity it would be infinite.
    inner = dy * (x * (1.0 / 3.0) + 0.5)
    return where(x >= 3.0, dy, where(x <= -3.0, 0.0, inner))


@jit
def hard_sigmoid(x, alpha=1 / 6, beta=0.5, out=None):
    """alpha x + beta, at least 0 and at most 1, element by element.

    `x`, a float array of any shape, `out` and the result as in `relu`. `alpha` and `beta` are
    finite numbers. Raises `OptionError`, `ShapeError`, `DtypeError`.
    """
    x = as_float("hard_sigmoid: `x`", x, ANY)
    # An infinite one would make NaN of x = 0.
    alpha = finite("hard_sigmoid: `alpha`", alpha, x)
    beta = finite("hard_sigmoid: `beta`", beta, x)
    y = as_out("hard_sigmoid: `out`", out, x.shape, x)
    _hard_sigmoid(flat(x), alpha, beta, flat(y))
    return y


@jit
def _hard_sigmoid(x, alpha, beta, y):
    over_all(hard_sigmoid_of, x, y, (alpha, beta))


@jit
def hard_sigmoid_dx(dy, y, alpha=1 / 6, beta=0.5, dx=None):
    """Adds alpha dy where 0 < y < 1 to `dx` (zeros if not given); y is the result of `hard_sigmoid`."""
    dy = as_float("hard_sigmoid_dx: `dy`", dy, ANY)
    y = as_like("hard_sigmoid_dx: `y`", y, ANY, dy)
    alpha = finite("hard_sigmoid_dx: `alpha`", alpha, dy)
    beta = finite("hard_sigmoid_dx: `beta`", beta, dy)
    check_same("hard_sigmoid_dx", dy.shape, "y", y.shape)
    dx, add = as_grad_or_new("hard_sigmoid_dx: `dx`", dx, dy.shape, dy)
    _hard_sigmoid_dx(flat(dy), flat(y), alpha, beta, add, flat(dx))
    return dx


@jit
def _hard_sigmoid_dx(dy, y, alpha, beta, add, dx):
    add_over_all(hard_sigmoid_slope, dy, y, add, dx, (alpha, beta))


@jit
def hard_swish(x, out=None):
    """x times its hard sigmoid, element by element.

    `x`, a float array of any shape, `out`, the result and errors as in `relu`.
    """
    x = as_float("hard_swish: `x`", x, ANY)
    y = as_out("hard_swish: `out`", out, x.shape, x)
    _hard_swish(flat(x), flat(y))
    return y


@jit
def _hard_swish(x, y):
    over_all(hard_swish_of, x, y)


@jit
def hard_swish_dx(dy, x, dx=None):
    """Adds dy times 0 up to x = -3, 1 from x = 3 on, else x / 3 + 1 / 2, to `dx` (zeros if not given)."""
    dy = as_float("hard_swish_dx: `dy`", dy, ANY)
    x = as_like("hard_swish_dx: `x`", x, ANY, dy)
    check_same("hard_swish_dx", dy.shape, "x", x.shape)
    dx, add = as_grad_or_new("hard_swish_dx: `dx`", dx, dy.shape, dy)
    _hard_swish_dx(flat(dy), flat(x), add, flat(dx))
    return dx


@jit
def _hard_swish_dx(dy, x, add, dx):
    add_over_all(hard_swish_slope, dy, x, add, dx)


hard_sigmoid_outputs, hard_swish_outputs = outputs(hard_sigmoid), outputs(hard_swish)
