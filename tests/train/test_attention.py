"""Maps of attention, held to the weights that the kernels give; translations of nets that attend."""

import numpy as np
import pytest

import nbdl
from nbdl import models, nn
from nbdl.data import Vocabulary
from nbdl.data._pairs import rows_of_ids
from nbdl.errors import UsageError
from nbdl.kernels import attention_weights
from nbdl.train import attention, attention_picture, states_picture

WORDS = Vocabulary(("<unk>", "<pad>", "<bos>", "<eos>", *"abcdef"), unit="word", normalize="lower")
BOTH, LENGTH = {"source": WORDS, "target": WORDS}, 5
ROWS, LENGTHS = rows_of_ids([["a", "b"]], WORDS, LENGTH)
X = {"source": ROWS, "source_length": LENGTHS, "target": ROWS}


def net_of(model, **options):
    """A net whose logits differ: embeddings of the book's size."""
    return nn.init(getattr(models, model)(10, 10, 8, **options), X, 1)


def test_maps_of_a_transformer():
    net = net_of("transformer", blocks=2, heads=2, hidden=4)
    maps = attention(net, "a b", BOTH, target="c d e", length=LENGTH)
    names = [f"encoder {i} self" for i in range(2)]
    names += [f"decoder {i} {kind}" for i in range(2) for kind in ("self", "cross")]
    assert [m.name for m in maps] == names
    read, found = ("<bos>", "c", "d", "e"), ("c", "d", "e", "<eos>")
    tokens = {"self": (read, read), "cross": (found, ("a", "b", "<eos>"))}
    for m in maps:
        part, _, kind = m.name.split()
        wanted = (("a", "b", "<eos>"),) * 2 if part == "encoder" else tokens[kind]
        assert (m.queries, m.keys) == wanted
        assert m.weights.shape == (2, len(m.queries), len(m.keys))
        np.testing.assert_allclose(m.weights.sum(axis=-1), 1, rtol=1e-6)
        if part == "decoder" and kind == "self":
            assert (np.triu(m.weights, 1) == 0).all()
    x = net.encoder.start(ROWS)
    q, k = (
        net.encoder.stack[0].attention._heads(x, w, b, 8, 2).numpy()
        for w, b in (
            (net.encoder.stack[0].attention.wq, net.encoder.stack[0].attention.bq),
            (net.encoder.stack[0].attention.wk, net.encoder.stack[0].attention.bk),
        )
    )
    wanted = attention_weights(q, k, None, LENGTHS)[0, :, :3, :3]
    np.testing.assert_allclose(maps[0].weights, wanted, rtol=1e-5, atol=1e-7)
    assert attention_picture(maps, "own")[:8] == b"\x89PNG\r\n\x1a\n"


def test_pictures_say_what_their_axes_and_colours_are(monkeypatch):
    figures = pytest.importorskip("matplotlib.figure")
    drawn, save = [], figures.Figure.savefig
    monkeypatch.setattr(figures.Figure, "savefig", lambda f, *a, **k: (drawn.append(f), save(f, *a, **k))[1])
    net = net_of("bahdanau", hidden=8, layers=1)
    attention_picture(attention(net, "a b", BOTH, target="c d e", length=LENGTH))
    states_picture({"1.state.0": np.zeros((2, 3))}, ["a", "b"])
    map_, states = drawn
    assert [a.get_ylabel() for a in map_.axes] == ["queries", "weight"]
    assert map_.axes[0].get_xlabel() == "keys"
    assert [a.get_ylabel() for a in states.axes] == ["element of 1.state.0", "value"]


def test_maps_of_a_decoder_that_attends_and_of_what_it_finds():
    net = net_of("bahdanau", hidden=8, layers=1)
    (only,) = attention(net, "a b", BOTH, length=LENGTH)
    assert only.name == "decoder 0 cross" and only.keys == ("a", "b", "<eos>")
    said = nbdl.translate(net, "a b", BOTH, length=LENGTH)
    assert only.queries == (*said.split(), "<eos>") and only.weights.shape[0] == 1
    np.testing.assert_allclose(only.weights.sum(axis=-1), 1, rtol=1e-6)


def test_maps_of_a_net_that_reads_a_text():
    net = nn.Sequential(nn.Embedding(10, 8), nn.TransformerEncoderBlock(2, 4, causal=True), nn.Linear(10))
    nn.init(net, ROWS, 1)
    (only,) = attention(net, "a b c", {"text": WORDS})
    assert only.name == "net 0 self" and only.queries == only.keys == ("a", "b", "c")
    assert (np.triu(only.weights, 1) == 0).all()


def test_what_has_no_maps():
    seq2seq = nn.init(models.seq2seq(10, 10, 8, 8), X, 1)
    with pytest.raises(UsageError, match="there is none in the net"):
        attention(seq2seq, "a b", BOTH, length=LENGTH)
    with pytest.raises(UsageError, match="has no vocabularies"):
        attention(seq2seq, "a b")
    with pytest.raises(UsageError, match="must hold at least one token"):
        attention(seq2seq, " ", BOTH, target="a")


@pytest.mark.parametrize("model", ["bahdanau", "transformer"])
def test_translations_are_by_the_logits_of_the_whole(model):
    """Greedily and by a beam, with and without batches of beginnings, the score is log P of the whole net."""
    options = {"heads": 2, "hidden": 4} if model == "transformer" else {"hidden": 8, "layers": 1}
    net = net_of(model, **options)
    for beam in (1, 3):
        (found,) = nbdl.train._translate.translations(
            net, ["a b"], BOTH, length=LENGTH, beam=beam, length_penalty=0.0
        )
        ids = WORDS.ids(["<bos>", *found.tokens, "<eos>"])[None]
        logits = net(ROWS, LENGTHS, ids[:, :-1]).numpy()[0].astype(np.float64)
        each = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        last = len(found.tokens) + (len(found.tokens) < LENGTH)
        total = each[np.arange(last), ids[0, 1 : last + 1]].sum()
        assert found.score == pytest.approx(total, abs=1e-5)
        if beam == 1:
            assert (each[:last].argmax(axis=-1) == ids[0, 1 : last + 1]).all()
