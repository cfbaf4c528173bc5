"""Beam search against all continuations, one by one."""

import itertools

import numpy as np
import pytest

import nbdl
from nbdl import models, nn
from nbdl.errors import OptionError, ProbabilityError
from nbdl.train import beam_search

RNG = np.random.default_rng(0)
TABLE = RNG.standard_normal((4, 4, 4)) * 2  # logits by the last two tokens
LOGP = TABLE - np.log(np.exp(TABLE).sum(axis=-1, keepdims=True))


def follow(ids):
    return TABLE[ids[-2], ids[-1]]


def score(ids, alpha):
    total = sum(LOGP[a, b, c] for a, b, c in zip(ids, ids[1:], ids[2:]))
    return total / (len(ids) - 2) ** alpha


@pytest.mark.parametrize("end", [None, 3])
@pytest.mark.parametrize("alpha", [0.0, 0.75, 2.0])
def test_a_wide_beam_finds_the_best_of_all(end, alpha):
    every = []
    for tokens in range(1, 5):
        for more in itertools.product(range(4), repeat=tokens):
            if end not in more[:-1] and (tokens == 4 or more[-1] == end):
                every.append((0, 1, *more))
    best = sorted(every, key=lambda ids: -score(ids, alpha))
    found = beam_search(follow, [0, 1], 4, 4**4, end, alpha)
    assert {tuple(ids.tolist()) for ids, _ in found} == set(every) and len(found) == len(every)
    np.testing.assert_allclose([s for _, s in found], [score(i, alpha) for i in best], rtol=1e-12)
    few = beam_search(follow, [0, 1], 4, 3, end, alpha)
    assert len(few) <= 3 and few[0][1] <= found[0][1] + 1e-12


def test_a_beam_of_one_is_greedy():
    ids = [2, 0]
    for _ in range(9):
        ids.append(int(follow(ids).argmax()))
    assert beam_search(follow, [2, 0], 9, 1)[0][0].tolist() == ids
    assert beam_search(follow, [2, 0], 0)[0][0].tolist() == [2, 0]
    net = nn.init(models.bigram_lm(), np.zeros((1, 8), int), seed=3)
    one = nbdl.generate(net, np.array([5]), 8, length=8, beam=1)
    assert (one == nbdl.generate(net, np.array([5]), 8, length=8, greedy=True)).all()


def test_tokens_that_are_excluded():
    logits = np.array([-np.inf, 0.0, -np.inf])
    assert [i.tolist() for i, _ in beam_search(lambda ids: logits, [0], 2, 5)] == [[0, 1, 1]]
    for bad in (np.full(3, -np.inf), np.array([np.nan, 0.0])):
        with pytest.raises(ProbabilityError, match="`logits` must"):
            beam_search(lambda ids, bad=bad: bad, [0], 2)
    for options, text in (({"beam": 0}, "`beam` must be"), ({"alpha": -1}, "`alpha` must be from 0")):
        with pytest.raises(OptionError, match=text):
            beam_search(follow, [0, 1], 2, **options)
