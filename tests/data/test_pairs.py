"""Sentences of two languages as rows of ids: ends, padding, lengths, and which lines are for testing."""

from pathlib import Path

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.data import Preparation, load
from nbdl.errors import DataError, UsageError

REAL = Path(__file__).parents[3] / "shared" / "data" / "fra-eng.txt"
LINES = "Go.\tVa !\nRun!\tCours\u202f!\tCC-BY 2.0\r\n\nRun!\tCourez !\nI lost.\tJ'ai perdu.\n"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text(LINES, encoding="utf-8")
    return path


def test_rows(path):
    data = load(path, pairs=True, length=5, min_freq=1, test_fraction=0.3, seed=1)
    source, target = data.vocabularies["source"], data.vocabularies["target"]
    assert len(data.train.y) + len(data.test.y) == 4 and data.classes == len(target)
    assert {"<pad>", "<bos>", "<eos>", "<unk>"} <= {*source.tokens} & {*target.tokens}
    sides = {}
    for split in (data.train, data.test):
        x, y = split
        assert set(x) == {"source", "source_length", "target"} and y.shape == x["target"].shape
        for row, n, taught, answer in zip(x["source"], x["source_length"], x["target"], y):
            words = source.decode(row).split()
            assert words[n - 1] == "<eos>" and words[n:] == ["<pad>"] * (5 - n)
            assert taught[0] == target.ids(["<bos>"])[0]
            count = int((answer >= 0).sum())
            assert (answer[count:] == -100).all() and (taught[1 : count + 1] == answer[:count])[:4].all()
            sides[target.decode(answer[:count])] = words[: n - 1]
    known = {t: " ".join(words) for t, words in sides.items() if "<unk>" not in t}
    assert "j'ai perdu . <eos>" in sides or "cours ! <eos>" in sides
    assert known.get("cours ! <eos>", "run !") == "run !"


def test_translations_of_a_sentence_stay_on_one_side(path):
    for seed in range(8):
        data = load(path, pairs=True, length=5, test_fraction=0.4, seed=seed, tokens="char")
        vocabulary = data.vocabularies["source"]
        train, test = ({vocabulary.decode(r) for r in s.x["source"]} for s in (data.train, data.test))
        assert not train & test or "<unk>" in "".join(train & test)


def test_the_last_pairs_are_for_testing_as_in_the_book(path):
    """Of the words of all others the vocabulary is made."""
    data = load(path, pairs=True, length=5, test_fraction=0.5, testing="last", min_freq=1)
    source, target = data.vocabularies["source"], data.vocabularies["target"]
    found = [
        source.decode(row[: n - 1]) for row, n in zip(data.train.x["source"], data.train.x["source_length"])
    ]
    assert found == ["go .", "run !"] and "lost" not in source and len(data.test.y) == 2
    assert [target.decode(row[row >= 0]) for row in data.train.y] == ["va ! <eos>", "cours ! <eos>"]
    assert len(load(path, pairs=True, length=5, test_fraction=0.01, testing="last").test.y) == 1


def test_as_many_pairs_are_read_as_asked_for_e36(path):
    """E-36: the reader of the book takes one pair more."""
    for lines in (2, 3):
        data = load(path, pairs=True, length=5, test_fraction=0.4, lines=lines)
        assert len(data.train.y) + len(data.test.y) == lines


def test_long_sentences_are_cut(path):
    data = load(path, pairs=True, length=2, min_freq=1)
    assert "sentences are cut to 2 tokens" in data.about
    assert set(data.train.x["source_length"]) | set(data.test.x["source_length"]) == {2}
    assert len(load(path, pairs=True, lines=2).train.y) == 1


def test_other_lines_are_read_by_the_vocabularies_of_the_run(path, tmp_path):
    data = load(path, pairs=True, length=5, min_freq=1)
    preparation = Preparation.of(data, "softmax_cross_entropy")
    again = Preparation.read(preparation.document(), "a file")
    assert again.vocabularies == data.vocabularies
    other = tmp_path / "other.txt"
    other.write_text("Stop!\tStop !\nGo!\tVa !\n")
    found = load(other, pairs=True, length=5, vocabularies=again.vocabularies)
    assert again.agree(found, other) is found
    with pytest.raises(DataError, match="the vocabulary of this text is not that of the run"):
        again.agree(load(other, pairs=True, length=5), other)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Go.\tVa !\nRun! Cours !\n", "line 2 has no tab between two sentences"),
        ("Go.\tVa !\n\n\t Cours !\n", "line 3 has an empty source"),
        ("Go.\t \n", "line 1 has an empty target"),
        ("Go.\tVa !\nGo.\tAllez !\n", "it has 1 different sources, training and testing need 2"),
        ("", "it has 0 different sources"),
        ("Go.\tVa \u00e9!".encode("latin-1"), "byte 0xe9 at place 7, in line 1"),
    ],
)
def test_files_that_are_no_pairs(tmp_path, content, message):
    path = tmp_path / "a.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=message) as raised:
        load(path, pairs=True)
    assert f"where: {path}" in raised.value.__notes__


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 1}, "`length` must be an integer of at least 2, got 1"),
        ({"lines": 1}, "`lines` must be an integer of at least 2, got 1"),
        ({"test_fraction": 0}, "`test_fraction` must be above 0 and below 1"),
        ({"testing": "first"}, "`testing` must be random or last, got 'first'"),
        ({"seed": -1}, "`seed` must be an integer from 0"),
        ({"text": True}, "data options `text` and `pairs` exclude each other"),
        ({"stride": 3}, "unknown option `stride` of pairs.txt"),
    ],
)
def test_wrong_options(path, options, message):
    with pytest.raises(UsageError, match=message):
        load(path, **{"pairs": True, **options})


class Mean:
    """The next word from the one before and the mean of the source's words."""

    def __init__(self, source, target):
        self.source, self.target = nn.Embedding(source, 8), nn.Embedding(target, 8)
        self.out = nn.Linear(target)

    def __call__(self, source, source_length, target, train=None):
        return self.out(self.target(target) + self.source(source).mean(axis=1, keepdims=True))


def test_a_net_is_trained_on_tokens_that_count(tmp_path):
    """The loss is the mean over them: it can be computed by hand from the net's answers."""
    path = tmp_path / "pairs.txt"
    words = ["one\tun", "two\tdeux", "red dog\tchien rouge", "red cat\tchat rouge", "dog\tchien"]
    path.write_text("\n".join(words * 8))
    data = load(path, pairs=True, length=4, test_fraction=0.2)
    net = Mean(*map(len, data.vocabularies.values()))
    run = nbdl.fit(net, data, optimizer="adam", lr=0.05, epochs=12, batch_size=16)
    assert run.history[-1]["train_loss"] < 0.5 * run.history[0]["train_loss"]
    x, y = data.train
    logits = nbdl.train.predict(net, x).astype(np.float64)
    logp = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    counted = y >= 0
    each = -np.take_along_axis(logp, np.where(counted, y, 0)[..., None], axis=-1)[..., 0]
    found = run.evaluate(data.train)
    assert found["loss"] == pytest.approx(each[counted].mean(), rel=1e-5)
    assert found["perplexity"] == pytest.approx(nbdl.train.perplexity(each, counted), rel=1e-5)
    assert found["accuracy"] == pytest.approx((logits.argmax(axis=-1) == y)[counted].mean())


@pytest.mark.skipif(not REAL.exists(), reason="the sentences are not at hand (../shared/data)")
def test_real_sentences():
    data = load(REAL, pairs=True, length=9, lines=600)
    assert data.about.startswith("600 pairs of fra-eng.txt")
    book = load(REAL, pairs=True, length=9, lines=640, testing="last")
    assert len(book.train.y) == 512 and len(book.test.y) == 128
    assert load(REAL, pairs=True, length=9).about.startswith("18065 pairs of fra-eng.txt")
