r"""Entropy of symbols and numbers together: the density of the numbers among the rows of each symbol.

.. math:: H(X, Y) = H(X) + \sum_x p(x) \, h(Y \mid X = x)

for a discrete X and a continuous Y: the reference counts symbols and measures numbers. H(X) is the plug-in
value, h that of `nbdl.info._neighbours.kozachenko_leonenko`, in each class with its own spreads. What is left
when the other is known,

.. math:: H(Y \mid X) = \sum_x p(x) \, h(Y \mid X = x) \qquad H(X \mid Y) = H(X) - I(X; Y)

with the mutual information of Ross. A class of k rows or fewer takes the farthest row for the k-th neighbour;
a row that is alone with its symbol has no density and is left out.

Nair, Prabhakar, Shah, On entropy for mixtures of discrete and continuous variables, arXiv cs/0607075 (2006).
"""

import numpy as np

from nbdl.errors import DataError, DtypeError
from nbdl.info._counts import Joint
from nbdl.info._mixed import ross
from nbdl.info._neighbours import check_flag, log_densities, prepare, result, warn_of_lumps
from nbdl.info._samples import units_of


def entropy(x, *, k=3, standardize=True, noise=0.0, seed=0, local=False, threads=1):
    """Entropy of a sample of either kind, or of both (see the head of this file).

    Parameters
    ----------
    x : (N, D) float64 array, (N,) int64 codes, or the pair of codes and array
    k, standardize, noise, seed, local, threads
        As of `nbdl.info._neighbours.kozachenko_leonenko`.

    Returns
    -------
    float, or (N,) float64: nats.

    Raises
    ------
    ShapeError, DtypeError, DataError, OptionError
        As of `kozachenko_leonenko`; where no symbol has two rows.
    """
    codes, columns = x if isinstance(x, tuple) else (x, None) if x.ndim == 1 else (None, x)
    values = 0.0 if codes is None else Joint([codes]).local((0,))
    if columns is not None:
        values = values + _density(columns, codes, k, standardize, noise, seed, threads)
    return result(values, local)


def conditional_entropy(x, given, *, k=3, standardize=True, noise=0.0, seed=0, local=False, threads=1):
    """Entropy of a sample that is left when one of the other kind is known; options as of `entropy`."""
    if x.ndim == given.ndim:
        kind = "discrete" if x.ndim == 1 else "continuous"
        raise DtypeError("by_class: one sample must be discrete and one continuous, got two {} ones", kind)
    if x.ndim == 1:
        known = {"k": k, "standardize": standardize, "noise": noise, "seed": seed, "threads": threads}
        return result(Joint([x]).local((0,)) - ross(x, given, local=True, **known), local)
    return result(_density(x, given, k, standardize, noise, seed, threads), local)


def _density(x, codes, k, standardize, noise, seed, threads):
    """-log density of each row of x among those with its code; the mean of the others where it is alone."""
    (noisy,) = prepare("by_class", {"x": x}, k, noise=noise, seed=seed)
    check_flag("by_class", "standardize", standardize)
    warn_of_lumps("kozachenko_leonenko", {"x": noisy}, k)
    codes = np.zeros(len(x), np.int64) if codes is None else codes
    _, codes, sizes = np.unique(codes, return_inverse=True, return_counts=True)
    if sizes.max() < 2:
        text = (
            "by_class: some rows must have the same symbol, for none has a density by itself; got {} symbols"
        )
        raise DataError(text, len(x))
    values = np.full(len(x), np.nan)
    for rows in np.split(np.argsort(codes, kind="stable"), np.cumsum(sizes)[:-1]):
        if rows.size > 1:
            unit = units_of(x[rows]) if standardize else np.ones(x.shape[1])
            part = np.ascontiguousarray(noisy[rows])
            values[rows] = log_densities(part, min(k, rows.size - 1), unit, threads=threads)
    alone = (sizes == 1)[codes]
    values[alone] = values[~alone].mean()
    return values
