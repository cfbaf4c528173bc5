"""Translations of a net that was trained on numbers in two languages, against its own logits."""

import itertools

import numpy as np
import pytest

import nbdl
from nbdl import models, nn
from nbdl.data import load
from nbdl.data._pairs import rows_of_ids
from nbdl.errors import OptionError, ShapeError, UsageError
from nbdl.train import train
from nbdl.train._config import resolve
from nbdl.train._translate import best_bleu, translations

ENGLISH = "one two three four five six seven eight".split()
FRENCH = "un deux trois quatre cinq six sept huit".split()
LENGTH = 5


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """All sequences of one to three numbers."""
    path = tmp_path_factory.mktemp("pairs") / "numbers.txt"
    rows = [row for n in (1, 2, 3) for row in itertools.product(range(8), repeat=n)]
    lines = ["\t".join(" ".join(words[i] for i in row) for words in (ENGLISH, FRENCH)) for row in rows]
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def config(path):
    options = {"features": 16, "hidden": 16, "dropout": 0.0}
    return resolve("seq2seq", overrides={
        "data": str(path), "epochs": 30, "batch_size": 32, "lr": 0.02, "schedule": "cosine",
        "model_options": options,
        "data_options.length": LENGTH,
    })  # fmt: skip


@pytest.fixture(scope="module")
def run(config, tmp_path_factory):
    return train(config, tmp_path_factory.mktemp("runs") / "run")


def logp(net, vocabularies, sentence, tokens):
    """log P of each token of a translation, by the whole net at once, in float64."""
    source, target = vocabularies["source"], vocabularies["target"]
    rows, lengths = rows_of_ids([source.split(sentence)], source, LENGTH)
    ids = target.ids(["<bos>", *tokens])[None]
    logits = net(source=rows, source_length=lengths, target=ids[:, :-1]).numpy()[0].astype(np.float64)
    each = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return each, each[np.arange(len(tokens)), ids[0, 1:]]


def test_it_translates_what_it_was_not_trained_on(run, path):
    assert run.history[-1]["test_loss"] < 0.2 and run.history[-1]["test_perplexity"] < 1.3
    assert nbdl.translate(run, "Seven one") == "sept un"
    data = load(path, pairs=True, length=LENGTH)
    x, y = data.test
    source, target = data.vocabularies["source"], data.vocabularies["target"]
    sentences = [source.decode(row[: n - 1]) for row, n in zip(x["source"], x["source_length"])]
    wanted = [target.decode(row[row >= 0][:-1]) for row in y]
    found = nbdl.translate(run, sentences)
    assert np.mean([one == two for one, two in zip(found, wanted)]) > 0.9
    scores = [best_bleu(t, [w.split()]) for t, w in zip(translations(run, sentences), wanted)]
    assert np.mean(scores) > 0.95


def test_the_greedy_choice_is_the_largest_logit_of_the_whole_net(run):
    vocabularies = run.preparation.vocabularies
    for sentence in ("two one eight", "four four", "three"):
        (found,) = translations(run, [sentence])
        tokens = [*found.tokens, "<eos>"][:LENGTH]
        each, own = logp(run.net, vocabularies, sentence, tokens)
        assert (each.max(axis=-1) == own).all()
        assert found.score == pytest.approx(own.sum() / len(tokens) ** 0.75, rel=1e-4)
        assert found.text == " ".join(found.tokens) == nbdl.translate(run, sentence)


@pytest.mark.parametrize("penalty", [0.0, 0.75])
def test_a_wide_beam_finds_the_best_of_all(run, penalty):
    """Of all translations of up to 3 tokens with their end, each scored by the whole net."""
    vocabularies, sentence, length = run.preparation.vocabularies, "two six", 3
    source, target = vocabularies["source"], vocabularies["target"]
    bos, eos = target.ids(["<bos>", "<eos>"])
    others = [i for i in range(len(target)) if i != eos]
    every = [[*ids, eos] for n in range(length) for ids in itertools.product(others, repeat=n)]
    every += map(list, itertools.product(others, repeat=length))
    ids = np.array([[bos, *row, *[-1] * (length - len(row))] for row in every])
    rows, lengths = rows_of_ids([source.split(sentence)], source, length)
    rows, lengths = np.repeat(rows, len(ids), axis=0), np.repeat(lengths, len(ids))
    logits = nbdl.train.predict(
        run.net, {"source": rows, "source_length": lengths, "target": np.maximum(ids[:, :-1], 0)}
    ).astype(np.float64)
    own = np.take_along_axis(logits, np.maximum(ids[:, 1:, None], 0), axis=-1)[..., 0]
    own -= np.log(np.exp(logits).sum(axis=-1))
    counted = ids[:, 1:] >= 0
    scores = (own * counted).sum(axis=1) / counted.sum(axis=1) ** penalty
    options = {"vocabularies": vocabularies, "length": length, "length_penalty": penalty}
    wide, few, greedy = (translations(run.net, [sentence], beam=b, **options)[0] for b in (2000, 2, 1))
    assert wide.score == pytest.approx(scores.max(), rel=1e-4)
    best = [i for i in every[scores.argmax()] if i != eos]
    assert wide.tokens == tuple(target.tokens[i] for i in best)
    assert wide.score >= max(few.score, greedy.score) - 1e-6


def test_a_net_from_a_file_translates_too(run):
    net = nbdl.load(run.folder / "model.safetensors")
    vocabularies = run.preparation.vocabularies
    sentences = ["one two", "eight"]
    found = nbdl.translate(net, sentences, vocabularies, length=LENGTH)
    assert found == nbdl.translate(run, sentences)
    net, config, preparation = nbdl.train.load_run(run.folder)
    assert preparation.vocabularies == vocabularies and config.data_options["length"] == LENGTH
    assert nbdl.translate(net, sentences, vocabularies, length=LENGTH, beam=3)[0] == "un deux"


def test_a_run_that_is_stopped_goes_on_to_the_same_bits(config, tmp_path):
    """With dropout, on one thread and on two."""
    options = {**config.model_options, "dropout": 0.1}
    some = {**vars(config), "schedule": "constant", "model_options": options}
    whole = train(resolve(overrides={**some, "epochs": 2, "threads": 1}), tmp_path / "whole")
    train(resolve(overrides={**some, "epochs": 1, "threads": 2}), tmp_path / "part")
    again = train(resolve(overrides={**some, "epochs": 2, "threads": 2}), resume=tmp_path / "part")
    for name, a in nn.state_dict(whole.net).items():
        assert a.tobytes() == nn.state_dict(again.net)[name].tobytes(), name


def test_the_step_is_one_program_that_drops_states_between_layers(run):
    x, y = ({k: a[:32] for k, a in run.data.train.x.items()}, run.data.train.y[:32])
    nets = [nn.init(models.seq2seq(12, 12, 16, 16, dropout=0.1), x, 3) for _ in range(2)]
    step = nbdl.compile_step(nets[0], "softmax_cross_entropy", example=(x, y), lr=0.0, seed=5)
    assert step.program.native
    loss = nn.softmax_cross_entropy(nets[1](**x, train=nn.Train(5, 0)), y, axis=-1)
    loss.backward()
    assert step(x, y) == pytest.approx(loss.item(), rel=1e-5)
    for name, p in nn.named_parameters(nets[1]).items():
        np.testing.assert_allclose(step.gradients[name], p.grad, rtol=1e-3, atol=1e-6, err_msg=name)


def test_what_is_behind_the_end_of_a_source_has_no_effect(run):
    x = {k: a[:8].copy() for k, a in run.data.train.x.items()}
    before = run.net(**x).numpy()
    behind = np.arange(LENGTH) >= x["source_length"][:, None]
    x["source"][behind] = 3
    assert behind.any() and (run.net(**x).numpy() == before).all()
    x["source_length"][:] = 0  # nothing is read: the decoder begins with zeros
    assert (run.net.encoder(x["source"], x["source_length"])["state"].numpy() == 0).all()


def test_what_a_net_cannot_read_is_said(run):
    with pytest.warns(UserWarning, match=r"does not hold 'zero', 'ten': read as <unk>"):
        assert isinstance(nbdl.translate(run, ["zero one", "one ten"]), list)
    with pytest.warns(UserWarning) as raised:
        nbdl.translate(run, "nil nada")
    assert "nothing is known of 'nil nada'" in str(raised[1].message)
    with pytest.warns(UserWarning, match="reads 4 tokens of a sentence: the rest of 'one two .*' is cut off"):
        assert len(nbdl.translate(run, "one two one two one").split()) <= LENGTH


def test_wrong_arguments(run):
    for options, text in (
        ({"beam": 0}, "`beam` must be an integer of at least 1, got 0"),
        ({"length_penalty": -1}, "`length_penalty` must be from 0 and finite, got -1"),
    ):
        with pytest.raises(OptionError, match=text):
            nbdl.translate(run, "one", **options)
    with pytest.raises(UsageError, match="must hold at least one token, got ''"):
        nbdl.translate(run, ["one", ""])
    with pytest.raises(UsageError, match="has no vocabularies of two languages"):
        nbdl.translate(run.net, "one")
    with pytest.raises(UsageError, match="must have an `encoder` and a `decoder`, got Linear"):
        nbdl.translate(nn.Linear(2), "one", run.preparation.vocabularies)
    with pytest.raises(OptionError, match="`cell` must be one of gru, lstm, rnn"):
        models.seq2seq(cell="perceptron")
    decoder = models.SequenceDecoder(12, 16, 16)
    with pytest.raises(ShapeError, match="`state` must have the shape \\(N, 2, 16\\), got \\(1, 16\\)"):
        decoder(np.zeros((1, 1), int), np.zeros((1, 16)), np.zeros((1, 16)))


def test_models_of_pairs_are_given_pairs(path):
    with pytest.raises(UsageError, match="no data of its own: name a file of pairs of sentences with --data"):
        resolve("seq2seq")
    with pytest.raises(
        UsageError, match="`seq2seq` reads pairs of sentences, and synthetic_regression holds none"
    ):
        train(resolve("seq2seq", overrides={"data": "synthetic_regression"}))
    config = resolve("seq2seq", overrides={"data": str(path)})
    assert config.data_options == {"pairs": True, "length": 9} and config.clip_norm == 1
