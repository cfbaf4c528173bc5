r"""Entropy and mutual information of Gaussian samples; of samples with any marginals, by a Gaussian copula.

.. math::
    h(X) = \frac{D}{2} \log 2 \pi e + \frac12 \log |\Sigma_X| \qquad
    I(X; Y \mid Z) = \frac12 \log \frac{|\Sigma_{Y|Z}|}{|\Sigma_{Y|ZX}|}

The determinants come from a QR decomposition of the centred columns: the square of the k-th diagonal element
of R is (N - 1) times the variance that is left of column k after regression on those before it. Its logarithm
is too small on average by what the chi-squared distribution says, for which ``bias_correction`` makes up
exactly:

.. math::
    E \log \hat\sigma_k^2 = \log \sigma_k^2 + \psi \left( \tfrac{N - k}{2} \right) - \log \tfrac{N - 1}{2}

The divergence is that of the normal distributions with the means and covariances (over N) of the samples,

.. math::
    D(X \| Y) = \frac12 \left( \log \frac{|\Sigma_Y|}{|\Sigma_X|} - D + \mathrm{tr}\, \Sigma_Y^{-1} \left(
        \Sigma_X + (\mu_X - \mu_Y)(\mu_X - \mu_Y)^T \right) \right)

The copula puts ranks in the place of values, as normal scores :math:`\Phi^{-1}(r / (N + 1))`: an estimate of
mutual information that no monotone change of a column alters, and a lower bound of the true one.

Misra, Singh, Demchuk, Estimation of the entropy of a multivariate normal distribution, J. Multivariate Anal.
92 (2005), eq. 2.3. Ince et al., A statistical framework for neuroimaging data analysis based on mutual
information estimated via a Gaussian copula, Human Brain Mapping 38 (2017), sections 2.2 to 2.4.
"""

import functools
import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from nbdl.errors import OptionError, ShapeError
from nbdl.info._special import digamma

SINGULAR = 64 * np.finfo(np.float64).eps  # what is left of a column may be less, as a part of it: rounding
CANCELS = (
    0.05  # what is left of a column or of 1 - r^2, as a part of it, where too many digits have cancelled
)


def entropy(x, *, bias_correction=True, local=False, threads=1):
    """Differential entropy of a Gaussian sample.

    Parameters
    ----------
    x : (N, D) float array
        More rows than columns.
    bias_correction : bool
        Whether the estimate is unbiased; False gives the formula with the sample covariance (N - 1).
    local : bool
        Whether the result is the surprise -log f(x_i) of each row.
    threads : int
        Not used: the decomposition is LAPACK's.

    Returns
    -------
    float, or (N,) float64: nats. -inf where a column is a linear function of the others.
    """
    check_rows("gaussian entropy", x)
    volume = _volume(x, _nothing(x), local)
    value = volume.log + x.shape[1] / 2 * math.log(2 * math.pi * math.e)
    value -= volume.bias if is_asked(bias_correction) else 0.0
    return value + volume.deviation if local else value


def mutual_information(x, y, *, bias_correction=True, local=False, threads=1):
    """Mutual information of two Gaussian samples, (N, D) and (N, E); options and result as `entropy`.

    inf where one sample determines a direction of the other; 0 where one is constant.
    """
    return conditional_mutual_information(
        x, y, _nothing(x), bias_correction=bias_correction, local=local, threads=threads
    )


def conditional_mutual_information(x, y, z, *, bias_correction=True, local=False, threads=1):
    """I(X; Y | Z) of Gaussian samples with N rows each; options and result as `mutual_information`."""
    check_rows("gaussian mutual information", x, y, z)
    z = independent(z)  # what follows from other columns tells nothing more
    x, y = independent(x, z), independent(y, z)
    before, after = _volume(y, z, local), _volume(y, np.hstack((z, x)), local)
    value = before.log - after.log
    if is_asked(bias_correction):
        value -= before.bias - after.bias
    return value + before.deviation - after.deviation if local else value


def kl_divergence(x, y, *, local=False, threads=1):
    """Divergence of the normal distribution fitted to x (N, D) from that fitted to y (M, D).

    `local` and the result as in `entropy`: N values. inf where one of the two has no variance in a direction
    in which the other one has some, or another mean.
    """
    if x.shape[1] != y.shape[1]:
        text = "gaussian divergence: `y` must have {} columns like `x`, got {}"
        raise ShapeError(text, x.shape[1], y.shape[1])
    check_rows("gaussian divergence", x)
    check_rows("gaussian divergence", y)
    by_x, by_y = _surprise(x, x), _surprise(y, x)
    if by_x is None and by_y is None:  # both lie in one plane, where they may have a density, or in two
        both = independent(np.vstack((x, y)))
        by_x, by_y = _surprise(both[: len(x)], both[: len(x)]), _surprise(both[len(x) :], both[: len(x)])
    values = np.full(len(x), np.inf) if by_x is None or by_y is None else by_y - by_x
    return values if local else float(values.mean())


def is_asked(bias_correction):
    if not isinstance(bias_correction, (bool, np.bool_)):
        raise OptionError("gaussian: `bias_correction` must be True or False, got {!r}", bias_correction)
    return bias_correction


def copula_mutual_information(x, y, *, bias_correction=True, local=False, threads=1):
    """`mutual_information` of the normal scores of each column; ties share their mean rank."""
    return mutual_information(
        normal_scores(x), normal_scores(y), bias_correction=bias_correction, local=local, threads=threads
    )


def copula_conditional_mutual_information(x, y, z, *, bias_correction=True, local=False, threads=1):
    """`conditional_mutual_information` of the normal scores of each column."""
    return conditional_mutual_information(
        normal_scores(x),
        normal_scores(y),
        normal_scores(z),
        bias_correction=bias_correction,
        local=local,
        threads=threads,
    )


def copula_shuffled(*samples, bias_correction=True):
    """A function of an order (N,): the copula measure of x in that order, y and z. Ranks are taken once."""
    x, *others = map(normal_scores, samples)
    measure = conditional_mutual_information if len(others) == 2 else mutual_information
    return lambda order: measure(x[order], *others, bias_correction=bias_correction)


def normal_scores(x):
    r"""Each column of x (N, D) with :math:`\Phi^{-1}(r / (N + 1))` for its ranks r = 1 ... N; ties share."""
    out = np.empty(x.shape)
    for d in range(x.shape[1]):
        order = np.argsort(x[:, d])
        ranked = x[order, d]
        if (ranked[1:] > ranked[:-1]).all():
            out[order, d] = _scores(len(x))
            continue
        _, which, count = np.unique(x[:, d], return_inverse=True, return_counts=True)
        rank = np.cumsum(count) - (count - 1) / 2
        out[:, d] = _inverse_normal(rank / (len(x) + 1))[which]
    return out


@functools.lru_cache(2)
def _scores(n):
    """The normal scores of the ranks 1 ... n, which are the same for every column without ties."""
    return _inverse_normal(np.arange(1, n + 1) / (n + 1))


def _inverse_normal(p):
    return np.fromiter(map(NormalDist().inv_cdf, p.tolist()), np.float64, p.size)


class _Volume(NamedTuple):
    """Half the log determinant of the covariance of some columns, given others."""

    log: float  # of the unbiased covariance; -inf where it is singular
    bias: float  # how much `log` is too large on average
    deviation: (
        np.ndarray | None
    )  # (N,) half the squared Mahalanobis distance of each row, less the mean of it


def _volume(y, given, local=False):
    """The `_Volume` of y (N, D) given other columns (N, P)."""
    n, d = y.shape
    p = given.shape[1]
    columns, scale = unit(np.hstack((given, y)))
    deviation = None
    if local:
        q, r = np.linalg.qr(columns)
        deviation = n / 2 * (q[:, p:] ** 2).sum(axis=1)
        deviation -= deviation.mean()
    else:
        r = np.linalg.qr(columns, mode="r")
    left = _left(r)[p:] * scale[p:]
    with np.errstate(divide="ignore"):  # the logarithm of 0 is meant
        log = float(np.log(left).sum() - d / 2 * math.log(n - 1))
    bias = float(digamma((n - 1 - p - np.arange(d)) / 2).sum() - d * math.log((n - 1) / 2)) / 2
    return _Volume(log, bias, deviation)


def _surprise(x, points):
    """-log density at each of `points` of the normal fitted to x, less D log(2 pi) / 2; None if singular."""
    columns, scale = unit(x)
    r = np.linalg.qr(columns, mode="r")
    left = _left(r)
    if not left.all():
        return None
    log = np.log(left * scale).sum() - x.shape[1] / 2 * math.log(len(x))
    with np.errstate(over="ignore", invalid="ignore"):  # farther away than any number
        steps = np.linalg.solve(r.T, ((points - x.mean(axis=0)) / scale).T)
        return log + len(x) / 2 * np.nan_to_num(steps**2, nan=math.inf, posinf=math.inf).sum(axis=0)


def independent(x, given=None):
    """The columns of x (N, D) that are no linear function of those of `given` and of those before them."""
    given = _nothing(x) if given is None else given
    columns, _ = unit(np.hstack((given, x)))
    return x[:, _left(np.linalg.qr(columns, mode="r"))[given.shape[1] :] > 0]


def unit(x):
    """The columns of x centred and of length 1, a constant one 0; and their lengths before."""
    unit = np.exp2(np.frexp(np.abs(x).max(axis=0))[1] - 1.0)  # in these no square is too large
    x = x / unit
    x -= x[0]  # a constant column is 0 now, which the mean would have rounded
    x -= x.mean(axis=0)
    length = np.sqrt((x * x).sum(axis=0))
    return np.divide(x, length, out=np.zeros_like(x), where=length > 0), length * unit


def _left(r):
    """What is left of each unit column after regression on those before it; 0 where it is but rounding."""
    left = np.abs(np.diag(r))
    return np.where(left > SINGULAR, left, 0.0)


def _nothing(x):
    return np.empty((len(x), 0))


def check_rows(name, *samples):
    n, d = len(samples[0]), sum(s.shape[1] for s in samples)
    if n <= d:
        raise ShapeError("{}: the samples must have more rows than all columns, {}, got {}", name, d, n)
