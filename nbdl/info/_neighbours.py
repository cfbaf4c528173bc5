r"""Entropy of continuous samples from the distances to their nearest neighbours.

Where the k-th neighbour of :math:`x_i` among M - 1 others is at distance :math:`\rho_i`, the density is about
:math:`k / M c \rho_i^D`, c the volume of the unit ball: :math:`2^D` for the largest difference of a
coordinate, :math:`\pi^{D/2} / \Gamma(1 + D/2)` for the Euclidean distance. Without the bias of its logarithm,

.. math::
    h(X) = \psi(M) - \psi(k) + \log c + \frac{D}{N} \sum_i \log \rho_i + \sum_d \log s_d

A larger k gives less variance and more bias. Distances are those of the columns over their spreads
:math:`s_d` (`nbdl.info._samples.spreads`), so that no unit decides who is near, and :math:`h(a X) = h(X) +
\sum_d \log |a_d|`.

Kozachenko, Leonenko, Sample estimate of the entropy of a random vector, Probl. Inf. Transm. 23 (1987);
Kraskov, Stögbauer, Grassberger, Estimating mutual information, Phys. Rev. E 69 (2004), eq. 20. Theiler,
Spurious dimension from correlation algorithms, Phys. Rev. A 34 (1986).

This file also has what all estimators by nearest neighbours share: the checks of their arguments, spreads,
noise, the warning of lumps, and digammas of counts.
"""

import functools
import math
import numbers

import numpy as np

from nbdl.errors import DataError, DtypeError, OptionError, ShapeError
from nbdl.info._near import kth_distances
from nbdl.info._samples import deviations, units_of
from nbdl.info._special import digamma
from nbdl.info._telling import warn
from nbdl.info._tree import build

LUMPY = 0.01  # share of the samples in lumps from which on a warning is given


def kozachenko_leonenko(
    x, *, k=3, norm="max", standardize=True, theiler=0, noise=0.0, seed=0, local=False, threads=1
):  # fmt: skip
    """Differential entropy (see the head of this file).

    Parameters
    ----------
    x : (N, D) float64 array
    k : int
        Which neighbour: at least 1, fewer than the samples outside the Theiler window.
    norm : "max" or "euclidean"
        Which distance.
    standardize : bool
        Whether columns are divided by their spreads before distances are taken, with its logarithm added:
        an estimate that changes with the unit as the truth does. False takes distances as they are.
    theiler : int
        Row j is no neighbour of row i where abs(i - j) <= `theiler`: in a time series, what is near because
        the time is nearly the same tells nothing. 0 excludes the row itself only.
    noise : float
        Standard deviation of normal noise added to each column, as a part of that of the column: breaks ties.
    seed : int
        Of the noise.
    local : bool
        Whether the result is the N values whose mean is the estimate.
    threads : int
        How many to use; the result has the same bits for any number.

    Returns
    -------
    float, or (N,) float64: nats. -inf where a column is constant, or k other samples are at the same point,
    for there is no density.

    Raises
    ------
    ShapeError, DtypeError, DataError, OptionError
        On anything but finite float64 (N, D), on k that are not there, on unknown options.

    Warns
    -----
    RuntimeWarning
        Where more than k samples often share a value: the estimate is -inf then.
    """
    (noisy,) = prepare("kozachenko_leonenko", {"x": x}, k, theiler, noise, seed)
    check_flag("kozachenko_leonenko", "standardize", standardize)
    warn_of_lumps("kozachenko_leonenko", {"x": noisy}, k)
    unit = units_of(x) if standardize else np.ones(x.shape[1])
    return result(log_densities(noisy, k, unit, norm, theiler, threads), local)


def log_densities(x, k, unit, norm="max", theiler=0, threads=1):
    """-log density at each row of x (N, D), distances in `unit` (D,); -inf where a column is constant."""
    euclidean, dims = is_euclidean(norm), x.shape[1]
    if (x == x[0]).all(axis=0).any():
        return np.full(len(x), -math.inf)
    rho = kth_distances(build(x / unit, threads), k, theiler=theiler, euclidean=euclidean, threads=threads)
    with np.errstate(divide="ignore"):  # the logarithm of 0 is meant
        values = dims * np.log(rho) + np.log(unit).sum()
    return values + digamma(admissible(len(x), theiler)) - digamma(k) + _log_unit_ball(dims, norm)


def is_euclidean(norm):
    if norm not in ("max", "euclidean"):
        raise OptionError('`norm` must be "max" or "euclidean", got {!r}', norm)
    return norm == "euclidean"


def _log_unit_ball(dims, norm):
    if norm == "max":
        return dims * math.log(2)
    return dims / 2 * math.log(math.pi) - math.lgamma(1 + dims / 2)


# --- what the estimators by nearest neighbours share ------------------------------------------------------


def prepare(name, samples, k, theiler=0, noise=0.0, seed=0, standardize=False, paired=True):
    """The samples, checked, with noise if it is asked for, in units of their spreads if so."""
    for each, x in samples.items():
        _check_sample(f"{name}: `{each}`", x)
    first, *others = samples.items()
    for each, x in others:
        if paired and len(x) != len(first[1]):
            text = "{}: `{}` must have {} rows like `{}`, got {}"
            raise ShapeError(text, name, each, len(first[1]), first[0], len(x))
        if not paired and x.shape[1] != first[1].shape[1]:
            text = "{}: `{}` must have {} columns like `{}`, got {}"
            raise ShapeError(text, name, each, first[1].shape[1], first[0], x.shape[1])
    _check_count(name, "k", k, 1)
    _check_count(name, "theiler", theiler, 0)
    fewest = int(np.min(admissible(len(first[1]), theiler)))
    if k >= fewest:
        where = f" outside a Theiler window of {theiler}" if theiler else ""
        raise OptionError("{}: `k` must be less than the {} samples{}, got {}", name, fewest, where, k)
    _check_count(name, "seed", seed, 0)
    check_flag(name, "standardize", standardize)
    if isinstance(noise, bool) or not isinstance(noise, numbers.Real) or not 0 <= noise < math.inf:
        raise OptionError("{}: `noise` must be a number >= 0, got {!r}", name, noise)
    return [_changed(x, noise, seed, i, standardize) for i, x in enumerate(samples.values())]


def _check_sample(name, x):
    if not isinstance(x, np.ndarray) or x.dtype != np.float64:
        raise DtypeError("{} must be a float64 array, got {}", name, getattr(x, "dtype", type(x).__name__))
    if x.ndim != 2 or x.shape[1] == 0 or len(x) < 2:
        raise ShapeError("{} must have shape (N, D), N > 1 and D > 0, got {}", name, x.shape)
    if not np.isfinite(x).all():
        raise DataError("{} must be finite, got {}", name, x[~np.isfinite(x)][0])


def _check_count(name, option, value, least):
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise OptionError("{}: `{}` must be an integer >= {}, got {!r}", name, option, least, value)


def check_flag(name, option, value):
    if not isinstance(value, (bool, np.bool_)):
        raise OptionError("{}: `{}` must be True or False, got {!r}", name, option, value)


def _changed(x, noise, seed, number, standardize):
    """With noise, and in the units that the values have without it; a constant column as it is."""
    unit = units_of(x) if standardize else None
    if noise:
        random = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, number])))
        x = x + noise * deviations(x) * random.standard_normal(x.shape)
    return np.ascontiguousarray(x / unit if standardize else x)


def admissible(n, theiler):
    """How many rows are left for each when those near in time are not looked at; the row itself is one."""
    if theiler == 0:
        return n
    i = np.arange(n)
    return n - np.minimum(i, theiler) - np.minimum(n - 1 - i, theiler)


def is_constant(x):
    """Whether all rows are alike."""
    return bool((x == x[0]).all())


def warn_of_lumps(name, samples, k, made_for_it="gao"):
    """Warn where more than k samples often have one value: then the k-th neighbour measures no density."""
    for each, x in samples.items():
        lumped = _in_lumps(x[:, 0], k)
        for d in range(1, x.shape[1]):
            if lumped.any():
                lumped &= _in_lumps(x[:, d], k)
        share = lumped.mean()
        if share >= LUMPY:
            advice = f"For such data the estimate is not right; estimator `{made_for_it}` is made for them, "
            advice += "and"
            if name == "kozachenko_leonenko":
                advice = "They have a probability of their own, and no density: the entropy is -inf, while"
            warn(
                f"{name}: {100 * share:.0f} % of `{each}` are values that more than k = {k} samples share. "
                f"{advice} noise=1e-6 (parts of a standard deviation) puts values apart that were rounded."
            )


def _in_lumps(column, k):
    """Which values of a column more than k samples share."""
    values = np.sort(column)
    if not (values[k:] == values[:-k]).any():
        return np.zeros(column.size, bool)
    _, which, count = np.unique(column, return_inverse=True, return_counts=True)
    return count[which] > k


def just_above(radii):
    """Radii within which lie the points of the closed balls of the radii given."""
    return np.nextafter(radii, np.inf)


def digamma_of(counts):
    """Digamma of each of many integers > 0."""
    return _digammas(int(counts.max()).bit_length())[counts]


@functools.lru_cache(maxsize=2)
def _digammas(bits):
    """Digamma of 0 (NaN) to 2^bits - 1."""
    return np.append(np.nan, digamma(np.arange(1, 2**bits)))


def result(values, local):
    """What an estimator returns: its local values or their mean."""
    return values if local else float(values.mean())
