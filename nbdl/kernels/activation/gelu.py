r"""GELU, the Gaussian error linear unit: each element times the probability that a normal number is below it.

.. math:: y = x\, \Phi(x) = \frac{x}{2}\, \mathrm{erfc}\left(\frac{-x}{\sqrt 2}\right) \qquad
          \frac{dy}{dx} = \Phi(x) + x\, \varphi(x) \qquad \varphi(x) = \frac{e^{-x^2 / 2}}{\sqrt{2 \pi}}

x and y have any number of dimensions. It is 0 at -inf and inf at inf; NaN stays NaN. The gradient needs the
input, not the result. This is the exact form, as torch has it without ``approximate``.
Hendrycks and Gimpel 2016, equation 1.
"""

import math

from nbdl._jit import jit
from nbdl.kernels.activation.elementwise import add_over_all, check_same, over_all
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.simd.registers import larger, smaller
from nbdl.kernels.simd.vector_math import erfc, exp

FAR = 40.0  # there all probabilities are 0 and 1
ROOT = math.sqrt(0.5)
PEAK = 1 / math.sqrt(2 * math.pi)  # of the normal density


@jit(inline=True)
def gelu_of(x):
    x = larger(-FAR, x)
    return 0.5 * x * erfc(x * -ROOT)


@jit(inline=True)
def gelu_slope(dy, x):
    x = smaller(FAR, larger(-FAR, x))
    return dy * (0.5 * erfc(x * -ROOT) + x * (PEAK * exp(x * x * -0.5)))


@jit
def gelu(x, out=None):
    """x times the standard normal distribution function of x, element by element.

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
    x = as_float("gelu: `x`", x, ANY)
    y = as_out("gelu: `out`", out, x.shape, x)
    _gelu(x.reshape(x.size), y.reshape(y.size))
    return y


@jit
def _gelu(x, y):
    over_all(gelu_of, x, y)


@jit
def gelu_dx(dy, x, dx=None):
    """Adds dy (Phi(x) + x phi(x)) to `dx` (zeros if not given); x is the input of `gelu`."""
    dy = as_float("gelu_dx: `dy`", dy, ANY)
    x = as_like("gelu_dx: `x`", x, ANY, dy)
    check_same("gelu_dx", dy.shape, "x", x.shape)
    dx = as_grad("gelu_dx: `dx`", dx, dy.shape, dy)
    _gelu_dx(dy.reshape(dy.size), x.reshape(x.size), dx.reshape(dx.size))
    return dx


@jit
def _gelu_dx(dy, x, dx):
    add_over_all(gelu_slope, dy, x, dx)


gelu_outputs = outputs(gelu)
