r"""Cross entropy, Kullback-Leibler divergence and its symmetric sum.

.. math::
    \mathrm{CE}(p, q) = -\sum_i p_i \log q_i \qquad
    \mathrm{KL}(p \| q) = \sum_i \left( p_i \log \frac{p_i}{q_i} - p_i + q_i \right) \qquad
    J(p, q) = \mathrm{KL}(p \| q) + \mathrm{KL}(q \| p) = \sum_i (p_i - q_i) \log \frac{p_i}{q_i}

Since p and q sum to 1, the last two terms of KL cancel; in each place they leave a number that is never
negative and can be computed to its last bits, so that KL is exact also between distributions that differ in
the tenth digit. 0 log 0 is 0; q = 0 where p > 0 makes CE, KL and J infinite. CE = H + KL.

Gradients, with respect to p and q as independent arrays, are :math:`-\log q`, :math:`-p / q`;
:math:`\log(p / q)`, :math:`1 - p / q`. With ``normalize=True`` they are those of the normalised ones. Where
p = 0 the gradient of KL with respect to p is taken as 0, though the derivative is infinite.
Cover and Thomas, Elements of Information Theory, section 2.3; Kullback and Leibler 1951; Jeffreys 1946.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.results import as_grad
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.information.compare import compare, sum_terms
from nbdl.kernels.information.log_terms import ce_term, jeffreys_term, kl_term
from nbdl.kernels.information.pairs import as_pair
from nbdl.kernels.information.tables import along_axis, as_cotangent, as_result


@jit
def cross_entropy(p, q, axis=-1, base=None, normalize=False, out=None):
    """The cross entropy of `q` under `p`, along `axis`: the code length of p with a code made for q.

    Parameters
    ----------
    p, q : arrays of one shape and dtype: float32, float64 or integers
        Probabilities, or with ``normalize=True`` counts or weights. Nothing is broadcast.
    axis : int
        Along which the entries of a distribution lie; from the end where negative.
    base : number, optional
        Of the logarithm: positive and not 1. None: e, the result is in nats; 2 gives bits.
    normalize : bool
        Divide each distribution by its sum.
    out : array of the shape of the result, optional

    Returns
    -------
    number if `p` has one dimension, else an array of the shape of `p` without `axis`; of the dtype of `p`.
        Infinite where q = 0 < p; NaN where the counts of p or of q are all zero.

    Raises
    ------
    ProbabilityError
        If an entry is negative, infinite or NaN, or a distribution does not sum to 1 (see `normalize`).
    OptionError, ShapeError, DtypeError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> p, q = np.array([0.5, 0.5]), np.array([0.25, 0.75])
    >>> round(float(cross_entropy(p, q, base=2)), 4)
    1.2075
    """
    pair, nats, _, result = as_pair("cross_entropy", p, q, axis, base)
    y = _cross_entropy(pair, nats, bool(normalize))
    return as_result("cross_entropy: `out`", out, result, pair.p, y)


@jit(strict=True)
def _cross_entropy(pair, nats, normalize):
    y, mass = compare(sum_terms, ce_term, None, pair, normalize)
    for i in range(y.size):
        # The walk gives infinity for a subnormal q too: its logarithm is made for normal numbers.
        if y[i] == np.inf:
            y[i] = _with_tiny(pair.p, pair.q, i, normalize, False)
        # The walk scaled q to the sum of p: log s brings the term back to distributions.
        elif normalize and mass[i] > 0:
            y[i] += np.log(mass[i])
        # Also for -0 and what rounding leaves below 0; NaN compares false and stays.
        y[i] = 0.0 if y[i] <= 0 else y[i] / nats
    return y


@jit
def kl_divergence(p, q, axis=-1, base=None, normalize=False, out=None):
    """The Kullback-Leibler divergence of `p` from `q`, along `axis`; not symmetric, never negative.

    Arguments `p` and `q` (arrays of one shape), `axis`, `base`, `normalize`, `out`, the result and errors as
    in `cross_entropy`.

    Examples
    --------
    >>> p, q = np.array([0.5, 0.5]), np.array([0.25, 0.75])
    >>> round(float(kl_divergence(p, q, base=2)), 4)
    0.2075
    """
    pair, nats, _, result = as_pair("kl_divergence", p, q, axis, base)
    y = _kl_divergence(pair, nats, bool(normalize))
    return as_result("kl_divergence: `out`", out, result, pair.p, y)


@jit(strict=True)
def _kl_divergence(pair, nats, normalize):
    y, _ = compare(sum_terms, kl_term, None, pair, normalize)
    for i in range(y.size):
        # As above: infinity may stand for a subnormal q.
        if y[i] == np.inf:
            y[i] = _with_tiny(pair.p, pair.q, i, normalize, True)
        y[i] /= nats
    return y


@jit
def jeffreys_divergence(p, q, axis=-1, base=None, normalize=False, out=None):
    """The symmetric sum KL(p, q) + KL(q, p) along `axis`; not halved.

    Arguments `p` and `q` (arrays of one shape), `axis`, `base`, `normalize`, `out`, the result and errors as
    in `cross_entropy`; infinite also where p = 0 < q.

    Examples
    --------
    >>> p, q = np.array([0.5, 0.5]), np.array([0.25, 0.75])
    >>> round(float(jeffreys_divergence(p, q, base=2)), 4)
    0.3962
    """
    pair, nats, _, result = as_pair("jeffreys_divergence", p, q, axis, base)
    y = _jeffreys_divergence(pair, nats, bool(normalize))
    return as_result("jeffreys_divergence: `out`", out, result, pair.p, y)


@jit(strict=True)
def _jeffreys_divergence(pair, nats, normalize):
    y, _ = compare(sum_terms, jeffreys_term, None, pair, normalize)
    for i in range(y.size):
        if y[i] == np.inf:
            # Both directions: p or q may be the subnormal one.
            y[i] = _with_tiny(pair.p, pair.q, i, normalize, True) + _with_tiny(
                pair.q, pair.p, i, normalize, True
            )
        y[i] /= nats
    return y


@jit(strict=True)
def _sum(p, number):
    """The sum of distribution `number` of (outer, n, inner)."""
    total, o, i = np.float64(0), number // p.shape[2], number % p.shape[2]
    for k in range(p.shape[1]):
        total += p[o, k, i]
    return total


@jit(strict=True)
def _with_tiny(p, q, number, normalize, divergence):
    """KL or CE once more, where some q is 0 or subnormal: infinite only if q is 0 and p is not."""
    o, i = number // p.shape[2], number % p.shape[2]
    s, t = (_sum(p, number), _sum(q, number)) if normalize else (1.0, 1.0)
    total = np.float64(0)
    for k in range(p.shape[1]):
        a, b = p[o, k, i] / s, np.float64(q[o, k, i])
        if a > 0 and b == 0:
            return np.inf
        if a > 0:
            # Two logarithms: of a subnormal b the quotient b / t could lose its digits, or be 0.
            total -= a * (np.log(b) - np.log(t))
            if divergence:
                total += a * np.log(a) - a
        if divergence:
            total += b / t
    return total


# --- gradients --------------------------------------------------------------------------------------------


@jit
def cross_entropy_dp(dy, p, q, axis=-1, base=None, normalize=False, dp=None):
    """Adds `dy` times the gradient of `cross_entropy` with respect to p to `dp` (zeros if not given)."""
    pair, nats, shape, result = as_pair("cross_entropy_dp", p, q, axis, base)
    dy = as_cotangent("cross_entropy_dp: `dy`", dy, result, pair.p)
    dp = as_grad("cross_entropy_dp: `dp`", dp, shape, pair.p)
    # In nats: the whole slope is divided by the unit at once.
    y = _cross_entropy(pair, 1.0, bool(normalize))
    _dp(dy, y, pair, nats, bool(normalize), False, dp.reshape(pair.p.shape))
    return dp


@jit
def cross_entropy_dq(dy, p, q, axis=-1, base=None, normalize=False, dq=None):
    """Adds `dy` times the gradient of `cross_entropy` with respect to q to `dq` (zeros if not given)."""
    pair, nats, shape, result = as_pair("cross_entropy_dq", p, q, axis, base)
    dy = as_cotangent("cross_entropy_dq: `dy`", dy, result, pair.p)
    dq = as_grad("cross_entropy_dq: `dq`", dq, shape, pair.p)
    # For its checks alone: the gradient for q needs no value.
    _cross_entropy(pair, 1.0, bool(normalize))
    _dq(dy, pair, nats, bool(normalize), False, dq.reshape(pair.p.shape))
    return dq


@jit
def kl_divergence_dp(dy, p, q, axis=-1, base=None, normalize=False, dp=None):
    """Adds `dy` times the gradient of `kl_divergence` with respect to p to `dp` (zeros if not given)."""
    pair, nats, shape, result = as_pair("kl_divergence_dp", p, q, axis, base)
    dy = as_cotangent("kl_divergence_dp: `dy`", dy, result, pair.p)
    dp = as_grad("kl_divergence_dp: `dp`", dp, shape, pair.p)
    y = _kl_divergence(pair, 1.0, bool(normalize))
    _dp(dy, y, pair, nats, bool(normalize), True, dp.reshape(pair.p.shape))
    return dp


@jit
def kl_divergence_dq(dy, p, q, axis=-1, base=None, normalize=False, dq=None):
    """Adds `dy` times the gradient of `kl_divergence` with respect to q to `dq` (zeros if not given)."""
    pair, nats, shape, result = as_pair("kl_divergence_dq", p, q, axis, base)
    dy = as_cotangent("kl_divergence_dq: `dy`", dy, result, pair.p)
    dq = as_grad("kl_divergence_dq: `dq`", dq, shape, pair.p)
    _kl_divergence(pair, 1.0, bool(normalize))
    _dq(dy, pair, nats, bool(normalize), True, dq.reshape(pair.p.shape))
    return dq


@jit(strict=True)
def _dp(dy, y, pair, nats, normalize, divergence, dp):
    """Of counts (slope_k - y) / s, where y is the sum of p slope / s: a common factor changes nothing."""
    p, q = pair.p, pair.q
    for number in range(y.size):
        o, i = number // p.shape[2], number % p.shape[2]
        s, t = (_sum(p, number), _sum(q, number)) if normalize else (1.0, 1.0)
        for k in range(p.shape[1]):
            a, b = p[o, k, i] / s, q[o, k, i] / t
            # The slope of KL is 0 where p is (see the head); that of CE is finite there unless q is 0 too.
            if a > 0 or (b > 0 and not divergence):
                slope = np.log(a / b) if divergence else -np.log(b)
                dp[o, k, i] += dy[number] * (slope - (y[number] if normalize else 0.0)) / (s * nats)


@jit(strict=True)
def _dq(dy, pair, nats, normalize, divergence, dq):
    p, q = pair.p, pair.q
    for number in range(dy.size):
        o, i = number // p.shape[2], number % p.shape[2]
        s, t = (_sum(p, number), _sum(q, number)) if normalize else (1.0, 1.0)
        # KL has a term + q; with `normalize` the 1 comes from the sum that q is divided by.
        rest = 1.0 if divergence or normalize else 0.0
        for k in range(p.shape[1]):
            a, b = p[o, k, i] / s, q[o, k, i] / t
            # p log q is 0 where p is, whatever q may be; of q = 0 the quotient would be NaN.
            slope = a / b if a > 0 else 0.0
            dq[o, k, i] += dy[number] * (rest - slope) / (t * nats)


cross_entropy_outputs = outputs(cross_entropy, shape=along_axis)
kl_divergence_outputs = outputs(kl_divergence, shape=along_axis)
