r"""Mutual information where some samples are discrete, or continuous with values that repeat.

======================= =================================================================================
ross, of one discrete   :math:`I(X; Y) = \psi(N) + \frac1N \sum_i \psi(k_i) - \psi(N_i) - \psi(m_i + 1)`
and one continuous
gao, of any two samples :math:`I(X; Y) = \log N + \frac1N \sum_i \psi(\tilde k_i) - \psi(n_i^x + 1) -
                        \psi(n_i^y + 1)`
mesner_shalizi, of any  :math:`I(X; Y \mid Z) = \frac1N \sum_i \psi(\tilde k_i) - \psi(n_i^{xz}) -
three                   \psi(n_i^{yz}) + \psi(n_i^z)`
======================= =================================================================================

ross: :math:`N_i` rows have the symbol of row i, and :math:`m_i` other rows of any symbol are nearer than its
k-th neighbour among those. gao: n counts the other rows that are nearer in one sample than the k-th neighbour
in both together, and :math:`\tilde k_i` is k; where that neighbour is at the same point, n counts the other
rows at the same point of the sample, and :math:`\tilde k_i` all rows at that of both, itself among them.
mesner_shalizi: n counts the other rows that are no farther than the k-th neighbour in all samples, and
:math:`\tilde k_i` is k or, where that is at the same point, the number of other rows there.

Symbols have no distance: rows with different ones are never neighbours, so that neither names nor order of
symbols count, nor the scale of the numbers beside them. Where a symbol (in the last two: a combination of
symbols) has fewer than k + 1 rows, all its other rows are the neighbours; a row that is alone with its symbol
has none and is left out. Information about a discrete sample is at most its entropy: larger estimates are
cut off there. Columns of numbers are divided by their standard deviations before distances are taken, unless
``standardize=False``: no unit decides who is near.

Ross, Mutual information between discrete and continuous data sets, PLoS ONE 9 (2014), eq. 6. Gao, Kannan,
Oh, Viswanath, Estimating mutual information for discrete-continuous mixtures, NeurIPS (2017), section 3: with
digammas of strictly nearer rows, as in the KSG estimator, where the paper has logarithms, which are too large
by about 3 / 2n. Mesner, Shalizi, Conditional mutual information estimation for mixed, discrete and
continuous, data, IEEE Trans. Inf. Theory 67 (2021), algorithm 1.
"""

import math

import numpy as np

from nbdl.errors import DtypeError, ShapeError
from nbdl.info._counts import Joint
from nbdl.info._near import counts_within, kth_distances
from nbdl.info._neighbours import (
    digamma_of,
    is_constant,
    just_above,
    prepare,
    result,
    warn_of_lumps,
)
from nbdl.info._special import digamma
from nbdl.info._tree import build, index


def ross(x, y, *, k=3, standardize=True, noise=0.0, seed=0, local=False, threads=1):
    """Mutual information of a discrete and a continuous sample (see the head of this file).

    Parameters
    ----------
    x, y : (N, D) float64 array and (N,) int64 codes, in any order
    k : int
        Which neighbour: at least 1, less than N.
    standardize : bool
        Whether each continuous column is divided by its standard deviation (over N) before distances are
        taken, a constant one left as it is. It matters where there are several columns.
    noise : float
        Standard deviation of normal noise added to each continuous column, as a part of that of the column:
        breaks ties.
    seed : int
        Of the noise.
    local : bool
        Whether the result is the N values whose mean is the estimate.
    threads : int
        How many to use; the result has the same bits for any number.

    Returns
    -------
    float, or (N,) float64: nats. 0 where one sample is constant or no symbol occurs twice.

    Raises
    ------
    ShapeError, DtypeError, DataError, OptionError
        On two samples of one kind, on samples that are not finite, on k that are not there.
    """
    samples = _prepared("ross", {"x": x, "y": y}, k, standardize, noise, seed)
    continuous = [s for s in samples if s.ndim == 2]
    if len(continuous) != 1:
        kinds = "continuous" if continuous else "discrete"
        raise DtypeError("ross: one sample must be discrete and one continuous, got two {} ones", kinds)
    kept, samples = _not_alone(samples)
    if not kept.any() or any(map(is_constant, samples)):
        return result(np.zeros(len(x)), local)
    together = _Space(samples)
    name = "x" if samples[0].ndim == 2 else "y"
    warn_of_lumps("ross", {name: continuous[0]}, k)
    radii, ks = together.neighbours(k, threads)
    values = digamma(len(radii)) + digamma_of(ks) - digamma_of(together.sizes())
    for s in samples:
        if s.ndim == 2:
            values -= digamma_of(_Space([s]).counts(radii, threads) + 1)
    return _finished(values, kept, samples, local)


def gao(x, y, *, k=3, standardize=True, noise=0.0, seed=0, local=False, threads=1):
    """Mutual information of two samples with any repeated values.

    `x` and `y` are (N, D) float64 arrays or (N,) int64 codes, at least one of them float64. Options,
    result and errors as of `ross`.
    """
    samples = _prepared("gao", {"x": x, "y": y}, k, standardize, noise, seed)
    kept, samples = _not_alone(samples)
    if not kept.any() or any(map(is_constant, samples)):
        return result(np.zeros(len(x)), local)
    radii, ks = _radii_and_ties(samples, k, threads)
    at_point = radii == 0
    values = digamma_of(ks + at_point) + math.log(len(radii))
    radii = np.where(at_point, just_above(radii), radii)
    for s in samples:
        values -= digamma_of(_Space([s]).counts(radii, threads) + 1)
    return _finished(values, kept, samples, local)


def mesner_shalizi(x, y, z, *, k=3, standardize=True, noise=0.0, seed=0, local=False, threads=1):
    """Conditional mutual information I(X; Y | Z) of three samples with any repeated values.

    Samples, options, result and errors as of `gao`; 0 where x or y is constant.
    """
    samples = _prepared("mesner_shalizi", {"x": x, "y": y, "z": z}, k, standardize, noise, seed)
    kept, samples = _not_alone(samples)
    if not kept.any() or is_constant(samples[0]) or is_constant(samples[1]):
        return result(np.zeros(len(x)), local)
    radii, ks = _radii_and_ties(samples, k, threads)
    x, y, z = samples

    def expected(*part):
        return digamma_of(_Space(part).counts(just_above(radii), threads))

    values = digamma_of(ks) + expected(z) - expected(x, z) - expected(y, z)
    return _finished(values, kept, [x, y], local)


class _Space:
    """Samples together: rows are neighbours where their symbols agree, at the distance of their numbers."""

    def __init__(self, samples):
        numbers = [s for s in samples if s.ndim == 2]
        symbols = [s for s in samples if s.ndim == 1]
        self.rows = len(samples[0])
        self.x = np.ascontiguousarray(np.hstack(numbers)) if numbers else None
        self.groups = [np.arange(self.rows)]
        if symbols:
            which = Joint(symbols).codes(range(len(symbols)))[0]
            ends = np.cumsum(np.bincount(which))
            self.groups = [rows for rows in np.split(np.argsort(which), ends[:-1]) if rows.size]

    def sizes(self):
        """How many rows have the symbols of each row."""
        out = np.empty(self.rows, np.int64)
        for rows in self.groups:
            out[rows] = rows.size
        return out

    def neighbours(self, k, threads):
        """Distance to the k-th neighbour of each row, the last where there are fewer; and which that is."""
        radii, ks = np.empty(self.rows), np.minimum(k, self.sizes() - 1)
        for rows in self.groups:
            tree = build(self.x[rows], threads)
            radii[rows] = kth_distances(tree, int(ks[rows[0]]), threads=threads)
        return radii, ks

    def counts(self, radii, threads):
        """How many other rows are nearer than the radius of each."""
        if self.x is None:
            return np.where(radii > 0, self.sizes() - 1, 0)
        out = np.empty(self.rows, np.int64)
        for rows in self.groups:
            out[rows] = counts_within(index(self.x[rows], threads), radii[rows], threads=threads)
        return out


def _prepared(name, samples, k, standardize, noise, seed):
    """The samples, checked, in units of their standard deviations and with noise if they are asked for."""
    for each, s in samples.items():
        if s.ndim == 1 and s.dtype != np.int64:
            raise DtypeError("{}: `{}` must be float64 (N, D) or int64 (N,), got {}", name, each, s.dtype)
    continuous = {each: s for each, s in samples.items() if s.ndim != 1}
    if not continuous:
        raise DtypeError("{}: all samples are discrete; estimator `ml` is for them", name)
    lengths = {each: len(s) for each, s in samples.items()}
    if len(set(lengths.values())) > 1:
        raise ShapeError("{}: samples must have the same number of rows, got {}", name, lengths)
    changed = prepare(name, continuous, k, noise=noise, seed=seed, standardize=standardize)
    samples = samples | dict(zip(continuous, changed))
    return list(samples.values())


def _not_alone(samples):
    """Which rows have another one with the same symbols, and the samples without the other rows."""
    kept = _Space(samples).sizes() > 1
    return kept, samples if kept.all() else [s[kept] for s in samples]


def _radii_and_ties(samples, k, threads):
    """Distances to the k-th neighbours, and k, or how many others are at the same point if those are."""
    together = _Space(samples)
    radii, ks = together.neighbours(k, threads)
    if not radii.all():
        alike = together.counts(np.where(radii == 0, just_above(0.0), 0.0), threads)
        ks = np.where(radii == 0, alike, ks)
    return radii, ks


def _finished(values, kept, samples, local):
    """The result, cut off at the entropy of discrete samples; rows that were left out get the mean."""
    estimate = values.mean()
    for s in samples:
        if s.ndim == 1:
            share = np.unique(s, return_counts=True)[1] / s.size
            estimate = min(estimate, -(share * np.log(share)).sum())
    values += estimate - values.mean()
    if not local:
        return float(estimate)
    out = np.full(kept.size, estimate)
    out[kept] = values
    return out
