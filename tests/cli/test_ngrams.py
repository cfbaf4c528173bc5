"""``nbdl ngrams``."""

import json

import pytest


def test_counts_of_a_text(run, tmp_path):
    (tmp_path / "a.txt").write_text("A man, a plan: a canal!\n")
    shown = json.loads(run("ngrams", "a.txt", "-n", 1, "-n", 7, "--top", 2, "--format", "json").stdout)
    assert shown["tokens"] == 6 and shown["unit"] == "word"
    first, none = shown["ngrams"]
    assert first["top"] == [["a", 3], ["canal", 1]] and first["different"] == 4
    assert none == {"n": 7, "different": 0, "zipf_exponent": None, "top": []}
    result = run("ngrams", "a.txt", "--as-is", "--tokens", "char")
    assert "tokens  24" in result.stdout and "n = 3" in result.stdout
    assert "n = 1: 8 different" in run("ngrams", "a.txt", "--as-is", "-n", 1, "--top", 0).stdout


def test_messages(run, tmp_path):
    (tmp_path / "a.txt").write_text("1 2 3")
    result = run("ngrams", "a.txt")
    assert result.exit_code == 3 and "the text holds no word" in result.stderr
    assert run("ngrams", "b.txt").exit_code == 3 and run("ngrams", "a.txt", "-n", 0).exit_code == 2


def test_a_picture(run, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    (tmp_path / "a.txt").write_text("to be or not to be")
    result = run("ngrams", "a.txt", "--plot", "zipf.png")
    assert result.exit_code == 0 and (tmp_path / "zipf.png").read_bytes().startswith(b"\x89PNG")
