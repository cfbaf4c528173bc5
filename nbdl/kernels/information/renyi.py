r"""The one-parameter families of Rényi and Tsallis.

.. math::
    H_\alpha(p) = \frac{1}{1 - \alpha} \log \sum_i p_i^\alpha \qquad
    T_\alpha(p) = \frac{1 - \sum_i p_i^\alpha}{\alpha - 1} \qquad
    D_\alpha(p \| q) = \frac{1}{\alpha - 1} \log \sum_i p_i^\alpha q_i^{1 - \alpha}

alpha >= 0. The limits are taken: alpha = 1 gives the entropy and the Kullback-Leibler divergence, 0 the
number of possible outcomes (Hartley) and minus the logarithm of what q gives to them, infinity the
min-entropy and the logarithm of the largest ratio. Entries that are 0 add nothing. Near alpha = 1 digits are
lost: about as many as alpha - 1 has zeros. Rényi 1961; Tsallis 1988; van Erven and Harremoës 2014.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError
from nbdl.kernels.door.options import integer, split_axis
from nbdl.kernels.information.divergence import _kl_divergence, _sum
from nbdl.kernels.information.entropy import _entropy
from nbdl.kernels.information.pairs import as_pair
from nbdl.kernels.information.tables import as_result, as_table, nats_in, text, without


@jit
def _check_order(where, alpha):
    # Put so that NaN is refused too.
    if not alpha >= 0:
        raise OptionError("{} must be at least 0, got {}", where, alpha)
    return np.float64(alpha)


@jit
def renyi_entropy(p, alpha, axis=-1, base=None, normalize=False, out=None):
    """The Rényi entropy of order `alpha` (0 to infinity) along `axis`.

    `p`, an array of any shape, `axis`, `base`, `normalize`, `out`, the result and errors as in `entropy`.

    Examples
    --------
    >>> round(float(renyi_entropy(np.array([0.5, 0.25, 0.25]), 2.0, base=2)), 4)
    1.415
    """
    p, axis = as_table("renyi_entropy: `p`", p), integer("renyi_entropy: `axis`", axis)
    alpha, nats = _check_order(text("renyi_entropy: `alpha`"), alpha), nats_in("renyi_entropy: `base`", base)
    view = split_axis(text("renyi_entropy"), p.shape, axis)
    # Of order 1, also for the other orders: it checks p.
    y = _entropy(text("renyi_entropy: `p`"), p.reshape(view), nats, bool(normalize))
    _renyi_entropy(p.reshape(view), alpha, nats, bool(normalize), y)
    return as_result("renyi_entropy: `out`", out, without(p.shape, axis), p, y)


@jit(strict=True)
def _renyi_entropy(p, alpha, nats, normalize, y):
    """From the entropies `y`, which are those of order 1, and NaN where there is no distribution."""
    for number in range(y.size):
        if alpha == 1 or np.isnan(y[number]):
            continue
        s = _sum(p, number) if normalize else 1.0
        # The limit of log sum p^alpha / (1 - alpha) is -log max p.
        if alpha == np.inf:
            h = -np.log(_largest(p, number) / s)
        else:
            h = np.log(_power_sum(p, number, s, alpha)) / (1 - alpha)
        # Before it is divided: with a base below 1 `nats` is negative.
        y[number] = 0.0 if h <= 0 else h / nats


@jit
def tsallis_entropy(p, alpha, axis=-1, normalize=False, out=None):
    """The Tsallis entropy of order `alpha` (0 to infinity) along `axis`; it has no logarithm and no base.

    `p`, an array of any shape, `axis`, `normalize`, `out`, the result and errors as in `entropy`. Order 1 is
    the entropy in nats.

    Examples
    --------
    >>> round(float(tsallis_entropy(np.array([0.5, 0.5]), 2.0)), 4)
    0.5
    """
    p, axis = as_table("tsallis_entropy: `p`", p), integer("tsallis_entropy: `axis`", axis)
    alpha = _check_order(text("tsallis_entropy: `alpha`"), alpha)
    view = split_axis(text("tsallis_entropy"), p.shape, axis)
    y = _entropy(text("tsallis_entropy: `p`"), p.reshape(view), 1.0, bool(normalize))
    _tsallis_entropy(p.reshape(view), alpha, bool(normalize), y)
    return as_result("tsallis_entropy: `out`", out, without(p.shape, axis), p, y)


@jit(strict=True)
def _tsallis_entropy(p, alpha, normalize, y):
    for number in range(y.size):
        if alpha == 1 or np.isnan(y[number]):
            continue
        s = _sum(p, number) if normalize else 1.0
        # The numerator is at most 1, and the divisor infinite.
        if alpha == np.inf:
            y[number] = 0.0
        else:
            y[number] = max((1 - _power_sum(p, number, s, alpha)) / (alpha - 1), 0.0)


@jit(strict=True)
def _power_sum(p, number, s, alpha):
    total, o, i = np.float64(0), number // p.shape[2], number % p.shape[2]
    for k in range(p.shape[1]):
        # 0 ** 0 would be 1, but order 0 counts the outcomes that are possible.
        if p[o, k, i] > 0:
            # Divided first: powers of counts could overflow.
            total += (p[o, k, i] / s) ** alpha
    return total


@jit(strict=True)
def _largest(p, number):
    largest, o, i = np.float64(0), number // p.shape[2], number % p.shape[2]
    for k in range(p.shape[1]):
        largest = max(largest, np.float64(p[o, k, i]))
    return largest


@jit
def renyi_divergence(p, q, alpha, axis=-1, base=None, normalize=False, out=None):
    """The Rényi divergence of order `alpha` (0 to infinity) of `p` from `q` along `axis`.

    Arguments `p` and `q` (arrays of one shape), `axis`, `base`, `normalize`, `out`, the result and errors as
    in `cross_entropy`. Infinite where p and q have no outcome in common; from order 1 on where q = 0 < p.

    Examples
    --------
    >>> p, q = np.array([0.5, 0.5]), np.array([0.25, 0.75])
    >>> round(float(renyi_divergence(p, q, 2.0, base=2)), 4)
    0.415
    """
    pair, nats, _, result = as_pair("renyi_divergence", p, q, axis, base)
    alpha = _check_order(text("renyi_divergence: `alpha`"), alpha)
    y = _kl_divergence(pair, nats, bool(normalize))
    _renyi_divergence(pair, alpha, nats, bool(normalize), y)
    return as_result("renyi_divergence: `out`", out, result, pair.p, y)


@jit(strict=True)
def _renyi_divergence(pair, alpha, nats, normalize, y):
    """From the divergences `y`, which are those of order 1, and NaN where there is no distribution."""
    p, q = pair.p, pair.q
    for number in range(y.size):
        if alpha == 1 or np.isnan(y[number]):
            continue
        s, t = (_sum(p, number), _sum(q, number)) if normalize else (1.0, 1.0)
        o, i = number // p.shape[2], number % p.shape[2]
        total = largest = np.float64(0)
        for k in range(p.shape[1]):
            a, b = p[o, k, i] / s, q[o, k, i] / t
            if a > 0 and b > 0:
                # p^alpha q^(1 - alpha) without a power of q, which would overflow for small q
                total += b * (a / b) ** alpha
                largest = max(largest, a / b)
            # q = 0 < p: above order 1 the power of q is infinite, below it is 0 and adds nothing.
            elif a > 0 and alpha > 1:
                total = largest = np.inf
        # It stays so where the two have no outcome in common.
        d = np.inf
        if alpha == np.inf:
            d = np.log(largest)
        elif total > 0:
            d = np.log(total) / (alpha - 1)
        y[number] = 0.0 if d <= 0 else d / nats
