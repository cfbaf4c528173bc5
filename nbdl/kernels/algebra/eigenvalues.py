r"""Eigenvalues without a decomposition: the largest, where they can lie, and how a repeated map grows.

.. math::
    v_{t+1} = \frac{A v_t}{\lVert A v_t \rVert} \qquad \lambda = v^\top A v \qquad
    |\lambda - a_{ii}| \le \sum_{j \ne i} |a_{ij}| \qquad
    g_t = \frac{\lVert A^{t+1} x \rVert}{\lVert A^t x \rVert}

A is (D, D). Every eigenvalue lies in at least one of the discs. The growth g approaches the largest magnitude
of an eigenvalue; vectors are brought back to length 1 in each step, so that nothing overflows. All of them is
what ``np.linalg.eig`` and ``eigh`` give, also in compiled code (Numba needs SciPy for it).
Zhang et al., Dive into Deep Learning, section 22.2; Golub and Van Loan, Matrix Computations, sections 7.2.1
and 7.3.1.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import NumericError, OptionError, ShapeError
from nbdl.kernels.door.inputs import AT_LEAST_2, as_float, as_like, as_optional
from nbdl.kernels.door.options import integer
from nbdl.kernels.information.tables import without


@jit
def power_iteration(a, steps=10000, tolerance=1e-10, start=None):
    """The eigenvalue of largest magnitude of a matrix, and its eigenvector.

    Parameters
    ----------
    a : (D, D) float array
    steps : int
        At most so many products; at least 1.
    tolerance : float
        How small the length of A v - lambda v must be, relative to lambda; positive.
    start : (D,) float array, optional
        The first vector; not zeros. Without it a fixed one.

    Returns
    -------
    value : float
    vector : (D,) array of the dtype of `a`, of length 1

    Raises
    ------
    NumericError
        If the vector does not settle: the largest eigenvalue is complex, or another one has its magnitude
        (or nearly so). `np.linalg.eigvals` shows all.
    OptionError, ShapeError, DtypeError
        None of these inside ``prange``, where Numba drops exceptions.

    Examples
    --------
    >>> value, vector = power_iteration(np.array([[2.0, 1.0], [2.0, 3.0]]))
    >>> round(float(value), 9), (vector / vector[0]).round(6)
    (4.0, array([1., 2.]))
    """
    a = as_float("power_iteration: `a` (D, D)", a, 2)
    _check_square("power_iteration", a.shape)
    steps = integer("power_iteration: `steps`", steps)
    start = as_optional("power_iteration: `start` (D,)", start, 1, a)
    if steps < 1:
        raise OptionError("power_iteration: `steps` must be at least 1, got {}", steps)
    if not tolerance > 0:
        raise OptionError("power_iteration: `tolerance` must be positive, got {}", tolerance)
    if start.size not in (0, a.shape[0]):
        raise ShapeError("power_iteration: `start` must have {} elements, got {}", a.shape[0], start.size)
    vector = np.empty(a.shape[0], a.dtype)
    return _power_iteration(a, start, steps, float(tolerance), vector), vector


@jit
def _check_square(kernel, shape):
    if shape[-1] != shape[-2] or shape[-1] == 0:
        raise ShapeError("{}: `a` must be square and not empty, got shape {}", kernel, shape)


@jit
def _power_iteration(a, start, steps, tolerance, vector):
    D = a.shape[0]
    v, next_ = np.empty(D), np.empty(D)
    for i in range(D):
        # Any vector that is hardly orthogonal to an eigenvector: parts of multiples of the golden ratio.
        v[i] = start[i] if start.size else 1 + (0.6180339887498949 * (i + 1)) % 1
    if not _to_length_1(v) > 0:
        raise OptionError(
            "power_iteration: `start` must be finite and not all zeros, got first element {}", v[0]
        )
    # Over its largest element: no product overflows.
    scale = np.float64(0)
    for i in range(D):
        for j in range(D):
            if abs(a[i, j]) > scale or a[i, j] != a[i, j]:
                scale = np.float64(abs(a[i, j]))
    if not scale < np.inf:
        raise NumericError("power_iteration: `a` must hold finite numbers, got {}", scale)
    unit = np.empty((D, D))
    for i in range(D):
        for j in range(D):
            unit[i, j] = a[i, j] / scale if scale > 0 else 0.0
    value = left = np.float64(0)
    for _ in range(steps):
        _product(unit, v, next_)
        value, left = np.float64(0), np.float64(0)
        for i in range(D):
            value += v[i] * next_[i]
        for i in range(D):
            rest = next_[i] - value * v[i]
            left += rest * rest
        # For a matrix of zeros every vector is one, of the eigenvalue 0.
        if np.sqrt(left) <= tolerance * abs(value):
            for i in range(D):
                vector[i] = v[i]
            return value * scale
        if _to_length_1(next_) == 0:
            raise NumericError(
                "power_iteration: `a` maps the vector to 0 after some steps: try another `start`"
            )
        v, next_ = next_, v
    raise NumericError(
        "power_iteration: `a` has no single largest eigenvalue that shows in {} steps: the vector still "
        "turns by {}; it is complex, or shares its magnitude: see np.linalg.eigvals", steps, np.sqrt(left),
    )  # fmt: skip


@jit
def _product(a, v, y):
    for i in range(a.shape[0]):
        row, total = a[i], np.float64(0)
        for j in range(v.size):
            total += np.float64(row[j]) * v[j]
        y[i] = total


@jit
def _to_length_1(v):
    """Divide a vector by its length, which is returned."""
    largest, total = np.float64(0), np.float64(0)
    for i in range(v.size):
        if abs(v[i]) > largest or v[i] != v[i]:
            largest = abs(v[i])
    if largest == 0:
        return largest
    for i in range(v.size):
        v[i] /= largest
        total += v[i] * v[i]
    for i in range(v.size):
        v[i] /= np.sqrt(total)
    return largest * np.sqrt(total)


@jit
def gershgorin_discs(a):
    """The discs in the complex plane that hold all eigenvalues of a matrix.

    Parameters
    ----------
    a : (..., D, D) float array

    Returns
    -------
    centers : (..., D) array, the diagonal
    radii : (..., D) array, the sums of the magnitudes beside it in each row

    Raises
    ------
    ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions.

    Examples
    --------
    >>> gershgorin_discs(np.array([[1.0, 0.1], [-0.5, 3.0]]))
    (array([1., 3.]), array([0.1, 0.5]))
    """
    a = as_float("gershgorin_discs: `a` (..., D, D)", a, AT_LEAST_2)
    _check_square("gershgorin_discs", a.shape)
    centers, radii = np.empty(without(a.shape, -1), a.dtype), np.empty(without(a.shape, -1), a.dtype)
    D = a.shape[-1]
    rows, of_center, of_radius = (
        a.reshape(a.size // D, D),
        centers.reshape(a.size // D),
        radii.reshape(a.size // D),
    )
    for r in range(rows.shape[0]):
        total = np.float64(0)
        for j in range(D):
            total += abs(rows[r, j]) if j != r % D else 0.0
        of_center[r], of_radius[r] = rows[r, r % D], total
    return centers, radii


@jit
def growth_rates(a, x, steps):
    """By how much each application of a matrix lengthens a vector: |A^(t+1) x| / |A^t x| for t from 0.

    Parameters
    ----------
    a : (D, D) float array
    x : (D,) float array
        Not zeros.
    steps : int
        How many times the map is applied.

    Returns
    -------
    (steps,) array of the dtype of `a`. They approach the largest magnitude of an eigenvalue. After a vector
        has become 0 they are NaN: nothing is left that could grow.

    Raises
    ------
    OptionError, ShapeError, DtypeError
        Not inside ``prange``, where Numba drops exceptions.

    Examples
    --------
    >>> growth_rates(np.array([[3.0, 0.0], [0.0, 2.0]]), np.array([0.0, 1.0]), 2)
    array([2., 2.])
    """
    a = as_float("growth_rates: `a` (D, D)", a, 2)
    x = as_like("growth_rates: `x` (D,)", x, 1, a)
    _check_square("growth_rates", a.shape)
    steps = integer("growth_rates: `steps`", steps)
    if x.size != a.shape[0]:
        raise ShapeError("growth_rates: `x` must have {} elements, got {}", a.shape[0], x.size)
    if steps < 0:
        raise OptionError("growth_rates: `steps` must not be negative, got {}", steps)
    rates = np.empty(steps, a.dtype)
    _growth_rates(a, x, rates)
    return rates


@jit
def _growth_rates(a, x, rates):
    v, next_ = np.empty(x.size), np.empty(x.size)
    for i in range(x.size):
        v[i] = x[i]
    if _to_length_1(v) == 0:
        raise OptionError("growth_rates: `x` must not be all zeros, got {} of them", x.size)
    length = np.float64(1)
    for t in range(rates.size):
        _product(a, v, next_)
        length = _to_length_1(next_) if length > 0 else np.nan
        rates[t] = length
        v, next_ = next_, v
