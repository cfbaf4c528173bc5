r"""Decoding: the next token from the logits of a language model, drawn at random or the most probable one.

.. math:: P(v) \propto [v \in K]\, e^{x_v / \tau}

x (V,) logits, tau the temperature. K are the `top_k` most probable tokens, and of these the fewest that
together have at least the share `top_p` of their probability (the nucleus); of tokens as probable the one
with the smaller id comes first. The number that is drawn depends on (seed, step, sample) alone.
Zhang et al., Dive into Deep Learning, section 9.5; Fan, Lewis, Dauphin 2018, Hierarchical Neural Story
Generation; Holtzman et al. 2020, The Curious Case of Neural Text Degeneration.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ProbabilityError, ShapeError
from nbdl.kernels.door.inputs import as_float
from nbdl.kernels.door.keys import check_seed, check_word
from nbdl.kernels.door.options import integer
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.simd.philox import words

_OP = 0x746F6B65  # tells these numbers from those of dropout
_WORDS = 4294967296.0  # 2^32, the number of random words


@jit
def sample_token(logits, seed, step, sample=0, temperature=1.0, top_k=0, top_p=1.0):
    """Draw a token by its probability.

    Parameters
    ----------
    logits : (V,) float array
        -inf excludes a token.
    seed : int
        From 0 to 2^63 - 1.
    step, sample : int
        From 0 to 2^32 - 1: which token of a text, which text.
    temperature : float
        Above 0: below 1 probable tokens become more probable, above 1 less; `greedy_token` is its limit at 0.
    top_k : int
        How many of the most probable tokens are drawn from; 0, or V and more: all.
    top_p : float
        Above 0, at most 1: tokens are left out that are not needed for this share of the probability.

    Returns
    -------
    int64
        From 0 to V - 1.

    Raises
    ------
    OptionError, ShapeError, DtypeError
        For an option out of its range, or no logits.
    ProbabilityError
        For a logit that is NaN or infinite, or if all are -inf. None of these inside ``prange``, where Numba
        drops exceptions: call it once before the loop.

    Examples
    --------
    >>> [int(sample_token(np.log([0.1, 0.2, 0.7]), 1, step)) for step in range(8)]
    [0, 2, 2, 2, 2, 0, 2, 0]
    """
    x = as_float("sample_token: `logits` (V,)", logits, 1)
    seed, step = integer("sample_token: `seed`", seed), integer("sample_token: `step`", step)
    sample, top_k = integer("sample_token: `sample`", sample), integer("sample_token: `top_k`", top_k)
    check_seed("sample_token", seed)
    check_word("sample_token", "step", step)
    check_word("sample_token", "sample", sample)
    _check_options(np.float64(temperature), top_k, np.float64(top_p))
    best = _best("sample_token", x)
    return _sample_token(x, best, seed, step, sample, np.float64(temperature), top_k, np.float64(top_p))


@jit
def greedy_token(logits):
    """The most probable token of logits (V,), int64; of several the first.

    Raises as `sample_token`.

    Examples
    --------
    >>> int(greedy_token(np.array([0.5, 2.0, 2.0])))
    1
    """
    return _greedy_token(as_float("greedy_token: `logits` (V,)", logits, 1))


@jit
def _greedy_token(x):
    return _best("greedy_token", x)


@jit
def _check_options(temperature, top_k, top_p):
    # Here and below `not (...)` refuses NaN too.
    if not (temperature > 0 and temperature < np.inf):
        raise OptionError(
            "sample_token: `temperature` must be above 0 and finite, got {}. Try greedy_token for 0",
            temperature,
        )
    if top_k < 0:
        raise OptionError("sample_token: `top_k` must not be negative, got {}", top_k)
    if not (top_p > 0 and top_p <= 1):
        raise OptionError("sample_token: `top_p` must be above 0 and at most 1, got {}", top_p)


@jit(strict=True)
def _best(kernel, x):
    """The place of the largest logit, the first of several."""
    if x.size == 0:
        raise ShapeError("{}: `logits` must hold at least one", kernel)
    best = np.int64(0)
    for v in range(x.size):
        if not x[v] < np.inf:  # a NaN is refused too
            raise ProbabilityError("{}: `logits` must be below infinity, got {} of token {}", kernel, x[v], v)
        if x[v] > x[best]:
            best = np.int64(v)
    if x[best] == -np.inf:
        raise ProbabilityError("{}: `logits` must allow a token, got -inf for all {}", kernel, x.size)
    return best


@jit(strict=True)
def _sample_token(x, best, seed, step, sample, temperature, top_k, top_p):
    size, kept = x.size, x.size
    weight, token = np.empty(size), np.arange(size)
    for v in range(size):
        # Less the largest logit, which `_best` found finite: nothing overflows, and the total is at least 1.
        weight[v] = np.exp((np.float64(x[v]) - np.float64(x[best])) / temperature)
    if (top_k > 0 and top_k < size) or top_p < 1:
        kept = _most_probable(x, weight, token, top_k if top_k > 0 else size, top_p)
    total = 0.0
    for i in range(kept):
        total += weight[token[i]]
    high, low, _, _ = words(seed, _OP, step, sample, 0)
    # 53 bits, as many as a float64 holds: 27 of one word and 26 of the next.
    part = (np.float64(high >> np.uint64(5)) * 67108864.0 + np.float64(low >> np.uint64(6))) / 2.0**53 * total
    reached, last = 0.0, best
    for i in range(kept):
        v = token[i]
        # A token of weight 0 must not become `last`, which is taken if rounding leaves a rest.
        if weight[v] > 0:
            reached, last = reached + weight[v], v
            if reached > part:
                break
    return np.int64(last)  # the last one of all where rounding left a rest


@jit(strict=True)
def _most_probable(x, weight, token, top_k, top_p):
    """Put the tokens that are drawn from first in `token`, the most probable first; returns how many."""
    size = heap = x.size
    # A heap, not a sort: only as many tokens are put in order as are kept.
    for i in range(size // 2 - 1, -1, -1):
        _sink(x, token, i, heap)
    total = 0.0
    if top_k >= size:
        for v in range(size):
            total += weight[v]
    # Kept apart from `token`, which is the heap meanwhile.
    chosen, reached, count = np.empty(min(top_k, size), np.int64), 0.0, 0
    while count < chosen.size and (top_k < size or reached < top_p * total):
        chosen[count] = token[0]
        reached += weight[token[0]]
        heap -= 1
        token[0] = token[heap]
        _sink(x, token, 0, heap)
        count += 1
    if top_k < size:
        # The share is one of the probability of the `top_k` alone, which is known only now.
        total, reached, most = reached, 0.0, count
        count = 0
        while count < most and reached < top_p * total:
            reached += weight[chosen[count]]
            count += 1
    token[:count] = chosen[:count]
    return count


@jit(strict=True)
def _sink(x, token, i, heap):
    """Restore the order of a heap, the most probable on top, whose entry i may be too small."""
    while True:
        top = i
        for child in (2 * i + 1, 2 * i + 2):
            if child < heap and _before(x, token[child], token[top]):
                top = child
        if top == i:
            return
        token[i], token[top] = token[top], token[i]
        i = top


@jit(strict=True, inline=True)
def _before(x, a, b):
    return x[a] > x[b] or (x[a] == x[b] and a < b)


def _a_token(door):
    """The shape function of a kernel that returns a token: an int64, where the door refuses nothing."""
    checked = outputs(door)

    def outputs_of(logits, **options):
        checked(logits, **options)
        return [((), np.dtype(np.int64))]

    return outputs_of


sample_token_outputs, greedy_token_outputs = _a_token(sample_token), _a_token(greedy_token)
