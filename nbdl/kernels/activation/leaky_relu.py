r"""Leaky ReLU: negative elements are multiplied by a small slope.

.. math:: y = x \text{ if } x > 0 \text{, else } s\, x

x and y have any number of dimensions. NaN stays NaN. The gradient needs the input, not the result: the slope
may be negative. At 0 it is the slope, as in torch.
Maas et al. 2013, section 2.
"""

from nbdl._jit import jit
from nbdl.kernels.activation.elementwise import add_over_all, check_same, finite, over_all
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.results import as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.simd.registers import where


@jit
def leaky_relu_of(x, slope):
    # Not the larger of both: the slope may be negative or above 1. NaN compares false, and slope x keeps it.
    return where(x > 0.0, x, slope * x)


@jit
def leaky_relu_slope(dy, x, slope):
    return where(x > 0.0, dy, slope * dy)


@jit
def leaky_relu(x, slope=0.01, out=None):
    """x where it is positive, else `slope` times x, element by element.

    `x`, a float array of any shape, `out` and the result as in `relu`. `slope` is any finite number.
    Raises `OptionError`, `ShapeError`, `DtypeError`.
    """
    x = as_float("leaky_relu: `x`", x, ANY)
    # An infinite one would make NaN of x = 0.
    slope = finite("leaky_relu: `slope`", slope, x)
    y = as_out("leaky_relu: `out`", out, x.shape, x)
    _leaky_relu(flat(x), slope, flat(y))
    return y


@jit
def _leaky_relu(x, slope, y):
    over_all(leaky_relu_of, x, y, (slope,))


@jit
def leaky_relu_dx(dy, x, slope=0.01, dx=None):
    """Adds dy where x > 0, elsewhere `slope` dy, to `dx` (zeros if not given); x is the input."""
    dy = as_float("leaky_relu_dx: `dy`", dy, ANY)
    x = as_like("leaky_relu_dx: `x`", x, ANY, dy)
    slope = finite("leaky_relu_dx: `slope`", slope, dy)
    check_same("leaky_relu_dx", dy.shape, "x", x.shape)
    dx, add = as_grad_or_new("leaky_relu_dx: `dx`", dx, dy.shape, dy)
    _leaky_relu_dx(flat(dy), flat(x), slope, add, flat(dx))
    return dx


@jit
def _leaky_relu_dx(dy, x, slope, add, dx):
    add_over_all(leaky_relu_slope, dy, x, add, dx, (slope,))


leaky_relu_outputs = outputs(leaky_relu)
