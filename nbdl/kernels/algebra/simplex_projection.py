r"""Projection onto a simplex: of each row, the nearest one that is not negative and has a given sum.

.. math:: y_k = \max(x_k - \tau, 0) \qquad \sum_k y_k = s \qquad
          dx_k = [\, y_k > 0 \,] \Big( dy_k - \frac{1}{m} \sum_{j: y_j > 0} dy_j \Big)

x and y are (N, ..., D), each row a point; with a sum s of 1, y is a probability distribution, often with
zeros (sparsemax). m is how many elements of y are above 0. The threshold tau is found by dropping what is at
most the mean excess of those that are left, until nothing is dropped: each turn is one pass over the row, in
float64 relative to its largest element.
Michelot 1986, A finite algorithm for finding the projection of a point onto the canonical simplex; Martins
and Astudillo 2016, From Softmax to Sparsemax.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.algebra.vectors import as_rows, check_dy
from nbdl.kernels.door.inputs import AT_LEAST_1, as_float, as_like
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs


@jit
def simplex_projection(x, total=1.0, out=None):
    """Each row of `x` (N, ..., D) as the nearest row of numbers >= 0 whose sum is `total`.

    `total` must be positive and finite. Other arguments, the result and errors as in `ball_projection`. A row
    with a NaN or plus infinity is NaN; D must be at least 1.

    Examples
    --------
    >>> simplex_projection(np.array([[0.5, 0.25, 0.25], [2.0, 0.5, 1.5]]))
    array([[0.5 , 0.25, 0.25],
           [0.75, 0.  , 0.25]])
    """
    x = as_float("simplex_projection: `x` (N, ..., D)", x, AT_LEAST_1)
    if not (total > 0 and total < np.inf):
        raise OptionError("simplex_projection: `total` must be positive and finite, got {}", total)
    if x.shape[-1] == 0:
        raise ShapeError(
            "simplex_projection: `x` must have columns, or nothing has a sum, got shape {}", x.shape
        )
    y = as_out("simplex_projection: `out`", out, x.shape, x)
    _simplex_projection(x.reshape(as_rows(x.shape)), float(total), y.reshape(as_rows(x.shape)))
    return y


@jit
def _simplex_projection(x, total, y):
    excess = np.empty(x.shape[1])
    for r in range(x.shape[0]):
        row, to, largest = x[r], y[r], x[r, 0]
        for k in range(row.size):
            if row[k] > largest or row[k] != row[k]:
                largest = row[k]
        for k in range(row.size):
            # Relative to the largest: of large numbers the differences are exact.
            excess[k] = np.float64(row[k]) - largest
        threshold = _threshold(excess, total)
        for k in range(row.size):
            above = excess[k] - threshold
            # A NaN fails the comparison, and stays.
            to[k] = 0 if above < 0 else above


@jit
def _threshold(excess, total):
    threshold, left = -np.inf, excess.size + 1
    while True:
        above, count = np.float64(0), 0
        for k in range(excess.size):
            inside = excess[k] > threshold
            above += excess[k] if inside else 0.0
            count += inside
        # Nothing is above, if there is a NaN.
        if count == 0:
            return np.nan
        if count == left:
            return threshold
        threshold, left = (above - total) / count, count


@jit
def simplex_projection_dx(dy, y, dx=None):
    """Adds the gradient to `dx`, of the shape of `y`, the result (zeros if not given); returns it."""
    dy = as_float("simplex_projection_dx: `dy`", dy, AT_LEAST_1)
    y = as_like("simplex_projection_dx: `y`", y, AT_LEAST_1, dy)
    check_dy("simplex_projection_dx", dy.shape, y.shape)
    dx = as_grad("simplex_projection_dx: `dx`", dx, y.shape, dy)
    view = as_rows(y.shape)
    _simplex_projection_dx(dy.reshape(view), y.reshape(view), dx.reshape(view))
    return dx


@jit
def _simplex_projection_dx(dy, y, dx):
    for r in range(y.shape[0]):
        mean, count = np.float64(0), 0
        for k in range(y.shape[1]):
            if y[r, k] > 0:
                mean, count = mean + dy[r, k], count + 1
        for k in range(y.shape[1]):
            if y[r, k] > 0:
                dx[r, k] += dy[r, k] - mean / count


simplex_projection_outputs = outputs(simplex_projection)
