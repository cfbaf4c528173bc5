r"""Mutual information of all pairs of Gaussian columns: one matrix of (partial) correlations holds them all.

.. math::
    I(X; Y \mid Z) = -\tfrac12 \log (1 - r_{XY \cdot Z}^2)

less the bias that the determinants of `_gaussian` have. Where r is near to 1, or Z leaves little of a column,
digits cancel, and the pair is estimated by itself.
"""

import math

import numpy as np

from nbdl.info._gaussian import (
    SINGULAR,
    check_rows,
    conditional_mutual_information,
    independent,
    is_asked,
    normal_scores,
    unit,
)
from nbdl.info._special import digamma
from nbdl.info._threads import in_parallel

CANCELS = (
    0.05  # what is left of a column or of 1 - r^2, as a part of it, where too many digits have cancelled
)


def mutual_information(columns, z, *, bias_correction=True, threads=1):
    """I(X; Y | Z) of all pairs of p columns (N, 1) given z (N, R), in nats: (p, p), inf on the diagonal."""
    n, p = len(z), len(columns)
    check_rows("gaussian mutual information", z, np.empty((n, min(p, 2))))
    z = independent(z)
    basis = np.linalg.qr(unit(z)[0])[0].T if z.shape[1] else np.empty((0, n))
    rest, left = np.empty((p, n)), np.empty(p)

    def reduce(i):
        rest[i] = unit(columns[i])[0][:, 0]
        left[i] = rest[i].any()
        if len(basis):
            for _ in range(2):  # once would leave some of z where little else is left
                rest[i] -= (basis @ rest[i]) @ basis
            left[i] = math.sqrt(rest[i] @ rest[i])
            rest[i] /= left[i] if left[i] > SINGULAR else math.inf

    in_parallel(reduce, range(p), threads)
    r = rest @ rest.T
    with np.errstate(divide="ignore", invalid="ignore"):
        value = -np.log((1 - r) * (1 + r)) / 2
    if is_asked(bias_correction):
        dof = n - 1 - z.shape[1]
        value -= float(digamma(dof / 2) - digamma((dof - 1) / 2)) / 2
    empty = left <= SINGULAR
    value[empty] = value[:, empty] = 0.0
    near = (1 - r * r < CANCELS) | (left < CANCELS) | (left < CANCELS)[:, None]
    for i, j in zip(*np.nonzero(np.triu(near & ~empty & ~empty[:, None], 1))):
        value[i, j] = conditional_mutual_information(
            columns[i], columns[j], z, bias_correction=bias_correction
        )
    value = np.triu(value, 1)
    value += value.T
    np.fill_diagonal(value, math.inf)
    return value


def copula_mutual_information(columns, z, *, bias_correction=True, threads=1):
    """`mutual_information` of the normal scores of each column."""
    scores = in_parallel(normal_scores, [*columns, z], threads)
    return mutual_information(scores[:-1], scores[-1], bias_correction=bias_correction, threads=threads)
