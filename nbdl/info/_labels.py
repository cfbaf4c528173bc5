r"""Agreement of two labellings of the same rows: normalised and adjusted mutual information, and relatives.

Mutual information grows with the number of labels, for labels of no meaning too. It is divided by a mean of
the entropies, and for the adjusted form lessened by E, what labellings with the same counts have in common by
chance (Vinh, Epps, Bailey 2010):

.. math::
    NMI = \frac{I(X;Y)}{\text{mean}(H(X), H(Y))} \qquad AMI = \frac{I(X;Y) - E}{\text{mean}(H(X), H(Y)) - E}

All counts are kept; nothing depends on which label is called what.
"""

import inspect
import math

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, UsageError
from nbdl.info._corrections import ml
from nbdl.info._counts import Joint, joint_of
from nbdl.info._estimate import nats_of

MEANS = ("arithmetic", "geometric", "min", "max", "joint")


def normalized_mutual_information(x, y, mean="arithmetic", *, weights=None, nan_policy="raise"):
    """Mutual information of two labellings divided by a mean of their entropies: from 0 to 1.

    Parameters
    ----------
    x, y : (N,) or (N, D)
        Labels: integers, truth values, text, objects.
    mean : "arithmetic", "geometric", "min", "max" or "joint"
        What it is divided by; "joint" is H(X,Y).
    weights, nan_policy
        As in `entropy`.

    Returns
    -------
    float. Two labellings with one label each agree, 1; one with a single label tells nothing, 0.
    """
    joint = joint_of({"x": x, "y": y}, weights, nan_policy)
    if joint is None:
        _check_mean(mean)
        return math.nan
    return _normalized(*_entropies(joint), mean)


def v_measure(x, y, beta=1.0, *, weights=None, nan_policy="raise"):
    """Weighted harmonic mean of homogeneity I/H(X) and completeness I/H(Y) (Rosenberg and Hirschberg 2007).

    `x` are the classes, `y` the clusters; `beta` > 0 is the weight of completeness. With beta = 1 it is the
    normalised mutual information with the arithmetic mean.
    """
    _check_beta(beta)
    joint = joint_of({"x": x, "y": y}, weights, nan_policy)
    if joint is None:
        return math.nan
    return _v(*_entropies(joint), beta)


def variation_of_information(x, y, *, base="e", weights=None, nan_policy="raise"):
    """H(X|Y) + H(Y|X), a distance of labellings (Meila 2007); 0 where they are the same but for names."""
    nats = nats_of(base)
    joint = joint_of({"x": x, "y": y}, weights, nan_policy)
    if joint is None:
        return math.nan
    return _variation(*_entropies(joint)) / nats


def expected_mutual_information(x, y, *, base="e", nan_policy="raise"):
    """The mean mutual information of two labellings over all permutations of one of them."""
    nats = nats_of(base)
    joint = joint_of({"x": x, "y": y}, None, nan_policy)
    return math.nan if joint is None else _expected(*map(_counts, joint.samples)) / nats


def adjusted_mutual_information(x, y, mean="arithmetic", *, nan_policy="raise"):
    """Normalised mutual information, adjusted for chance: 1 for equal labellings, about 0 for unrelated ones.

    Parameters and conventions as in `normalized_mutual_information`; there are no weights, for permutations
    of the rows are what chance means here. Where every permutation gives the largest value that `mean`
    allows, as with one label, or one for each row, on both sides, the result is 1; it is 0 where that value
    is 0, as with a single label on one side and the smaller entropy as the mean.
    """
    _check_mean(mean)
    joint = joint_of({"x": x, "y": y}, None, nan_policy)
    if joint is None:
        return math.nan
    return _adjusted(*_entropies(joint), _expected(*map(_counts, joint.samples)), mean)


def of_information(measure, x, y, **options):
    """A function of I(X;Y), in nats: the measure of two labellings (N, D) whose rows moved until it is that.

    H(X), H(Y) and what is expected by chance stay what they are.
    """
    formula = OF_INFORMATION[measure]
    known = [p.name for p in inspect.signature(formula).parameters.values() if p.default is not p.empty]
    for option in options:
        if option not in known:
            raise UsageError(
                "`{}` has no option `{}`; it has: {}", measure, option, ", ".join(known) or "none"
            )
    for option, check in (("mean", _check_mean), ("beta", _check_beta)):
        if option in options:
            check(options[option])
    nx, ny = _counts(x), _counts(y)
    hx, hy = ml(nx), ml(ny)
    if formula is _adjusted:
        options["expected"] = _expected(nx, ny)
    return lambda information: formula(hx, hy, hx + hy - information, **options)


# --- formulas ---------------------------------------------------------------------------------------------


def _normalized(hx, hy, hxy, mean="arithmetic"):
    if hx == hy == 0:
        return 1.0
    scale = _mean(mean, hx, hy, hxy)
    return _information(hx, hy, hxy) / scale if scale > 0 else 0.0


def _v(hx, hy, hxy, beta=1.0):
    information = _information(hx, hy, hxy)
    h, c = (information / entropy if entropy > 0 else 1.0 for entropy in (hx, hy))
    return (1 + beta) * h * c / (beta * h + c) if h + c > 0 else 0.0


def _variation(hx, hy, hxy):
    return max(0.0, 2 * hxy - hx - hy)


def _adjusted(hx, hy, hxy, expected, mean="arithmetic"):
    most = _mean(mean, hx, hy, hxy)
    if abs(most - expected) <= 1e-12 * most:  # every permutation has all that can be had
        return 1.0 if most > 0 or hx == hy else 0.0
    return (_information(hx, hy, hxy) - expected) / (most - expected)


OF_INFORMATION = {  # by measure: a function of H(X), H(Y), H(X,Y) and of options
    "normalized_mutual_information": _normalized,
    "adjusted_mutual_information": _adjusted,
    "variation_of_information": _variation,
    "v_measure": _v,
}

# --- parts ------------------------------------------------------------------------------------------------


def _counts(x):
    return Joint([x]).counts((0,))


def _entropies(joint):
    return [ml(joint.counts(group)) for group in ((0,), (1,), (0, 1))]


def _information(hx, hy, hxy):
    return max(0.0, min(hx + hy - hxy, hx, hy))


def _check_beta(beta):
    if not beta > 0 or not math.isfinite(beta):
        raise OptionError("v_measure: `beta` must be > 0 and finite, got {}", beta)


def _check_mean(mean):
    if mean not in MEANS:
        raise OptionError("`mean` must be one of {}, got {!r}", ", ".join(MEANS), mean)


def _mean(mean, hx, hy, hxy):
    _check_mean(mean)
    values = (hx + hy) / 2, math.sqrt(hx * hy), min(hx, hy), max(hx, hy), hxy
    return values[MEANS.index(mean)]


def _expected(nx, ny):
    """Expected mutual information in nats from the counts of the labels on either side.

    A pair of labels matters by its two counts alone, and at most sqrt(2N) counts differ on a side.
    """
    a, a_times = np.unique(nx, return_counts=True)
    b, b_times = np.unique(ny, return_counts=True)
    logs = np.log(np.arange(1, min(a[-1], b[-1]) + 1))
    return _expected_information(a, a_times, b, b_times, int(nx.sum()), logs)


@jit(strict=True)
def _expected_information(a, a_times, b, b_times, total, logs):
    """Sum over the pairs of counts a, b of E[n/N log(N n / a b)], n hypergeometric with margins a and b.

    n runs from its most frequent value to either side, by the ratio of neighbouring probabilities (the terms
    of Vinh et al. 2010, eq. 24a, without factorials), as long as they matter; their sum normalises.
    logs[n - 1] is log n.
    """
    result = 0.0
    for i in range(a.size):
        for j in range(b.size):
            p, q = a[i], b[j]
            rest = total - p - q
            mode = (p + 1) * (q + 1) // (total + 2)
            shift = np.log(np.float64(total)) - np.log(np.float64(p)) - np.log(np.float64(q))
            mass, mean = 1.0, 0.0
            if mode > 0:
                mean = mode * (logs[mode - 1] + shift)
            weight, n = 1.0, mode
            while n < min(p, q) and weight > 1e-18:
                weight *= (p - n) * (q - n) / ((n + 1) * (rest + n + 1))
                n += 1
                mass += weight
                mean += weight * n * (logs[n - 1] + shift)
            weight, n = 1.0, mode
            while n > max(0, -rest) and weight > 1e-18:
                weight *= n * (rest + n) / ((p - n + 1) * (q - n + 1))
                n -= 1
                mass += weight
                if n > 0:
                    mean += weight * n * (logs[n - 1] + shift)
            result += a_times[i] * b_times[j] * (mean / mass)
    return result / total
