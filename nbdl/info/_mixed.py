r"""Mutual information where some samples are discrete, or continuous with values that repeat.

======================= =================================================================================
ross, of one discrete   :math:`I(X; Y) = \psi(N) + \frac1N \sum_i \psi(k_i) - \psi(N_i) - \psi(m_i + 1)`
and one continuous
gao, of any m samples   :math:`TC = (m - 1) \log N + \frac1N \sum_i \psi(\tilde k_i) -
                        \sum_s \psi(n_i^s + 1)`, for m = 2 the mutual information
======================= =================================================================================

ross: :math:`N_i` rows have the symbol of row i, and :math:`m_i` other rows of any symbol are nearer than its
k-th neighbour among those. gao: n counts the other rows that are nearer in one sample than the k-th neighbour
in all together, and :math:`\tilde k_i` is k; where that neighbour is at the same point, n counts the other
rows at the same point of the sample, and :math:`\tilde k_i` all rows at that of all, itself among them.

Symbols have no distance: rows with different ones are never neighbours, so that neither names nor order of
symbols count, nor the scale of the numbers beside them. Where a symbol (in gao: a combination of symbols) has
fewer than k + 1 rows, all its other rows are the neighbours; a row that is alone with its symbol has none and
is left out. Information about a discrete sample is at most its entropy: larger estimates are cut off there.
Columns of numbers are divided by their spreads (`nbdl.info._samples.spreads`) before distances are taken,
unless ``standardize=False``: no unit decides who is near.

Ross, Mutual information between discrete and continuous data sets, PLoS ONE 9 (2014), eq. 6. Gao, Kannan,
Oh, Viswanath, Estimating mutual information for discrete-continuous mixtures, NeurIPS (2017), section 3: with
digammas of strictly nearer rows, as in the KSG estimator, where the paper has logarithms, which are too large
by about 3 / 2n; of more samples, Rahimzamani, Asnani, Viswanath, Kannan, Estimators for multivariate
information measures in general probability spaces, NeurIPS (2018).
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
        Whether each continuous column is divided by its spread before distances are taken, a constant one
        left as it is. It matters where there are several columns.
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
    samples = parts_of("ross", {"x": x, "y": y}, k, standardize, noise, seed)
    if sorted(s.ndim for parts in samples for s in parts) != [1, 2]:
        kinds = " and ".join(map(_kind, samples))
        raise DtypeError("ross: one sample must be discrete and one continuous, got {}; try `gao`", kinds)
    kept, samples = not_alone(samples)
    if not kept.any() or any(map(is_fixed, samples)):
        return result(np.zeros(kept.size), local)
    together = Space(samples)
    continuous = samples[0] if samples[0][0].ndim == 2 else samples[1]
    warn_of_lumps("ross", {"x" if continuous is samples[0] else "y": continuous[0]}, k)
    radii, ks = together.neighbours(k, threads)
    values = digamma(len(radii)) + digamma_of(ks) - digamma_of(together.sizes())
    values -= digamma_of(Space([continuous]).counts(radii, threads) + 1)
    return finished(values, kept, samples, local)


def gao(*samples, k=3, standardize=True, noise=0.0, seed=0, local=False, threads=1):
    """Mutual information of two samples with any repeated values, total correlation of more.

    Each sample is a float64 (N, D) array, int64 codes (N,), or the pair of codes and array of a joint
    variable of both kinds; not all are codes. Options, result and errors as of `ross`; 0 where at most one
    sample is not constant.
    """
    names = "xy" if len(samples) == 2 else [f"xs[{i}]" for i in range(len(samples))]
    samples = parts_of("gao", dict(zip(names, samples)), k, standardize, noise, seed)
    kept, samples = not_alone(samples)
    samples = [s for s in samples if kept.any() and not is_fixed(s)]
    if len(samples) < 2:
        return result(np.zeros(kept.size), local)
    if all(s[-1].ndim == 1 for s in samples):  # those that are left are counted
        joint = Joint([s[0] for s in samples])
        values = sum(joint.local((i,)) for i in range(len(samples))) - joint.local(range(len(samples)))
        return finished(values, kept, samples, local)
    radii, values = radii_of(samples, k, threads)
    values += (len(samples) - 1) * math.log(len(radii))
    for s in samples:
        values -= digamma_of(Space([s]).counts(radii, threads) + 1)
    return finished(values, kept, samples, local)


# --- samples as tuples of their parts: codes (N,), numbers (N, D), or both --------------------------------


class Space:
    """Samples together: rows are neighbours where their symbols agree, at the distance of their numbers."""

    def __init__(self, samples):
        numbers = [s for parts in samples for s in parts if s.ndim == 2]
        symbols = [s for parts in samples for s in parts if s.ndim == 1]
        self.rows = len(samples[0][0])
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


def parts_of(name, samples, k, standardize, noise, seed):
    """The parts of each sample, checked, over their spreads and with noise if asked for."""
    parts = {each: s if isinstance(s, tuple) else (s,) for each, s in samples.items()}
    for each, those in parts.items():
        for s in those:
            if s.ndim == 1 and s.dtype != np.int64:
                raise DtypeError("{}: `{}` must be float64 (N, D) or int64 (N,), got {}", name, each, s.dtype)
    continuous = {each: s for each, those in parts.items() for s in those if s.ndim != 1}
    if not continuous:
        raise DtypeError("{}: all samples are discrete; estimator `ml` is for them", name)
    lengths = {each: len(those[0]) for each, those in parts.items()}
    if len(set(lengths.values())) > 1:
        raise ShapeError("{}: samples must have the same number of rows, got {}", name, lengths)
    changed = prepare(name, continuous, k, noise=noise, seed=seed, standardize=standardize)
    changed = dict(zip(continuous, changed))
    return [tuple(s if s.ndim == 1 else changed[each] for s in those) for each, those in parts.items()]


def _kind(parts):
    return "both kinds" if len(parts) > 1 else "discrete" if parts[0].ndim == 1 else "continuous"


def is_fixed(parts):
    return all(map(is_constant, parts))


def not_alone(samples):
    """Which rows have another one with the same symbols, and the samples without the other rows."""
    kept = Space(samples).sizes() > 1
    return kept, samples if kept.all() else [tuple(s[kept] for s in parts) for parts in samples]


def radii_of(samples, k, threads):
    """Radii within which neighbours are counted, and the digamma of how many there are in all samples."""
    together = Space(samples)
    radii, ks = together.neighbours(k, threads)
    at_point = radii == 0
    if at_point.any():
        radii = np.where(at_point, just_above(radii), radii)
        ks = np.where(at_point, together.counts(radii * at_point, threads) + 1, ks)
    return radii, digamma_of(ks)


def finished(values, kept, samples, local):
    """The result, cut off at the entropy of discrete samples; rows that were left out get the mean."""
    values = cut_off(values, samples)
    if not local:
        return float(values.mean())
    out = np.full(kept.size, values.mean())
    out[kept] = values
    return out


def cut_off(values, samples):
    """The values, their mean at most what discrete samples can share: all entropies but the largest."""
    entropies = []
    for parts in samples:
        share = np.unique(parts[0], return_counts=True)[1] / len(parts[0])
        entropies.append(-(share * np.log(share)).sum() if parts[-1].ndim == 1 else math.inf)
    bound = sum(sorted(entropies)[:-1])
    return values - max(values.mean() - bound, 0.0)
