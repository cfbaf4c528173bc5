"""Recurrent language models: trained on a text that repeats, stopped, resumed, and asked to go on with it."""

import warnings
from pathlib import Path

import numpy as np
import pytest

import nbdl
from nbdl import models, nn, train
from nbdl.data import Split, Vocabulary, load
from nbdl.data._vocabulary import BOOK as LETTERS
from nbdl.errors import DataError, LabelError, ShapeError, UsageError
from nbdl.kernels import sample_token

BOOK = Path(__file__).parents[3] / "shared" / "data" / "timemachine.txt"
real = pytest.mark.skipif(not BOOK.exists(), reason="the text is not at hand (../shared/data)")
WORDS = "a man a plan a canal panama "
OPTIONS = {"batch_size": 8, "lr": 0.03}


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "story.txt"
    path.write_text(WORDS * 60, encoding="utf-8")
    return path


def settings(story, **others):
    return train.resolve("rnn_lm", overrides={"data": str(story), "epochs": 3, **OPTIONS, **others})


@pytest.fixture(scope="module")
def run(story, tmp_path_factory):
    return train.train(settings(story, epochs=25), out=tmp_path_factory.mktemp("run") / "run")


def test_a_text_that_repeats_is_learnt(run):
    assert run.config.data_options == {"length": 32, "partition": "sequential", "text": True}
    assert run.config.model_options == {"vocabulary": 28, "carry": True}
    assert run._updates.step.program.native
    assert run.history[-1]["test_perplexity"] < 1.6  # windows begin with zeros
    assert [type(layer).__name__ for layer in run.net] == ["OneHot", "Stateful", "Linear"]


def test_windows_as_long_as_the_vocabulary(story, tmp_path):
    more = {"data_options.length": 28, "loss_options.label_smoothing": 0.1, "compiled": False, "epochs": 1}
    config = settings(story, **more)
    assert config.loss_options == {"axis": -1, "label_smoothing": 0.1}
    assert train.train(config, out=tmp_path / "run").history[-1]["test_accuracy"] > 0
    assert settings(story, loss="mse").loss_options == {}  # which has no such option


def test_it_goes_on_with_the_text_token_by_token(run):
    text = nbdl.generate(run, "A man, a p", 200, greedy=True)
    assert text == (WORDS * 8)[:209]  # far beyond the windows that it was trained on
    assert nbdl.generate(run, " plan a ", 6, beam=3) == " plan a canal "
    assert nbdl.generate(run, "a plan", 0) == "a plan"
    found = nbdl.generate(run, LETTERS.encode("panama a man"), 15, seed=4, temperature=3.0, top_k=6)
    logits = run.net(found[None]).data[0]
    for i in range(15):
        assert found[12 + i] == sample_token(logits[11 + i], 4, i, 0, 3.0, 6, 1.0)


def test_a_net_that_has_no_compiled_form_writes_the_same(run):
    class Own:
        def __init__(self, net):
            self.net = net

        def __call__(self, ids, train=None):
            y = self.net(ids, train=train)
            return y + (0.0 if float(y.data.sum()) < np.inf else 1.0)  # looks at values

    options = {"seed": 3, "temperature": 1.5}
    own = nbdl.generate(Own(run.net), "a man", 20, LETTERS, **options)
    assert own == nbdl.generate(run, "a man", 20, **options)
    assert nbdl.generate(Own(run.net), "a man", 9, LETTERS, beam=2) == nbdl.generate(run, "a man", 9, beam=2)


def test_what_does_not_fit(run):
    with pytest.raises(UsageError, match="the net gives 28 logits, the vocabulary has 4 tokens"):
        nbdl.generate(run, "cat", 3, Vocabulary.of("the cat sat".split(), unit="word"))
    with pytest.raises(UsageError, match=r"`prefix` must hold at least one token, of .*, got ''"):
        nbdl.generate(run, "", 3)
    with pytest.warns(UserWarning, match="letters a to z alone: 'é' of the prefix is left out"):
        nbdl.generate(run, "a é", 1)
    with pytest.raises(DataError, match="`ids` must be from 0 to 27, got 3 to 28"):
        nbdl.generate(run, [3, 28], 1)
    with pytest.raises(LabelError, match="must be from 0 to 27"):
        nbdl.generate(run.net, [3, 28], 1)

    class Whole(nn.Stateful):
        """Of ten tokens at once."""

        def __call__(self, ids, train=None):
            if ids.shape[1] != 10:
                raise ShapeError("Whole: ten")
            return super().__call__(nn.OneHot(28)(ids))

    with pytest.raises(ShapeError, match=r"does not take ids of shape \(N, T\), \(1, 1\): Whole: ten"):
        nbdl.generate(Whole(nn.RNN(3)), [1], 1)

    class Forgets:
        """Hands over its state in training alone."""

        def __init__(self):
            self.net, self.seen = models.bigram_lm(), nn.Buffer(per_sample=True)

        def __call__(self, ids, train=None):
            y = self.net(ids)
            seen = self.seen.rows((28,), like=y, train=train) + y[:, -1]
            if train is not None:
                train.keep(self.seen, seen)
            return y + seen.reshape(-1, 1, 28)

    with pytest.raises(ShapeError, match=r"hands over no `seen` in a prediction. Try buffer.keep"):
        nbdl.generate(nn.init(Forgets(), [[1]]), [1], 1)


def test_the_state_at_each_token_and_its_picture(run):
    ids = LETTERS.encode("a man a plan")
    found = train.states(run, ids)
    assert list(found) == ["1.state.0"] and found["1.state.0"].shape == (12, 32)
    y, _ = run.net[1].body(run.net[0](ids[None]))
    np.testing.assert_allclose(found["1.state.0"], y.data[0], atol=1e-6)
    pytest.importorskip("matplotlib")
    tokens = [LETTERS.tokens[i] for i in ids]
    short = train.states_picture(found, tokens, "a title")
    assert short[:8] == b"\x89PNG\r\n\x1a\n" and short == train.states_picture(found, tokens, "a title")
    long = train.states_picture({"1": np.tile(found["1.state.0"], (12, 1))}, ["word", "\n"] * 72)
    height = [int.from_bytes(picture[20:24], "big") for picture in (short, long)]
    assert height[1] > 1.5 * height[0]  # two rows of at most 100 tokens
    with pytest.raises(UsageError, match=r"`tokens` must be 12, as many as `1.state.0` has rows, got 3"):
        train.states_picture(found, "abc")
    with pytest.raises(UsageError, match="`ids` must hold at least one token"):
        train.states(run, [])
    with pytest.raises(UsageError, match="the net carries no state"):
        train.states(models.bigram_lm(), [1])


def test_a_run_that_was_stopped_within_an_epoch_goes_on_to_the_same_bits(run, story, tmp_path, monkeypatch):
    monkeypatch.setattr("nbdl.train._loop._some", lambda steps, seconds: 1)
    stopped = type(
        "Stopped", (), {"asked": False, "__enter__": lambda s: s, "__exit__": lambda s, *_: False}
    )()

    def progress(event, **fields):
        stopped.asked = event == "step" and (fields["epoch"], fields["step"]) == (2, 3)

    straight = train.train(settings(story), out=tmp_path / "straight")
    monkeypatch.setattr("nbdl.train._loop.Interrupt", lambda: stopped)
    part = train.train(settings(story), out=tmp_path / "part", progress=progress)
    assert part.interrupted and part.net[1].state[0].data.any()
    stopped.asked = False
    second = train.train(None, resume=tmp_path / "part")
    ends = [nn.state_dict(r.net, per_sample=True) for r in (straight, second)]
    assert ends[0].keys() == {"0.rows", "1.body.wx", "1.body.wh", "1.body.b", "1.state.0", "2.w", "2.b"}
    for name, values in ends[0].items():
        assert values.tobytes() == ends[1][name].tobytes(), name
    assert [r["train_loss"] for r in straight.history] == [r["train_loss"] for r in second.history]


def test_two_threads_give_the_same_bits(run, story, tmp_path):
    ends = []
    for threads in (1, 2):
        found = train.train(settings(story, threads=threads), out=tmp_path / str(threads))
        ends.append(nn.state_dict(found.net, per_sample=True))
    for name, values in ends[0].items():
        assert values.tobytes() == ends[1][name].tobytes(), name


def test_each_partition_says_what_is_carried(story, tmp_path):
    for partition, carry in (("fixed", False), ("random", False), ("sequential", True)):
        config = settings(story, **{"data_options.partition": partition})
        step = train.compile_config(config, load(config.data, **config.data_options))
        assert config.model_options["carry"] is carry
        assert list(step.graph.commits) == ["1.state.0"] * carry
    for partition in ("fixed", "random"):
        config = settings(story, **{"data_options.partition": partition, "model_options.carry": True})
        with pytest.raises(UsageError, match=f"`carry` needs .*=sequential, got partition={partition}"):
            train.train(config, out=tmp_path / "run")


def test_an_id_out_of_range_in_a_later_batch_leaves_the_net_as_the_one_before_made_it(run):
    x = np.random.default_rng(0).integers(0, 28, (24, 32))
    nets = [nn.init(models.rnn_lm(carry=True), x) for _ in range(2)]
    steps = [nbdl.compile_step(net, example=(x, x), lr=0.1, clip_norm=1.0) for net in nets]
    bad = x.copy()
    bad[20, 3] = 28
    with pytest.raises(LabelError, match="must be from 0 to 27"):
        for rows in (slice(0, 8), slice(8, 16), slice(16, 24)):
            steps[0](bad[rows], x[rows])
    for rows in (slice(0, 8), slice(8, 16)):
        steps[1](x[rows], x[rows])
    for name, values in nn.state_dict(nets[0], per_sample=True).items():
        assert values.tobytes() == nn.state_dict(nets[1], per_sample=True)[name].tobytes(), name


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "0 are for training"),
        ("a", {}, "both must be more than `length`, 32"),
        ("a man a plan", {}, "both must be more than `length`, 32"),
        (WORDS * 6, {"data_options.test_fraction": 0.65}, "windows of 32 that move need 64"),
        ("12345 67", {}, "of its 1 letters and spaces"),
    ],
)
def test_texts_that_are_too_short(tmp_path, text, options, message):
    path = tmp_path / "short.txt"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        train.train(settings(path, **options), out=tmp_path / "run")


def test_a_text_of_unknown_tokens_and_of_mixed_line_ends(tmp_path, run):
    """A run's vocabulary reads any text; what it does not hold is counted."""
    vocabulary = Vocabulary.of("abc", normalize=False)
    path = tmp_path / "other.txt"
    path.write_bytes(("xyz\r\nxyz\rxyz\n" * 30).encode())
    data = load(path, text=True, length=32, partition="sequential", vocabularies={"text": vocabulary})
    assert set(np.unique(data.train.x)) == {vocabulary.unknown} and "360 are <unk>" in data.about
    lines = load(path, text=True, length=10, normalize=False)
    assert lines.vocabularies["text"].tokens == ("\n", "<unk>", "x", "y", "z")
    net = models.rnn_lm(vocabulary=4, carry=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = nbdl.fit(net, data, epochs=1, batch_size=4, lr=0.1, compiled=False)
    assert np.isfinite(found.history[-1]["train_loss"])
    path.write_bytes(b"a man \xff a plan" * 50)
    with pytest.raises(DataError, match="no valid text file in UTF-8: byte 0xff"):
        train.train(settings(path), out=tmp_path / "run")


@pytest.mark.parametrize(("build", "states"), [(models.gru_lm, 1), (models.lstm_lm, 2)])
def test_gated_models_carry_their_state(build, states):
    ids = np.random.default_rng(0).integers(0, 28, (2, 9))
    net = nn.init(build(hidden=8, layers=2, carry=True), ids, dtype="float64")
    whole = net(ids).data
    for part in (slice(0, 4), slice(4, 9)):
        step = nn.Train()
        np.testing.assert_allclose(net(ids[:, part], train=step).data, whole[:, part], atol=1e-12)
        step.commit()
    assert len(step.kept) == 0 and len(nn._parameter.per_sample_buffers(net)) == 2 * states


def test_models_and_their_sizes():
    ids = np.zeros((2, 5), int)
    for options, count in (
        ({}, 28 * 32 + 32 * 32 + 32 + 32 * 28 + 28),
        (
            {"layers": 2, "features": 8, "hidden": 16},
            28 * 8 + (8 + 16 + 1) * 16 + (16 + 16 + 1) * 16 + 17 * 28,
        ),
        ({"tied": True, "dropout": 0.5}, 28 * 32 + (32 + 32 + 1) * 32 + 28),
    ):
        net = nn.init(models.rnn_lm(**options), ids)
        assert net(ids).shape == (2, 5, 28) and sum(p.size for p in nn.parameters(net)) == count
    with pytest.raises(
        UsageError, match="`features` must be `hidden`, 32, for a matrix that is `tied`, got 8"
    ):
        models.rnn_lm(tied=True, features=8)
    with pytest.raises(UsageError, match="`layers` must be at least 1, got 0"):
        models.rnn_lm(layers=0)


@real
@pytest.mark.slow
def test_a_book_is_learnt_better_than_from_a_window(tmp_path):
    config = train.resolve("rnn_lm", overrides={"data": str(BOOK)})
    found = train.train(config, out=tmp_path / "run")
    assert found.history[-1]["test_perplexity"] < 6.3
    assert found.evaluate(Split(*found.data.test))["loss"] < np.log(6.3)
