r"""Mean and variance of G over all tables with the same margins: what shuffling the rows for ever would give.

Where x was shuffled, the count :math:`n_{ij}` of a cell is hypergeometric, with margins :math:`r_i, c_j`, and

.. math::
    G = 2 \sum_{ij} f_{ij} \qquad
    f_{ij} = n_{ij} \log \frac{n_{ij}}{\mu_{ij}} - n_{ij} + \mu_{ij} \qquad \mu_{ij} = r_i c_j / N

Let :math:`\varphi^m_{ij} = E[f_{ij} Q_m(n_{ij})]`, with the orthonormal polynomials Q of that distribution
(Hahn's). The counts of two cells are those of a random permutation and of sets of rows. By Schur's
orthogonality polynomials of different degree are uncorrelated, and those of one degree have

.. math::
    \mathrm{cov}(Q_m(n_{ij}), Q_m(n_{kl})) = \rho_{ik} \rho_{jl} \qquad
    \rho_{ii} = 1, \quad \rho_{ik} = (-1)^m s_i s_k, \quad
    s_i^2 = \prod_{q < m} \frac{r_i - q}{N - r_i - q}

so that the variance is a sum over the cells, for each degree, and not over pairs of cells. Bannai and Ito,
Algebraic Combinatorics I (1984), section III.2, for the polynomials.
"""

import numpy as np

from nbdl._jit import jit

DEGREES = 40  # of polynomials; what is left of a variance is small long before
LEFT = 1e-9  # part of a cell's variance at which its polynomials end


def moments(rows, columns):
    """Mean and variance of G of independent samples with these counts > 0."""
    if len(rows) < 2 or len(columns) < 2:
        return 0.0, 0.0
    r, r_times = np.unique(rows, return_counts=True)
    c, c_times = np.unique(columns, return_counts=True)
    mean, variance = _moments(r, r_times, c, c_times, int(rows.sum()))
    return 2 * mean, 4 * variance


@jit(strict=True)
def _moments(r, r_times, c, c_times, total):
    """Of the sum of f over the cells; margins of one size are taken together."""
    mean, plain = 0.0, 0.0
    by_row, by_column = np.zeros((r.size, DEGREES)), np.zeros((c.size, DEGREES))
    by_both, phi = np.zeros(DEGREES), np.zeros(DEGREES)
    s, t = _shares(r, total), _shares(c, total)
    for i in range(r.size):
        for j in range(c.size):
            expected, degrees = _cell(r[i], c[j], total, phi)
            times = r_times[i] * c_times[j]
            mean += times * expected
            for m in range(1, degrees):
                sign = 1.0 - 2 * (m % 2)
                a, b = s[i, m], t[j, m]
                plain += times * phi[m] ** 2 * (1 - sign * a * a) * (1 - sign * b * b)
                by_row[i, m] += c_times[j] * phi[m] * b
                by_column[j, m] += r_times[i] * phi[m] * a
                by_both[m] += times * phi[m] * a * b
    for m in range(1, DEGREES):
        sign = 1.0 - 2 * (m % 2)
        plain += by_both[m] ** 2
        for i in range(r.size):
            plain += sign * r_times[i] * (1 - sign * s[i, m] ** 2) * by_row[i, m] ** 2
        for j in range(c.size):
            plain += sign * c_times[j] * (1 - sign * t[j, m] ** 2) * by_column[j, m] ** 2
    return mean, plain


@jit(strict=True)
def _shares(margins, total):
    """s of each margin and degree, 0 where there is no polynomial of that degree."""
    s = np.zeros((margins.size, DEGREES))
    for i in range(margins.size):
        value = 1.0
        for m in range(1, DEGREES):
            over, under = margins[i] - m + 1, total - margins[i] - m + 1
            if over <= 0 or under <= 0:
                break
            value *= over / under
            s[i, m] = np.sqrt(value)
    return s


@jit(strict=True)
def _cell(r, c, total, phi):
    """The mean of f in one cell; phi of the degrees below the second result, by Stieltjes' recurrence."""
    n, weight = _likely(r, c, total)
    mu = r * c / total
    f = np.empty(n.size)
    for i in range(n.size):
        f[i] = (n[i] * np.log(n[i] / mu) if n[i] > 0 else 0.0) - (n[i] - mu)
    expected = (weight * f).sum()
    left = variance = (weight * (f - expected) ** 2).sum()
    before, q, beta = np.zeros(n.size), np.ones(n.size), 0.0
    most = min(DEGREES, n.size)
    for m in range(1, most):
        alpha = (weight * n * q * q).sum()
        new = (n - alpha) * q - beta * before
        beta = np.sqrt((weight * new * new).sum())
        if beta == 0 or left <= LEFT * variance:
            return expected, m
        before, q = q, new / beta
        phi[m] = (weight * q * f).sum()
        left -= phi[m] ** 2
    return expected, most


@jit(strict=True)
def _likely(r, c, total):
    """The counts that a cell may have, as floats, and their probabilities; those below 1e-20 left out."""
    least, most = max(0, r + c - total), min(r, c)
    mode = min(max((r + 1) * (c + 1) // (total + 2), least), most)
    low = high = mode
    weight = 1.0
    while high < most and weight > 1e-20:
        weight *= (r - high) * (c - high) / ((high + 1.0) * (total - r - c + high + 1))
        high += 1
    weight = 1.0
    while low > least and weight > 1e-20:
        weight *= low * (total - r - c + low) / ((r - low + 1.0) * (c - low + 1))
        low -= 1
    n, p = np.arange(low, high + 1) * 1.0, np.ones(high - low + 1)
    for k in range(mode, high):
        p[k + 1 - low] = p[k - low] * ((r - k) * (c - k) / ((k + 1.0) * (total - r - c + k + 1)))
    for k in range(mode, low, -1):
        p[k - 1 - low] = p[k - low] * (k * (total - r - c + k) / ((r - k + 1.0) * (c - k + 1)))
    return n, p / p.sum()
