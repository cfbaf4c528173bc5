r"""The angle between vectors.

.. math:: \theta = 2 \arctan \frac{\lVert u - v \rVert}{\lVert u + v \rVert} \qquad
          u = \frac{x}{\lVert x \rVert} \qquad v = \frac{y}{\lVert y \rVert} \qquad
          \frac{\partial \theta}{\partial x} = -\frac{w}{\lVert x \rVert \lVert w \rVert} \qquad
          w = v - (u \cdot v)\, u

x and y have one shape, seen as (outer, n, inner) with the axis in the middle; the angle is from 0 to pi. The
arc cosine of the cosine, which is the same, has half of the digits where vectors are nearly parallel. A
vector of zeros has no direction: NaN. Where two are parallel, at the kink, the gradient is taken as 0.
Zhang et al., Dive into Deep Learning, section 22.1.2; Kahan 2006, How Futile are Mindless Assessments of
Roundoff, section 12.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.algebra.vectors import as_vectors, length_of, shape_without, vectors_along
from nbdl.kernels.door.results import as_grad
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.information.tables import as_cotangent, as_result

PARALLEL = 1e-30  # square of the angle, up to which its direction is but rounding


@jit
def angle(x, y, axis=-1, out=None):
    """The angle between the vectors of `x` and `y` along `axis`, in radians.

    Arguments `x` and `y` (arrays of one shape), `axis`, `out`, the result and errors as in
    `cosine_similarity`; NaN where a vector is all zeros.

    Examples
    --------
    >>> round(float(angle(np.array([0.0, 1.0, 2.0]), np.array([2.0, 3.0, 4.0]))), 7)
    0.4189901
    """
    x, y = as_vectors("angle", x, y)
    view, rest = vectors_along("angle", x.shape, axis)
    return as_result("angle: `out`", out, rest, x, _angle(x.reshape(view), y.reshape(view)))


@jit(strict=True)
def _angle(x, y):
    outer, n, inner = x.shape
    theta = np.empty(outer * inner)
    for j in range(theta.size):
        o, i = j // inner, j % inner
        a, p = length_of(x, o, i, 2.0)
        b, q = length_of(y, o, i, 2.0)
        if a == 0 or b == 0:
            theta[j] = np.nan
            continue
        apart, along = np.float64(0), np.float64(0)
        for k in range(n):
            u, v = x[o, k, i] / a / p, y[o, k, i] / b / q
            apart += (u - v) * (u - v)
            along += (u + v) * (u + v)
        theta[j] = 2 * np.arctan2(np.sqrt(apart), np.sqrt(along))
    return theta


@jit
def angle_dx(dtheta, x, y, axis=-1, dx=None):
    """Adds `dtheta`, shaped as the result, times the gradient with respect to `x` to `dx`; returns it."""
    x, y = as_vectors("angle_dx", x, y)
    view, rest = vectors_along("angle_dx", x.shape, axis)
    dtheta = as_cotangent("angle_dx: `dtheta`", dtheta, rest, x)
    dx = as_grad("angle_dx: `dx`", dx, x.shape, x)
    _angle_dx(dtheta, x.reshape(view), y.reshape(view), dx.reshape(view))
    return dx


@jit
def angle_dy(dtheta, x, y, axis=-1, dy=None):
    """Adds `dtheta`, shaped as the result, times the gradient with respect to `y` to `dy`; returns it."""
    x, y = as_vectors("angle_dy", x, y)
    view, rest = vectors_along("angle_dy", x.shape, axis)
    dtheta = as_cotangent("angle_dy: `dtheta`", dtheta, rest, x)
    dy = as_grad("angle_dy: `dy`", dy, x.shape, x)
    # The angle is symmetric: with the two exchanged it is the gradient of the first.
    _angle_dx(dtheta, y.reshape(view), x.reshape(view), dy.reshape(view))
    return dy


@jit(strict=True)
def _angle_dx(dtheta, x, y, dx):
    outer, n, inner = x.shape
    w = np.empty(n)
    for o in range(outer):
        for i in range(inner):
            a, p = length_of(x, o, i, 2.0)
            b, q = length_of(y, o, i, 2.0)
            # Without a direction there is no angle, nor a slope of it.
            if a == 0 or b == 0:
                continue
            cosine, squares = np.float64(0), np.float64(0)
            for k in range(n):
                cosine += (x[o, k, i] / a / p) * (y[o, k, i] / b / q)
            # From u to v, or to -v where that is nearer: of nearly parallel vectors all digits are left.
            sign, along = 1.0 if cosine >= 0 else -1.0, np.float64(0)
            for k in range(n):
                w[k] = y[o, k, i] / b / q - sign * (x[o, k, i] / a / p)
                along += w[k] * (x[o, k, i] / a / p)
            for k in range(n):
                w[k] -= along * (x[o, k, i] / a / p)
                squares += w[k] * w[k]
            # Parallel, but for rounding.
            if squares < PARALLEL:
                continue
            slope = dtheta[o * inner + i] / np.sqrt(squares)
            for k in range(n):
                dx[o, k, i] -= slope * w[k] / a / p


angle_outputs = outputs(angle, shape=shape_without)
