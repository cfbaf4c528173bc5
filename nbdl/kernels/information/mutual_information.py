r"""Conditional entropy, mutual information and conditional mutual information of joint tables.

.. math::
    \mathrm{H}(X | Y) = \mathrm{H}(X, Y) - \mathrm{H}(Y) \qquad
    \mathrm{I}(X; Y) = \sum_{x, y} p(x, y) \log \frac{p(x, y)}{p(x)\, p(y)} \qquad
    \mathrm{I}(X; Y | Z) = \sum_{x, y, z} p(x, y, z) \log \frac{p(x, y, z)\, p(z)}{p(x, z)\, p(y, z)}

A table has an axis for each variable, (X, Y) or (X, Y, Z); axes before those are a batch of tables. Marginals
are taken from the table itself, so that they cannot disagree with it. The two informations are summed as the
Kullback-Leibler divergence of the joint distribution from the one that would be independent: never negative,
and exact also where X and Y are nearly independent. The gradient of I(X; Y),
:math:`\log [p(x, y) / p(x) p(y)] - 1`, is taken as 0 where p(x, y) = 0, though it is infinite.
Cover and Thomas, Elements of Information Theory, sections 2.2, 2.4 and 2.5.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.results import as_grad
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.information.entropy import _entropy
from nbdl.kernels.information.log_terms import kl_term
from nbdl.kernels.information.tables import as_cotangent, as_result, as_table, nats_in, text
from nbdl.kernels.simd.registers import hsum, pointer, splat
from nbdl.kernels.simd.shuffle import lanes
from nbdl.kernels.simd.wide import wide


@jit
def _tables(kernel, shape, variables):
    """The shape as (tables, entries, 1); raises where there is no entry or no axis for a variable."""
    if len(shape) < variables:
        raise ShapeError("{}: `p` must have at least {} axes, got shape {}", kernel, variables, shape)
    number, size = 1, 1
    for d in range(len(shape)):
        if d < len(shape) - variables:
            number *= shape[d]
        else:
            size *= shape[d]
    # `walk` divides by the number of entries.
    if size == 0:
        raise ShapeError("{}: `p` must have tables with entries, got shape {}", kernel, shape)
    return number, size, 1


@jit
def conditional_entropy(p, given=-1, base=None, normalize=False, out=None):
    """The entropy of one variable when the other one is known, H(X | Y) or H(Y | X).

    Parameters
    ----------
    p : (..., X, Y) array, float32, float64 or integers
        Joint probabilities, or with ``normalize=True`` counts or weights; each table sums to 1.
    given : int
        The axis of the variable that is known, one of the last two: -1, the default, gives H(X | Y).
    base : number, optional
        Of the logarithm: positive and not 1. None: e, the result is in nats; 2 gives bits.
    normalize : bool
        Divide each table by its sum.
    out : array of the shape of the result, optional

    Returns
    -------
    number if `p` is one table, else an array of the shape of the batch; of the dtype of `p`.
        NaN for a table of counts that are all zero.

    Raises
    ------
    ProbabilityError
        If an entry is negative, infinite or NaN, or a table does not sum to 1 (see `normalize`).
    OptionError, ShapeError, DtypeError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> round(float(conditional_entropy(np.full((2, 2), 0.25), base=2)), 4)
    1.0
    """
    p, given = as_table("conditional_entropy: `p`", p), integer("conditional_entropy: `given`", given)
    nats = nats_in("conditional_entropy: `base`", base)
    view = _tables(text("conditional_entropy"), p.shape, 2)
    axis = given + p.ndim if given < 0 else given
    if axis not in (p.ndim - 2, p.ndim - 1):
        raise OptionError("conditional_entropy: `given` must be one of the last two axes, got {}", given)
    # In nats, as the other entropy is taken away before the unit is divided by.
    y = _entropy(text("conditional_entropy: `p`"), p.reshape(view), 1.0, bool(normalize))
    table = p.reshape((view[0], p.shape[p.ndim - 2], p.shape[p.ndim - 1]))
    _conditional_entropy(table, axis == p.ndim - 1, nats, bool(normalize), y)
    return as_result("conditional_entropy: `out`", out, p.shape[:-2], p, y)


@jit(strict=True)
def _conditional_entropy(p, given_last, nats, normalize, y):
    """From the joint entropies `y`."""
    p_x, p_y = np.empty(p.shape[1]), np.empty(p.shape[2])
    for number in range(p.shape[0]):
        s = marginals(p[number], p_x, p_y)
        marginal = p_y if given_last else p_x
        known = np.float64(0)
        for i in range(marginal.size):
            if marginal[i] > 0:
                share = marginal[i] / s if normalize else marginal[i]
                known -= share * np.log(share)
        # Rounding can leave a little less than zero.
        h = y[number] - known
        y[number] = 0.0 if h <= 0 else h / nats


@jit(strict=True)
def marginals(p, p_x, p_y):
    """Write the sums of the rows of `p` and those of its columns; returns the sum of all."""
    for j in range(p.shape[1]):
        p_y[j] = 0
    # Row by row, as memory lies; the sums of the columns are a row that stays in the cache.
    for i in range(p.shape[0]):
        row = np.float64(0)
        for j in range(p.shape[1]):
            row += p[i, j]
            p_y[j] += p[i, j]
        p_x[i] = row
    total = np.float64(0)
    # Of the sums of rows: the error grows with the rows and the columns, not with all entries.
    for i in range(p.shape[0]):
        total += p_x[i]
    return total


@jit
def mutual_information(p, base=None, normalize=False, out=None):
    """The mutual information of two variables, from the table of their joint distribution.

    `p`, an array (..., X, Y), `base`, `normalize`, `out`, the result and errors as in `conditional_entropy`.

    Examples
    --------
    >>> round(float(mutual_information(np.array([[0.5, 0.0], [0.0, 0.5]]), base=2)), 4)
    1.0
    """
    p, nats = as_table("mutual_information: `p`", p), nats_in("mutual_information: `base`", base)
    view = _tables(text("mutual_information"), p.shape, 2)
    # The entropies check the tables, and are NaN where there is no distribution.
    y = _entropy(text("mutual_information: `p`"), p.reshape(view), 1.0, bool(normalize))
    table = p.reshape((view[0], p.shape[p.ndim - 2], p.shape[p.ndim - 1]))
    _mutual_information(table, nats, y)
    return as_result("mutual_information: `out`", out, p.shape[:-2], p, y)


@jit(strict=True)
def _mutual_information(p, nats, y):
    """In the place of the joint entropies `y`, which are NaN where there is no distribution."""
    tables, rows, columns = p.shape
    p_x, p_y = np.empty(rows), np.empty(columns)
    a, b, L = pointer(p), pointer(p_y), lanes(pointer(p_y))
    for number in range(tables):
        if np.isnan(y[number]):
            continue
        # sum over x, y of kl(p(x, y), p(x) p(y)), in the scale of the table, whose sum is s
        s = marginals(p[number], p_x, p_y)
        total = splat(0.0)
        for i in range(rows):
            at, share = (number * rows + i) * columns, splat(p_x[i] / s)
            # A row's sum apart: rounding errors grow with both alone. Lanes beyond the row are 0 and add 0.
            part = splat(0.0)
            for j in range(0, columns, L):
                part = part + kl_term(wide(a, at + j, columns - j), wide(b, j, columns - j) * share)
            total = total + part
        y[number] = hsum(total) / (s * nats)


@jit
def mutual_information_dp(dy, p, base=None, normalize=False, dp=None):
    """Adds `dy` times the gradient of `mutual_information` to `dp` (zeros if not given); returns it."""
    p, nats = as_table("mutual_information_dp: `p`", p), nats_in("mutual_information_dp: `base`", base)
    view = _tables(text("mutual_information_dp"), p.shape, 2)
    dy = as_cotangent("mutual_information_dp: `dy`", dy, p.shape[:-2], p)
    dp = as_grad("mutual_information_dp: `dp`", dp, p.shape, p)
    y = _entropy(text("mutual_information_dp: `p`"), p.reshape(view), 1.0, bool(normalize))
    shape = (view[0], p.shape[p.ndim - 2], p.shape[p.ndim - 1])
    _mutual_information(p.reshape(shape), 1.0, y)
    _mutual_information_dp(dy, p.reshape(shape), nats, bool(normalize), y, dp.reshape(shape))
    return dp


@jit(strict=True)
def _mutual_information_dp(dy, p, nats, normalize, y, dp):
    p_x, p_y = np.empty(p.shape[1]), np.empty(p.shape[2])
    for number in range(p.shape[0]):
        total = marginals(p[number], p_x, p_y)
        # d I / d p(x, y) = log p(x, y) / (p(x) p(y)) - 1; of counts the mean over the table is taken away.
        s, offset = (total, y[number]) if normalize else (1.0, 1.0)
        for i in range(p.shape[1]):
            for j in range(p.shape[2]):
                if p[number, i, j] > 0:
                    # One division after the other: the product of two marginals could overflow or underflow.
                    slope = np.log(p[number, i, j] / p_x[i] / p_y[j] * s) - offset
                    dp[number, i, j] += dy[number] * slope / (s * nats)


@jit
def conditional_mutual_information(p, base=None, normalize=False, out=None):
    """The mutual information of X and Y when Z is known, from the table of their joint distribution.

    `p`, an array (..., X, Y, Z), `base`, `normalize`, `out`, the result and errors as in
    `conditional_entropy`.
    """
    p = as_table("conditional_mutual_information: `p`", p)
    nats = nats_in("conditional_mutual_information: `base`", base)
    view = _tables(text("conditional_mutual_information"), p.shape, 3)
    y = _entropy(text("conditional_mutual_information: `p`"), p.reshape(view), 1.0, bool(normalize))
    d = p.ndim
    table = p.reshape((view[0], p.shape[d - 3], p.shape[d - 2], p.shape[d - 1]))
    _conditional_mutual_information(table, nats, y)
    return as_result("conditional_mutual_information: `out`", out, p.shape[:-3], p, y)


@jit(strict=True)
def _conditional_mutual_information(p, nats, y):
    """In the place of the joint entropies `y`, which are NaN where there is no distribution."""
    tables, X, Y, Z = p.shape
    p_z, p_xz, p_yz = np.empty(Z), np.empty((X, Z)), np.empty((Y, Z))
    alone, L = np.empty(Z), lanes(pointer(p_z))
    for number in range(tables):
        if np.isnan(y[number]):
            continue
        s = _marginals_given(p[number], p_z, p_xz, p_yz)
        total = splat(0.0)
        for i in range(X):
            for j in range(Y):
                for k in range(Z):
                    # p(x, z) p(y, z) / p(z): what p(x, y, z) would be if X and Y were independent given Z
                    alone[k] = p_xz[i, k] * (p_yz[j, k] / p_z[k]) if p_z[k] > 0 else 0.0
                at = ((number * X + i) * Y + j) * Z
                part = splat(0.0)
                for k in range(0, Z, L):
                    part = part + kl_term(wide(pointer(p), at + k, Z - k), wide(pointer(alone), k, Z - k))
                total = total + part
        y[number] = hsum(total) / (s * nats)


@jit(strict=True)
def _marginals_given(p, p_z, p_xz, p_yz):
    """Write the marginals of (X, Y, Z) that have the last axis; returns the sum of all."""
    # z is the last axis of all four arrays: innermost, it walks each of them as it lies.
    X, Y, Z = p.shape
    total = np.float64(0)
    for k in range(Z):
        p_z[k] = 0
        for j in range(Y):
            p_yz[j, k] = 0
    for i in range(X):
        for k in range(Z):
            p_xz[i, k] = 0
        for j in range(Y):
            for k in range(Z):
                p_xz[i, k] += p[i, j, k]
                p_yz[j, k] += p[i, j, k]
        for k in range(Z):
            p_z[k] += p_xz[i, k]
            total += p_xz[i, k]
    return total


mutual_information_outputs = outputs(mutual_information, shape=lambda p, **_: p.shape[:-2])
