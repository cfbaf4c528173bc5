r"""Softsign: a sigmoid between -1 and 1 that saturates slowly.

.. math:: y = \frac{x}{1 + |x|} \qquad \frac{dy}{dx} = \frac{1}{(1 + |x|)^2}

x and y have any number of dimensions. It is exactly -1 and 1 at both ends; NaN stays NaN. The gradient needs
the input: of the result, 1 - |y| would have lost its digits.
Bergstra et al. 2009; Glorot and Bengio 2010.
"""

from nbdl._jit import jit
from nbdl.kernels.activation.elementwise import add_over_all, check_same, over_all
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.results import as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat
from nbdl.kernels.simd.registers import larger, smaller

FAR = 1e18  # there 1 + |x| is |x|


@jit
def softsign_of(x):
    # inf / inf would be NaN. x is the second argument of both, so that its NaN stays.
    x = smaller(FAR, larger(-FAR, x))
    return x / (1.0 + abs(x))


@jit
def softsign_slope(dy, x):
    # Two factors d: the square of 1 + |x| would overflow in float32 from about 1e19 on.
    d = 1.0 / (1.0 + abs(x))
    return dy * d * d


@jit
def softsign(x, out=None):
    """x / (1 + abs(x)), element by element.

    `x`, a float array of any shape, `out`, the result and errors as in `relu`.
    """
    x = as_float("softsign: `x`", x, ANY)
    y = as_out("softsign: `out`", out, x.shape, x)
    _softsign(flat(x), flat(y))
    return y


@jit
def _softsign(x, y):
    over_all(softsign_of, x, y)


@jit
def softsign_dx(dy, x, dx=None):
    """Adds dy / (1 + abs(x))^2 to `dx` (zeros if not given); x is the input of `softsign`."""
    dy = as_float("softsign_dx: `dy`", dy, ANY)
    x = as_like("softsign_dx: `x`", x, ANY, dy)
    check_same("softsign_dx", dy.shape, "x", x.shape)
    dx, add = as_grad_or_new("softsign_dx: `dx`", dx, dy.shape, dy)
    _softsign_dx(flat(dy), flat(x), add, flat(dx))
    return dx


@jit
def _softsign_dx(dy, x, add, dx):
    add_over_all(softsign_slope, dy, x, add, dx)


softsign_outputs = outputs(softsign)
