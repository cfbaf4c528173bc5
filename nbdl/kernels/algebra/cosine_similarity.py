r"""The cosine of the angle between vectors.

.. math:: c = \frac{\sum_i x_i y_i}{\lVert x \rVert \lVert y \rVert} \qquad
          \frac{\partial c}{\partial x} = \frac{1}{\lVert x \rVert}
          \Big(\frac{y}{\lVert y \rVert} - c\, \frac{x}{\lVert x \rVert}\Big)

x and y have one shape, seen as (outer, n, inner) with the axis in the middle; c is from -1 to 1, rounding
included. It does not depend on how long the vectors are, however short: there is no epsilon that would make
similarities of short vectors small. A vector of zeros has no direction; its similarity is taken as 0, with
gradient 0. Sums are float64, of vectors over a power of 2 where squares would leave its range.
Zhang et al., Dive into Deep Learning, section 22.1.2.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.algebra.vectors import (
    SAFE_LEAST,
    SAFE_MOST,
    as_vectors,
    length_of,
    shape_without,
    vectors_along,
)
from nbdl.kernels.door.results import as_grad
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.information.tables import as_cotangent, as_result


@jit
def cosine_similarity(x, y, axis=-1, out=None):
    """The cosine of the angle between the vectors of `x` and `y` along `axis`.

    Parameters
    ----------
    x, y : float arrays of one shape
        Nothing is broadcast.
    axis : int or None
        Counted from the end where negative; None: each array is one vector.
    out : array of the shape of the result, optional

    Returns
    -------
    number if one pair was given, else an array of the shape of `x` without `axis`; of the dtype of `x`. From
        -1 to 1; 0 where a vector is all zeros.

    Raises
    ------
    OptionError, ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once on one pair before the loop.

    Examples
    --------
    >>> cosine_similarity(np.array([[3.0, 4.0], [1.0, 0.0]]), np.array([[4.0, 3.0], [0.0, 2.0]]))
    array([0.96, 0.  ])
    """
    x, y = as_vectors("cosine_similarity", x, y)
    view, rest = vectors_along("cosine_similarity", x.shape, axis)
    return as_result(
        "cosine_similarity: `out`", out, rest, x, _cosine_similarity(x.reshape(view), y.reshape(view))
    )


@jit
def _cosine_similarity(x, y):
    outer, n, inner = x.shape
    c = np.empty(outer * inner)
    if inner == 1:
        a, b = x.reshape(outer, n), y.reshape(outer, n)
        for o in range(outer):
            xy, xx, yy = _products(a[o], b[o])
            if is_safe(xx) and is_safe(yy):
                # Two roots: the product of the squares could overflow.
                c[o] = min(1.0, max(-1.0, xy / np.sqrt(xx) / np.sqrt(yy)))
            else:
                c[o] = cosine_of(x, y, o, 0)
    else:
        for j in range(c.size):
            c[j] = cosine_of(x, y, j // inner, j % inner)
    return c


@jit
def is_safe(squares):
    return squares > SAFE_LEAST and squares < SAFE_MOST


@jit
def _products(x, y):
    xy, xx, yy = np.float64(0), np.float64(0), np.float64(0)
    for k in range(x.size):
        v, w = np.float64(x[k]), np.float64(y[k])
        xy += v * w
        xx += v * v
        yy += w * w
    return xy, xx, yy


@jit(strict=True)
def cosine_of(x, y, o, i):
    """That of x[o, :, i] and y[o, :, i], of any length."""
    a, p = length_of(x, o, i, 2.0)
    b, q = length_of(y, o, i, 2.0)
    if a == 0 or b == 0:
        return a + b if a != a or b != b else np.float64(0)
    total = np.float64(0)
    for k in range(x.shape[1]):
        total += (x[o, k, i] / a) * (y[o, k, i] / b)
    c = total / p / q
    return c if c != c else min(1.0, max(-1.0, c))


@jit
def cosine_similarity_dx(dc, x, y, axis=-1, dx=None):
    """Adds `dc`, of the shape of the result, times the gradient with respect to `x` to `dx`; returns it."""
    x, y = as_vectors("cosine_similarity_dx", x, y)
    view, rest = vectors_along("cosine_similarity_dx", x.shape, axis)
    dc = as_cotangent("cosine_similarity_dx: `dc`", dc, rest, x)
    dx = as_grad("cosine_similarity_dx: `dx`", dx, x.shape, x)
    _cosine_similarity_dx(dc, x.reshape(view), y.reshape(view), dx.reshape(view))
    return dx


@jit
def cosine_similarity_dy(dc, x, y, axis=-1, dy=None):
    """Adds `dc`, of the shape of the result, times the gradient with respect to `y` to `dy`; returns it."""
    x, y = as_vectors("cosine_similarity_dy", x, y)
    view, rest = vectors_along("cosine_similarity_dy", x.shape, axis)
    dc = as_cotangent("cosine_similarity_dy: `dc`", dc, rest, x)
    dy = as_grad("cosine_similarity_dy: `dy`", dy, x.shape, x)
    # The cosine is symmetric: with the two exchanged it is the gradient of the first.
    _cosine_similarity_dx(dc, y.reshape(view), x.reshape(view), dy.reshape(view))
    return dy


@jit(strict=True)
def _cosine_similarity_dx(dc, x, y, dx):
    outer, n, inner = x.shape
    for o in range(outer):
        for i in range(inner):
            a, p = length_of(x, o, i, 2.0)
            b, q = length_of(y, o, i, 2.0)
            # Without a direction the similarity is constant: 0.
            if a == 0 or b == 0:
                continue
            c, slope = cosine_of(x, y, o, i), np.float64(dc[o * inner + i])
            for k in range(n):
                along = y[o, k, i] / b / q - c * (x[o, k, i] / a / p)
                dx[o, k, i] += slope * along / a / p


cosine_similarity_outputs = outputs(cosine_similarity, shape=shape_without)
