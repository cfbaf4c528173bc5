r"""Conditional mutual information where some samples are discrete, or continuous with values that repeat.

============== ===========================================================================================
gao            :math:`I(X; Y \mid Z) = \frac1N \sum_i \psi(\tilde k_i) - \psi(n_i^{xz} + 1) -
               \psi(n_i^{yz} + 1) + \psi(n_i^z + 1)`
mesner_shalizi :math:`I(X; Y \mid Z) = \frac1N \sum_i \psi(\tilde k_i) - \psi(n_i^{xz}) - \psi(n_i^{yz})
               + \psi(n_i^z)`
============== ===========================================================================================

gao: n counts the other rows that are nearer in those samples than the k-th neighbour in all; symbols, rows at
the same point, and :math:`\tilde k`, are as in `nbdl.info._mixed`. Without symbols or repeated values it is
the estimate of Frenzel and Pompe. Given a discrete Z it is :math:`\sum_z p(z) I(X; Y \mid Z = z)`, each class
of z by itself, in its own spreads: the estimate of Kraskov, Stögbauer and Grassberger where x
and y are continuous, that of Ross where one of them is.

mesner_shalizi: n counts the other rows that are no farther than the k-th neighbour in all samples, and
:math:`\tilde k_i` is k or, where that is at the same point, the number of other rows there. The k-th
neighbour is counted in some of these samples alone, which makes the estimate too large where x and y are
continuous.

Rahimzamani, Asnani, Viswanath, Kannan, Estimators for multivariate information measures in general
probability spaces, NeurIPS (2018), with digammas of strictly nearer rows as in the KSG estimator. Frenzel,
Pompe, Partial mutual information for coupling analysis of multivariate time series, Phys. Rev. Lett. 99
(2007), eq. 5. Mesner, Shalizi, Conditional mutual information estimation for mixed, discrete and continuous,
data, IEEE Trans. Inf. Theory 67 (2021), algorithm 1.
"""

import numpy as np

from nbdl.info._mixed import Space, cut_off, finished, is_fixed, not_alone, parts_of, radii_of
from nbdl.info._neighbours import check_flag, digamma_of, just_above, result
from nbdl.info._samples import units_of
from nbdl.info._telling import warn

FEW_ROWS = 0.5  # share of rows that have fewer than k neighbours with their symbols, from which on it is said


def gao(x, y, z, *, k=3, standardize=True, noise=0.0, seed=0, local=False, threads=1):
    """Conditional mutual information I(X; Y | Z) of three samples with any repeated values.

    Each sample is a float64 (N, D) array, int64 codes (N,), or the pair of codes and array of a joint
    variable of both kinds; not all are codes. Options, result and errors as of `nbdl.info._mixed.ross`; 0
    where x or y is constant in each class of z.

    Warns
    -----
    RuntimeWarning
        Where most rows have not even k others with the same symbols: the estimate is near 0 then, whatever
        the truth is.
    """
    given = [s if isinstance(s, tuple) else (s,) for s in (x, y, z)]
    samples = parts_of("gao", {"x": x, "y": y, "z": z}, k, False, noise, seed)
    check_flag("gao", "standardize", standardize)
    sizes = Space(samples).sizes()
    if (few := (sizes <= k).mean()) >= FEW_ROWS:
        warn(
            f"conditional_mutual_information: {100 * few:.0f} % of the rows have symbols that no more than "
            f"k = {k} rows share: too few to see a dependence. Join symbols, or take more rows."
        )
    unit = units_of if standardize else np.ones_like
    kept = sizes > 1
    values = np.zeros(len(sizes))
    for rows in Space([samples[2]]).groups:
        rows = rows[kept[rows]]
        if rows.size <= 3:  # so few show nothing
            continue
        part = [
            [s[rows] if s.ndim == 1 else s[rows] / unit(raw[rows]) for s, raw in zip(*parts)]
            for parts in zip(samples, given)
        ]
        x, y, z = part
        if is_fixed(x) or is_fixed(y):
            continue
        radii, terms = radii_of(part, k, threads)
        for sign, parts in ((1, [z]), (-1, [x, z]), (-1, [y, z])):
            terms += sign * digamma_of(Space(parts).counts(radii, threads) + 1)
        values[rows] = cut_off(terms, [x, y])
    if kept.any():
        values[~kept] = values[kept].mean()
    return result(values, local)


def mesner_shalizi(x, y, z, *, k=3, standardize=True, noise=0.0, seed=0, local=False, threads=1):
    """Conditional mutual information I(X; Y | Z) of three samples with any repeated values.

    Samples, options, result and errors as of `gao`; 0 where x or y is constant.
    """
    samples = parts_of("mesner_shalizi", {"x": x, "y": y, "z": z}, k, standardize, noise, seed)
    kept, samples = not_alone(samples)
    x, y, z = samples
    if not kept.any() or is_fixed(x) or is_fixed(y):
        return result(np.zeros(kept.size), local)
    together = Space(samples)
    radii, ks = together.neighbours(k, threads)
    if not radii.all():
        ks = np.where(radii == 0, together.counts(just_above(radii) * (radii == 0), threads), ks)

    def expected(*parts):
        return digamma_of(Space(parts).counts(just_above(radii), threads))

    values = digamma_of(ks) + expected(z) - expected(x, z) - expected(y, z)
    return finished(values, kept, [x, y], local)
