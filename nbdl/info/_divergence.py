r"""Kullback-Leibler divergence of continuous samples from the distances to their nearest neighbours.

Where the k-th of the N - 1 other rows of x is at distance :math:`\rho_i` of :math:`x_i`, and the k-th of the
M rows of y at distance :math:`\nu_i`,

.. math:: D(X \| Y) = \log \frac{M}{N - 1} + \frac1N \sum_i D \log \frac{\nu_i}{\rho_i}

The true value knows no units, but distances do: each column is divided by the geometric mean of its spreads
in both samples first (`nbdl.info._samples.spreads`).

Rows that recur. Where neighbours tie for the k-th place, as rounded values do and those in a lump, distances
say nothing about densities. Such a row counts its neighbours instead: :math:`l_i` rows of x and :math:`m_i`
of y within the closed ball about it that holds k of both, and its term is :math:`\psi(l_i + 1) - \psi(m_i +
1)`, which is right for the probability of a lump, too. A row of x that y holds too, because the samples have
rows in common, is left out among its neighbours in y as it is among those in x: D(X || X) = 0.

A column that is constant in x: only the M' rows of y that have its value are near, and :math:`D = \log M / M'
+ D(X \| Y')` of the other columns; infinite where M' = 0, or where a column is constant in y alone.

Wang, Kulkarni, Verdú, Divergence estimation for multidimensional densities via k-nearest-neighbor distances,
IEEE Trans. Inf. Theory 55 (2009), eq. 5, and section III for the ball that holds k of both; Pérez-Cruz,
Kullback-Leibler divergence estimation of continuous distributions, ISIT (2008), eq. 14.
"""

import math

import numpy as np

from nbdl.errors import OptionError
from nbdl.info._near import counts_within, kth_distances
from nbdl.info._neighbours import LUMPY, check_flag, digamma_of, is_euclidean, prepare, result
from nbdl.info._samples import spreads
from nbdl.info._spread import step_of
from nbdl.info._telling import warn
from nbdl.info._tree import build, index

MANY = 10  # so many rows alike in one sample, and none in the other where as many are expected, are no chance
COPIED = 0.05  # share of the rows of a sample that are copies, from which on it is said


def kl_divergence(
    x, y, *, k=3, norm="max", standardize=True, noise=0.0, seed=0, local=False, threads=1
):  # fmt: skip
    """Kullback-Leibler divergence D(X || Y) of two samples (see the head of this file).

    Parameters
    ----------
    x, y : (N, D), (M, D) float64 arrays
        They are not paired.
    k : int
        Which neighbour: from 1 to N - 1 and to M; to M - 1 where rows of `x` are in `y`.
    standardize : bool
        Whether columns are divided by their spreads before distances are taken.
    norm, noise, seed, local, threads
        As of `nbdl.info._neighbours.kozachenko_leonenko`.

    Returns
    -------
    float, or (N,) float64: nats. It may be negative. 0 of equal samples; inf where a column is constant in
    `y` alone, or in `x` with a value that `y` has not.

    Raises
    ------
    ShapeError, DtypeError, DataError, OptionError
        On anything but finite float64 (N, D), on k that are not there, on unknown options.

    Warns
    -----
    RuntimeWarning
        Where many rows of `x` share values that `y` has not; where rows of a sample are copies of others.
    """
    given = {"x": x, "y": y}
    moved = prepare("kl_divergence", given, k, 0, noise, seed, paired=False)
    check_flag("kl_divergence", "standardize", standardize)
    euclidean = is_euclidean(norm)
    fixed = (x == x[0]).all(axis=0)
    near = (y[:, fixed] == x[0, fixed]).all(axis=1)
    x, y = x[:, ~fixed], y[near][:, ~fixed]
    if not len(y) or (len(y) > 1 and (y == y[0]).all(axis=0).any()):
        return result(np.full(len(x), math.inf), local)
    values = np.full(len(x), math.log(len(near) / len(y)))
    if x.shape[1]:
        recur = _recur(np.vstack((x, y)))
        known = _known(x, y, k) if recur else np.zeros(len(x), bool)
        if k > len(y) - known.any():
            place = " with the constant values of `x`" if fixed.any() else ""
            place += ", one of them in `x` too" if known.any() else ""
            text = "kl_divergence: `k` must be at most the {} samples of `y`{}, got {}"
            raise OptionError(text, len(y) - known.any(), place, k)
        unit = np.sqrt(spreads(x)) * np.sqrt(spreads(y)) if standardize else 1.0
        x, y = (np.ascontiguousarray(s[:, ~fixed] / unit) for s in (moved[0], moved[1][near]))
        values += _terms(x, y, k, known, recur and not noise, euclidean, threads)
    return result(values, local)


def _terms(x, y, k, known, recur, euclidean, threads):
    """The term of each row of x; `known` rows are in y too, once more than they should."""
    n, m = len(x), len(y) - known
    tree = build(x, threads)
    own, other = _radii(tree, y, k, known, euclidean, threads)
    with np.errstate(divide="ignore", invalid="ignore"):  # a distance of 0 is that of a tie
        values = x.shape[1] * (np.log(other) - np.log(own)) + np.log(m / (n - 1))
    if not recur:
        return values
    own, other = _radii(tree, y, k, known, False, threads)
    both = np.vstack((x, y))
    spaces = index(x, threads), index(both, threads)
    rounding = 4 * np.finfo(np.float64).eps * np.abs(both).max()

    def within(radii):
        """How many rows of x and of y are no farther, but for the rounding of decimals."""
        radii = radii + rounding
        in_x = counts_within(spaces[0], radii, threads=threads)
        in_both = counts_within(spaces[1], np.append(radii, np.zeros(len(y))), threads=threads)[:n]
        return in_x, in_both - in_x - known

    tied = (within(own)[0] > k) | (within(other)[1] > k) | (own <= rounding) | (other <= rounding)
    in_x, in_y = within(np.maximum(own, other))
    counted = digamma_of(in_x + 1) - digamma_of(in_y + 1) + np.log(m / (n - 1))
    return np.where(tied, counted, values)


def _radii(tree, y, k, known, euclidean, threads):
    """Distances to the k-th of the other rows of x, and to the k-th of y."""
    own = kth_distances(tree, k, euclidean=euclidean, threads=threads)
    among = build(y, threads)
    other = kth_distances(among, k, queries=tree, euclidean=euclidean, threads=threads)
    if known.any():
        farther = kth_distances(among, k + 1, queries=tree, euclidean=euclidean, threads=threads)
        other = np.where(known, farther, other)
    return own, other


# --- rows that recur --------------------------------------------------------------------------------------


def _recur(x):
    """Whether a row may recur: some value of each column does."""
    columns = (np.sort(x[:, d]) for d in range(x.shape[1]))
    return all((c[1:] == c[:-1]).any() for c in columns)


def _known(x, y, k):
    """Which rows of x are in y too, not by chance, but because samples have rows in common.

    So it is where one sample has all rows of the other. Else values that were rounded meet within the samples
    more often than between them; what more than k rows share is a lump, and says nothing about that.
    """
    n = len(x)
    which = np.unique(np.vstack((x, y)), axis=0, return_inverse=True)[1].ravel()
    of_x, of_y = (np.bincount(part, minlength=which.max() + 1) for part in (which[:n], which[n:]))
    which, which_y = which[:n], which[n:]
    in_x, in_y = of_x[which], of_y[which]
    if not _on_grids(x, y):
        _warn_of_lumps((in_x > MANY) & (in_x * len(y) > MANY * n) & (in_y == 0))
        _warn_of_copies("x", (1 < in_x) & (in_x <= MANY) & (in_y <= 1))
        _warn_of_copies("y", ((1 < of_y) & (of_y <= MANY) & (of_x <= 1))[which_y])
    if (of_y <= of_x).all() or (of_x <= of_y).all():
        order = np.argsort(which, kind="stable")
        turn = np.empty(n, np.int64)
        turn[order] = np.arange(n) - (np.cumsum(of_x) - of_x)[which[order]]
        return turn < in_y
    once = (in_x == 1) & (in_y == 1)
    by_chance = sum(of[(of > 1) & (of <= k)].sum() / of.sum() for of in (of_x, of_y))
    return once & (once.mean() > by_chance)


def _on_grids(x, y):
    """Whether each column is on a grid: values recur because they were rounded, not with a probability."""
    values = (np.unique(np.append(x[:, d], y[:, d])) for d in range(x.shape[1]))
    return all(v.size < 2 or step_of(v) is not None for v in values)


def _warn_of_lumps(lumps):
    share = lumps.mean()
    if share >= LUMPY:
        warn(
            f"kl_divergence: {100 * share:.0f} % of the rows of `x` are values that many of them share "
            "and that `y` has not. If such a value has a probability of its own the divergence is infinite"
        )


def _warn_of_copies(name, rows):
    share = rows.mean()
    if share >= COPIED:
        warn(
            f"kl_divergence: {100 * share:.0f} % of the rows of `{name}` recur a few times there, and hardly "
            "in the other sample: the estimate is not right. If they are copies, leave them out; if they "
            "were rounded, round the other sample alike"
        )
