r"""Whether two discrete samples are independent, and whether there are rows enough to say so.

Under independence 2 N I(X;Y), in nats, is about chi-squared with :math:`(k_x - 1)(k_y - 1)` degrees of
freedom (the G-test; Wilks 1938), so that the plug-in value is about dof / 2N too large. Given z, the degrees
add up over the values of z.
"""

import math
from typing import NamedTuple

import numpy as np

from nbdl.info._counts import joint_of
from nbdl.info._measures import conditional_mutual_information, mutual_information, nats_of
from nbdl.info._special import chi2_tail


class GTest(NamedTuple):
    """The result of `g_test`."""

    information: float  # the plug-in value
    bias: float  # what of it is expected from independent samples
    effective: float  # information - bias
    p_value: float
    statistic: float  # G = 2 N I, I in nats
    dof: int
    rows_per_cell: float  # N / number of combinations that there may be; below 5 chi-squared is a rough guide


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
    """
    nats = nats_of(base)
    named = {"x": x, "y": y} if z is None else {"x": x, "y": y, "z": z}
    joint = joint_of(named, None, nan_policy)
    if joint is None:
        return GTest(*[math.nan] * 7)
    samples = [s.reshape(len(s), -1) for s in joint.samples]
    measure = mutual_information if z is None else conditional_mutual_information
    information = measure(*samples, estimator="ml", discrete=True)
    dof, cells = _freedom(joint, conditional=z is not None)
    n = joint.length
    bias, statistic = dof / (2 * n), 2 * n * information
    p = chi2_tail(statistic, dof) if dof else 1.0
    return GTest(information / nats, bias / nats, (information - bias) / nats, p, statistic, dof, n / cells)


def _freedom(joint, conditional):
    """Degrees of freedom, and combinations that there may be: of what was seen, for each value of z."""
    if not conditional:
        a, b = joint.counts((0,)).size, joint.counts((1,)).size
        return (a - 1) * (b - 1), a * b
    z, size = joint.codes((2,))
    pairs = []
    for i in (0, 1):
        seen = np.unique(z * joint.codes((i,))[1] + joint.codes((i,))[0])
        pairs.append(np.bincount(seen // joint.codes((i,))[1], minlength=size))
    a, b = (p[p > 0] for p in pairs)
    return int(((a - 1) * (b - 1)).sum()), int((a * b).sum())
