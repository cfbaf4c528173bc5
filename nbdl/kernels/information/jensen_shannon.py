r"""Jensen-Shannon divergence, and the distance that is its square root.

.. math::
    \mathrm{JS}(p, q) = \tfrac12 \mathrm{KL}(p \| m) + \tfrac12 \mathrm{KL}(q \| m) \qquad
    m = \frac{p + q}{2} \qquad 0 \le \mathrm{JS} \le \log 2

In each place, with :math:`s = (p - q) / (p + q)`, the term is
:math:`\tfrac m2 [(1 + s) \log(1 + s) + (1 - s) \log(1 - s)]`, which has one division and is exact also where
p is next to q: neither negative nor NaN for any pair, as differences of entropies become. The square root is
a metric. The gradient :math:`\tfrac12 \log(p / m)` is taken as 0 where p = 0, though it is infinite.
Lin 1991, Divergence measures based on the Shannon entropy; Endres and Schindelin 2003.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.results import as_grad
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.information.compare import compare
from nbdl.kernels.information.divergence import _sum
from nbdl.kernels.information.log_terms import SMALLEST, js_far, js_near, log_normal
from nbdl.kernels.information.pairs import as_pair
from nbdl.kernels.information.tables import along_axis, as_cotangent, as_result
from nbdl.kernels.information.walk import BLOCK
from nbdl.kernels.simd.registers import LANES, count, fma, larger, load, pointer, splat, store, where
from nbdl.kernels.simd.shuffle import lanes, packed
from nbdl.kernels.simd.wide import prefetch, wide

# A vector more than a block: the last one that was collected is filled up from it.
WORK = (BLOCK + 1) * LANES["float64"]


@jit
def js_divergence(p, q, axis=-1, base=None, normalize=False, out=None):
    """The Jensen-Shannon divergence along `axis`: symmetric, from 0 to log 2 (1 bit).

    Arguments `p` and `q` (arrays of one shape), `axis`, `base`, `normalize`, `out`, the result and errors as
    in `cross_entropy`; always finite. SciPy's ``jensenshannon`` is `js_distance`.

    Examples
    --------
    >>> round(float(js_divergence(np.array([1.0, 0.0]), np.array([0.0, 1.0]), base=2)), 4)
    1.0
    """
    pair, nats, _, result = as_pair("js_divergence", p, q, axis, base)
    y = _js_divergence(pair, nats, bool(normalize))
    return as_result("js_divergence: `out`", out, result, pair.p, y)


@jit
def js_distance(p, q, axis=-1, base=None, normalize=False, out=None):
    """The Jensen-Shannon distance along `axis`: the square root of the divergence, a metric.

    Arguments `p` and `q` (arrays of one shape), `axis`, `base`, `normalize`, `out`, the result and errors as
    in `cross_entropy`; always finite.

    Examples
    --------
    >>> round(float(js_distance(np.array([1.0, 0.0]), np.array([0.0, 1.0]), base=2)), 4)
    1.0
    """
    pair, nats, _, result = as_pair("js_distance", p, q, axis, base)
    y = _js_divergence(pair, nats, bool(normalize))
    for i in range(y.size):
        y[i] = np.sqrt(y[i])
    return as_result("js_distance: `out`", out, result, pair.p, y)


@jit(strict=True)
def _js_divergence(pair, nats, normalize):
    work = np.empty((2, WORK))
    y, _ = compare(_js_sum, js_near, work, pair, normalize)
    # `_js_sum` gives four times the sum: m / 2 is (p + q) / 4.
    for i in range(y.size):
        y[i] /= 4 * nats
    return y


@jit(inline=True)
def _js_sum(near, work, p, q, scale, i, rest, step, fewer, first, last, ahead):
    """Four times the sum of the terms, in two loops: all polynomials together have too many coefficients.

    With c = 1 - abs(s) it is near(s) where c > 1/2, elsewhere far(c) + c log(c). What is far goes to the
    second loop side by side, if the lanes belong to one distribution.
    """
    total = apart = splat(0.0)
    L, gap, weight = lanes(pointer(work)), pointer(work), pointer(work) + work.shape[1]
    to = 0
    for k in range(first, last):
        at, r = i + k * step, rest - k * fewer
        prefetch(p, at + ahead)
        prefetch(q, at + ahead)
        a, b = wide(p, at, r), wide(q, at, r) * scale
        # Where both are 0 this makes s = 0 instead of 0 / 0.
        twice = larger(a + b, splat(SMALLEST))
        s = (a - b) / twice
        c = 1.0 - abs(s)
        far = c <= 0.5
        total = fma(where(far, 0.0, twice), near(s), total)
        # All lanes are of one distribution: packed, what is far makes as few vectors as it can.
        if fewer:
            store(gap, to, packed(c, far))
            store(weight, to, packed(twice, far))
            to += count(far)
        else:
            # Each lane is a distribution of its own and keeps its place; what is near has weight 0.
            store(gap, to, c)
            store(weight, to, where(far, twice, 0.0))
            to += L
    # What fills up the last vector: any number with a logarithm, of weight 0.
    store(gap, to, splat(0.5))
    store(weight, to, splat(0.0))
    for k in range(0, to, L):
        c = load(gap, k)
        apart = fma(load(weight, k), fma(c, log_normal(c), js_far(c)), apart)
    return total + apart


@jit
def js_divergence_dp(dy, p, q, axis=-1, base=None, normalize=False, dp=None):
    """Adds `dy` times the gradient of `js_divergence` with respect to p to `dp` (zeros if not given)."""
    pair, nats, shape, result = as_pair("js_divergence_dp", p, q, axis, base)
    dy = as_cotangent("js_divergence_dp: `dy`", dy, result, pair.p)
    dp = as_grad("js_divergence_dp: `dp`", dp, shape, pair.p)
    # For its checks alone: the gradient needs no value.
    _js_divergence(pair, 1.0, bool(normalize))
    _js_dp(dy, pair.p, pair.q, nats, bool(normalize), dp.reshape(pair.p.shape))
    return dp


@jit
def js_divergence_dq(dy, p, q, axis=-1, base=None, normalize=False, dq=None):
    """Adds `dy` times the gradient of `js_divergence` with respect to q to `dq` (zeros if not given)."""
    pair, nats, shape, result = as_pair("js_divergence_dq", p, q, axis, base)
    dy = as_cotangent("js_divergence_dq: `dy`", dy, result, pair.p)
    dq = as_grad("js_divergence_dq: `dq`", dq, shape, pair.p)
    _js_divergence(pair, 1.0, bool(normalize))
    # The divergence is symmetric: the gradient for q is that for p, the two exchanged.
    _js_dp(dy, pair.q, pair.p, nats, bool(normalize), dq.reshape(pair.p.shape))
    return dq


@jit(strict=True)
def _js_dp(dy, p, q, nats, normalize, dp):
    for number in range(dy.size):
        o, i = number // p.shape[2], number % p.shape[2]
        # Of counts p = c / s, and the gradient by c is (slope - mean slope under p) / s.
        s, t, mean = 1.0, 1.0, 0.0
        if normalize:
            s, t = _sum(p, number), _sum(q, number)
            for k in range(p.shape[1]):
                mean += p[o, k, i] / s * _js_slope(p[o, k, i] / s, q[o, k, i] / t)
        for k in range(p.shape[1]):
            if p[o, k, i] > 0:
                slope = _js_slope(p[o, k, i] / s, q[o, k, i] / t) - mean
                dp[o, k, i] += dy[number] * slope / (s * nats)


@jit(strict=True)
def _js_slope(p, q):
    return 0.5 * np.log(2 * (p / (p + q))) if p > 0 else 0.0


js_divergence_outputs = outputs(js_divergence, shape=along_axis)
