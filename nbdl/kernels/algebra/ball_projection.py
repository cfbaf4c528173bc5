r"""Projection onto a ball: of each row, the nearest point that is not farther from 0 than a radius.

.. math:: y = x \min(1, r / \lVert x \rVert) \qquad
          dx = \frac{r}{\lVert x \rVert} (dy - u\, (u \cdot dy)) \text{ where } \lVert x \rVert > r \qquad
          u = x / \lVert x \rVert

x and y are (N, ..., D), each row a point. A point of the ball stays what it is. Lengths are float64, of rows
over a power of 2 where squares would leave its range.
Zhang et al., Dive into Deep Learning, section 12.2.3.3; `nbdl.algebra.project_onto_all` joins several sets.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError
from nbdl.kernels.algebra.vectors import SAFE_LEAST, SAFE_MOST, as_rows, check_dy, length_of
from nbdl.kernels.door.inputs import AT_LEAST_1, as_float, as_like
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs


@jit
def ball_projection(x, radius=1.0, out=None):
    """Each row of `x` (N, ..., D), a longer one shortened to the length `radius`.

    Parameters
    ----------
    x : (N, ..., D) float array
    radius : float
        Of the ball around 0; at least 0. Around another point c: ``c + ball_projection(x - c, radius)``.
    out : array of the same shape, optional
        Where the result goes; may be `x` itself.

    Returns
    -------
    array of the shape and dtype of `x`.

    Raises
    ------
    OptionError, ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> ball_projection(np.array([[3.0, 4.0], [0.3, 0.4]]))
    array([[0.6, 0.8],
           [0.3, 0.4]])
    """
    x = as_float("ball_projection: `x` (N, ..., D)", x, AT_LEAST_1)
    radius = _at_least_0("ball_projection", radius)
    y = as_out("ball_projection: `out`", out, x.shape, x)
    _ball_projection(x.reshape(as_rows(x.shape)), radius, y.reshape(as_rows(x.shape)))
    return y


@jit
def _at_least_0(kernel, radius):
    if not radius >= 0:
        raise OptionError("{}: `radius` must be at least 0, got {}", kernel, radius)
    return float(radius)


@jit
def _ball_projection(x, radius, y):
    cubes = x.reshape(x.shape[0], x.shape[1], 1)
    for r in range(x.shape[0]):
        row, to, total = x[r], y[r], np.float64(0)
        for k in range(row.size):
            v = np.float64(row[k])
            total += v * v
        if total > SAFE_LEAST and total < SAFE_MOST:
            factor = min(1.0, radius / np.sqrt(total))
        else:
            unit, root = length_of(cubes, r, 0, 2.0)
            factor = 1.0 if unit <= radius / root else radius / unit / root
        if factor == 1:
            for k in range(row.size):
                to[k] = row[k]
        else:
            for k in range(row.size):
                to[k] = row[k] * factor


@jit
def ball_projection_dx(dy, x, radius=1.0, dx=None):
    """Adds the gradient to `dx`, of the shape of `x` (zeros if not given); returns it."""
    dy = as_float("ball_projection_dx: `dy`", dy, AT_LEAST_1)
    x = as_like("ball_projection_dx: `x`", x, AT_LEAST_1, dy)
    radius = _at_least_0("ball_projection_dx", radius)
    check_dy("ball_projection_dx", dy.shape, x.shape)
    dx = as_grad("ball_projection_dx: `dx`", dx, x.shape, dy)
    view = as_rows(x.shape)
    _ball_projection_dx(dy.reshape(view), x.reshape(view), radius, dx.reshape(view))
    return dx


@jit(strict=True)
def _ball_projection_dx(dy, x, radius, dx):
    cubes = x.reshape(x.shape[0], x.shape[1], 1)
    for r in range(x.shape[0]):
        unit, root = length_of(cubes, r, 0, 2.0)
        if unit <= radius / root:
            for k in range(x.shape[1]):
                dx[r, k] += dy[r, k]
            continue
        along, factor = np.float64(0), radius / unit / root
        for k in range(x.shape[1]):
            along += np.float64(dy[r, k]) * (x[r, k] / unit / root)
        for k in range(x.shape[1]):
            dx[r, k] += factor * (dy[r, k] - along * (x[r, k] / unit / root))


ball_projection_outputs = outputs(ball_projection)
