r"""Taylor polynomials: a function near a point, from its derivatives there.

.. math:: P_n(x) = \sum_{k=0}^{n} \frac{f^{(k)}(a)}{k!} (x - a)^k

Evaluated by Horner's rule in float64. Zhang et al., Dive into Deep Learning, section 22.3.3.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.results import as_out


@jit
def taylor_polynomial(x, derivatives, at=0.0, out=None):
    """The Taylor polynomial at each element of `x`, an array of any shape.

    Parameters
    ----------
    x : float array of any shape
    derivatives : (K,) array of the dtype of `x`
        The value of the function at the point, its first derivative there, its second, and so on; K >= 1.
    at : float
        The point.
    out : array of the shape of `x`, optional
        May be `x` itself.

    Returns
    -------
    array of the shape and dtype of `x`.

    Raises
    ------
    ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions.

    Examples
    --------
    The exponential function, all of whose derivatives at 0 are 1:

    >>> taylor_polynomial(np.array([0.0, 1.0]), np.ones(10)).round(6)
    array([1.      , 2.718282])
    """
    x = as_float("taylor_polynomial: `x`", x, ANY)
    derivatives = as_like("taylor_polynomial: `derivatives` (K,)", derivatives, 1, x)
    if derivatives.size == 0:
        raise ShapeError(
            "taylor_polynomial: `derivatives` must have at least the value, got {}", derivatives.shape
        )
    y = as_out("taylor_polynomial: `out`", out, x.shape, x)
    _taylor_polynomial(x.reshape(x.size), derivatives, np.float64(at), y.reshape(y.size))
    return y


@jit
def _taylor_polynomial(x, derivatives, at, y):
    for i in range(x.size):
        d, total = np.float64(x[i]) - at, np.float64(0)
        for k in range(derivatives.size - 1, -1, -1):
            # Divided on the way: a factorial alone would overflow from 171 on.
            total = derivatives[k] + d * total / (k + 1)
        y[i] = total
