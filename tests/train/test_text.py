"""Language models on a real book: as good as the table of pairs, and better."""

from pathlib import Path

import numpy as np
import pytest

from nbdl import nn, train
from nbdl.data import load
from nbdl.errors import UsageError

BOOK = Path(__file__).parents[3] / "shared" / "data" / "timemachine.txt"
real = pytest.mark.skipif(not BOOK.exists(), reason="the text is not at hand (../shared/data)")
WORDS = "a man a plan a canal panama "


@pytest.fixture
def story(tmp_path):
    path = tmp_path / "story.txt"
    path.write_text(WORDS * 60, encoding="utf-8")
    return path


def of_table(path):
    """Perplexity on the test part of the counts of pairs of the training part, each with one more."""
    data = load(path, text=True)
    counts = np.ones((28, 28))
    np.add.at(counts, (data.train.x.ravel(), data.train.y.ravel()), 1)
    p = counts / counts.sum(axis=1, keepdims=True)
    return np.exp(-np.log(p[data.test.x, data.test.y]).mean())


@real
def test_the_bigram_model_learns_the_table_of_pairs(tmp_path):
    run = train.train(train.resolve("bigram_lm", overrides={"data": str(BOOK)}), out=tmp_path / "run")
    assert run.history[-1]["test_perplexity"] == pytest.approx(of_table(BOOK), rel=0.02)
    assert run.history[-1]["train_perplexity"] == pytest.approx(
        np.exp(run.evaluate(run.data.train)["loss"]), rel=0.01
    )


@real
def test_the_window_model_is_clearly_better(tmp_path):
    config = train.resolve("window_lm", overrides={"data": str(BOOK), "epochs": 3})
    run = train.train(config, out=tmp_path / "run")
    assert run.history[-1]["test_perplexity"] < 0.6 * of_table(BOOK)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_text_that_repeats_is_learnt(tmp_path, story, compiled):
    """And the run goes on, and is loaded, as every other one."""
    overrides = {
        "data": str(story), "epochs": 3, "data_options.length": 10, "model_options.hidden": 32,
        "compiled": compiled, "batch_size": 32,
    }  # fmt: skip
    run = train.train(train.resolve("window_lm", overrides=overrides), out=tmp_path / "run")
    assert run.config.data_options == {"text": True, "length": 10, "stride": 1, "last": True}
    assert run.config.model_options == {"hidden": 32, "vocabulary": 28}
    bits = run.history[-1]["test_bits_per_character"]
    assert bits == pytest.approx(np.log2(run.history[-1]["test_perplexity"]))
    assert run.history[-1]["test_perplexity"] < 1.5 and run.history[-1]["test_accuracy"] == 1
    letters = "".join(run.predict(run.data.test.x[:28]))
    assert letters in WORDS * 3
    again = train.train(
        train.resolve("window_lm", overrides={**overrides, "epochs": 4}), resume=tmp_path / "run"
    )
    assert again.history[:3] == run.history
    net, config, preparation = train.load_run(tmp_path / "run")
    assert preparation.labels == run.data.labels and config.data_options == run.config.data_options
    assert (train.predict(net, run.data.test.x).argmax(axis=1) == run.data.test.y).all()


def test_predictions_have_the_form_of_the_targets(tmp_path, story):
    overrides = {"data": str(story), "epochs": 2, "batch_size": 4}
    run = train.train(train.resolve("bigram_lm", overrides=overrides), out=tmp_path / "run")
    found = run.predict(run.data.test.x)
    assert found.shape == run.data.test.y.shape and found.dtype.kind == "U"
    assert train.predict(run.net, run.data.test.x).shape == (*found.shape, 28)


def test_models_and_their_sizes():
    ids = np.zeros((3, 8), int)
    for model, shape, count in (
        ("bigram_lm", (3, 8, 28), 28 * 32 + 32 * 28 + 28),
        ("window_lm", (3, 28), 28 * 16 + 128 * 128 + 128 + 128 * 28 + 28),
    ):
        from nbdl import models

        net = nn.init(getattr(models, model)(), ids)
        assert net(ids).shape == shape and sum(p.size for p in nn.parameters(net)) == count


def test_what_a_language_model_is_given(tmp_path, story):
    """Text is told from tables by the model, never by the file."""
    assert train.resolve("mlp", overrides={"data": str(story)}).data_options == {}
    table = tmp_path / "numbers.csv"
    np.savetxt(table, np.arange(60).reshape(20, 3) % 7, delimiter=",")
    config = train.resolve("bigram_lm", overrides={"data": str(table)})
    assert config.data_options == {}
    with pytest.raises(
        UsageError, match=r"`bigram_lm` reads text, as integers \(N, T\), got inputs of float64"
    ):
        train.train(config, out=tmp_path / "run")
    as_table = train.resolve("bigram_lm", overrides={"data": str(story), "data_options.text": False})
    assert as_table.data_options == {"text": False}
    (tmp_path / "story.md").write_text(WORDS * 60)
    overrides = {"data": str(tmp_path / "story.md"), "data_options.text": True}
    options = {"text": True, "length": 8, "stride": 1, "last": True}
    assert train.resolve("window_lm", overrides=overrides).data_options == options
    named = train.resolve("bigram_lm", overrides={"data": "timemachine", "data_options.stride": 5})
    assert named.data_options == {"length": 32, "stride": 5}
