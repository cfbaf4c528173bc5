r"""GELU, the Gaussian error linear unit: each element times the probability that a normal number is below it.

.. math:: y = x\, \Phi(x) = \frac{x}{2}\, \mathrm{erfc}\left(\frac{-x}{\sqrt 2}\right) \qquad
          \frac{dy}{dx} = \Phi(x) + x\, \varphi(x) \qquad \varphi(x) = \frac{e^{-x^2 / 2}}{\sqrt{2 \pi}}

`gelu` is this, the exact form; `gelu_tanh` is the approximation that torch calls ``approximate="tanh"``:

.. math:: y = \frac{x}{2} (1 + \tanh u) = x\, \sigma(2 u) \qquad
          u = \sqrt{2 / \pi}\, (x + 0.044715\, x^3)

x and y have any number of dimensions. Both are 0 at -inf and inf at inf; NaN stays NaN. The gradients need
the input, not the result.
Hendrycks and Gimpel 2016, section 2.
"""

import math

from nbdl._jit import jit
from nbdl.kernels.activation.elementwise import add_over_all, check_same, over_all, sigmoids
from nbdl.kernels.activation.normal_tail import normal_tail, normal_tail_slope
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.results import as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.simd.registers import larger, smaller, where
from nbdl.kernels.simd.vector_math import sigmoid

FAR = 40.0  # there all probabilities are 0 and 1
PEAK = 1 / math.sqrt(2 * math.pi)  # of the normal density
LINE = 2 * math.sqrt(2 / math.pi)  # 2 u = LINE x + CUBE x^3
CUBE = LINE * 0.044715


@jit
def gelu_of(x):
    """What |x| has too much of: it is farther from 0 than a normal number, in one direction, too rarely."""
    return larger(0.0, x) - normal_tail(abs(x))


@jit
def gelu_slope(dy, x):
    """The slopes at x and -x are 1 together: far below 0, 1 minus the other would leave no digit."""
    below = normal_tail_slope(abs(x))
    return dy * where(x > 0.0, 1.0 - below, below)


@jit
def gelu_tanh_of(x):
    # At -inf this gives -FAR times 0, which is 0; -inf times 0 is NaN.
    x = larger(-FAR, x)
    # For the sigmoid alone: y grows with x itself.
    z = smaller(FAR, x)
    return x * sigmoid(z * (LINE + CUBE * (z * z)))


@jit
def gelu_tanh_slope(dy, x):
    x = smaller(FAR, larger(-FAR, x))
    # `rest` is 1 - s with all its digits; the difference is 0 where s rounds to 1, though x^3 of it counts.
    s, rest = sigmoids(x * (LINE + CUBE * (x * x)))
    return dy * (s * (1.0 + x * (LINE + 3.0 * CUBE * (x * x)) * rest))


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
    _gelu(flat(x), flat(y))
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
    dx, add = as_grad_or_new("gelu_dx: `dx`", dx, dy.shape, dy)
    _gelu_dx(flat(dy), flat(x), add, flat(dx))
    return dx


@jit
def _gelu_dx(dy, x, add, dx):
    add_over_all(gelu_slope, dy, x, add, dx)


@jit
def gelu_tanh(x, out=None):
    """x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, element by element: nearly `gelu`.

    `x`, a float array of any shape, `out`, the result and errors as in `gelu`.
    """
    x = as_float("gelu_tanh: `x`", x, ANY)
    y = as_out("gelu_tanh: `out`", out, x.shape, x)
    _gelu_tanh(flat(x), flat(y))
    return y


@jit
def _gelu_tanh(x, y):
    over_all(gelu_tanh_of, x, y)


@jit
def gelu_tanh_dx(dy, x, dx=None):
    """Adds dy times the derivative at x to `dx` (zeros if not given); x is the input of `gelu_tanh`."""
    dy = as_float("gelu_tanh_dx: `dy`", dy, ANY)
    x = as_like("gelu_tanh_dx: `x`", x, ANY, dy)
    check_same("gelu_tanh_dx", dy.shape, "x", x.shape)
    dx, add = as_grad_or_new("gelu_tanh_dx: `dx`", dx, dy.shape, dy)
    _gelu_tanh_dx(flat(dy), flat(x), add, flat(dx))
    return dx


@jit
def _gelu_tanh_dx(dy, x, add, dx):
    add_over_all(gelu_tanh_slope, dy, x, add, dx)


gelu_outputs, gelu_tanh_outputs = outputs(gelu), outputs(gelu_tanh)
