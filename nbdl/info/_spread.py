r"""Numbers that recur or lie on a grid, spread so that nearest neighbours do not tie.

Such numbers have no density. They are spread,

.. math:: x_i + h u_i, \qquad u_i \sim U(-\tfrac12, \tfrac12)

with h the step of the grid, or the smaller gap beside a value where there is none. The u are independent of
everything, and x can be read from the sum: each information is exactly what it was. The differential entropy
is that of symbols and log h, which is that of the values before they were rounded where their density is flat
over a step; it is spread on grids alone. The u are counter-based random numbers, the same for any number of
threads. Where single values recur in a continuum (zeros, the end of a scale) nothing is spread; estimators of
such mixtures are taken.

Denuit, Lambert, Constraints on concordance measures in bivariate discrete data, J. Multivariate Anal. 93
(2005), for the continuous extension of a discrete variable. Cover and Thomas, Elements of Information Theory
(2006), theorem 8.3.1, for its entropy.
"""

import numbers

import numpy as np

from nbdl.info._kinds import INFORMATION, values_of
from nbdl.info._samples import RECURS, are_whole
from nbdl.kernels.simd.philox import fill

OFTEN, SHARE = 3, 0.01  # a value recurs if it occurs more often, and these have a share of the rows
FINE = 100  # steps between neighbouring rows, from which on a grid is not seen
SHOWN = 3  # values of a mixture that are named
_SPREAD = 4  # what random numbers are for, as `op` of their counter


def spread(measure, samples, seed=0):
    """Samples whose continuous columns are spread where they recur or lie on a grid; and which are mixtures
    of single values and a continuum, by name."""
    done, mixtures = [], []
    if measure == "kl_divergence":
        return samples, mixtures  # its estimator counts rows that tie
    if not isinstance(seed, numbers.Integral) or not 0 <= seed < 2**63:
        seed = 0  # the estimator says what is wrong with it
    for i, s in enumerate(samples):
        if s.kind == "discrete":
            done.append(s)
            continue
        columns, lumpy, mixed = list(s.values.T), False, []
        for d, x in enumerate(s.values.T):
            with np.errstate(over="ignore", invalid="ignore"):  # a gap may be larger than any number
                width, recurring, atoms = _widths(x)
            if measure not in INFORMATION and (not recurring or np.ndim(width)):
                continue
            mixed += atoms
            if width is not None:
                columns[d] = x + width * _uniform(seed, i, d, x.size)
            lumpy = lumpy or recurring
        about = s.about
        if mixed:
            mixtures.append(s.name)
            about = about or f"{values_of(s)}; of these often {' and '.join(f'{v:g}' for v in mixed[:SHOWN])}"
        elif lumpy and not s.said:
            about = about or f"{values_of(s)}: rounded, spread over their steps"
        done.append(s._replace(values=np.stack(columns, 1), about=about, ends=None))
    return done, mixtures


def _widths(x):
    """How widely each value of x (N,) is to be spread, None for not at all; whether values recur; and those
    that do in a mixture, the most frequent one first."""
    values, count = np.unique(x, return_counts=True)
    if values.size < 2:
        return None, False, []
    recurring = count[count > OFTEN].sum() >= SHARE * x.size
    step = step_of(values)
    if step is not None:
        fine = count.max() == 1 and np.median(np.diff(values)) > FINE * step
        return None if fine else step, recurring, []
    if not recurring:
        return None, False, []
    if x.size < RECURS * values.size:
        return None, True, values[np.argsort(-count, kind="stable")][: (count > OFTEN).sum()].tolist()
    gaps = np.diff(values)
    gaps = np.minimum(np.append(gaps, np.inf), np.append(np.inf, gaps))
    return gaps[np.searchsorted(values, x)], True, []


def step_of(values):
    """The step of the grid on which sorted, different numbers lie (at least 2 of them); None if on none."""
    gaps = np.diff(values)
    if are_whole(values) and max(-values[0], values[-1]) < 2.0**53:
        return float(np.gcd.reduce(gaps.astype(np.int64)))
    error = 8 * np.finfo(np.float64).eps * max(-values[0], values[-1])  # of a difference
    step = gaps.min()
    while True:  # Euclid's algorithm, with differences that are rounded
        with np.errstate(over="ignore", invalid="ignore"):  # too many steps for any number
            times = np.rint(gaps / step)
            allowed = error * (1 + times)
            rest = np.abs(gaps - times * step)
        if step <= 4 * allowed.max():
            return None
        if (rest <= allowed).all():
            return float(step)
        step = rest[rest > allowed].min()


def _uniform(seed, sample, column, n):
    """Random numbers from -1/2 to 1/2, (n,)."""
    words = np.empty((n + 3) // 4 * 4, np.uint32)
    fill(seed, _SPREAD, sample, column, 0, words)
    return (words[:n] + 0.5) / 2.0**32 - 0.5
