r"""Softplus, a smooth ReLU, and mish, which is made of it.

.. math::
    \mathrm{softplus}(x) = \frac{1}{\beta} \log(1 + e^{\beta x})
                         = \max(0, x) + \frac{1}{\beta} \log(1 + e^{-|\beta x|}) \qquad
    \mathrm{mish}(x) = x \tanh(\log(1 + e^x)) = x\, \frac{n}{n + 2}, \; n = e^x (e^x + 2)

x and y have any number of dimensions. Exponentials are of negative numbers or of at most 20: nothing
overflows, and no digit is lost far below 0, where both go to 0. So there is no threshold from which on x
itself is taken: torch has one at beta x = 20, where it is off by 2e-9. At inf they are inf; NaN stays NaN.
The gradients need the input, not the result.
Dugas et al. 2000, Incorporating Second-Order Functional Knowledge for Better Option Pricing; Misra 2019.
"""

from nbdl._jit import jit
from nbdl.kernels.activation.elementwise import add_over_all, check_same, over_all, positive
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.results import as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.simd.registers import larger, smaller
from nbdl.kernels.simd.vector_math import exp, log1p, sigmoid

FAR, ONE = 1000.0, 20.0  # below -FAR e^x is 0; above ONE tanh(log(1 + e^x)) is 1


@jit
def softplus_of(x, beta):
    return larger(0.0, x) + log1p(exp(-abs(beta * x))) / beta


@jit
def softplus_slope(dy, x, beta):
    return dy * sigmoid(beta * x)


@jit
def mish_of(x):
    # -inf times 0 would be NaN; -FAR times 0 is 0.
    x = larger(-FAR, x)
    e = exp(smaller(ONE, x))
    # A quotient instead of tanh(log1p(e)): one exponential, no logarithm, and no difference that cancels.
    n = e * (e + 2.0)
    return x * (n / (n + 2.0))


@jit
def mish_slope(dy, x):
    """t + x (1 - t^2) s, where t = n / (n + 2) and s = e^x / (1 + e^x): both squares are 1 + n."""
    # From ONE on the slope is 1. Of e^20, d d is about e^-80: still a normal number in float32.
    x = smaller(ONE, larger(-FAR, x))
    e = exp(x)
    n = e * (e + 2.0)
    d = 1.0 / (n + 2.0)
    return dy * (n * d + x * (4.0 * e * (1.0 + e) * d * d))


@jit
def softplus(x, beta=1.0, out=None):
    """log(1 + exp(beta x)) / beta, element by element.

    `x`, a float array of any shape, `out` and the result as in `relu`. `beta` is a positive
    number. Raises `OptionError`, `ShapeError`, `DtypeError`.
    """
    x = as_float("softplus: `x`", x, ANY)
    # Above 0 in the dtype of x too: it is divided by.
    beta = positive("softplus: `beta`", beta, x)
    y = as_out("softplus: `out`", out, x.shape, x)
    _softplus(flat(x), beta, flat(y))
    return y


@jit
def _softplus(x, beta, y):
    over_all(softplus_of, x, y, (beta,))


@jit
def softplus_dx(dy, x, beta=1.0, dx=None):
    """Adds dy times the sigmoid of beta x to `dx` (zeros if not given); x is the input of `softplus`."""
    dy = as_float("softplus_dx: `dy`", dy, ANY)
    x = as_like("softplus_dx: `x`", x, ANY, dy)
    beta = positive("softplus_dx: `beta`", beta, dy)
    check_same("softplus_dx", dy.shape, "x", x.shape)
    dx, add = as_grad_or_new("softplus_dx: `dx`", dx, dy.shape, dy)
    _softplus_dx(flat(dy), flat(x), beta, add, flat(dx))
    return dx


@jit
def _softplus_dx(dy, x, beta, add, dx):
    add_over_all(softplus_slope, dy, x, add, dx, (beta,))


@jit
def mish(x, out=None):
    """x times tanh(log(1 + exp(x))), element by element.

    `x`, a float array of any shape, `out`, the result and errors as in `relu`.
    """
    x = as_float("mish: `x`", x, ANY)
    y = as_out("mish: `out`", out, x.shape, x)
    _mish(flat(x), flat(y))
    return y


@jit
def _mish(x, y):
    over_all(mish_of, x, y)


@jit
def mish_dx(dy, x, dx=None):
    """Adds dy times the derivative at x to `dx` (zeros if not given); x is the input of `mish`."""
    dy = as_float("mish_dx: `dy`", dy, ANY)
    x = as_like("mish_dx: `x`", x, ANY, dy)
    check_same("mish_dx", dy.shape, "x", x.shape)
    dx, add = as_grad_or_new("mish_dx: `dx`", dx, dy.shape, dy)
    _mish_dx(flat(dy), flat(x), add, flat(dx))
    return dx


@jit
def _mish_dx(dy, x, add, dx):
    add_over_all(mish_slope, dy, x, add, dx)


softplus_outputs, mish_outputs = outputs(softplus), outputs(mish)
