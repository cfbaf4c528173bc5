r"""Whether two discrete samples are independent, and whether there are rows enough to say so.

Under independence G = 2 N I(X;Y), in nats, is about chi-squared with :math:`(k_x - 1)(k_y - 1)` degrees of
freedom (the G-test; Wilks 1938), so that the plug-in value is about dof / 2N too large. Given z, the degrees
add up over the values of z.

That holds where at least 5 rows are expected in each cell (Cochran 1952). Where there are fewer, G has the
mean m and the variance v that it has over all tables with the same margins (`_margins`), and c G is about
chi-squared with d degrees of freedom, c = 2 m / v and d = 2 m^2 / v (Satterthwaite 1946).
"""

import math
from typing import NamedTuple

import numpy as np

from nbdl.info._counts import joint_of
from nbdl.info._estimate import nats_of
from nbdl.info._margins import moments
from nbdl.info._measures import conditional_mutual_information, mutual_information
from nbdl.info._special import chi2_tail
from nbdl.info._telling import warn

EXPECTED = 5  # rows in each cell, from which chi-squared holds
STEP = 4 * math.log(2)  # what G gains at least where two cells of one row become one of two rows


class GTest(NamedTuple):
    """The result of `g_test`."""

    information: float  # the plug-in value
    bias: float  # what of it is expected from independent samples
    effective: float  # information - bias
    p_value: float
    statistic: float  # G = 2 N I, I in nats
    dof: int  # degrees of freedom, of chi-squared where rows are many
    rows_per_cell: float  # N / number of combinations that there may be


def g_test(x, y, z=None, *, base="e", nan_policy="raise"):
    """Test of independence of `x` and `y`, given `z` if there is one, by their plug-in mutual information.

    Parameters
    ----------
    x, y, z : (N,) or (N, D)
        Discrete samples: integers, truth values, text, objects.
    base, nan_policy
        As in `entropy`; the base is that of `information`, `bias` and `effective`.

    Returns
    -------
    GTest, a tuple (information, bias, effective, p_value, statistic, dof, rows_per_cell).

    Warns where so few tables have these margins that no smooth distribution is near to that of G.
    """
    nats = nats_of(base)
    named = {"x": x, "y": y} if z is None else {"x": x, "y": y, "z": z}
    joint = joint_of(named, None, nan_policy)
    if joint is None:
        return GTest(*[math.nan] * 7)
    samples = [s.reshape(len(s), -1) for s in joint.samples]
    measure = mutual_information if z is None else conditional_mutual_information
    information = measure(*samples, estimator="ml", discrete=True)
    n, strata = joint.length, _strata(joint)
    dof, cells = (sum((a.size - s) * (b.size - s) for a, b in strata) for s in (1, 0))
    statistic = 2 * n * information
    p, mean = _tail(statistic, dof, strata, n / cells)
    bias = mean / (2 * n)
    return GTest(information / nats, bias / nats, (information - bias) / nats, p, statistic, dof, n / cells)


def _strata(joint):
    """The counts of x and of y, for each value of z if there is one."""
    if len(joint.samples) == 2:
        return [(joint.counts((0,)), joint.counts((1,)))]
    z, _ = joint.codes((2,))
    parts = []
    for i in (0, 1):
        codes, size = joint.codes((i,))
        seen, n = np.unique(z * size + codes, return_counts=True)
        parts.append(np.split(n, np.flatnonzero(np.diff(seen // size)) + 1))
    return list(zip(*parts))


def _tail(statistic, dof, strata, rows_per_cell):
    """The probability of a G as large as this, and the mean of G, where x and y are independent."""
    strata = [(a, b) for a, b in strata if min(a.size, b.size) > 1]
    if min((a.min() * b.min() / a.sum() for a, b in strata), default=EXPECTED) >= EXPECTED:
        return chi2_tail(statistic, dof) if dof else 1.0, dof
    mean, variance = map(sum, zip(*(moments(a, b) for a, b in strata)))
    if variance <= 1e-9 * mean:  # as where each row has a symbol of its own: every table has the same G
        return 1.0, mean
    if variance < STEP**2:
        text = (
            f"g_test: few rows, {rows_per_cell:.2g} for each combination of symbols: G takes few different "
            "values, and its p-value is rough. An exact one is permutation_test's, --permutations 999"
        )
        warn(text)
    return chi2_tail(2 * mean / variance * statistic, 2 * mean**2 / variance), mean
