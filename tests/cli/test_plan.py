"""`nbdl plan`: settings as for training, nothing compiled, nothing downloaded."""

import json

import numba
import pytest

import nbdl.bench
from nbdl import _jit, _leaf
from nbdl.data import _mnist


def document(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_table(run):
    names, leaves = [], len(_leaf._leaves)
    with _jit.watch(names.append):
        result = run("plan", "softmax_regression", "--all", "--batch-size", 40, "--threads", 2)
    assert result.exit_code == 0, result.stderr
    title, _, header, *rows = result.stdout.splitlines()
    assert title == "softmax_regression on digits, softmax_cross_entropy, sgd, float32"
    assert header.split() == ["phase", "op", "on", "shapes", "strips", "fused", "with", "bytes", "FLOPs"]
    (forward,) = [row.split() for row in rows if " linear  " in row and "blocks" in row]
    assert forward[1:7] == ["blocks", "linear", "lanes", "784", "->", "10"]
    assert any(row.startswith("40 samples: ") and row.endswith("2 threads") for row in rows)
    assert (names, len(_leaf._leaves)) == ([], leaves)  # nothing was compiled


def test_short(run, tmp_path):
    (tmp_path / "net.toml").write_text('model = "mlp"\n[model_options]\nhidden = [32, 32, 32]\n')
    result = run("plan", "net.toml", "--batch-size", 40)
    assert result.exit_code == 0, result.stderr
    header, *rows = result.stdout.splitlines()[2:]
    assert header.split() == ["op", "times", "layers", "shapes", "on", "rows", "bytes", "FLOPs"]
    table = "\n".join(" ".join(row.split()) for row in rows[: rows.index("")])
    for row in (
        "linear 1 784 -> 32 lanes 5 ",
        "linear 2 x 3 5 32 -> 32 lanes 12 ",
        "relu 3 x 32 -> 32 lanes 6 ",
    ):
        assert f"\n{row}" in table
    whole = document(run("plan", "net.toml", "--batch-size", 40, "--format", "json"))["lines"]
    assert f"\ntotal {len(whole)} " in table and f"each of the {len(whole)} rows" in result.stderr
    assert {line["layer"] for line in whole} == {"", "1", "3", "5", "7"}


def test_short_of_many(run):
    result = run("plan", "googlenet")
    rows = result.stdout.splitlines()[3:]
    assert result.exit_code == 0 and rows.index("") == 42  # 40 and two sums
    assert [row.split()[0] for row in rows[40:42]] == ["others", "total"]


def test_json(run):
    found = document(run("plan", "mlp", "--batch-size", 8, "--optimizer", "momentum", "--format", "json"))
    assert (found["model"], found["data"], found["optimizer"]) == ("mlp", "digits", "momentum")
    assert found["samples"] == 8
    assert found["flops"] == 8 * 2 * (2 * 784 * 256 + 3 * 256 * 10)
    assert found["seconds"] is None
    assert {line["phase"] for line in found["lines"]} == {"labels", "blocks", "finish", "update"}
    assert found["lines"][-1]["op"] == "update 3.b"


def shapes(found, op):
    return next(line["shapes"] for line in found["lines"] if line["op"] == op)


def test_nothing_is_downloaded(run, monkeypatch):
    def download(*arguments):
        raise AssertionError("a data set was asked for")

    monkeypatch.setattr(_mnist, "_download", download)
    found = document(run("plan", "lenet", "--data", "mnist", "--format", "json"))
    assert (found["samples"], found["optimizer"]) == (256, "sgd")  # the settings for this data set
    assert shapes(found, "conv2d") == "1x28x28 -> 6x28x28"


def test_shape(run):
    found = document(run("plan", "lenet", "--shape", "3,32,40", "--format", "json"))
    assert shapes(found, "conv2d") == "3x32x40 -> 6x32x40"
    assert shapes(found, "linear") == "768 -> 120"


def test_a_file_says_the_shapes(run, files):
    found = document(run("plan", "mlp", "--data", files / "clouds.csv", "--format", "json"))
    assert shapes(found, "gather x") == "2"
    assert shapes(found, "softmax_cross_entropy dx") == "1 -> 3"
    found = document(run("plan", "linear_regression", "--data", files / "plane.npz", "--format", "json"))
    assert (found["loss"], shapes(found, "gather y")) == ("mse", "1")


def test_config_file(run, tmp_path):
    (tmp_path / "net.toml").write_text('model = "mlp"\ndtype = "float64"\n[model_options]\nhidden = [9]\n')
    found = document(run("plan", "net.toml", "--set", "model_options.hidden=[7]", "--format", "json"))
    assert (found["dtype"], shapes(found, "relu")) == ("float64", "7 -> 7")


@pytest.mark.parametrize(
    "arguments, code, text",
    [
        (["plan"], 2, "MODEL|CONFIG.toml"),
        (["plan", "leent"], 2, "did you mean lenet"),
        (["plan", "lenet", "--shape", "3,x"], 2, "positive integers"),
        (["plan", "lenet", "--shape", "3,0"], 2, "positive integers"),
        (["plan", "lenet", "--shape", "5"], 3, "the data do not fit the model"),
        (["plan", "lenet", "--batch-size", "0"], 2, "`batch_size` must be at least 1"),
        (["plan", "lenet", "--threads", "-1"], 2, "`threads` must be at least 0"),
        (["plan", "lenet", "--optimizer", "adamm"], 2, "unknown optimizer `adamm`"),
        (["plan", "lenet", "--set", "epoch=3"], 2, "did you mean `epochs`"),
    ],
)
def test_errors(run, arguments, code, text):
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert text in result.stderr


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="there is nothing to measure")
@pytest.mark.parametrize("model, data", [("softmax_regression", "clouds"), ("linear_regression", "plane")])
def test_time(run, files, monkeypatch, model, data):
    monkeypatch.setattr(nbdl.bench, "ceilings", lambda threads: nbdl.bench.Ceilings(threads, 1e15, 1e12))
    arguments = "plan", model, "--data", files / f"{data}.npz", "--batch-size", 20, "--threads", 1, "--time"
    found = document(run(*arguments, "--format", "json"))
    assert found["fma"] == 1e15
    assert 0 < found["of_fma"] < 1
    assert found["of_fma"] == pytest.approx(found["flops"] / found["seconds"] / 1e15)
    assert all(line["seconds"] is not None for line in found["lines"])
    shares = [row.split()[-1] for row in run(*arguments).stdout.splitlines() if row.endswith("%")]
    assert shares[-1] == "100%" and shares[:-1] == sorted(shares[:-1], key=lambda text: -int(text[:-1]))


def test_time_without_the_compiler(run, monkeypatch):
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)
    result = run("plan", "softmax_regression", "--time")
    assert result.exit_code == 2
    assert "NUMBA_DISABLE_JIT" in result.stderr
