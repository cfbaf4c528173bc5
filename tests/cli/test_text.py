"""Language models on the command line: from a text file to what comes next."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner

from nbdl.cli import main

WORDS = "a man a plan a canal panama "


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of a run of `window_lm` on a text that repeats."""
    folder = tmp_path_factory.mktemp("text")
    (folder / "story.txt").write_text(WORDS * 60)
    arguments = ["train", "window_lm", "--data", folder / "story.txt", "--epochs", 4, "--batch-size", 32]
    result = CliRunner().invoke(main, [str(a) for a in [*arguments, "--out", folder / "run"]])
    assert result.exit_code == 0, result.stderr
    assert "1680 characters of story.txt, 28 symbols" in result.stderr
    assert "train perplexity" in result.stderr and "test perplexity" in result.stdout
    return folder / "run"


def test_eval(run, model, tmp_path):
    shown = json.loads(run("eval", model, "--format", "json").stdout)
    assert (
        shown["test_perplexity"] == pytest.approx(np.exp(shown["test_loss"])) and shown["test_accuracy"] == 1
    )
    (tmp_path / "other.txt").write_text("Panama: a canal; a plan. " * 40)
    other = json.loads(run("eval", model, "--data", "other.txt", "--format", "json").stdout)
    assert other["data"] == "other" and other["test_perplexity"] > shown["test_perplexity"]


def test_a_recurrent_model(run, model, tmp_path):
    """Its program is native; it writes, shows its states, and is trained on from where it stopped."""
    story = model.parent / "story.txt"
    made = run("train", "rnn_lm", "--data", story, "--epochs", 3, "--batch-size", 8, "--out", "own")
    assert made.exit_code == 0, made.stderr
    shown = run("plan", "lstm_lm", "--all", "--data", story, "--batch-size", 8)
    assert shown.exit_code == 0 and "lstm_scan x 32" in shown.stdout and "Python" not in shown.stdout
    said = run("generate", "own", "--prefix", "A man", "--tokens", 7, "--seed", 2, "--plot", "states.png")
    assert said.exit_code == 0 and said.stdout.startswith("a man") and "picture: states.png" in said.stderr
    assert (tmp_path / "states.png").read_bytes()[:4] == b"\x89PNG"
    again = run("train", "--resume", "own", "--epochs", 4)
    assert again.exit_code == 0 and "epoch 4/4" in again.stderr
    (tmp_path / "lines.txt").write_text("Panama: a man, a plan, a canal: Panama! A m\n")
    assert run("predict", "own", "lines.txt", "-o", "next.csv").exit_code == 0
    refused = run("generate", model, "--prefix", "a", "--plot", "states.png")
    assert refused.exit_code == 2 and "the states of a recurrent net alone" in refused.stderr


def test_predict_what_comes_next(run, model, tmp_path):
    (tmp_path / "lines.txt").write_text("A man, a pl\n\nA canal panam\n")
    result = run("predict", model, "lines.txt", "-o", "next.csv")
    assert result.exit_code == 0, result.stderr
    rows = list(csv.reader((tmp_path / "next.csv").open()))
    assert rows[0][:4] == ["label", "p_ ", "p_<unk>", "p_a"]
    assert [row[0] for row in rows[1:]] == ["a", "a"] and float(rows[1][3]) > 0.5
    from nbdl.data._vocabulary import BOOK

    np.save("ids.npy", [BOOK.encode(" a man a"), BOOK.encode("al panam")])
    for path in (model, model / "model.safetensors"):
        assert run("predict", path, "ids.npy", "-o", "next.npz").exit_code == 0
        with np.load("next.npz") as found:
            assert found["label"].tolist() == [" ", "a"]


def test_messages(run, model, tmp_path):
    (tmp_path / "short.txt").write_text("A man, a plan\nA can\n")
    result = run("predict", model, "short.txt", "-o", "next.csv")
    assert result.exit_code == 3 and "line 2 has 5 letters and spaces, the model reads 8" in result.stderr
    (tmp_path / "empty.txt").write_text("\n")
    result = run("predict", model, "empty.txt", "-o", "next.csv")
    assert result.exit_code == 3 and "it is empty" in result.stderr
    result = run("predict", model / "model.safetensors", "short.txt", "-o", "next.csv")
    assert result.exit_code == 2 and "does not say how many characters it reads" in result.stderr
    np.save("floats.npy", np.zeros((2, 8)))
    result = run("predict", model, "floats.npy", "-o", "next.csv")
    assert result.exit_code == 3 and "`ids` must be integers" in result.stderr
    assert "try: token ids: integers (N, T) from 0" in result.stderr
    np.save("wide.npy", np.zeros((2, 9), int))
    result = run("predict", model, "wide.npy", "-o", "next.csv")
    assert result.exit_code == 3 and "the net takes inputs of shape (N, 8), got (N, 9)" in result.stderr
    np.savetxt("table.csv", np.arange(60).reshape(20, 3) % 7, delimiter=",")
    result = run("train", "window_lm", "--data", "table.csv")
    assert result.exit_code == 2 and "`window_lm` reads text" in result.stderr
    assert "--set data_options.text=true" in result.stderr
    result = run("train", "window_lm", "--data", "short.txt")
    assert result.exit_code == 3 and "both must be more than `length`, 8" in result.stderr


def test_plan(run, model):
    result = run("plan", "bigram_lm", "--data", model.parent / "story.txt", "--batch-size", 8)
    assert result.exit_code == 0, result.stderr
    assert "embedding" in result.stdout and "Python" not in result.stdout


def test_generate(run, model):
    result = run("generate", model, "--prefix", "A man, a p", "--tokens", 18, "--greedy")
    assert result.exit_code == 0 and result.stdout == "a man a plan a canal panama\n"
    drawn = [
        "generate",
        model,
        "--prefix",
        "a ",
        "--tokens",
        30,
        "--temperature",
        2,
        "--top-k",
        9,
        "--top-p",
        0.9,
    ]
    shown = json.loads(run(*drawn, "--seed", 1, "--format", "json").stdout)
    assert shown["text"].startswith("a ") and len(shown["text"]) == 32 and shown["top_k"] == 9
    assert shown["text"] + "\n" == run(*drawn, "--seed", 1).stdout != run(*drawn, "--seed", 2).stdout
    result = run("generate", model, "--prefix", "a", "--temperature", 0)
    assert result.exit_code == 2 and "`temperature` must be above 0" in result.stderr
    result = run("generate", model / "model.safetensors", "--prefix", "a")
    assert result.exit_code == 2 and "does not say how many tokens it reads" in result.stderr


@pytest.mark.filterwarnings("default")
def test_words_with_their_case(run, tmp_path):
    """The vocabulary of the run reads another text, and a prefix; what it does not hold is said."""
    (tmp_path / "story.txt").write_text("A man, a plan, a canal: Panama! " * 40)
    options = [f"data_options.{o}" for o in ("tokens=word", "normalize=false", "length=3")]
    changes = [part for option in [*options, "model_options.hidden=16"] for part in ("--set", option)]
    result = run(
        "train",
        "window_lm",
        "--data",
        "story.txt",
        "--epochs",
        8,
        "--batch-size",
        32,
        *changes,
        "--out",
        "run",
    )
    assert result.exit_code == 0, result.stderr
    assert "440 words of story.txt, 10 symbols" in result.stderr and "bits per char" not in result.stdout
    (tmp_path / "other.txt").write_text("A man, a dog! " * 20)
    shown = run("eval", "run", "--data", "other.txt")
    assert shown.exit_code == 0, shown.stderr
    result = run("generate", "run", "--prefix", "A dog , a plan", "--tokens", 6, "--greedy")
    assert result.stdout == "A <unk> , a plan , a canal : Panama !\n"
    assert "the vocabulary does not hold 'dog' of the prefix" in result.stderr
    (tmp_path / "lines.txt").write_text("a plan,\n")
    assert run("predict", "run", "lines.txt", "-o", "next.csv").exit_code == 0
    assert (tmp_path / "next.csv").read_text().splitlines()[1].startswith("a,")
    (tmp_path / "story.txt").write_text("Quite another story. " * 99)
    result = run("train", "--resume", "run", "--epochs", 9)
    assert result.exit_code == 3 and "the vocabulary of this text is not that of the run" in result.stderr
