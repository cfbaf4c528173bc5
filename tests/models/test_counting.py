"""N-gram models and Markov chains against counts in plain Python; their rows sum to 1."""

import itertools
import math

import numpy as np
import pytest

from nbdl.errors import DataError, DtypeError, OptionError, ProbabilityError, ShapeError, UsageError
from nbdl.models import MarkovChain, NgramModel
from nbdl.train import bits_per_character, perplexity

ABABBA = np.array([0, 1, 0, 1, 1, 0])


def plain(ids, size, context, epsilon, backoff):
    """P(. | context), a list, by counting with lists."""
    ids, k = list(ids), len(context) + 1
    unigram = [(ids.count(x) + epsilon[0] / size) / (len(ids) + epsilon[0]) for x in range(size)]
    if k == 1:
        return unigram
    shorter = plain(ids, size, context[1:], epsilon, backoff)
    runs = [tuple(ids[i : i + k]) for i in range(len(ids) - k + 1)]
    counts = [runs.count((*context, x)) for x in range(size)]
    total, less = sum(counts) + epsilon[k - 1], shorter if backoff == "shorter" else unigram
    if total == 0:
        return shorter
    return [(c + epsilon[k - 1] * p) / total for c, p in zip(counts, less)]


@pytest.mark.parametrize("backoff", ["shorter", "unigram"])
@pytest.mark.parametrize("epsilon", [(1.0, 1.0, 1.0), (0.5, 0.01, 20.0), (0.0, 0.0, 0.0)])
def test_ngrams_are_counts(backoff, epsilon):
    size, ids = 5, np.random.default_rng(0).integers(0, 4, 40)  # one token is never met
    model = NgramModel(ids, size, 3, epsilon, backoff)
    for context in [(), *((a,) for a in range(5)), *itertools.product(range(5), repeat=2)]:
        row = model.probabilities(context)
        assert abs(row.sum() - 1) <= 1e-12
        np.testing.assert_allclose(row, plain(ids, size, context, epsilon, backoff), rtol=1e-12)
    np.testing.assert_array_equal(model.probabilities([4, 3, 2, 1]), model.probabilities([2, 1]))
    text = np.random.default_rng(1).integers(0, 5, 30)
    truth = [model.probabilities(text[:t])[text[t]] for t in range(30)]
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(model.log_probabilities(text), np.log(truth), rtol=1e-12)


def test_denominators_count_contexts_and_not_the_last_token_e13():
    """E-13: the denominators of the notes count the last token, which nothing follows."""
    model = NgramModel(ABABBA, 2, 2, denominators="tokens")
    assert model.probabilities().tolist() == [0.5, 0.5]
    assert model.probabilities([0]).tolist() == [0.125, 0.625]  # sums to 0.75
    right = NgramModel(ABABBA, 2, 2)
    np.testing.assert_allclose(right.probabilities([0]), [0.5 / 3, 2.5 / 3], rtol=1e-15)
    for context in ([0], [1]):
        assert abs(right.probabilities(context).sum() - 1) <= 1e-12


def test_a_long_text_and_a_large_vocabulary():
    ids = np.random.default_rng(0).zipf(1.3, 200_000) % 20_000
    model = NgramModel(ids, 20_000, 4, 2.0)
    for context in ([], [1], [1, 2], ids[:3], [19_999] * 3):
        assert abs(model.probabilities(context).sum() - 1) <= 1e-12
    assert perplexity(-model.log_probabilities(ids)) < perplexity(
        -NgramModel(ids, 20_000, 1).log_probabilities(ids)
    )


def test_ngrams_generate():
    model = NgramModel(ABABBA, 2, 2, 0.0)
    found = model.sample([0], 20_000, seed=3)
    assert found[0] == 0 and len(found) == 20_001 and (found == model.sample([0], 20_000, seed=3)).all()
    follow = np.mean(found[1:][found[:-1] == 1] == 0)
    assert follow == pytest.approx(2 / 3, abs=0.02) and (found[1:][found[:-1] == 0] == 1).all()
    assert len(NgramModel(ABABBA, 2, 1).sample([], 7)) == 7


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: NgramModel([0, 2], 2), DataError, "`ids` must be from 0 to 1, got 0 to 2"),
        (lambda: NgramModel([], 2), UsageError, "`ids` must hold at least one token"),
        (lambda: NgramModel([0.5], 2), DtypeError, "`ids` must be integers"),
        (lambda: NgramModel([0], 0), UsageError, "`size` must be an integer of at least 1"),
        (lambda: NgramModel([0], 10**5, 4), UsageError, r"1e\+20 runs of `order` 4 are too many"),
        (lambda: NgramModel([0], 2, 2, -1), OptionError, "`epsilon` must be finite and not negative"),
        (lambda: NgramModel([0], 2, backoff="none"), OptionError, "`backoff` must be shorter or unigram"),
        (lambda: NgramModel([0], 2, denominators="all"), OptionError, "`denominators` must be contexts or"),
        (lambda: NgramModel([0], 2).probabilities([2]), DataError, "`ids` must be from 0 to 1"),
        (lambda: MarkovChain([[0.5, 0.4], [0, 1]]), ProbabilityError, "`transitions` must .* row 0 has"),
        (lambda: MarkovChain([[1, 0], [np.nan, 1]]), ProbabilityError, "row 1 has the sum nan"),
        (lambda: MarkovChain([[1.0, 0.0]]), ShapeError, r"of shape \(S, S\), got \(1, 2\)"),
        (lambda: MarkovChain(np.eye(2), [1]), ShapeError, r"`initial` must be of shape \(2,\)"),
        (lambda: MarkovChain(np.eye(2), [2, -1]), ProbabilityError, "`initial` must be not negative"),
        (lambda: MarkovChain(np.eye(2)).stationary(), ProbabilityError, "2 parts that are never left"),
        (lambda: MarkovChain(np.eye(2)).sample(-1), UsageError, "`steps` must be an integer from 0"),
        (lambda: MarkovChain(np.eye(2)).sample(1, start=2), DataError, "must be from 0 to 1"),
        (lambda: MarkovChain.of([0], 1, np.nan), OptionError, "`epsilon` must be finite"),
        (lambda: perplexity([1.0], [True, False]), ShapeError, "`mask` must have the shape"),
        (lambda: perplexity([1.0], [False]), UsageError, "perplexity: no token counts"),
    ],
)
def test_messages(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_chains_are_counts():
    chain = MarkovChain.of(ABABBA, 3)
    np.testing.assert_allclose(chain.transitions, [[0, 1, 0], [2 / 3, 1 / 3, 0], [1 / 3] * 3], rtol=1e-15)
    assert chain.initial.tolist() == [1, 0, 0]
    assert chain.log_likelihood(ABABBA) == pytest.approx(math.log(4 / 27))
    assert chain.log_likelihood([0, 0]) == -math.inf and chain.log_likelihood([]) == 0
    both = MarkovChain.of([ABABBA, [1, 1]], 2, epsilon=1)
    np.testing.assert_allclose(both.transitions, [[1 / 4, 3 / 4], [3 / 6, 3 / 6]], rtol=1e-15)
    np.testing.assert_allclose(both.initial, [0.5, 0.5])


def test_what_a_step_leaves_as_it_is():
    for size in (1, 2, 40):
        p = np.random.default_rng(size).random((size, size)) ** 8
        chain = MarkovChain(p / p.sum(axis=1, keepdims=True))
        found = chain.stationary()
        assert found.sum() == pytest.approx(1, abs=1e-14)
        np.testing.assert_allclose(found @ chain.transitions, found, rtol=1e-12)
    e = 1e-12  # nearly apart: subtractions would leave nothing
    np.testing.assert_allclose(MarkovChain([[1 - e, e], [3 * e, 1 - 3 * e]]).stationary(), [0.75, 0.25], 1e-3)
    leaving = MarkovChain([[0.5, 0.5, 0], [0, 0, 1], [0, 1, 0]])  # a state that is left for good; a cycle
    assert leaving.stationary().tolist() == [0, 0.5, 0.5]


def test_chains_walk():
    chain = MarkovChain([[0.9, 0.1], [0.5, 0.5]], [0, 1])
    states = chain.sample(100_000, seed=1)
    assert states[0] == 1 and chain.sample(1, start=0)[0] == 0 and len(chain.sample(0)) == 0
    assert (states == chain.sample(100_000, seed=1)).all()
    again = MarkovChain.of(states, 2)
    np.testing.assert_allclose(again.transitions, chain.transitions, atol=0.01)
    assert np.mean(states == 0) == pytest.approx(chain.stationary()[0], abs=0.01)


def test_perplexity():
    """Best 1, of the uniform distribution the size of the vocabulary."""
    loss = -np.log([0.2, 0.1, 0.4, 0.25, 0.05])
    assert perplexity(loss) == pytest.approx(6.3095734, abs=5e-8)
    assert perplexity(np.full(9, math.log(28))) == pytest.approx(28) and perplexity(0.0) == 1
    assert perplexity([math.inf]) == math.inf and math.isnan(perplexity(math.nan))
    padded = np.append(loss, [50.0, math.inf])
    assert perplexity(padded, padded < 40) == perplexity(loss)
    assert bits_per_character(padded, padded < 40) == pytest.approx(math.log2(perplexity(loss)))
