"""The truth of `sample_token` and `greedy_token`."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError, OptionError, ProbabilityError, ShapeError
from nbdl.kernels.simd.philox_truth import philox


def sample_token(logits, seed, step, sample=0, temperature=1.0, top_k=0, top_p=1.0):
    order = np.lexsort((np.arange(logits.size), -logits))
    order = order[: top_k or None]
    p = np.exp((logits - logits.max()) / temperature)
    reached = np.cumsum(p[order]) / p[order].sum()
    order = order[: np.searchsorted(reached, top_p) + 1] if top_p < 1 else order
    if top_p == 1 and not 0 < top_k < logits.size:
        order = np.arange(logits.size)
    high, low, _, _ = philox((0, sample, step, 0x746F6B65), (seed % 2**32, seed // 2**32))
    u = ((high >> 5) * 2**26 + (low >> 6)) / 2**53
    reached = np.cumsum(p[order])
    return np.int64(order[np.searchsorted(reached, u * reached[-1], side="right")])


def greedy_token(logits):
    return np.int64(np.argmax(logits))


def sample_token_cases(rng):
    x = 2 * rng.standard_normal(40)
    some = np.where(rng.random(40) < 0.5, x, -np.inf)
    key = {"seed": 3, "step": 1}
    last = {"seed": 2**63 - 1, "step": 2**32 - 1, "sample": 2**32 - 1}
    drawn = [
        Case(
            f"step {step}, {name}", (x,), {"seed": 7, "step": step, "sample": step % 3, **options}, grad=False
        )
        for step in range(6)
        for name, options in {
            "all": {},
            "warm": {"temperature": 2.5},
            "the best 5": {"top_k": 5},
            "a nucleus": {"top_p": 0.7},
            "both": {"top_k": 20, "top_p": 0.8, "temperature": 0.7},
        }.items()
    ]
    return [
        Case("40 tokens", (x,), {**key, "temperature": 0.8, "top_k": 10, "top_p": 0.9}, grad=False),
        *drawn,
        Case("the last key", (x,), last, grad=False),
        Case("more than there are", (x,), {**key, "top_k": 1000}, grad=False),
        Case("the best alone", (x,), {**key, "top_k": 1}, grad=False),
        Case("a small nucleus", (x,), {**key, "top_p": 1e-300}, grad=False),
        Case("cold", (x,), {**key, "temperature": 1e-30}, grad=False),
        Case("excluded", (some,), {**key, "temperature": 3.0}, grad=False),
        Case("excluded, more than are left", (some,), {**key, "top_k": 39}, grad=False),
        Case("all alike", (np.zeros(33),), {**key, "top_k": 4}, grad=False),
        Case("far apart", (np.array([-3e38, 0.0, 3e38]),), key, grad=False),
        Case("one token", (x[:1],), {**key, "top_p": 0.5}, grad=False),
        Bad("temperature 0", (x,), {**key, "temperature": 0.0}, OptionError, "temperature"),
        Bad("temperature below 0", (x,), {**key, "temperature": -1.0}, OptionError, "temperature"),
        Bad("temperature infinite", (x,), {**key, "temperature": np.inf}, OptionError, "temperature"),
        Bad("temperature NaN", (x,), {**key, "temperature": np.nan}, OptionError, "temperature"),
        Bad("negative top_k", (x,), {**key, "top_k": -1}, OptionError, "top_k"),
        Bad("top_k of a fraction", (x,), {**key, "top_k": 2.0}, DtypeError, "top_k"),
        Bad("top_p 0", (x,), {**key, "top_p": 0.0}, OptionError, "top_p"),
        Bad("top_p above 1", (x,), {**key, "top_p": 1.5}, OptionError, "top_p"),
        Bad("top_p NaN", (x,), {**key, "top_p": np.nan}, OptionError, "top_p"),
        Bad("negative seed", (x,), {**key, "seed": -1}, OptionError, "seed"),
        Bad("step of 33 bits", (x,), {**key, "step": 2**32}, OptionError, "step"),
        Bad("negative sample", (x,), {**key, "sample": -1}, OptionError, "sample"),
        *_bad_logits(x, key),
    ]


def greedy_token_cases(rng):
    x = rng.standard_normal(40)
    return [
        Case("40 tokens", (x,), grad=False),
        Case("several that are the largest", (np.array([1.0, 3.0, 3.0, 2.0]),), grad=False),
        Case("excluded", (np.array([-np.inf, -5.0, -np.inf]),), grad=False),
        Case("one token", (x[:1],), grad=False),
        *_bad_logits(x, {}),
    ]


def _bad_logits(x, key):
    return [
        Bad("a NaN", (np.where(x > 0, np.nan, x),), key, ProbabilityError, "logits"),
        Bad("infinite", (np.where(x > 0, np.inf, x),), key, ProbabilityError, "logits"),
        Bad("nothing allowed", (np.full(4, -np.inf),), key, ProbabilityError, "logits"),
        Bad("no tokens", (x[:0],), key, ShapeError, "logits"),
        Bad("rows", (x[None],), key, ShapeError, "logits"),
        Bad("integers", (np.arange(4),), key, DtypeError, "logits"),
    ]
