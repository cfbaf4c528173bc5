r"""Attention pooling: the regression of Nadaraya and Watson (1964).

.. math:: y_m = \frac{\sum_s \alpha(u_{ms})\, v_s}{\sum_s \alpha(u_{ms})} \qquad
          u_{ms} = \left\lVert (q_m - k_s) / h \right\rVert

q (M, D) are queries, k (S, D) and v (S, V) what was observed, h the width, of all or of each coordinate. The
similarity kernels, of a distance u in widths:

============  ==========================
gaussian      exp(-u^2 / 2)
boxcar        1 for u <= 1, else 0
triangular    max(0, 1 - u)
epanechnikov  3/4 max(0, 1 - u^2)
constant      1
============  ==========================

The Gaussian kernel is taken relative to the nearest key, which changes nothing but never leaves a query
without weights. Zhang et al., Dive into Deep Learning, section 11.2, where the triangular kernel is called
Epanechikov; Epanechnikov 1969.
"""

import numpy as np
from numba import types
from numba.extending import overload

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.door.choice import choice
from nbdl.kernels.door.inputs import as_float, as_like

KERNELS = "gaussian", "boxcar", "triangular", "epanechnikov", "constant"
EMPTY = "nan", "nearest", "mean"
_WIDTH = "attention_pooling: `width` must have shape {}, got {}"


@jit
def attention_pooling(q, k, v, kernel="gaussian", width=1.0, empty="nan"):
    """For each query the mean of the values, weighted by how near their keys are.

    Parameters
    ----------
    q : (M, D) float array
        Queries.
    k : (S, D) float array
        Keys.
    v : (S, V) float array
        Values; of classes, one-hot rows.
    kernel : "gaussian", "boxcar", "triangular", "epanechnikov", "constant" or a compiled function
        The weight of a key at a distance u; a function, made by ``njit``, is called with u, a float64.
    width : float or (D,) array
        What differences are divided by, positive.
    empty : "nan", "nearest" or "mean"
        The result for a query whose weights are all 0: NaN, the value of the nearest key, or the mean of all
        values. Without keys it is NaN.

    Returns
    -------
    (M, V) array of the dtype of `q`; no gradient is offered.

    Raises
    ------
    ShapeError, DtypeError, OptionError
        Not inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> k, v = np.array([[0.0], [1.0], [3.0]]), np.array([[1.0], [2.0], [6.0]])
    >>> attention_pooling(np.array([[0.5]]), k, v, "boxcar")
    array([[1.5]])
    """
    q = as_float("attention_pooling: `q` (M, D)", q, 2)
    k = as_like("attention_pooling: `k` (S, D)", k, 2, q)
    v = as_like("attention_pooling: `v` (S, V)", v, 2, q)
    if q.shape[1] != k.shape[1]:
        raise ShapeError(
            "attention_pooling: `k` must have {} columns, as `q` has, got {}", q.shape[1], k.shape[1]
        )
    if k.shape[0] != v.shape[0]:
        raise ShapeError(
            "attention_pooling: `v` must have {} rows, as `k` has, got {}", k.shape[0], v.shape[0]
        )
    which = _which(kernel)
    fallback = choice("attention_pooling: `empty`", empty, EMPTY)
    widths = np.empty(q.shape[1])
    _fill(widths, width)
    for d in range(widths.size):
        if not widths[d] > 0:
            raise OptionError("attention_pooling: `width` must be positive, got {}", widths[d])
    y = np.empty((q.shape[0], v.shape[1]), q.dtype)
    distances, weights = np.empty(k.shape[0]), np.empty(k.shape[0])
    for m in range(q.shape[0]):
        nearest = _distances(q[m], k, widths, distances)
        total = 0.0
        for s in range(k.shape[0]):
            weights[s] = _weight(kernel, which, distances[s], distances[nearest])
            total += weights[s]
        if total == 0:
            for s in range(k.shape[0]):
                weights[s] = 1.0 if fallback == 2 or (fallback == 1 and s == nearest) else 0.0
            total = 1.0 if fallback == 1 else float(k.shape[0] if fallback == 2 else 0)
        _mean(weights, total, v, y[m])
    return y


@jit
def _distances(q, k, widths, distances):
    """Fills in the distance of each key; returns the place of the nearest."""
    nearest = 0
    for s in range(distances.size):
        square = 0.0
        for d in range(widths.size):
            difference = (q[d] - k[s, d]) / widths[d]
            square += difference * difference
        distances[s] = np.sqrt(square)
        nearest = s if distances[s] < distances[nearest] else nearest
    return nearest


@jit
def _mean(weights, total, v, y):
    for j in range(y.size):
        value = 0.0
        for s in range(weights.size):
            if weights[s] != 0:  # a key that is not attended counts for nothing, even where its value is NaN
                value += weights[s] * v[s, j]
        y[j] = value / total if total != 0 else np.nan


@jit
def _similarity(which, u, nearest):
    if which == 0:
        return np.exp((nearest * nearest - u * u) / 2)
    if which == 1:
        return 1.0 if u <= 1 else 0.0
    if which == 2:
        return max(0.0, 1 - u)
    if which == 3:
        return 0.75 * max(0.0, 1 - u * u)
    return 1.0


# --- what the types of arguments decide ---------------------------------------------------------------------


def _which(kernel):
    return -1 if callable(kernel) else choice("attention_pooling: `kernel`", kernel, KERNELS)


@overload(_which, prefer_literal=True)
def _of_kernel(kernel):
    if isinstance(kernel, types.Callable):
        return lambda kernel: np.int64(-1)
    return lambda kernel: choice("attention_pooling: `kernel`", kernel, KERNELS)


def _weight(kernel, which, u, nearest):
    return kernel(u) if which < 0 else _similarity(which, u, nearest)


@overload(_weight)
def _of_distance(kernel, which, u, nearest):
    if isinstance(kernel, types.Callable):
        return lambda kernel, which, u, nearest: kernel(u)
    return lambda kernel, which, u, nearest: _similarity(which, u, nearest)


def _fill(widths, width):
    if np.ndim(width) and np.shape(width) != widths.shape:
        raise ShapeError(_WIDTH, widths.shape, np.shape(width))
    widths[:] = width


@overload(_fill)
def _of_widths(widths, width):
    if not isinstance(width, types.Array):

        def number(widths, width):
            for d in range(widths.size):
                widths[d] = width

        return number

    def each(widths, width):
        if width.shape != widths.shape:
            raise ShapeError(_WIDTH, widths.shape, width.shape)
        for d in range(widths.size):
            widths[d] = width[d]

    return each
