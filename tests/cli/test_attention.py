"""Maps of attention on the command line, and translations by a net of one's own."""

import json
import warnings

import numpy as np
import pytest

from nbdl.train import train
from nbdl.train._config import resolve


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attention")
    words = "one\tun\ntwo\tdeux\nthree\ttrois\nfour\tquatre\none two\tun deux\nthree four\ttrois quatre\n"
    (folder / "numbers.txt").write_text(words * 4)
    options = {"features": 8, "blocks": 1, "heads": 2, "hidden": 4, "dropout": 0.0}
    config = resolve("transformer", overrides={
        "data": str(folder / "numbers.txt"), "epochs": 1, "batch_size": 8, "model_options": options,
        "data_options.length": 4,
    })  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that one epoch teaches little
        train(config, folder / "run")
    return folder / "run"


def test_maps(run, model, tmp_path):
    result = run("attention", model, "one two", "--target", "un deux", "--format", "json")
    assert result.exit_code == 0, result.stderr
    maps = json.loads(result.stdout)["maps"]
    assert [m["name"] for m in maps] == ["encoder 0 self", "decoder 0 self", "decoder 0 cross"]
    assert maps[2]["queries"] == ["un", "deux", "<eos>"] and maps[2]["keys"] == ["one", "two", "<eos>"]
    assert np.allclose(np.sum(maps[2]["weights"], axis=-1), 1)
    picture = tmp_path / "maps.png"
    shown = run("attention", model, "one two", "--target", "un deux", "--plot", picture)
    assert f"picture: {picture}" in shown.stderr and picture.read_bytes()[:4] == b"\x89PNG"
    lines = shown.stdout.splitlines()
    assert lines[0].split() == ["map", "head", "query", "attends", "most", "weight"]
    assert len(lines) == 1 + 2 * (3 + 3 + 3)


def test_what_has_no_maps(run, model):
    result = run("attention", model / "model.safetensors", "one")
    assert result.exit_code == 2 and "a model file does not say how it reads" in result.stderr
    result = run("attention", model, " ")
    assert result.exit_code == 2 and "must hold at least one token" in result.stderr


def test_translate_by_a_net_of_ones_own(run, model, tmp_path, monkeypatch):
    """The class stands in a file; the run has its weights."""
    page = tmp_path / "own.py"
    page.write_text(
        "from nbdl import models\n\ndef own():\n"
        "    return models.transformer(8, 8, 8, blocks=1, heads=2, hidden=4, dropout=0.0)\n"
    )
    plain = run("translate", model, "one two")
    result = run("translate", model, "one two", "--net", f"{page}:own")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == plain.stdout
    other = tmp_path / "other.py"  # the run has 8 tokens of each language
    other.write_text(page.read_text().replace("8, 8, 8", "9, 9, 8"))
    wrong = run("translate", model, "one two", "--net", f"{other}:own")
    assert wrong.exit_code != 0 and "here (8, 9), got shape (8, 8): values of another net?" in wrong.stderr
    assert "--net must be MODULE:NAME" in run("translate", model, "one", "--net", "own").stderr
