r"""Entropy from counts: the plug-in value, and corrections of its bias for few samples.

Each function takes the counts :math:`n_i` of the symbols, in any order, and gives nats. A symbol that was not
seen may be left out; `k` is then the size of the alphabet (None: as many as there are counts). N is the sum
of the counts, m the number of symbols that were seen.

=================  ========================================  =================================================
estimator          source                                    use it
=================  ========================================  =================================================
ml                 Shannon 1948                              N far above k; bias about -(m - 1) / 2N
miller_madow       Miller 1955                               N above k; takes off the first term of the bias
grassberger        Grassberger 2003, eq. 35                  N about k and below: bias far below 1 / N
grassberger1988    Grassberger 1988                          to compare with older work
zhang              Zhang 2012; Schürmann 2015                N about k; bias falls exponentially in N
jackknife          Zahl 1977                                 N about k; larger variance
shrink             Hausser and Strimmer 2009                 k known, and near uniform
dirichlet          Good 1965; Schürmann, Grassberger 1996    k known; a prior for the frequencies
wolpert_wolf       Wolpert and Wolf 1995                     k known; posterior mean under that prior
chao_shen          Chao and Shen 2003                        many symbols not seen, k not known
chao_wang_jost     Chao, Wang and Jost 2013                  many symbols not seen, k not known
=================  ========================================  =================================================
"""

import math

import numpy as np

from nbdl.errors import DataError, OptionError
from nbdl.info._special import digamma

# --- the plug-in value and what is added to it ------------------------------------------------------------


def ml(counts, *, k=None):
    r"""Maximum likelihood, the plug-in value: :math:`\log N - \frac1N \sum_i n_i \log n_i`."""
    n = _seen(counts)
    total = n.sum()
    return max(0.0, float(np.log(total) - (n * np.log(n)).sum() / total))


def miller_madow(counts, *, k=None):
    r"""The plug-in value plus :math:`(m - 1) / 2N`."""
    return ml(counts) + (np.count_nonzero(counts) - 1) / (2 * float(counts.sum()))


def jackknife(counts, *, k=None):
    r"""N times the plug-in value less N - 1 times its mean over the samples with one row left out.

    With :math:`g(n) = (n - 1) \log \frac{n}{n-1}` that is the plug-in value plus
    :math:`g(N) - \frac1N \sum_i n_i g(n_i)`, where nothing large cancels.
    """
    n = _whole("jackknife", counts)

    def g(n):
        return -(n - 1) * np.log1p(-1 / np.maximum(n, 2))

    return max(0.0, float(ml(counts) + g(n.sum()) - (n * g(n)).sum() / n.sum()))


# --- another function of the counts in place of the logarithm ---------------------------------------------


def grassberger(counts, *, k=None):
    r"""Grassberger 2003: :math:`\log N - \frac1N \sum_i n_i G(n_i)`.

    :math:`G(n) = \psi(n) + \tfrac12 (-1)^n [\psi(\tfrac{n+1}{2}) - \psi(\tfrac n2)]`, which is
    :math:`\psi(\lfloor n/2 \rfloor + \tfrac12) + \log 2`.
    """
    n = _whole("grassberger", counts)
    return _mean_log(n, digamma(n // 2 + 0.5) + math.log(2))


def grassberger1988(counts, *, k=None):
    r"""Grassberger 1988: :math:`\log N - \frac1N \sum_i n_i [\psi(n_i) + (-1)^{n_i} / (n_i + 1)]`."""
    n = _whole("grassberger1988", counts)
    return _mean_log(n, digamma(n) + np.where(n % 2, -1, 1) / (n + 1))


def zhang(counts, *, k=None):
    r"""Zhang 2012, in the form of Schürmann 2015: :math:`\psi(N) - \frac1N \sum_i n_i \psi(n_i)`."""
    n = _whole("zhang", counts)
    return float(digamma(n.sum()) - (n * digamma(n)).sum() / n.sum())


# --- estimated frequencies in the plug-in formula ---------------------------------------------------------


def shrink(counts, *, k=None):
    r"""James-Stein shrinkage: frequencies :math:`\lambda / k + (1 - \lambda) n_i / N`.

    :math:`\lambda = (1 - \sum p_i^2) / ((N - 1) \sum (1/k - p_i)^2)`, between 0 and 1, with p = n / N.
    """
    n, k = _seen(counts), _size(counts, k)
    total = n.sum()
    p = n / total
    spread = (total - 1) * (((p - 1 / k) ** 2).sum() + (k - p.size) / k**2)
    strength = min(1.0, max(0.0, (1 - (p * p).sum()) / spread)) if spread > 0 else 1.0
    return _of_frequencies(strength / k + (1 - strength) * p, strength / k, k)


def dirichlet(counts, *, k=None, a=1.0):
    """Frequencies (n + a) / (N + k a): the posterior mean under a Dirichlet prior of `a` > 0 per symbol."""
    if not a > 0 or not np.isfinite(a):
        raise OptionError("dirichlet: `a` must be > 0 and finite, got {}", a)
    n, k = _seen(counts), _size(counts, k)
    total = n.sum() + k * a
    return _of_frequencies((n + a) / total, a / total, k)


def jeffreys(counts, *, k=None):
    """`dirichlet` with a = 1/2 (Jeffreys; Krichevsky and Trofimov 1981)."""
    return dirichlet(counts, k=k, a=0.5)


def laplace(counts, *, k=None):
    """`dirichlet` with a = 1, the uniform prior (Laplace)."""
    return dirichlet(counts, k=k, a=1.0)


def perks(counts, *, k=None):
    """`dirichlet` with a = 1/k (Perks 1947; Schürmann and Grassberger 1996)."""
    return dirichlet(counts, k=k, a=1 / _size(counts, k))


def minimax(counts, *, k=None):
    """`dirichlet` with a = sqrt(N)/k (Trybula 1958)."""
    return dirichlet(counts, k=k, a=math.sqrt(counts.sum()) / _size(counts, k))


def wolpert_wolf(counts, *, k=None, a=1.0):
    r"""Posterior mean of the entropy itself under a Dirichlet prior of `a` per symbol.

    :math:`\psi(A + 1) - \sum_i \frac{\alpha_i}{A} \psi(\alpha_i + 1)` with :math:`\alpha_i = n_i + a` and
    :math:`A = N + k a`.
    """
    if not a > 0 or not np.isfinite(a):
        raise OptionError("wolpert_wolf: `a` must be > 0 and finite, got {}", a)
    n, k = _seen(counts), _size(counts, k)
    total = n.sum() + k * a
    unseen = (k - n.size) * a * digamma(a + 1)
    return max(0.0, float(digamma(total + 1) - (((n + a) * digamma(n + a + 1)).sum() + unseen) / total))


# --- symbols that were not seen ---------------------------------------------------------------------------


def chao_shen(counts, *, k=None):
    r"""Horvitz-Thompson sum over coverage-adjusted frequencies :math:`q_i = (1 - f_1 / N) n_i / N`.

    :math:`-\sum_i q_i \log q_i / (1 - (1 - q_i)^N)`, where :math:`f_1` symbols were seen once (where all
    were, :math:`f_1 = N - 1`).
    """
    n = _whole("chao_shen", counts)
    total = n.sum()
    once = min((n == 1).sum(), total - 1) if total > 1 else 0
    q = (1 - once / total) * n / total
    with np.errstate(divide="ignore"):  # q = 1: the symbol is in every sample
        inside = -np.expm1(total * np.log1p(-q))
    return float(-(q * np.log(q) / inside).sum()) + 0.0


def chao_wang_jost(counts, *, k=None):
    r"""Chao, Wang and Jost 2013, eq. 9: `zhang` plus what the symbols add that were not seen.

    With :math:`f_1` and :math:`f_2` symbols seen once and twice, and the estimate A of the mean frequency of
    those seen once: :math:`\frac{f_1}{N} (1 - A)^{1-N} [-\log A - \sum_{r=1}^{N-1} (1 - A)^r / r]`.
    """
    n = _whole("chao_wang_jost", counts)
    total, once, twice = n.sum(), (n == 1).sum(), (n == 2).sum()
    if once == 0 or total == 1:
        return zhang(counts)
    if twice:
        a = 2 * twice / ((total - 1) * once + 2 * twice)
    else:
        a = 2 / ((total - 1) * (once - 1) + 2)
    return zhang(counts) + float(once / total * _tail(a, total)) if a < 1 else zhang(counts)


def _tail(a, total):
    r"""The sum of :math:`(1 - A)^{j+1} / (N + j)` over j >= 0, which the bracket and its factor amount to.

    Where A is small the bracket is computed as it is written; elsewhere it cancels, and the continued
    fraction of 2F1(1, 1; N + 1; (A - 1) / A) serves (Abramowitz and Stegun 15.3.4; Gauss 1813).
    """
    if a * total < 1:
        r = np.arange(1, total)
        return (-math.log(a) - (np.exp(r * math.log1p(-a)) / r).sum()) * math.exp(
            (1 - total) * math.log1p(-a)
        )
    z, fraction = (1 - a) / a, 1.0
    for j in range(200, 0, -1):
        top, n = j * (total + j - 1) * z, total + 2 * j
        fraction = 1 + top / ((n - 1) * n) / fraction
        fraction = 1 + top / ((n - 2) * (n - 1)) / fraction
    return z / total / fraction


# --- parts ------------------------------------------------------------------------------------------------


def _seen(counts):
    """The counts > 0 as float64."""
    return counts[counts > 0].astype(np.float64)


def _whole(name, counts):
    n = _seen(counts)
    if (n % 1).any():
        text = "{}: the counts must be whole numbers, got {}: weights that are not need another estimator"
        raise DataError(text, name, n[n % 1 > 0][0])
    return n


def _size(counts, k):
    return counts.size if k is None else k


def _xlogx(n):
    """n log n, 0 at 0."""
    return n * np.log(np.where(n > 0, n, 1))


def _mean_log(n, logs):
    """log N - sum of n logs / N; 0 of a single symbol, of which no `logs` in place of log n can say more."""
    return 0.0 if n.size == 1 else float(np.log(n.sum()) - (n * logs).sum() / n.sum())


def _of_frequencies(p, unseen, k):
    """Entropy of the frequencies p and of k - len(p) more that are all `unseen`."""
    rest = (k - p.size) * unseen * math.log(unseen) if unseen > 0 else 0.0
    return float(-_xlogx(p).sum() - rest) + 0.0
