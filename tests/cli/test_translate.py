"""Sentences in another language on the command line: from a file of pairs to translations and BLEU."""

import itertools
import json

import pytest
from click.testing import CliRunner

from nbdl.cli import main

ENGLISH = "one two three four five six seven eight".split()
FRENCH = "un deux trois quatre cinq six sept huit".split()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of a run of `seq2seq` on numbers."""
    folder = tmp_path_factory.mktemp("pairs")
    rows = [row for n in (1, 2, 3) for row in itertools.product(range(8), repeat=n)]
    lines = ["\t".join(" ".join(words[i] for i in row) for words in (ENGLISH, FRENCH)) for row in rows]
    (folder / "numbers.txt").write_text("\n".join(lines))
    settings = {
        "model_options.features": 16, "model_options.hidden": 16, "model_options.dropout": 0.0,
        "data_options.length": 5, "schedule": "cosine",
    }  # fmt: skip
    arguments = ["train", "seq2seq", "--data", folder / "numbers.txt", "--epochs", 30, "--batch-size", 32]
    arguments += ["--lr", 0.02, "--out", folder / "run"]
    arguments += [a for key, value in settings.items() for a in ("--set", f"{key}={value}")]
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code == 0, result.stderr
    assert "584 pairs of numbers.txt, 12 and 12 symbols" in result.stderr
    assert "test perplexity" in result.stdout
    return folder / "run"


@pytest.mark.filterwarnings("default")
def test_sentences(run, model):
    result = run("translate", model, "One two .", "three", "--format", "json", "--beam", 3)
    assert result.exit_code == 0, result.stderr
    assert "warning: the vocabulary does not hold '.': read as <unk>" in result.stderr
    found = json.loads(result.stdout)
    assert [t["source"] for t in found["translations"]] == ["One two .", "three"]
    assert found["beam"] == 3 and found["length_penalty"] == 0.75 and found["model"] == str(model)
    assert found["translations"][0]["score"] < 0
    shown = run("translate", model, "two eight").stdout
    assert shown.split("\n") == ["source     translation", "two eight  deux huit", ""]


def test_lines_of_a_file_and_of_stdin(run, model, tmp_path):
    text = "two eight\n\n  six one three \n"
    (tmp_path / "lines.txt").write_text(text)
    shown = run("translate", model, "--file", "lines.txt").stdout
    assert shown.split("\n")[1:3] == ["two eight      deux huit", "six one three  six un trois"]
    result = CliRunner().invoke(main, ["translate", str(model)], input=text)
    assert result.stdout == shown
    result = CliRunner().invoke(main, ["translate", str(model)], input=b"\xff")
    assert result.exit_code == 3 and "it is no text in UTF-8" in result.stderr


def test_bleu(run, model, tmp_path):
    """Of the pairs that were held out; and of a file, in which a sentence has two translations."""
    found = json.loads(run("translate", model, "--test", "--bleu", 3, "--format", "json").stdout)
    assert len(found["translations"]) == 117 and found["k"] == 3
    each = [t["bleu"] for t in found["translations"]]
    assert found["bleu"] == pytest.approx(sum(each) / 117) and 0.9 < found["bleu"] <= 1
    (tmp_path / "other.txt").write_text("two eight\trien du tout\ntwo eight\tDeux huit\nsix one\tx y\n")
    result = run("translate", model, "--references", "other.txt")
    assert result.stdout.split("\n")[1:] == [
        "two eight  deux huit    1.0000",
        "six one    six un       0.0000",
        "",
        "BLEU-2 of 2 sentences  0.5000",
        "",
    ]


def test_other_pairs_are_read_by_the_vocabulary_of_the_run(run, model, tmp_path):
    (tmp_path / "other.tsv").write_text("two eight\tdeux huit\nsix\tsix\nten\tdix\n")
    shown = json.loads(run("eval", model, "--data", "other.tsv", "--format", "json").stdout)
    assert shown["samples"] == 1 and shown["test_perplexity"] > 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["one", "--test"], 2, "sentences and --test exclude each other"),
        (["one", "--beam", 0], 2, "`beam` must be an integer of at least 1, got 0"),
        (["one", "--length-penalty", "nan"], 2, "`length_penalty` must be from 0 and finite, got nan"),
        ([""], 2, "a sentence must hold at least one token, got ''"),
        ([], 3, "it is empty\n  where: stdin\n  try: a sentence in each line"),
        (["--file", "empty.txt"], 3, "it is empty\n  where: empty.txt"),
        (["--file", "pairs.txt"], 3, "line 2 has a tab\n  where: pairs.txt\n  try: --references"),
        (["--references", "lines.txt"], 3, "line 1 has no tab between two sentences"),
        (["--references", "empty.txt"], 3, "it is empty"),
    ],
)
def test_wrong_arguments(run, model, tmp_path, arguments, code, message):
    for name, text in (("empty", "\n"), ("pairs", "one\none\tun\n"), ("lines", "one two\n")):
        (tmp_path / f"{name}.txt").write_text(text)
    result = run("translate", model, *arguments)
    assert result.exit_code == code and message in result.stderr


def test_runs_of_other_kinds(run, model, trained):
    result = run("translate", trained, "one")
    assert result.exit_code == 2 and "the model does not translate: it has no vocabularies" in result.stderr
    assert "try: a run of: nbdl train seq2seq --data PAIRS.txt" in result.stderr
    result = run("translate", model / "model.safetensors", "one")
    assert result.exit_code == 2 and "try: the run's folder instead" in result.stderr
    assert run("translate", "nowhere", "one").exit_code == 3
    result = run("generate", model, "--prefix", "one")
    assert result.exit_code == 2 and f'try: nbdl translate {model} "one"' in result.stderr
    result = run("predict", model, "lines.txt", "-o", "out.csv")
    assert result.exit_code == 2 and f"try: nbdl translate {model} --file lines.txt" in result.stderr


def test_the_program_of_a_file_of_pairs(run, model):
    data = model.parent / "numbers.txt"
    result = run("plan", "seq2seq", "--all", "--data", data, "--set", "model_options.hidden=4")
    assert result.exit_code == 0, result.stderr
    assert "decoder.logits.w 4x12" in result.stdout and "Python" not in result.stdout
    result = run("plan", "seq2seq")
    assert result.exit_code == 2 and "name a file of pairs of sentences" in result.stderr
