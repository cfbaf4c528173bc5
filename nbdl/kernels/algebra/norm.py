r"""Norms of vectors and of whole arrays.

.. math:: \lVert x \rVert_p = \Big(\sum_i |x_i|^p\Big)^{1/p} \qquad
          \lVert x \rVert_\infty = \max_i |x_i| \qquad
          \frac{\partial \lVert x \rVert_p}{\partial x_i} =
          \operatorname{sign}(x_i) \Big(\frac{|x_i|}{\lVert x \rVert_p}\Big)^{p-1}

x has any number of dimensions; an array is seen as (outer, n, inner) with the axis in the middle. With
``axis=None`` the whole array is one vector: for p = 2 that is the Frobenius norm of a matrix. For p < 1 the
triangle inequality fails, so it is no norm, and refused.

Sums are float64. Where a sum of squares leaves the range in which it is exact, the vector is taken over a
power of 2 near its largest element: nothing overflows that is not itself beyond the dtype. At x = 0 the
gradient is taken as 0, which is a subgradient; equal largest elements share that of the infinity norm.
Zhang et al., Dive into Deep Learning, section 2.3.11; Blue 1978, A Portable Fortran Program to Find the
Euclidean Norm of a Vector.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError
from nbdl.kernels.algebra.vectors import SAFE_LEAST, SAFE_MOST, length_of, shape_without, vectors_along
from nbdl.kernels.door.inputs import ANY, as_float
from nbdl.kernels.door.results import as_grad
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.information.tables import as_cotangent, as_result


@jit
def norm(x, p=2.0, axis=-1, out=None):
    """The p-norm of the vectors along `axis` (formula at the head of this file).

    Parameters
    ----------
    x : float array of any shape
    p : float
        At least 1; ``np.inf`` is the largest magnitude.
    axis : int or None
        Counted from the end where negative; None: all elements are one vector (Frobenius norm).
    out : array of the shape of the result, optional

    Returns
    -------
    number if one vector was asked for, else an array of the shape of `x` without `axis`; of the dtype of `x`.
        To keep the axis, as for a division, write ``np.expand_dims(y, axis)``.

    Raises
    ------
    OptionError, ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions: call it once on one array before the loop.

    Examples
    --------
    >>> float(norm(np.array([3.0, -4.0])))
    5.0
    >>> norm(np.array([[-1.0, 2.0], [3.0, 4.0]]), 1, axis=0)
    array([4., 6.])
    >>> float(norm(np.ones((4, 9)), axis=None))
    6.0
    """
    x = as_float("norm: `x`", x, ANY)
    p = _order("norm", p)
    view, rest = vectors_along("norm", x.shape, axis)
    return as_result("norm: `out`", out, rest, x, _norm(x.reshape(view), p))


@jit
def _order(kernel, p):
    if not p >= 1:
        text = "{}: `p` must be at least 1 (below, sums may be longer than both parts: no norm), got {}"
        raise OptionError(text, kernel, p)
    return float(p)


@jit
def _norm(x, p):
    outer, n, inner = x.shape
    y = np.zeros(outer * inner)
    if inner == 1:
        rows = x.reshape(outer, n)
        for o in range(outer):
            y[o] = _sum(rows[o], p)
    else:
        for o in range(outer):
            # Line after line of the array, as it lies in memory, instead of vector after vector.
            for k in range(n):
                _add(x[o, k], p, y[o * inner : (o + 1) * inner])
    for j in range(y.size):
        # The comparison fails for NaN too.
        safe = p <= 2 and y[j] > SAFE_LEAST and y[j] < SAFE_MOST
        if safe and p == 2:
            y[j] = np.sqrt(y[j])
        elif not (safe and p == 1):
            unit, root = length_of(x, j // inner, j % inner, p)
            y[j] = unit if unit == np.inf else unit * root
    return y


@jit
def _sum(row, p):
    """The sum of magnitudes or squares of neighbouring elements; of another power 0, which is not used."""
    total = np.float64(0)
    if p == 1:
        for k in range(row.size):
            total += abs(np.float64(row[k]))
    elif p == 2:
        for k in range(row.size):
            v = np.float64(row[k])
            total += v * v
    return total


@jit
def _add(line, p, y):
    if p == 1:
        for i in range(line.size):
            y[i] += abs(np.float64(line[i]))
    elif p == 2:
        for i in range(line.size):
            v = np.float64(line[i])
            y[i] += v * v


@jit
def norm_dx(dy, x, y, p=2.0, axis=-1, dx=None):
    """Adds `dy` times the gradient of `norm` to `dx`, of the shape of `x` (zeros if not given); returns it.

    `y` is the result, of which `dy` has the shape.
    """
    x = as_float("norm_dx: `x`", x, ANY)
    p = _order("norm_dx", p)
    view, rest = vectors_along("norm_dx", x.shape, axis)
    dy = as_cotangent("norm_dx: `dy`", dy, rest, x)
    y = as_cotangent("norm_dx: `y`", y, rest, x)
    dx = as_grad("norm_dx: `dx`", dx, x.shape, x)
    _norm_dx(dy, x.reshape(view), y, p, dx.reshape(view))
    return dx


@jit(strict=True)
def _norm_dx(dy, x, y, p, dx):
    outer, n, inner = x.shape
    for o in range(outer):
        for i in range(inner):
            slope, size = np.float64(dy[o * inner + i]), np.float64(y[o * inner + i])
            if size == 0:
                continue
            unit = root = np.float64(1)
            # The result is beyond the dtype, or has few digits left: as two factors it is exact.
            careful = not (size > 1e-30 and size < 1e30)
            if careful or p == np.inf:
                unit, root = length_of(x, o, i, p)
            else:
                root = size
            if p == np.inf:
                ties = 0
                for k in range(n):
                    ties += abs(x[o, k, i]) == unit
                for k in range(n):
                    if abs(x[o, k, i]) == unit:
                        dx[o, k, i] += slope / ties * np.sign(x[o, k, i])
            elif p == 2:
                if careful:
                    for k in range(n):
                        dx[o, k, i] += slope * (x[o, k, i] / unit / root)
                else:
                    factor = slope / root
                    for k in range(n):
                        dx[o, k, i] += factor * x[o, k, i]
            else:
                for k in range(n):
                    share = abs(x[o, k, i]) / unit / root
                    power = 1.0 if p == 1 else share ** (p - 1)
                    dx[o, k, i] += slope * power * np.sign(x[o, k, i])


norm_outputs = outputs(norm, shape=shape_without)
