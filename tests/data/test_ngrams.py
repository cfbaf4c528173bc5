"""Counts of runs of tokens against plain Python, Zipf's law, and the figures of the book."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from nbdl.data import Vocabulary, ngram_counts, tokenize, zipf_exponent, zipf_picture
from nbdl.errors import DataError, DtypeError, ShapeError, UsageError

BOOK = Path(__file__).parents[3] / "shared" / "data" / "timemachine.txt"


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("size", [2, 90, 2**40], ids=["few", "many", "more than fit a code"])
def test_counts(n, size):
    rng = np.random.default_rng(n)
    ids = rng.choice(rng.integers(0, size, 90), 3000)
    grams, counts = ngram_counts(ids, n)
    truth = Counter(zip(*(ids[i:].tolist() for i in range(n))))
    assert {tuple(g): c for g, c in zip(grams.tolist(), counts.tolist())} == truth
    assert len(grams) == len(truth) and counts.sum() == 3001 - n
    pairs = list(zip((-counts).tolist(), grams.tolist()))
    assert pairs == sorted(pairs)  # the most frequent first, then by their ids


def test_texts_that_are_too_short():
    for ids, n in (([], 1), ([3], 2)):
        grams, counts = ngram_counts(ids, n)
        assert grams.shape == (0, n) and counts.shape == (0,) and grams.dtype == np.int64
    assert ngram_counts([3], 1)[0].tolist() == [[3]]


def test_an_exponent():
    counts = 1e9 / np.arange(1, 2000) ** 1.25
    assert zipf_exponent(counts[::-1]) == pytest.approx(1.25, rel=1e-12)


def test_a_picture():
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    counts = ngram_counts(np.arange(4000) % 61)[1]
    assert zipf_picture({"n = 1": counts, "none": []}, "a text").startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ngram_counts(["a"]), DtypeError, "`ids` must be integers, got <U1"),
        (lambda: ngram_counts([[1]]), ShapeError, r"`ids` must be of shape \(T,\), got \(1, 1\)"),
        (lambda: ngram_counts([-1]), DataError, "`ids` must be from 0 up, got -1 to -1"),
        (lambda: ngram_counts([1], 0), UsageError, "`n` must be an integer of at least 1, got 0"),
        (lambda: zipf_exponent([3]), DataError, "`counts` must be at least 2 positive numbers"),
        (lambda: zipf_exponent([3, 0]), DataError, "the least 0"),
        (lambda: zipf_exponent([]), DataError, r"got shape \(0,\)"),
    ],
)
def test_messages(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.skipif(not BOOK.exists(), reason="the text is not at hand (../shared/data)")
def test_the_book():
    """Section 9.3: the most frequent words, pairs and triples."""
    words = tokenize(BOOK.read_text(encoding="utf-8"), "word")
    vocabulary = Vocabulary.of(words, unit="word")
    ids = vocabulary.ids(words)
    found = []
    for n in (1, 2, 3):
        grams, counts = ngram_counts(ids, n)
        found.append([(vocabulary.decode(g), c) for g, c in zip(grams[:3], counts.tolist())])
        assert n > 1 or zipf_exponent(counts) == pytest.approx(1.0, abs=0.1)
    assert found[0] == [("the", 2261), ("i", 1267), ("and", 1245)]
    assert found[1][0] == ("of the", 309) and found[2][0] == ("the time traveller", 59)
