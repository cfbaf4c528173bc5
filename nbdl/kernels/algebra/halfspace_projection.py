r"""Hyperplanes: the distance from one, and the projection onto the half-space on one side of it.

.. math:: d = \frac{w \cdot x - b}{\lVert w \rVert} \qquad y = x - \max(0, d)\, u \qquad
          dx = dy - [\, d > 0 \,]\, (u \cdot dy)\, u \qquad u = w / \lVert w \rVert

x and y are (N, ..., D), each row a point, w (D,) the normal. The half-space is the set of z with
w . z at most b. Products are float64. Zhang et al., Dive into Deep Learning, sections 12.2.3.3 and 22.1.3.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.algebra.vectors import as_rows, check_dy, length_of
from nbdl.kernels.door.inputs import AT_LEAST_1, as_float, as_like
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs


@jit
def halfspace_projection(x, w, b=0.0, out=None):
    """Each row of `x` (N, ..., D), moved along `w` onto the hyperplane w . z = `b` where w . x is above `b`.

    `w` (D,), of the dtype of `x`, must not be zeros. Other arguments, the result and errors as in
    `ball_projection`. No gradient is offered with respect to `w`.

    Examples
    --------
    >>> halfspace_projection(np.array([[2.0, 5.0], [0.0, 5.0]]), np.array([1.0, 0.0]), 1.0)
    array([[1., 5.],
           [0., 5.]])
    """
    x = as_float("halfspace_projection: `x` (N, ..., D)", x, AT_LEAST_1)
    w = as_like("halfspace_projection: `w` (D,)", w, 1, x)
    _check_normal("halfspace_projection", x.shape, w.shape)
    y = as_out("halfspace_projection: `out`", out, x.shape, x)
    view = as_rows(x.shape)
    _halfspace_projection(x.reshape(view), w, np.float64(b), y.reshape(view))
    return y


@jit
def _check_normal(kernel, x_shape, w_shape):
    if w_shape[0] != x_shape[-1]:
        raise ShapeError(
            "{}: `w` must have {} elements, as a row of `x`, got {}", kernel, x_shape[-1], w_shape[0]
        )


@jit
def hyperplane_distance(x, w, b=0.0):
    """The signed distance of each row of `x` (N, ..., D) from the hyperplane w . z = `b`.

    Positive on the side to which `w` (D,), of the dtype of `x`, points: there a linear classifier says yes.

    Returns
    -------
    (N, ...) array of the dtype of `x`; of one point (D,), an array without axes.

    Raises
    ------
    OptionError, ShapeError, DtypeError
        OptionError if `w` is all zeros: it has no hyperplane.

    Examples
    --------
    >>> hyperplane_distance(np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([3.0, 4.0]), 5.0)
    array([ 4., -1.])
    """
    x = as_float("hyperplane_distance: `x` (N, ..., D)", x, AT_LEAST_1)
    w = as_like("hyperplane_distance: `w` (D,)", w, 1, x)
    _check_normal("hyperplane_distance", x.shape, w.shape)
    y = np.empty(x.shape[:-1], x.dtype)
    flat, rows, at = y.reshape(y.size), x.reshape(as_rows(x.shape)), np.float64(b)
    normal, length = _unit("hyperplane_distance", w)
    for r in range(flat.size):
        flat[r] = _dot(rows[r], normal) - at / length
    return y


@jit(strict=True)
def _unit(kernel, w):
    """w over its length, in float64; and that length."""
    scale, root = length_of(w.reshape(1, w.size, 1), 0, 0, 2.0)
    if not scale > 0:
        raise OptionError("{}: `w` must not be all zeros (no direction), got a length of {}", kernel, scale)
    unit = np.empty(w.size)
    for k in range(w.size):
        unit[k] = w[k] / scale / root
    return unit, scale * root


@jit
def _dot(row, normal):
    total = np.float64(0)
    for k in range(row.size):
        total += np.float64(row[k]) * normal[k]
    return total


@jit
def _halfspace_projection(x, w, b, y):
    normal, length = _unit("halfspace_projection", w)
    for r in range(x.shape[0]):
        row, to = x[r], y[r]
        beyond = _dot(row, normal) - b / length
        if beyond > 0 or beyond != beyond:
            for k in range(row.size):
                to[k] = row[k] - beyond * normal[k]
        else:
            for k in range(row.size):
                to[k] = row[k]


@jit
def halfspace_projection_dx(dy, x, w, b=0.0, dx=None):
    """Adds the gradient to `dx`, of the shape of `x` (zeros if not given); returns it."""
    dy = as_float("halfspace_projection_dx: `dy`", dy, AT_LEAST_1)
    x = as_like("halfspace_projection_dx: `x`", x, AT_LEAST_1, dy)
    w = as_like("halfspace_projection_dx: `w` (D,)", w, 1, dy)
    check_dy("halfspace_projection_dx", dy.shape, x.shape)
    _check_normal("halfspace_projection_dx", x.shape, w.shape)
    dx = as_grad("halfspace_projection_dx: `dx`", dx, x.shape, dy)
    view = as_rows(x.shape)
    _halfspace_projection_dx(dy.reshape(view), x.reshape(view), w, np.float64(b), dx.reshape(view))
    return dx


@jit
def _halfspace_projection_dx(dy, x, w, b, dx):
    normal, length = _unit("halfspace_projection_dx", w)
    for r in range(x.shape[0]):
        along = _dot(dy[r], normal) if _dot(x[r], normal) > b / length else 0.0
        for k in range(x.shape[1]):
            dx[r, k] += dy[r, k] - along * normal[k]


halfspace_projection_outputs = outputs(halfspace_projection)
