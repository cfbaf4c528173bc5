r"""Local response normalization: each value is divided by a power of the squares in neighbouring channels.

.. math:: y_c = x_c\, s_c^{-\beta} \qquad s_c = k + \frac{\alpha}{size} \sum_{j \in w(c)} x_j^2 \qquad
          w(c) = \{c - \lfloor size / 2 \rfloor, \ldots, c + \lfloor (size - 1) / 2 \rfloor\}

x and y (N, C, ...), place by place; channels beyond the ends count as 0. alpha is divided by `size`, as in
torch and ONNX; the paper does not divide: for its alpha give alpha times size. Of an even `size` the channel
more comes before, as in torch; in ONNX it comes behind. Gradient:

.. math:: dx_c = dy_c\, s_c^{-\beta} -
          \frac{2 \alpha \beta}{size}\, x_c \sum_{j : c \in w(j)} dy_j\, x_j\, s_j^{-\beta - 1}

Powers are exponentials of a logarithm. Where squares are beyond the dtype they are summed once more, of x
times a power of two. Krizhevsky, Sutskever and Hinton 2012, ImageNet Classification, section 3.3.
"""

import math

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.normalization.checks import check_backward, check_view
from nbdl.kernels.normalization.rows import SMALL_FLOAT32, SMALL_FLOAT64
from nbdl.kernels.simd.registers import fma, pointer, some, where
from nbdl.kernels.simd.shuffle import lanes, load_rest, store_rest
from nbdl.kernels.simd.vector_math import exp, log


@jit
def local_response_norm(x, size, alpha=1e-4, beta=0.75, k=1.0, out=None):
    """Divide by a power of the squares of `size` neighbouring channels (see the formulas above).

    Parameters
    ----------
    x : (N, C) or (N, C, ...) float array
    size : int
        How many channels see one another; odd as a rule.
    alpha, beta, k : float
        Of the formula: alpha (divided by `size`) and beta not negative, k positive.
    out : array of the shape of `x`, optional
        Where the result goes; not `x` itself.

    Returns
    -------
    array of the shape and dtype of `x`.

    Raises
    ------
    ShapeError, OptionError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> local_response_norm(np.array([[1.0, 2.0, 3.0]]), 3, alpha=3.0, beta=1.0)
    array([[0.16666667, 0.13333333, 0.21428571]])
    """
    x = as_float("local_response_norm: `x` (N, C, ...)", x, ANY)
    view, size = check_view("local_response_norm: `x`", x.shape), integer("local_response_norm: `size`", size)
    alpha, beta, k = np.float64(alpha), np.float64(beta), np.float64(k)
    _check("local_response_norm", size, alpha, beta, k)
    y = as_out("local_response_norm: `out`", out, x.shape, x)
    _local_response_norm(x.reshape(view), size, alpha, beta, k, y.reshape(view))
    return y


@jit
def _check(kernel, size, alpha, beta, k):
    if size < 1:
        raise OptionError("{}: `size` must be at least 1, got {}", kernel, size)
    if not (alpha >= 0 and alpha < np.inf):
        raise OptionError("{}: `alpha` must not be negative, nor infinite, got {}", kernel, alpha)
    if not (beta >= 0 and beta < np.inf):
        raise OptionError("{}: `beta` must not be negative, nor infinite, got {}", kernel, beta)
    # Above 1e-30 k is no 0 as a float32 either: s has a logarithm where all x are 0.
    if not (k > 1e-30 and k < np.inf):
        raise OptionError("{}: `k` must be positive (more than 1e-30) and not infinite, got {}", kernel, k)


@jit
def _local_response_norm(x, size, alpha, beta, k, y):
    N, C, S = x.shape
    small = SMALL_FLOAT32 if x.itemsize == 4 else SMALL_FLOAT64
    for n in range(N if S else 0):
        at = n * C * S
        respond(pointer(x) + at, pointer(y) + at, C, S, S, size, alpha, beta, k, small)


@jit
def local_response_norm_dx(dy, x, size, alpha=1e-4, beta=0.75, k=1.0, dx=None):
    """Adds the gradient with respect to `x` to `dx` (zeros if not given)."""
    dy = as_float("local_response_norm_dx: `dy` (N, C, ...)", dy, ANY)
    x = as_like("local_response_norm_dx: `x` (N, C, ...)", x, ANY, dy)
    view = check_backward("local_response_norm_dx", dy.shape, x.shape)
    size = integer("local_response_norm_dx: `size`", size)
    alpha, beta, k = np.float64(alpha), np.float64(beta), np.float64(k)
    _check("local_response_norm_dx", size, alpha, beta, k)
    dx = as_grad("local_response_norm_dx: `dx`", dx, x.shape, dy)
    _local_response_norm_dx(dy.reshape(view), x.reshape(view), size, alpha, beta, k, dx.reshape(view))
    return dx


@jit
def _local_response_norm_dx(dy, x, size, alpha, beta, k, dx):
    N, C, S = x.shape
    small = SMALL_FLOAT32 if x.itemsize == 4 else SMALL_FLOAT64
    powers, terms = np.empty(C * S, x.dtype), np.empty(C * S, x.dtype)
    for n in range(N if S else 0):
        at = n * C * S
        respond_dx(
            pointer(dy) + at, pointer(x) + at, pointer(powers), pointer(terms), pointer(dx) + at, C, S, S,
            size, alpha, beta, k, small, True,
        )  # fmt: skip


# --- a sample, or as many as there are lanes: C planes of S elements, `step` apart -------------------------


@jit(inline=True)
def respond(x, y, C, S, step, size, alpha, beta, k, small):
    for c in range(C):
        for i in range(0, S, lanes(x)):
            at, rest = c * step + i, S - i
            # From the logarithm: s itself may be beyond the dtype where its power is not.
            power = exp(_log_sum(x + i, c, C, step, rest, size, alpha, k, small) * (-beta))
            store_rest(y, at, load_rest(x, at, rest) * power, rest)


@jit(inline=True)
def respond_dx(dy, x, powers, terms, dx, C, S, step, size, alpha, beta, k, small, add):
    """dx, or += dx if `add`; `powers` and `terms` are memory of the size of x, `powers` may be dx itself."""
    # Each term is in the sums of `size` channels, so all are made first, once.
    for c in range(C):
        for i in range(0, S, lanes(x)):
            at, rest = c * step + i, S - i
            s = _log_sum(x + i, c, C, step, rest, size, alpha, k, small)
            store_rest(powers, at, exp(s * (-beta)), rest)
            v = load_rest(dy, at, rest) * load_rest(x, at, rest) * exp(s * (-1.0 - beta))
            store_rest(terms, at, v, rest)
    share = 2.0 * alpha * beta / size
    for c in range(C):
        # The windows that hold c: those of `_log_sum`, mirrored, which matters for an even size.
        first, last = max(0, c - (size - 1) // 2), min(C, c + size // 2 + 1)
        for i in range(0, S, lanes(x)):
            at, rest = c * step + i, S - i
            total = load_rest(terms, first * step + i, rest)
            for j in range(first + 1, last):
                total = total + load_rest(terms, j * step + i, rest)
            v = load_rest(dy, at, rest) * load_rest(powers, at, rest) - load_rest(x, at, rest) * share * total
            store_rest(dx, at, load_rest(dx, at, rest) + v if add else v, rest)


@jit(inline=True)
def _log_sum(x, c, C, step, rest, size, alpha, k, small):
    """The logarithm of s, for channel c."""
    zero = load_rest(x, 0, 0)
    scale, more, s, share = zero + 1.0, zero, zero, alpha / size
    # A second sum costs only where squares of some lane are infinite; scaled, those of a finite x are not.
    for attempt in range(2):
        total = zero
        for j in range(max(0, c - size // 2), min(C, c + (size - 1) // 2 + 1)):
            v = load_rest(x, j * step, rest) * scale
            total = fma(v, v, total)
        s = fma(total, share, scale * scale * k)
        beyond = s == np.inf
        if attempt or not some(beyond):
            break
        scale, more = where(beyond, small, scale), where(beyond, -2.0 * math.log(small), more)
    return log(s) + more


local_response_norm_outputs = outputs(local_response_norm)
