r"""PReLU: a leaky ReLU whose slope is learned, one for all elements or one for each channel.

.. math::
    y = x \text{ if } x > 0 \text{, else } w_c\, x \qquad
    \frac{\partial L}{\partial w_c} = \sum_{x_{ncm} \le 0} dy_{ncm}\, x_{ncm}

x is (N, C, ...), the channels at axis 1 as in torch, and w (C,); or x has any shape, and w is (1,). NaN stays
NaN. At 0 the gradient is w. The sum over a channel is float64.
He et al. 2015, section 2.1.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.activation.elementwise import check_same
from nbdl.kernels.activation.leaky_relu import leaky_relu_of, leaky_relu_slope
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.simd.registers import pointer, splat
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest


@jit
def _view(kernel, shape, w_size):
    """The shape of x as (N, C, M) with C slopes."""
    size = 1
    for n in shape:
        size *= n
    # One slope for all: where channels begin does not matter, the array is one long row.
    if w_size == 1:
        return 1, 1, size
    channels = shape[1] if len(shape) > 1 else 0
    if channels != w_size or channels == 0:
        raise ShapeError(
            "{}: `w` must have one slope, or one for each of the {} channels of `x`, got {}",
            kernel,
            channels,
            w_size,
        )
    # There are channels, but perhaps no samples to divide by.
    return shape[0], channels, size // max(shape[0] * channels, 1)


@jit
def prelu(x, w, out=None):
    """x where it is positive, else w x.

    Parameters
    ----------
    x : (N, C, ...) float array; of any shape with a single slope
    w : (C,) or (1,) array of the dtype of `x`
        The slopes.
    out : array of the shape of `x`, optional
        Where the result goes; may be `x` itself.

    Returns
    -------
    array of the shape and dtype of `x`.

    Raises
    ------
    ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once on one sample before the loop.
    """
    x = as_float("prelu: `x` (N, C, ...)", x, ANY)
    w = as_like("prelu: `w` (C,)", w, 1, x)
    view = _view("prelu", x.shape, w.size)
    y = as_out("prelu: `out`", out, x.shape, x)
    _prelu(x.reshape(view), w, y.reshape(view))
    return y


@jit(inline=True)
def _rows(shape):
    """How (N, C, M) is walked: the number of rows, and their length; (N, C) by rows of all channels."""
    N, C, M = shape
    # Rows of one element would fill one lane each; those of all channels fill vectors.
    return (N, C) if M == 1 else (N * C, M)


@jit(inline=True)
def _slopes(w, r, i, M):
    """Those of the vector at element `i` of row `r`."""
    return load_rest(pointer(w), i, w.size - i) if M == 1 else splat(w[r % w.size])


@jit
def _prelu(x, w, y):
    p, q, (rows, width) = pointer(x), pointer(y), _rows(x.shape)
    for r in range(rows):
        for i in range(0, width, lanes(p)):
            v = load_rest(p, r * width + i, width - i)
            store_rest(q, r * width + i, leaky_relu_of(v, _slopes(w, r, i, x.shape[2])), width - i)


@jit
def prelu_dx(dy, x, w, dx=None):
    """Adds dy where x > 0, elsewhere w dy, to `dx` (zeros if not given)."""
    dy = as_float("prelu_dx: `dy` (N, C, ...)", dy, ANY)
    x = as_like("prelu_dx: `x` (N, C, ...)", x, ANY, dy)
    w = as_like("prelu_dx: `w` (C,)", w, 1, dy)
    check_same("prelu_dx", dy.shape, "x", x.shape)
    view = _view("prelu_dx", x.shape, w.size)
    dx = as_grad("prelu_dx: `dx`", dx, dy.shape, dy)
    _prelu_dx(dy.reshape(view), x.reshape(view), w, dx.reshape(view))
    return dx


@jit
def _prelu_dx(dy, x, w, dx):
    p, q, d, (rows, width) = pointer(dy), pointer(x), pointer(dx), _rows(x.shape)
    for r in range(rows):
        for i in range(0, width, lanes(p)):
            at, rest = r * width + i, width - i
            slopes = _slopes(w, r, i, x.shape[2])
            slope = leaky_relu_slope(load_rest(p, at, rest), load_rest(q, at, rest), slopes)
            store_rest(d, at, load_rest(d, at, rest) + slope, rest)


@jit
def prelu_dw(dy, x, w_shape, dw=None):
    """Adds the sum of dy x over the elements up to 0 of each channel to `dw` (zeros if not given)."""
    dy = as_float("prelu_dw: `dy` (N, C, ...)", dy, ANY)
    x = as_like("prelu_dw: `x` (N, C, ...)", x, ANY, dy)
    check_same("prelu_dw", dy.shape, "x", x.shape)
    view = _view("prelu_dw", x.shape, w_shape[0])
    dw = as_grad("prelu_dw: `dw`", dw, (w_shape[0],), dy)
    _prelu_dw(dy.reshape(view), x.reshape(view), dw)
    return dw


@jit
def _prelu_dw(dy, x, dw):
    N, C, M = x.shape
    total = np.zeros(C)
    for n in range(N):
        for c in range(C):
            # Each plane apart: rounding errors grow with M and with N, not with their product.
            part = 0.0
            for m in range(M):
                # Not `x <= 0`: a NaN in x has to show. The product of two float32 is exact in float64.
                if not x[n, c, m] > 0:
                    part += np.float64(dy[n, c, m]) * x[n, c, m]
            total[c] += part
    for c in range(C):
        dw[c] += total[c]


prelu_outputs = outputs(prelu)
