r"""Mutual information of continuous samples by counting neighbours (Kraskov, Stögbauer, Grassberger).

Of m samples, with :math:`\epsilon_i` the distance of row i to its k-th neighbour in all coordinates together,
and :math:`n_i^s` the number of other rows nearer than :math:`\epsilon_i` in sample s alone,

.. math::
    I^{(1)} &= \psi(k) + (m - 1) \psi(N) - \frac1N \sum_i \sum_s \psi(n_i^s + 1) \\
    I^{(2)} &= \psi(k) - \frac{m - 1}{k} + (m - 1) \psi(N) - \frac1N \sum_i \sum_s \psi(n_i^s) \\
    I(X; Y \mid Z) &= \psi(k) + \frac1N \sum_i \psi(n_i^z + 1) - \psi(n_i^{xz} + 1) - \psi(n_i^{yz} + 1)

In the second, n counts the rows that are not farther in sample s than the farthest of the k neighbours is in
that sample: a box instead of a cube. Distances are the largest difference of a coordinate. "Nearer" is
strictly less, of the same computed distances; where neighbours tie for the k-th place, all of them count.

The errors of the entropies cancel where the distance is the same in all spaces, so that the bias is near 0
for independent samples. It grows with the information: N samples cannot show much more than log N nats.
Values are not clipped at 0.

The true value knows no units, but distances do: of a column in metres and one in millimetres only the second
would say who is near. So each column is divided by its spread first, the distance between its first and its
last decile, a constant one left as it is, unless ``standardize=False``. A value far away does not change it.

Kraskov, Stögbauer, Grassberger, Estimating mutual information, Phys. Rev. E 69 (2004), eq. 8, 9, 23, 24.
Frenzel, Pompe, Partial mutual information for coupling analysis of multivariate time series, Phys. Rev. Lett.
99 (2007), eq. 5.
"""

import numpy as np

from nbdl.errors import ShapeError
from nbdl.info._near import counts_within, kth_distances, reaches
from nbdl.info._neighbours import (
    admissible,
    digamma_of,
    is_constant,
    just_above,
    prepare,
    result,
    warn_of_lumps,
)
from nbdl.info._special import digamma
from nbdl.info._tree import build, index_each


def ksg1(*samples, k=3, theiler=0, standardize=True, noise=0.0, seed=0, local=False, threads=1):
    """Mutual information of two samples, total correlation of more: the first formula above.

    Parameters
    ----------
    *samples : (N, D) float64 arrays
        At least two, with as many rows; D may differ.
    k : int
        Which neighbour: at least 1, fewer than the samples outside the Theiler window.
    theiler : int
        Row j is neither neighbour of row i nor counted where abs(i - j) <= `theiler`; N is then the number of
        rows that are left.
    standardize : bool
        Whether each column is divided by the distance between its first and last decile before distances are
        taken (its standard deviation if that is 0, a constant one left as it is). The true value does not
        change; the estimate no longer depends on units.
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
    float, or (N,) float64: nats. 0 where at most one sample is not constant.

    Raises
    ------
    ShapeError, DtypeError, DataError, OptionError
        On anything but finite float64 (N, D), on k that are not there, on unknown options.

    Warns
    -----
    RuntimeWarning
        Where more than k samples often share a value.
    """
    varying = _prepared("ksg1", samples, k, theiler, noise, seed, standardize)
    if len(varying) < 2:
        return result(np.zeros(len(samples[0])), local)
    spaces = index_each(varying.values(), threads)
    warn_of_lumps("ksg1", varying, k)
    tree = build(np.hstack(list(varying.values())), threads)
    radii = kth_distances(tree, k, theiler=theiler, threads=threads)
    values = digamma(k) + (len(varying) - 1) * digamma(admissible(len(radii), theiler))
    for x, space in zip(varying.values(), spaces):
        n = counts_within(space, radii, x=x, theiler=theiler, threads=threads)
        values = values - digamma_of(n + 1)
    return result(values, local)


def ksg2(*samples, k=3, theiler=0, standardize=True, noise=0.0, seed=0, local=False, threads=1):
    """Mutual information of two samples, total correlation of more: the second formula above.

    Smaller systematic errors than the first where the dimension is low, larger ones where it is high.
    Arguments, result, errors and warning as of `ksg1`.
    """
    varying = _prepared("ksg2", samples, k, theiler, noise, seed, standardize)
    if len(varying) < 2:
        return result(np.zeros(len(samples[0])), local)
    spaces = index_each(varying.values(), threads)
    warn_of_lumps("ksg2", varying, k)
    tree = build(np.hstack(list(varying.values())), threads)
    radii = kth_distances(tree, k, theiler=theiler, threads=threads)
    ends = np.cumsum([x.shape[1] for x in varying.values()])
    sides = reaches(tree, radii, ends, theiler=theiler, threads=threads)
    m = len(varying)
    values = digamma(k) - (m - 1) / k + (m - 1) * digamma(admissible(len(radii), theiler))
    for x, space, side in zip(varying.values(), spaces, sides):
        n = counts_within(space, just_above(side), x=x, theiler=theiler, threads=threads)
        values = values - digamma_of(n)
    return result(values, local)


def frenzel_pompe(
    x, y, z, *, k=3, theiler=0, standardize=True, noise=0.0, seed=0, local=False, threads=1
):  # fmt: skip
    """Conditional mutual information I(X; Y | Z), the third formula above.

    `x`, `y`, `z` are (N, D) float64 arrays; options, result, errors and warning as of `ksg1`. 0 where x or y
    is constant; where z is, the value of `ksg1`.
    """
    samples = prepare("ksg1", {"x": x, "y": y, "z": z}, k, theiler, noise, seed, standardize)
    x, y, z = samples
    if is_constant(x) or is_constant(y):
        return result(np.zeros(len(x)), local)
    warn_of_lumps("ksg1", {"x": x, "y": y}, k, made_for_it="mesner_shalizi")
    radii = kth_distances(build(np.hstack(samples), threads), k, theiler=theiler, threads=threads)

    values = digamma(k)
    parts = z, np.hstack((x, z)), np.hstack((y, z))
    for sign, part, space in zip((1, -1, -1), parts, index_each(parts, threads)):
        n = counts_within(space, radii, x=part, theiler=theiler, threads=threads)
        values = values + sign * digamma_of(n + 1)
    return result(values, local)


def _prepared(name, samples, k, theiler, noise, seed, standardize):
    """The samples that are not constant, by name: a constant one shares nothing with the others."""
    if len(samples) < 2:
        raise ShapeError("{}: at least two samples are needed, got {}", name, len(samples))
    names = "xy" if len(samples) == 2 else [f"xs[{i}]" for i in range(len(samples))]
    arrays = prepare(name, dict(zip(names, samples)), k, theiler, noise, seed, standardize)
    return {each: x for each, x in zip(names, arrays) if not is_constant(x)}
