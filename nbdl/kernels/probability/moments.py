r"""Expectation and variance of tables, and the covariance of samples.

.. math::
    E[X] = \sum_i p_i x_i \qquad \mathrm{Var}[X] = \sum_i p_i (x_i - E[X])^2 \qquad
    C = \frac{1}{N - \delta} \sum_n (x_n - \bar x)(x_n - \bar x)^\top

p is (..., K), a distribution along the last axis, with a value for each of K outcomes. Samples are (N, D), a
row each; delta is `ddof`. The variance is that of distances from the mean, which are exact where the values
are large and near each other; E[X^2] - E[X]^2 is not.
Zhang et al., Dive into Deep Learning, section 2.6.6.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.dense.matmul import matmul
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.options import integer, split_axis
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.information.tables import as_result, as_table, text, without
from nbdl.kernels.information.walk import is_bad, refuse


@jit
def expectation(p, values, out=None):
    """The mean of `values` under the distributions `p`; of a function f of the outcomes, pass f(values).

    Parameters
    ----------
    p : (..., K) array
        Probabilities, which sum to 1 along the last axis.
    values : (K,) array, or one of the shape of `p`
        What each outcome is worth; of the dtype of `p`.
    out : (...) array, optional

    Returns
    -------
    number if `p` has one dimension, else (...) array; of the dtype of `p`.

    Raises
    ------
    ProbabilityError
        If an entry is negative, infinite or NaN, or a distribution does not sum to 1.
    ShapeError, DtypeError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> round(float(expectation(np.array([0.5, 0.4, 0.1]), np.array([0.0, 2.0, 10.0]))), 4)
    1.8
    """
    p = as_table("expectation: `p` (..., K)", p)
    values = as_like("expectation: `values` (K,)", values, ANY, p)
    view = split_axis(text("expectation"), p.shape, np.int64(-1))
    _check_values(text("expectation"), values.shape, p.shape, values.size, view[1])
    rows = p.reshape(view[0], view[1])
    y = _moments(text("expectation: `p`"), rows, values.reshape(values.size // view[1], view[1]), False)
    return as_result("expectation: `out`", out, without(p.shape, -1), p, y)


@jit
def variance(p, values, out=None):
    """The variance of `values` under the distributions `p`: arguments, result and errors of `expectation`.

    Shapes: `p` (..., K), `values` (K,).

    Examples
    --------
    >>> round(float(variance(np.array([0.5, 0.4, 0.1]), np.array([0.0, 2.0, 10.0]))), 4)
    8.36
    """
    p = as_table("variance: `p` (..., K)", p)
    values = as_like("variance: `values` (K,)", values, ANY, p)
    view = split_axis(text("variance"), p.shape, np.int64(-1))
    _check_values(text("variance"), values.shape, p.shape, values.size, view[1])
    rows = p.reshape(view[0], view[1])
    y = _moments(text("variance: `p`"), rows, values.reshape(values.size // view[1], view[1]), True)
    return as_result("variance: `out`", out, without(p.shape, -1), p, y)


@jit
def _check_values(kernel, shape, p_shape, size, count):
    if shape != p_shape and not (len(shape) == 1 and size == count):
        raise ShapeError(
            "{}: `values` must have shape {}, that of `p`, or ({},), got {}", kernel, p_shape, count, shape
        )


@jit(strict=True)
def _moments(where, p, values, second):
    rows, count = p.shape
    y = np.empty(rows)
    for r in range(rows):
        total, least, mean = np.float64(0), np.float64(0), np.float64(0)
        # One row of values may be for all distributions.
        v = values[r if values.shape[0] == rows else 0]
        for k in range(count):
            total, least = total + p[r, k], min(least, np.float64(p[r, k]))
            # What cannot happen is not counted, also if its value is infinite.
            mean += np.float64(p[r, k]) * v[k] if p[r, k] > 0 else 0.0
        if is_bad(total, least, False, p):
            refuse(where, p.reshape(rows, count, 1), r, False)
        y[r] = mean
        if second:
            y[r] = 0.0
            for k in range(count):
                d = v[k] - mean
                y[r] += p[r, k] * d * d if p[r, k] > 0 else 0.0
    return y


# --- samples ----------------------------------------------------------------------------------------------


@jit
def covariance(x, ddof=1, out=None):
    """The covariance matrix (D, D) of the columns of samples.

    Parameters
    ----------
    x : (N, D) float array
        A sample in each row.
    ddof : int
        What is taken from N in the divisor: 1 for an unbiased estimate, 0 for the variance of the sample.
    out : (D, D) array, optional

    Returns
    -------
    (D, D) array of the dtype of `x`.

    Raises
    ------
    ShapeError
        If there are not more than `ddof` rows.
    OptionError, DtypeError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> covariance(np.array([[0.0, 1.0], [2.0, 5.0]]))
    array([[2., 4.],
           [4., 8.]])
    """
    x = as_float("covariance: `x` (N, D)", x, 2)
    scale = _one_over("covariance", x.shape[0], integer("covariance: `ddof`", ddof))
    y = as_out("covariance: `out`", out, (x.shape[1], x.shape[1]), x)
    centred = _centred(x)
    matmul(np.ascontiguousarray(centred.T), centred, y)
    _scale(y.reshape(y.size), scale)
    return y


@jit
def _one_over(kernel, rows, ddof):
    if ddof < 0:
        raise OptionError("{}: `ddof` must be at least 0, got {}", kernel, ddof)
    if rows <= ddof:
        raise ShapeError("{}: `x` must have more rows than `ddof` ({}), got {}", kernel, ddof, rows)
    return 1.0 / (rows - ddof)


@jit
def _centred(x):
    means, y = np.zeros(x.shape[1]), np.empty(x.shape, x.dtype)
    for n in range(x.shape[0]):
        for d in range(x.shape[1]):
            # Distances from the first row: the mean of large numbers near each other keeps its digits.
            means[d] += np.float64(x[n, d]) - x[0, d]
    for d in range(x.shape[1]):
        means[d] /= x.shape[0]
    for n in range(x.shape[0]):
        for d in range(x.shape[1]):
            y[n, d] = (np.float64(x[n, d]) - x[0, d]) - means[d]
    return y


@jit
def _scale(y, scale):
    for i in range(y.size):
        y[i] *= scale


@jit
def covariance_dx(dy, x, ddof=1, dx=None):
    """Adds the gradient of `covariance` to `dx` (N, D), zeros if not given; `dy` is (D, D)."""
    dy = as_float("covariance_dx: `dy` (D, D)", dy, 2)
    x = as_like("covariance_dx: `x` (N, D)", x, 2, dy)
    scale = _one_over("covariance_dx", x.shape[0], integer("covariance_dx: `ddof`", ddof))
    if dy.shape != (x.shape[1], x.shape[1]):
        raise ShapeError("covariance_dx: `dy` must be ({}, {}), got {}", x.shape[1], x.shape[1], dy.shape)
    dx = as_grad("covariance_dx: `dx`", dx, x.shape, dy)
    both = np.empty(dy.shape, dy.dtype)
    for i in range(dy.shape[0]):
        for j in range(dy.shape[0]):
            both[i, j] = (dy[i, j] + dy[j, i]) * scale
    # The rows of the product sum to 0, as those of the centred samples: the mean takes nothing away.
    _add(matmul(_centred(x), both).reshape(x.size), dx.reshape(x.size))
    return dx


@jit
def _add(more, total):
    for i in range(total.size):
        total[i] += more[i]


covariance_outputs = outputs(covariance)
