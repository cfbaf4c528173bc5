r"""Self-information, entropy and perplexity.

.. math::
    I(p) = -\log p \qquad H(p) = -\sum_i p_i \log p_i \qquad \mathrm{perplexity}(p) = e^{H(p)}

An event of probability 0 adds nothing to an entropy. Logarithms are natural unless `base` says otherwise;
`tables.py` has what holds for all tables. With ``normalize=True`` and s the sum of the entries,
H is :math:`\log s - \sum_i p_i \log p_i / s`: one pass, nothing is divided. The gradient of an entry that
is 0 is taken as 0, though the derivative there is infinite: an event that cannot happen stays so.
Cover and Thomas, Elements of Information Theory, sections 2.1 and 2.2.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ProbabilityError
from nbdl.kernels.door.options import integer, split_axis
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.information.log_terms import log_normal
from nbdl.kernels.information.tables import (
    along_axis,
    as_cotangent,
    as_result,
    as_table,
    nats_in,
    text,
    without,
)
from nbdl.kernels.information.walk import add_to, fold, is_bad, refuse, walk
from nbdl.kernels.simd.registers import fma, pointer, smaller, splat, store
from nbdl.kernels.simd.shuffle import lanes
from nbdl.kernels.simd.wide import prefetch, wide


@jit
def self_information(p, base=None, out=None):
    """The surprise of events: -log(p) of each element.

    Parameters
    ----------
    p : array of any shape
        Probabilities; 0 gives infinity.
    base : number, optional
        Of the logarithm: positive and not 1. None: e, the result is in nats.
    out : array of the same shape, optional
        Where the result goes; may be `p` itself.

    Returns
    -------
    array of the shape and dtype of `p`.

    Raises
    ------
    ProbabilityError
        If an element is not from 0 to 1.
    OptionError, ShapeError, DtypeError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> self_information(np.array([0.5, 0.25]), base=2)
    array([1., 2.])
    """
    p = as_table("self_information: `p`", p)
    nats = nats_in("self_information: `base`", base)
    y = as_out("self_information: `out`", out, p.shape, p)
    _self_information(p.reshape(p.size), nats, y.reshape(p.size))
    return y


@jit(strict=True)
def _self_information(p, nats, y):
    # All of them before the first is written, as `out` may be `p` itself.
    for i in range(p.size):
        if not (p[i] >= 0 and p[i] <= 1):
            raise ProbabilityError(
                "self_information: `p` must be from 0 to 1, got {} at flat position {}", np.float64(p[i]), i
            )
    for i in range(p.size):
        # 0 - log, not -log: of p = 1 that is 0 instead of -0. With a base below 1 `nats` is negative.
        y[i] = (0.0 - np.log(np.float64(p[i]))) / nats if p[i] > 0 else np.inf / nats


@jit
def entropy(p, axis=-1, base=None, normalize=False, out=None):
    """The entropy of the distributions along `axis` (formula at the head of this file).

    Parameters
    ----------
    p : array of any shape, float32, float64 or integers
        Probabilities, or with ``normalize=True`` counts or weights.
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
        NaN for a distribution whose counts are all zero.

    Raises
    ------
    ProbabilityError
        If an entry is negative, infinite or NaN, or a distribution does not sum to 1 (see `normalize`).
    OptionError, ShapeError, DtypeError
        None of these inside ``prange``, where Numba drops exceptions: call it once before the loop.

    Examples
    --------
    >>> round(float(entropy(np.array([0.5, 0.25, 0.25]), base=2)), 4)
    1.5
    """
    p, axis = as_table("entropy: `p`", p), integer("entropy: `axis`", axis)
    nats = nats_in("entropy: `base`", base)
    view = split_axis(text("entropy"), p.shape, axis)
    h = _entropy(text("entropy: `p`"), p.reshape(view), nats, bool(normalize))
    return as_result("entropy: `out`", out, without(p.shape, axis), p, h)


@jit(strict=True)
def _entropy(where, p, nats, normalize):
    h, bad, inner = np.empty(p.shape[0] * p.shape[2]), -1, p.shape[2]
    L = lanes(pointer(h))
    w = walk(p.shape, L)
    size = w.strip * L
    sums = np.empty((3, size))
    total, least, information = pointer(sums), pointer(sums) + size, pointer(sums) + 2 * size
    for o in range(w.slabs):
        for first in range(0, w.units, w.strip):
            units = min(w.units - first, w.strip)
            for j in range(0, 3 * size, L):
                store(total, j, splat(0.0))
            for k0 in range(0, w.count, w.block):
                for u in range(units):
                    i = o * w.slab + (first + u) * w.unit
                    rest = p.shape[1] if inner == 1 else inner - (first + u) * L
                    # The sums of a block stay in registers; memory has those of all units of the strip.
                    s = low = t = splat(0.0)
                    for k in range(k0, min(w.count, k0 + w.block)):
                        at = i + k * w.step
                        prefetch(pointer(p), at + w.ahead)
                        v = wide(pointer(p), at, rest - k * w.fewer)
                        # No branch for v = 0: `log_normal` of it is finite, and times 0 it adds nothing.
                        s, low, t = s + v, smaller(v, low), fma(v, log_normal(v), t)
                    add_to(total, u * L, s)
                    add_to(least, u * L, low)
                    add_to(information, u * L, t)
            if inner == 1:
                fold(total, 3 * size, L)
            for j in range(units if inner == 1 else min(units * L, inner - first * L)):
                number, lane = (first + j, j * L) if inner == 1 else (o * inner + first * L + j, j)
                s_j, h_j = sums[0, lane], -sums[2, lane]  # by its name: pointers keep no array alive
                # Only noted: the caller has seen nothing of h yet, and the first bad one is named in the end.
                if bad < 0 and is_bad(s_j, sums[1, lane], normalize, p):
                    bad = number
                if normalize:
                    h_j = np.log(s_j) + h_j / s_j if s_j > 0 and s_j < np.inf else np.nan
                # One certain outcome gives -0, rounding perhaps a little less; NaN stays.
                h[number] = 0.0 if h_j <= 0 else h_j / nats
    if bad >= 0:
        refuse(where, p, bad, normalize)
    return h


@jit
def entropy_dp(dy, p, axis=-1, base=None, normalize=False, dp=None):
    r"""Adds `dy` times the gradient of `entropy` to `dp` (zeros if not given); returns it.

    It is :math:`-\log p_i - 1`; of counts, :math:`(-\log p_i - H) / s` with :math:`p_i` normalised.
    """
    p, axis = as_table("entropy_dp: `p`", p), integer("entropy_dp: `axis`", axis)
    nats = nats_in("entropy_dp: `base`", base)
    view = split_axis(text("entropy_dp"), p.shape, axis)
    dy = as_cotangent("entropy_dp: `dy`", dy, without(p.shape, axis), p)
    dp = as_grad("entropy_dp: `dp`", dp, p.shape, p)
    _entropy_dp(dy, p.reshape(view), nats, bool(normalize), dp.reshape(view))
    return dp


@jit(strict=True)
def _entropy_dp(dy, p, nats, normalize, dp):
    outer, n, inner = p.shape
    # It checks p; in nats, since the slope is divided by the unit as a whole.
    h = _entropy(text("entropy_dp: `p`"), p, 1.0, normalize)
    for o in range(outer):
        for i in range(inner):
            s, offset = 1.0, 1.0
            if normalize:
                s, offset = _sum(p, o, i), h[o * inner + i]
            slope = dy[o * inner + i] / (s * nats)
            for k in range(n):
                if p[o, k, i] > 0:
                    dp[o, k, i] -= slope * (np.log(p[o, k, i] / s) + offset)


@jit(strict=True)
def _sum(p, o, i):
    total = np.float64(0)
    for k in range(p.shape[1]):
        total += p[o, k, i]
    return total


@jit
def joint_entropy(p, base=None, normalize=False):
    """The entropy of several variables together, from the table of their joint distribution.

    Parameters
    ----------
    p : array of any shape
        An axis for each variable; all entries together are one distribution.
    base, normalize
        As in `entropy`.

    Returns
    -------
    number of the dtype of `p`; errors as in `entropy`.

    Examples
    --------
    >>> round(float(joint_entropy(np.full((2, 2), 0.25), base=2)), 4)
    2.0
    """
    p, nats = as_table("joint_entropy: `p`", p), nats_in("joint_entropy: `base`", base)
    # One distribution of all entries; a table without any is refused here.
    view = split_axis(text("joint_entropy"), (p.size,), 0)
    return p.dtype.type(_entropy(text("joint_entropy: `p`"), p.reshape(view), nats, bool(normalize))[0])


@jit
def perplexity(p, axis=-1, normalize=False, out=None):
    """e to the entropy: of how many equally likely outcomes the uncertainty would be.

    `p`, an array of any shape, `axis`, `normalize`, `out`, the result and errors as in `entropy`.

    Examples
    --------
    >>> round(float(perplexity(np.full(4, 0.25))), 4)
    4.0
    """
    p, axis = as_table("perplexity: `p`", p), integer("perplexity: `axis`", axis)
    view = split_axis(text("perplexity"), p.shape, axis)
    # In nats whatever the unit of entropies: the base cancels.
    h = _entropy(text("perplexity: `p`"), p.reshape(view), 1.0, bool(normalize))
    for i in range(h.size):
        h[i] = np.exp(h[i])
    return as_result("perplexity: `out`", out, without(p.shape, axis), p, h)


entropy_outputs = outputs(entropy, shape=along_axis)
