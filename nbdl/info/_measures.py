r"""The measures of samples by name: their definitions, and `entropy_of_counts`. `_estimate.py` computes them.

.. math::
    I(X;Y) &= H(X) + H(Y) - H(XY) \\
    I(X;Y|Z) &= H(XZ) + H(YZ) - H(Z) - H(XYZ) \\
    TC &= \sum_i H(X_i) - H(X_1 \ldots X_n) \\
    DTC &= H(X_1 \ldots X_n) - \sum_i H(X_i \mid \text{all others}) \\
    \Omega &= TC - DTC

Cover and Thomas, Elements of Information Theory (2006), chapter 2; Watanabe (1960) for TC, Han (1978) for
DTC, Rosas et al. (2019) for the O-information, McGill (1954) for the co-information.
"""

import numbers

import numpy as np

from nbdl import registry
from nbdl.errors import OptionError, ShapeError, UsageError
from nbdl.info._estimate import estimate, function_of, nats_of
from nbdl.info._samples import read_counts


def entropy(x, estimator=None, **options):
    r"""Entropy of one sample, :math:`H(X) = -\sum_x p(x) \log p(x)`; differential where it is continuous.

    Parameters
    ----------
    x : (N,) or (N, D)
        Integers, truth values and text are symbols; floats are continuous unless they are few and recur. D
        columns are one joint variable. Arrays, lists, and columns of tables.
    estimator : str, optional
        A name of the registry. Default: "ml" for discrete data, "kozachenko_leonenko" for continuous,
        "by_class" for both together.
    base : "e", 2, 10, any number > 0 but 1; "nats", "bits", "dits"
        The unit, nats if not given.
    weights : (N,), optional
        Not negative; a row of weight 2 counts like two rows. Discrete data only.
    nan_policy : "raise", "omit" or "propagate"
        What is done about missing values: an error, leave out their rows, return NaN.
    discrete : bool, optional
        Whether the values are symbols (True) or measured numbers (False); of several samples one for all, a
        tuple with one for each, or a dict by name. None leaves it to the data (docs/information.md).
    local : bool
        Return the N values whose mean (weighted, where there are weights) is the estimate.
    threads : int, optional
        Threads that may be used; as many as there are processors if not given. The result has the same bits
        for any number.
    k : int, optional
        Size of the alphabet of discrete data (as many as were seen if not given), for the estimators that
        use it.
    **options
        Further options of the estimator.

    Returns
    -------
    float, or float64 (N,) with ``local=True``.

    Raises
    ------
    ShapeError, DtypeError, DataError, OptionError, UsageError
        On samples without rows or of different lengths, on missing or infinite values, on unknown names.

    Warns
    -----
    RuntimeWarning
        Where floats are taken as symbols, and where there are fewer than 5 rows for each symbol.
    """
    return estimate("entropy", {"x": x}, estimator, **options)


def joint_entropy(*xs, estimator=None, **options):
    """Entropy H(X1, ..., Xn) of samples taken together, H(X) + h(Y|X) for a discrete X and a continuous Y.

    Options as of `entropy`.
    """
    return estimate("joint_entropy", _numbered(xs, 1), estimator, **options)


def conditional_entropy(x, given, estimator=None, **options):
    """Entropy of `x` that is left when `given` is known, H(X|Y) = H(X,Y) - H(Y). Options as of `entropy`.

    The marginal is computed from the samples, never passed in.
    """
    return estimate("conditional_entropy", {"x": x, "given": given}, estimator, **options)


def mutual_information(x, y, estimator=None, **options):
    r"""What two samples tell about one another, :math:`I(X;Y) = \sum p(x,y) \log \frac{p(x,y)}{p(x) p(y)}`.

    Parameters
    ----------
    x, y : (N,) or (N, D)
        As in `entropy`; one may be discrete and the other continuous. The value does not depend on the dtype:
        numbers of more than 20 values are measured where the rows are too few to count combinations, and
        values on a grid are spread over its steps, which changes no information (`_kinds`, `_spread`).
    estimator : str, optional
        A name of the registry. Default: "ml" for discrete data, "ksg1" (Kraskov, Stögbauer, Grassberger 2004)
        for continuous, "ross" (2014) for mixed, "gao" (2017) where single values recur in a continuum.
    clip : bool
        Raise a negative estimate to 0, where the true value cannot be negative. It is not done without being
        asked for: the mean of many estimates, and a null distribution, would be biased. The plug-in value of
        discrete data needs no clipping.
    base, weights, nan_policy, discrete, local, threads, **options
        As in `entropy`. `k` is a pair here, the sizes of both alphabets; the joint one has their product.
        ``noise=0.0`` leaves values on a grid as they are.

    Returns
    -------
    float, or float64 (N,) with ``local=True``.

    Warns
    -----
    RuntimeWarning
        Where something was decided about a sample that its dtype does not say; where there are fewer than 5
        rows for each combination of symbols.
    """
    return estimate("mutual_information", {"x": x, "y": y}, estimator, **options)


def conditional_mutual_information(x, y, z, estimator=None, **options):
    """What two samples tell about one another when `z` is known, I(X;Y|Z). As `mutual_information`.

    Default of mixed data: "gao", which is the mean over the classes of a discrete `z`.
    """
    return estimate("conditional_mutual_information", {"x": x, "y": y, "z": z}, estimator, **options)


def total_correlation(*xs, estimator=None, **options):
    """Sum of the entropies of the samples less their joint entropy (multi-information). Options as of
    `mutual_information`."""
    return estimate("total_correlation", _numbered(xs, 2), estimator, **options)


def dual_total_correlation(*xs, estimator=None, **options):
    """Joint entropy less what each sample has for itself, H(Xi | all others). Options as of
    `mutual_information`."""
    return estimate("dual_total_correlation", _numbered(xs, 2), estimator, **options)


def o_information(*xs, estimator=None, **options):
    """Total correlation less its dual: above 0 redundancy outweighs synergy, below 0 synergy. Options as of
    `entropy`."""
    return estimate("o_information", _numbered(xs, 2), estimator, **options)


def co_information(*xs, estimator=None, **options):
    """I(X;Y) - I(X;Y|Z), and so on for more samples; -1 bit for Z = X xor Y. Options as of `entropy`."""
    return estimate("co_information", _numbered(xs, 2), estimator, **options)


def kl_divergence(x, y, estimator=None, **options):
    r"""Divergence of the distribution of `x` from that of `y`, :math:`\sum p(x) \log \frac{p(x)}{q(x)}`.

    The two samples are not paired and may have different numbers of rows.

    Parameters
    ----------
    x, y : (N,) or (N, D), (M,) or (M, D)
        As in `entropy`, both discrete or both continuous.
    estimator : str, optional
        Default: "ml" for discrete data, infinite where `x` has a symbol that `y` has not; "knn" (Pérez-Cruz
        2008) for continuous data, which is 0 for equal samples and takes rounded values as they are.
    base, nan_policy, threads, **options
        As in `entropy`; `clip` as in `mutual_information`.
    """
    return estimate("kl_divergence", {"x": x, "y": y}, estimator, **options)


def entropy_of_counts(counts, estimator="ml", *, base="e", k=None, **options):
    """Entropy from the counts of symbols, by any estimator of discrete data.

    Parameters
    ----------
    counts : (m,) or any other shape
        How often each symbol was seen: not negative, not all zero. Counts of parts of the data can be added.
    estimator : str
        A name of the registry.
    base, **options
        As in `entropy`.
    k : int, optional
        Size of the alphabet; as many as there are counts, zeros included, if not given.
    """
    n = read_counts(counts)
    record = registry.default().get("estimator", estimator)
    if record.data != "discrete":
        raise UsageError("estimator `{}` is for {} data, it has no entropy of counts", estimator, record.data)
    if k is not None and (not isinstance(k, numbers.Integral) or k < np.count_nonzero(n)):
        text = "`k` must be an integer, at least the {} counts > 0, got {!r}"
        raise OptionError(text, np.count_nonzero(n), k)
    entropy = function_of(record, "entropy", options)
    return float(entropy(n, k=n.size if k is None else k, **options)) / nats_of(base)


def _numbered(xs, fewest):
    if len(xs) < fewest:
        raise ShapeError("at least {} samples are needed, got {}", fewest, len(xs))
    return {f"xs[{i}]": x for i, x in enumerate(xs)}
