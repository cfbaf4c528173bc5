"""``nbdl minimize``."""

import json

import numpy as np
import pytest

from nbdl.optim import FUNCTIONS


def test_a_trace_as_a_table_and_as_json(run):
    known = ("minimize", "valley", "--method", "momentum", "--lr", 0.6, "--set", "momentum=0.5")
    result = run(*known, "--x0", "-5,-2")
    assert result.exit_code == 0 and not result.stderr
    header, *rows = result.stdout.splitlines()
    assert header.split() == ["step", "x1", "x2", "f", "gradient", "norm"] and len(rows) == 21
    assert rows[-1].split()[:3] == ["20", "0.007188", "0.002553"]
    shown = json.loads(run(*known, "--steps", 3, "--format", "json").stdout)
    assert np.shape(shown["x"]) == (4, 2) and shown["x"][0] == [-5, -2] and shown["stopped"] is None
    assert shown["gradient"] == "tape" and len(shown["f"]) == len(shown["gradient_norm"]) == 4


def test_help_lists_the_functions(run):
    text = run("minimize", "--help").stdout
    assert all(name in text for name in FUNCTIONS)


def test_a_picture(run, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    result = run("minimize", "rosenbrock", "--method", "newton", "--line-search", "armijo", "--plot", "a.png")
    assert result.exit_code == 0 and "picture: a.png" in result.stderr
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert run("minimize", "rosenbrock", "--plot", "a.jpg").exit_code == 2


def test_a_function_of_your_own(run, tmp_path):
    (tmp_path / "mine_of_minimize.py").write_text("def loss(x):\n    return (x ** 2).sum()\n")
    place = "mine_of_minimize.py:loss"
    result = run("minimize", place, "--x0", "1,2,3", "--steps", 2)
    assert result.exit_code == 0 and "0.640000" in result.stdout
    assert "--x0 is needed" in run("minimize", place).stderr
    assert "FUNCTION mine_of_minimize.py:los" in run("minimize", "mine_of_minimize.py:los").stderr


def test_divergence_is_said(run):
    result = run("minimize", "inflection", "--lr", 1)
    assert result.exit_code == 0 and "warning: f is -inf after 8 steps: 7 of 20 steps" in result.stderr


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("valy",), "Did you mean `valley`?"),
        (("zzz",), "There are parabola"),
        (("valley", "--x0", "1"), "`valley` takes 2 numbers, got 1"),
        (("valley", "--x0", "1,b"), "a point is numbers with commas"),
        (("valley", "--x0", "1,nan"), "`x0` must be at least one number, and finite"),
        (("valley", "--method", "adma"), "adma"),
        (("valley", "--set", "momentum=0.5"), "no option `momentum`"),
        (("valley", "--set", "noise=0.5"), "--set"),
        (("valley", "--lr", "-1"), "`lr` must be finite and not negative"),
        (("valley", "--steps", "0"), "`steps`"),
    ],
)
def test_messages(run, arguments, message):
    result = run("minimize", *arguments)
    assert result.exit_code == 2 and message in result.stderr
