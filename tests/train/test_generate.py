"""Text from language models: greedy, drawn, of windows that are too short, and what is refused."""

import numpy as np
import pytest

import nbdl
from nbdl import models, nn
from nbdl.data import Vocabulary, load
from nbdl.data._vocabulary import BOOK as LETTERS
from nbdl.errors import OptionError, ShapeError, UsageError
from nbdl.kernels import greedy_token, sample_token
from nbdl.train import predict

WORDS = "a man a plan a canal panama "


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "story.txt"
    path.write_text(WORDS * 60)
    data = load(path, text=True, length=8, stride=1, last=True)
    return nbdl.fit(models.window_lm(hidden=32), data, optimizer="adam", lr=0.01, epochs=5, batch_size=32)


def test_a_text_that_is_known(run):
    assert nbdl.generate(run, "A man, a p", 18, greedy=True) == "a man a plan a canal panama"
    assert nbdl.generate(run, " plan a ", 5, temperature=0.01) == " plan a canal"
    ids = LETTERS.encode(" plan a ")
    found = nbdl.generate(run, ids, 5, greedy=True)
    assert found.dtype == np.int64 and LETTERS.decode(found) == " plan a canal"
    assert nbdl.generate(run, "a plan", 0) == "a plan"


def test_tokens_are_drawn_one_by_one(run):
    """Each from the logits of the window before it, by the kernel."""
    options = {"temperature": 3.0, "top_k": 6, "top_p": 0.9}
    found = nbdl.generate(run, "panama a man", 15, seed=4, **options)
    ids = LETTERS.encode(found)
    for i in range(15):
        logits = predict(run.net, ids[None, 4 + i : 12 + i])[0]
        assert ids[12 + i] == sample_token(logits, 4, i, 0, 3.0, 6, 0.9)
    assert found == nbdl.generate(run, "panama a man", 15, seed=4, **options)
    assert found != nbdl.generate(run, "panama a man", 15, seed=5, **options)


def test_prefixes_that_are_shorter_than_a_window(run):
    """Before them is space for a net of whole windows; one that answers each position sees them alone."""
    ids = LETTERS.encode("a m")
    first = nbdl.generate(run, ids, 1, greedy=True)[-1]
    assert first == greedy_token(predict(run.net, np.concatenate([np.zeros(5, np.int64), ids])[None])[0])
    net = nn.init(models.bigram_lm(), np.zeros((1, 8), int), seed=1)
    found = nbdl.generate(net, ids, 12, length=8, greedy=True)
    for i in range(3, 15):
        assert found[i] == predict(net, found[None, i - 1 : i])[0, 0].argmax()


def test_what_the_vocabulary_does_not_hold():
    vocabulary = Vocabulary.of("the cat sat".split(), unit="word")
    net = nn.init(models.bigram_lm(4), np.zeros((1, 32), int))
    with pytest.warns(UserWarning, match="does not hold 'dog', 'ate' of the prefix: read as <unk>"):
        text = nbdl.generate(net, "The dog ate", 2, vocabulary)
    assert text.startswith("the <unk> <unk> ") and len(text.split()) == 5
    with pytest.warns(UserWarning, match="vocabulary, of words, holds nothing of the prefix 'dog ate'"):
        nbdl.generate(net, "dog ate", 1, vocabulary)
    with pytest.warns(UserWarning, match="letters a to z alone: '1', 'é' of the prefix are left out"):
        nbdl.generate(net, "The 1 cat é", 2, vocabulary)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"prefix": ""}, UsageError, "`prefix` must hold at least one token"),
        ({"prefix": []}, UsageError, "`prefix` must hold at least one token"),
        ({"vocabulary": None}, UsageError, "a `vocabulary` is needed"),
        (
            {"vocabulary": Vocabulary((*LETTERS.tokens, "x x"))},
            UsageError,
            "28 logits, the vocabulary has 29",
        ),
        ({"length": 9}, ShapeError, r"does not take ids of shape \(N, `length`\), \(N, 9\)"),
        ({"tokens": -1}, OptionError, r"`tokens` must be an integer from 0 to 2\^32 - 1, got -1"),
        ({"temperature": 0.0}, OptionError, "`temperature` must be above 0 and finite, got 0.0. Try greedy"),
        ({"temperature": float("nan")}, OptionError, "`temperature` must be"),
        ({"top_k": 1.5}, OptionError, "`top_k` must be an integer"),
        ({"top_p": 0.0}, OptionError, "`top_p` must be above 0 and at most 1"),
        ({"seed": 2**64}, OptionError, r"`seed` must be an integer from 0 to 2\^63 - 1"),
    ],
)
def test_messages(run, change, error, message):
    options = {"prefix": "a man", "tokens": 3, "vocabulary": LETTERS, "length": 8, **change}
    with pytest.raises(error, match=message):
        nbdl.generate(run.net, **options)


def test_nets_that_are_no_language_models():
    net = nn.init(nn.Sequential(nn.Embedding(28, 3)), np.zeros((1, 4), int))
    with pytest.raises(UsageError, match="gives 3 logits, the vocabulary has 28"):
        nbdl.generate(net, "a man", 3, LETTERS, length=4)
    net = nn.init(nn.Sequential(nn.Linear(3)), np.zeros((1, 4)))
    with pytest.raises(UsageError, match="gives 3 logits"):
        nbdl.generate(net, "a man", 3, LETTERS, length=4)
    pair = nn.init(Pair(), np.zeros((1, 4), int))
    with pytest.raises(ShapeError, match=r"must give logits \(N, V\) or \(N, T, V\), got tuple"):
        nbdl.generate(pair, "a man", 3, LETTERS, length=4)


class Pair:
    """A net that returns two tensors."""

    def __init__(self):
        self.table = nn.Embedding(28, 28)

    def __call__(self, ids, train=None):
        y = self.table(ids)
        return y, y
