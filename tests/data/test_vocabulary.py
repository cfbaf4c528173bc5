"""Vocabularies: what a token is, which are known, and texts that are read by the vocabulary of a run."""

import json
from pathlib import Path

import numpy as np
import pytest

from nbdl.data import Preparation, Split, Vocabulary, load, tokenize
from nbdl.data._data import Data
from nbdl.data._vocabulary import BOOK as LETTERS
from nbdl.errors import DataError, LabelError, UsageError

BOOK = Path(__file__).parents[3] / "shared" / "data" / "timemachine.txt"
STORY = "Alice said: \u201cIt's late!\u201d\r\nBob (aged 7) didn't care.\rNa\u00efve caf\u00e9s\u2026\n"


def test_tokens_of_characters_and_words():
    assert "".join(tokenize("A-b\n\n c1d!")) == "a b c d " and tokenize("A-b\n c1d!", "word") == list("abcd")
    assert "".join(tokenize(STORY, normalize=False)) == STORY
    words = tokenize("It's 7.5 \u2013 na\u00efve, isn\u2019t it?!", "word", normalize=False)
    assert words == ["It's", "7", ".", "5", "\u2013", "na\u00efve", ",", "isn\u2019t", "it", "?", "!"]
    assert tokenize("\u00c7a, Arr\u00eate-toi\u202f!", "word", "lower") == [
        "\u00e7a",
        ",",
        "arr\u00eate-toi",
        "!",
    ]
    assert tokenize("", "word") == tokenize(" \n", "word", normalize=False) == []


def test_the_rare_the_reserved_and_the_unknown():
    tokens = "a a a b b c".split()
    v = Vocabulary.of(tokens, min_freq=2, reserved=["<pad>"], unit="word")
    assert v.tokens == ("<pad>", "<unk>", "a", "b") and len(v) == 4 and v.unknown == 1
    assert v.ids(["c", "b", "<pad>", ""]).tolist() == [1, 3, 0, 1] and v.ids([]).dtype == np.int64
    assert v.encode("B or a?").tolist() == [3, 1, 2] and v.decode([3, 1, 2]) == "b <unk> a"
    assert v.strangers("or b or c") == ["or", "c"] and "a" in v and "c" not in v
    again = Vocabulary.read(json.loads(json.dumps(v.document())), "a file")
    assert again == v and hash(again) == hash(v) and v != Vocabulary(v.tokens)


def test_the_unknown_token_is_sorted_among_the_letters_e36():
    """E-36: the book's code puts it between the blank and a; ids are the same here."""
    v = Vocabulary.of(list("b a"))
    assert v.tokens == (" ", "<unk>", "a", "b")


def test_what_is_no_vocabulary():
    with pytest.raises(UsageError, match="needs the token <unk>, got 1 others"):
        Vocabulary(("a",))
    with pytest.raises(UsageError, match="must differ from each other, got 'a'"):
        Vocabulary(("<unk>", "a", "a"))
    with pytest.raises(UsageError, match="must be text, got 3"):
        Vocabulary(("<unk>", 3))
    with pytest.raises(LabelError, match="`ids` must be from 0 to 27, got 3 to 28"):
        LETTERS.decode([3, 28])
    for document in ([], {"tokens": 3}, {"tokens": ["a"]}, {"no": 1}):
        with pytest.raises(DataError, match="file is damaged"):
            Vocabulary.read(document, "a file") if document else Preparation.read(
                {**Preparation().document(), "vocabularies": document}, "a file"
            )


def test_texts_as_they_are(tmp_path):
    """Case, punctuation and accents are kept; line ends of all systems are one token."""
    (tmp_path / "a.txt").write_bytes(("\ufeff" + STORY * 20).encode())
    data = load(tmp_path / "a.txt", text=True, normalize=False, length=10)
    vocabulary = data.vocabularies["text"]
    assert vocabulary.decode(data.train.x.ravel()).startswith("Alice said: \u201cIt's late!\u201d\nBob (aged")
    assert data.labels == vocabulary.tokens and data.classes == len(vocabulary) == len({*STORY} - {"\r"}) + 1
    words = load(tmp_path / "a.txt", text=True, tokens="word", min_freq=40, length=4, reserved=["<pad>"])
    known = words.vocabularies["text"]
    assert known.tokens == ("<pad>", "<unk>") and (words.train.x == known.unknown).all()
    assert words.about == "280 words of a.txt, 2 symbols; 280 are <unk>"
    letters = load(tmp_path / "a.txt", text=True, length=4, reserved=["<pad>"])
    assert letters.vocabularies["text"].tokens == (" ", "<pad>", *LETTERS.tokens[1:])


def test_tokens_of_the_test_part_are_not_learnt(tmp_path):
    (tmp_path / "a.txt").write_text("abc" * 30 + "z" * 10)
    data = load(tmp_path / "a.txt", text=True, normalize=False, length=4, test_fraction=0.1)
    assert data.vocabularies["text"].tokens == ("<unk>", "a", "b", "c") and (data.test.x == 0).all()
    assert data.about == "100 characters of a.txt, 4 symbols; 10 are <unk>"


def test_a_folder_of_texts(tmp_path):
    (tmp_path / "books").mkdir()
    with pytest.raises(DataError, match="the folder holds no text"):
        load(tmp_path / "books", text=True)
    for name, content in (("b.txt", "world " * 9), ("a.TXT", "hello " * 9), ("c.md", "not this")):
        (tmp_path / "books" / name).write_text(content)
    data = load(tmp_path / "books", text=True, length=6, test_fraction=0.25)
    assert LETTERS.decode(data.train.x.ravel()).startswith("hello hello ") and "not" not in data.about
    assert LETTERS.decode(data.test.x.ravel()).startswith("world"[3:]) and "of books" in data.about


def test_another_text_is_read_by_the_vocabulary_of_the_run(tmp_path):
    (tmp_path / "a.txt").write_text("abcabc" * 20)
    (tmp_path / "b.txt").write_text("bcdx" * 30)
    run = load(tmp_path / "a.txt", text=True, normalize=False, length=4)
    preparation = Preparation.of(run, "softmax_cross_entropy")
    other = load(tmp_path / "b.txt", vocabularies=preparation.vocabularies, text=True, length=4)
    assert preparation.agree(other, "b.txt") is other
    assert other.train.x[0].tolist() == [2, 3, 0, 0]  # b, c, and two that it does not know
    for options in ({"normalize": False}, {}):
        with pytest.raises(DataError, match="the vocabulary of this text is not that of the run") as raised:
            preparation.agree(load(tmp_path / "b.txt", text=True, length=4, **options), "b.txt")
    zeros = np.zeros((2, 3), int)
    with pytest.raises(DataError, match="it is no text, and the model reads text"):
        preparation.agree(Data("d", Split(zeros, zeros), Split(zeros, zeros), 4), "d.npz")
    assert "where: b.txt" in raised.value.__notes__


@pytest.mark.skipif(not BOOK.exists(), reason="the text is not at hand (../shared/data)")
def test_the_words_of_the_book():
    data = load(BOOK, text=True, tokens="word", length=10, test_fraction=0.001)
    assert data.about.startswith("32775 words of timemachine.txt")
    assert load(BOOK, text=True, normalize=False).classes > 60
