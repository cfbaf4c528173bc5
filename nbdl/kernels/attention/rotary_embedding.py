r"""Rotary embedding: pairs of features turned by an angle that grows with the position.

.. math:: y_a = x_a \cos\theta_t - x_b \sin\theta_t \qquad y_b = x_a \sin\theta_t + x_b \cos\theta_t

x (N, H, T, D); cos and sin (T, R / 2), or (N, T, R / 2) where samples have positions of their own. The first
R features are turned, pair i of features (i, i + R / 2), or (2 i, 2 i + 1) if interleaved; others stay. The
product of a query and a key that are turned depends on how far apart they are. The gradient turns back.
Su et al. 2021, RoFormer, section 3.2.2.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.door.inputs import AT_LEAST_2, as_float, as_like
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.door.views import flat


@jit
def rotary_embedding(x, cos, sin, interleaved=False, out=None):
    """Pairs of the features of `x`, turned by the angles whose `cos` and `sin` are given.

    Parameters
    ----------
    x : (N, H, T, D) float array
    cos, sin : (T, R / 2) or (N, T, R / 2) arrays
        As `rotary_angles` makes them, in the dtype of `x`; R is at most D.
    interleaved : bool
        Pairs are neighbours, else R / 2 features apart.
    out : array of the shape of `x`, optional
        Where the result goes; must not overlap the inputs.

    Returns
    -------
    array of the shape and dtype of `x`.

    Raises
    ------
    ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> x = np.array([[[[1.0, 0.0], [1.0, 0.0]]]])
    >>> rotary_embedding(x, *rotary_angles(2, 2))[0, 0].round(3)
    array([[1.   , 0.   ],
           [0.54 , 0.841]])
    """
    x = as_float("rotary_embedding: `x` (N, H, T, D)", x, 4)
    cos = as_like("rotary_embedding: `cos` (T, R / 2)", cos, AT_LEAST_2, x)
    sin = as_like("rotary_embedding: `sin` (T, R / 2)", sin, AT_LEAST_2, x)
    each = check_angles("rotary_embedding", x.shape, cos.shape, sin.shape)
    y = as_out("rotary_embedding: `out`", out, x.shape, x)
    _rotary_embedding(x, flat(cos), flat(sin), each, np.int64(bool(interleaved)), np.int64(0), y)
    return y


@jit
def rotary_embedding_dx(dy, cos, sin, interleaved=False, dx=None):
    """Adds `dy` (N, H, T, D), turned back, to `dx` (zeros if not given)."""
    dy = as_float("rotary_embedding_dx: `dy` (N, H, T, D)", dy, 4)
    cos = as_like("rotary_embedding_dx: `cos` (T, R / 2)", cos, AT_LEAST_2, dy)
    sin = as_like("rotary_embedding_dx: `sin` (T, R / 2)", sin, AT_LEAST_2, dy)
    each = check_angles("rotary_embedding_dx", dy.shape, cos.shape, sin.shape)
    dx = as_grad("rotary_embedding_dx: `dx`", dx, dy.shape, dy)
    _rotary_embedding(dy, flat(cos), flat(sin), each, np.int64(bool(interleaved)), np.int64(1), dx)
    return dx


@jit
def check_angles(kernel, x_shape, cos_shape, sin_shape):
    """How far the angles of one sample are from those of the next: 0 where all have the same."""
    N, _, T, D = x_shape
    n, half = len(cos_shape), cos_shape[len(cos_shape) - 1]
    fits = n <= 3 and cos_shape[n - 2] == T and (n == 2 or cos_shape[0] == N) and 2 * half <= D
    if not fits:
        raise ShapeError(
            "{}: `cos` must have shape (T, R / 2) or (N, T, R / 2): N = {}, T = {} and R up to {}, got {}",
            kernel, N, T, D, cos_shape,
        )  # fmt: skip
    same = len(sin_shape) == n and sin_shape[n - 1] == half and sin_shape[n - 2] == T
    if not same or sin_shape[0] != cos_shape[0]:
        raise ShapeError("{}: `sin` must have the shape of `cos`, {}, got {}", kernel, cos_shape, sin_shape)
    return np.int64(T * half if n == 3 else 0), half


@jit
def _rotary_embedding(x, cos, sin, angles, interleaved, back, y):
    """Turns into y, or back, which is added to y."""
    (N, H, T, D), (each, half), one = x.shape, angles, x.dtype.type(1)
    first, apart = (2, 1) if interleaved else (1, half)
    sign = -one if back else one
    for n in range(N):
        for h in range(H):
            for t in range(T):
                p, q, at = x[n, h, t], y[n, h, t], n * each + t * half
                for i in range(half):
                    a, b, c, s = i * first, i * first + apart, cos[at + i], sin[at + i] * sign
                    u, v = p[a] * c - p[b] * s, p[a] * s + p[b] * c
                    q[a], q[b] = (q[a] + u, q[b] + v) if back else (u, v)
                for d in range(2 * half, D):
                    q[d] = q[d] + p[d] if back else p[d]


rotary_embedding_outputs = outputs(rotary_embedding)
