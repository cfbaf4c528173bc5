r"""SiLU, also called swish: each element times its sigmoid.

.. math:: y = x\, \sigma(x) \qquad \frac{dy}{dx} = \sigma(x)\, (1 + x\, (1 - \sigma(x)))

x and y have any number of dimensions. It is 0 at -inf and inf at inf; NaN stays NaN. The gradient needs the
input, not the result.
Hendrycks and Gimpel 2016, section 2 (SiLU); Ramachandran et al. 2017 (swish, with beta 1).
"""

from nbdl._jit import jit
from nbdl.kernels.activation.elementwise import add_over_all, check_same, over_all, sigmoids
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.results import as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.simd.registers import larger, smaller
from nbdl.kernels.simd.vector_math import sigmoid

FAR = 1000.0  # there all sigmoids are 0 and 1


@jit
def silu_of(x):
    # -inf times 0 would be NaN; -FAR times its sigmoid is 0.
    x = larger(-FAR, x)
    return x * sigmoid(x)


@jit
def silu_slope(dy, x):
    # At both ends an infinite x would meet a factor of 0.
    x = smaller(FAR, larger(-FAR, x))
    # `rest` is 1 - s with all its digits: the difference is 0 where s rounds to 1.
    s, rest = sigmoids(x)
    return dy * (s * (1.0 + x * rest))


@jit
def silu(x, out=None):
    """x times its sigmoid, element by element.

    `x`, a float array of any shape, `out`, the result and errors as in `relu`.
    """
    x = as_float("silu: `x`", x, ANY)
    y = as_out("silu: `out`", out, x.shape, x)
    _silu(flat(x), flat(y))
    return y


@jit
def _silu(x, y):
    over_all(silu_of, x, y)


@jit
def silu_dx(dy, x, dx=None):
    """Adds dy s (1 + x (1 - s)), s the sigmoid of x, to `dx` (zeros if not given); x is the input."""
    dy = as_float("silu_dx: `dy`", dy, ANY)
    x = as_like("silu_dx: `x`", x, ANY, dy)
    check_same("silu_dx", dy.shape, "x", x.shape)
    dx, add = as_grad_or_new("silu_dx: `dx`", dx, dy.shape, dy)
    _silu_dx(flat(dy), flat(x), add, flat(dx))
    return dx


@jit
def _silu_dx(dy, x, add, dx):
    add_over_all(silu_slope, dy, x, add, dx)


silu_outputs = outputs(silu)
