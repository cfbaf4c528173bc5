"""`nbdl train`: settings, what goes to stdout and stderr, files."""

import csv
import json
import os
import subprocess
import sys
import tomllib
from types import SimpleNamespace

import numpy as np
import pytest

from nbdl import nn
from nbdl.cli._progress import _Progress
from nbdl.cli._train import parse
from nbdl.train import load_run


def settings(folder):
    return tomllib.loads((folder / "config.toml").read_text())


def test_human(run, files, tmp_path):
    pytest.importorskip("matplotlib", reason="the picture needs matplotlib")
    result = run("train", "linear_regression", "--data", files / "plane.npz", "--epochs", 2)
    folder = tmp_path / "runs" / "linear_regression-plane-001"
    assert result.exit_code == 0, result.stderr
    shown = dict(
        line.split(maxsplit=1) for line in result.stdout.splitlines() if not line.startswith("test ")
    )
    assert shown["run"] == str(folder.relative_to(tmp_path))
    assert shown["model"].endswith("model.safetensors") and shown["curves"].endswith("curves.png")
    assert "test loss " in result.stdout
    assert {p.name for p in folder.iterdir()} >= {
        "config.toml",
        "log.jsonl",
        "model.safetensors",
        "curves.png",
    }
    lines = result.stderr.splitlines()
    assert [line[:9] for line in lines if line.startswith("epoch")] == ["epoch 1/2", "epoch 2/2"]
    assert any(line.startswith("training linear_regression on ") and "48 samples" in line for line in lines)
    assert run("train", "linear_regression", "--data", files / "plane.npz").exit_code == 0
    assert (tmp_path / "runs" / "linear_regression-plane-002").is_dir()


def test_json_is_one_line_an_epoch_and_one_for_the_result(run, files):
    arguments = [
        "train",
        "softmax_regression",
        "--data",
        files / "clouds.npz",
        "--epochs",
        3,
        "--out",
        "here",
    ]
    result = run(*arguments, "--format", "json")
    *epochs, last = map(json.loads, result.stdout.splitlines())
    assert [row["epoch"] for row in epochs] == [1, 2, 3] and "train_loss" in epochs[0]
    assert {"test_accuracy", "test_loss", "seconds", "run"} == set(last) and last["run"] == "here"
    assert last["test_loss"] == epochs[-1]["test_loss"]


def test_options_win_over_the_file_and_the_file_over_the_preset(run, files, tmp_path):
    (tmp_path / "c.toml").write_text(
        f'model = "softmax_regression"\ndata = "{files / "clouds.npz"}"\nepochs = 7\nlr = 0.2\nseed = 5\n'
        "[data_options]\ntest_fraction = 0.5\n"
    )
    options = ["--epochs", 1, "--optimizer", "adam", "--set", "optimizer_options.beta1=0.8", "--out", "here"]
    result = run("train", "c.toml", *options, "--set", "data_options.seed=3", "--swap", "linear=linear")
    assert result.exit_code == 0, result.stderr
    saved = settings(tmp_path / "here")
    assert (saved["epochs"], saved["lr"], saved["seed"], saved["optimizer"]) == (1, 0.2, 5, "adam")
    assert saved["optimizer_options"] == {"beta1": 0.8} and saved["swap"] == {"linear": "linear"}
    assert saved["data_options"] == {"test_fraction": 0.5, "seed": 3}
    assert saved["loss"] == "softmax_cross_entropy"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("1e-4", 1e-4),
        ("true", True),
        ("[1, 2]", [1, 2]),
        ('"3"', "3"),
        ("price", "price"),
        ("a b", "a b"),
    ],
)
def test_values(text, value):
    assert parse(text) == value and type(parse(text)) is type(value)


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered")  # NumPy, where the JIT is off
def test_messages(run, files, tmp_path):
    table = files / "clouds.csv"
    result = run("train", "mlp", "--set", "epoch=3")
    assert "unknown key `epoch`" in result.stderr and "`epochs`" in result.stderr
    result = run("train", "mlp", "--data", files / "cloud.npz")
    assert "no such file" in result.stderr and f"  try: {files / 'clouds.npz'}\n" in result.stderr
    result = run("train", "mlp", "--data", table, "--set", "data_options.tarjet=1")
    assert result.exit_code == 2 and "did you mean `target`?" in result.stderr
    result = run("train", "mlp", "--data", table, "--set", "data_options.target=label")
    assert result.exit_code == 3 and f"  where: {table}\n" in result.stderr
    result = run("train", "lenet", "--data", files / "clouds.npz")
    assert "the data do not fit the model" in result.stderr and "  where: model lenet" in result.stderr
    result = run("train", "linear_regression", "--data", files / "plane.npz", "--lr", "1e30")
    assert result.exit_code == 4 and "  try: a smaller learning rate" in result.stderr
    result = run("train", "--net", "mine.py:Net", "--data", "digits")
    assert result.exit_code == 2 and "--net goes with --resume" in result.stderr
    assert "  try: nbdl.fit(net, 'digits', out='runs/mine')" in result.stderr
    result = run("train", "c.toml", "--resume", "x")
    assert result.exit_code == 2 and "--resume" in result.stderr
    assert run("train").stderr.endswith("Name a model (`nbdl models list`) or a config file.\n")


@pytest.mark.filterwarnings("default:.*nothing is left to train")
def test_resume(run, files, tmp_path):
    arguments = ["train", "linear_regression", "--data", files / "plane.npz"]
    assert run(*arguments, "--epochs", 2, "--out", "short").exit_code == 0
    assert run(*arguments, "--epochs", 4, "--out", "long").exit_code == 0
    result = run("train", "--resume", "short", "--epochs", 4)
    assert result.exit_code == 0, result.stderr
    long, short = (nn.state_dict(load_run(tmp_path / name)[0]) for name in ("long", "short"))
    assert list(long) == list(short) and all(np.array_equal(long[k], short[k]) for k in long)
    result = run("train", "--resume", "short", "--lr", 3)
    assert result.exit_code == 2 and "only `epochs` and `threads` may change" in result.stderr
    result = run("train", "--resume", "short", "--threads", 1)
    assert result.exit_code == 0, (result.stderr, result.exception)
    assert "has all its 4 epochs: nothing is left to train" in result.stderr
    assert "--epochs" in result.stderr
    result = run("train", "--resume", "short", "--epochs", 3)
    assert result.exit_code == 2 and "has done 4 epochs: `epochs` must be at least as many" in result.stderr


def test_threads_and_the_tape(run, files, tmp_path):
    """The same bits for any number of threads; kernel by kernel the same up to rounding."""
    arguments = [
        "train",
        "softmax_regression",
        "--data",
        files / "clouds.npz",
        "--epochs",
        2,
        "--batch-size",
        40,
    ]
    options = {"one": ["--threads", 1], "two": ["--threads", 2], "tape": ["--set", "compiled=false"]}
    states = {}
    for name, more in options.items():
        result = run(*arguments, *more, "--out", name)
        assert result.exit_code == 0, result.stderr
        states[name] = nn.state_dict(load_run(tmp_path / name)[0])
    assert settings(tmp_path / "two")["threads"] == 2 and not settings(tmp_path / "tape")["compiled"]
    for key, array in states["one"].items():
        assert np.array_equal(array, states["two"][key])
        np.testing.assert_allclose(array, states["tape"][key], rtol=1e-4, atol=1e-6)
    result = run(*arguments, "--threads", -2)
    assert result.exit_code == 2 and "`threads` must be at least 0, got -2" in result.stderr


def test_the_bar_stops_saying_that_it_compiles():
    """When the program is ready, and when measuring at the end of an epoch has compiled something."""
    bar = SimpleNamespace(add_task=lambda *a, **k: 0, console=SimpleNamespace(print=lambda *a, **k: None))
    bar.update = lambda task, state, **fields: setattr(bar, "state", state)
    progress = _Progress(SimpleNamespace(epochs=1, model="m", data="d", optimizer="o"), "human", bar)
    progress("start", epochs=1, steps=2, samples=3)
    progress("compile", kernel="leaf", count=1)
    assert bar.state == "compiling, 1 kernels so far"
    progress("ready")
    assert bar.state == ""
    progress("step", epoch=1, step=2, steps=2, loss=0.5)
    progress("compile", kernel="leaf", count=2)
    progress("epoch", epoch=1, train_loss=0.5, seconds=1.0)
    assert bar.state == "epoch 1/1  loss 0.5000"


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_a_bar_on_a_terminal_and_nothing_of_it_on_stdout(files, tmp_path):
    ours, theirs = os.openpty()
    arguments = ["train", "linear_regression", "--data", files / "plane.npz", "--epochs", 3, "--out", "here"]
    command = [sys.executable, "-m", "nbdl", *map(str, arguments)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        os.close(theirs)
        seen = b""
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # Linux says EIO when the other side is closed
                break
            if not chunk:
                break
            seen += chunk
        out = process.stdout.read()
    os.close(ours)
    assert process.returncode == 0
    assert b"100 %" in seen and b"\x1b[" in seen and b"epoch 3/3" in seen
    assert "\x1b" not in out and out.splitlines()[0].startswith("test loss")


# --- tables of one's own ------------------------------------------------------------------------------------


def write_plants(path, names=("setosa", "versicolor, the blue one", "virginica"), order=(0, 1, 2), n=60):
    """Three clouds in three columns of unlike units, with their names in the last column, or the first."""
    rng = np.random.default_rng(0)
    k = np.arange(n) % 3
    x = (np.eye(3)[k] * 4 + rng.standard_normal((n, 3))) * [1, 1000, 0.01]
    columns = np.array(["length", "width", "age"])
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["species", *columns[list(order)]] if order != (0, 1, 2) else [*columns, "species"])
        for row, i in zip(x[:, list(order)].tolist(), k):
            writer.writerow([names[i], *row] if order != (0, 1, 2) else [*row, names[i]])
    return path


def test_a_table_with_names_for_labels(run, tmp_path):
    """Trained on, measured on another with its columns in another order, predicted for."""
    write_plants(tmp_path / "plants.csv")
    result = run("train", "mlp", "--data", "plants.csv", "--epochs", 30, "--out", "run")
    assert result.exit_code == 0, result.stderr
    line = next(line for line in result.stderr.splitlines() if line.startswith("60 rows of plants.csv"))
    assert line.endswith(
        "target `species`, 3 classes (setosa, versicolor, the blue one, virginica); inputs standardised"
    )
    write_plants(tmp_path / "other.csv", order=(2, 0, 1))
    for model in ("run", "run/model.safetensors"):
        measured = json.loads(run("eval", model, "--data", "other.csv", "--format", "json").stdout)
        assert measured["test_accuracy"] > 0.8
        for output in ("y.csv", "y.npz", "y.npy"):
            result = run("predict", model, "other.csv", "-o", output)
            assert result.exit_code == 0, result.stderr
        with open("y.csv", newline="") as file:
            header, *rows = csv.reader(file)
        assert header == ["label", "p_setosa", "p_versicolor, the blue one", "p_virginica"]
        with open("other.csv", newline="") as file:
            told = [row[0] for row in csv.reader(file)][1:]
        assert np.mean([row[0] == t for row, t in zip(rows, told)]) > 0.9
        saved = np.load("y.npy")
        assert saved.dtype.names == tuple(header) and list(saved["label"]) == [row[0] for row in rows]
        with np.load("y.npz") as columns:
            assert list(columns["label"]) == list(saved["label"])


def test_faults_of_a_table_are_named(run, tmp_path):
    write_plants(tmp_path / "plants.csv")
    assert run("train", "mlp", "--data", "plants.csv", "--epochs", 2, "--out", "run").exit_code == 0
    write_plants(tmp_path / "other.csv", names=("setosa", "iris", "virginica"))
    result = run("eval", "run", "--data", "other.csv")
    assert result.exit_code == 3 and "the label 'iris' is none that the model was trained on" in result.stderr
    assert "  where: other.csv\n" in result.stderr
    (tmp_path / "few.csv").write_text("length,width\n1,2\n")
    result = run("predict", "run", "few.csv", "-o", "y.csv")
    assert result.exit_code == 3 and "columns that the model was trained on are missing: age" in result.stderr
    text = (tmp_path / "plants.csv").read_text().replace("\n", ",x\n")
    (tmp_path / "more.csv").write_text(text)
    options = "--set", "data_options.target=length", "--set", "data_options.standardize=false"
    result = run("train", "mlp", "--data", "more.csv", *options)
    assert result.exit_code == 3 and "2 columns hold text (species, x)" in result.stderr
    assert "  try: --set data_options.inputs=width,age\n" in result.stderr
    (tmp_path / "more.csv").write_text(text.replace("width", "width (mm)", 1))
    result = run("train", "mlp", "--data", "more.csv", *options)
    assert "  try: --set data_options.inputs='width (mm),age'\n" in result.stderr  # as a shell takes it


@pytest.mark.filterwarnings("default")
def test_a_table_with_text_gaps_and_logarithms(run, tmp_path):
    """From the table to prices in another one, whose columns have another order and a zone that is new."""
    rng = np.random.default_rng(0)
    size, zone = rng.uniform(50, 200, 120), rng.integers(0, 3, 120)
    price = np.exp(0.01 * size + np.array([1.0, 2.0, 3.0])[zone])
    rows = [
        (f"{s:.1f}" if i % 9 else "NA", "abc"[z], f"{p:.4f}")
        for i, (s, z, p) in enumerate(zip(size, zone, price))
    ]

    def write(name, header, rows):
        (tmp_path / name).write_text("".join(",".join(row) + "\n" for row in [header, *rows]))

    write("houses.csv", ("size", "zone", "price"), rows)
    table = "train", "linear_regression", "--data", "houses.csv", "--set", "data_options.log_target=true"
    result = run(*table, "--epochs", 100, "--out", "run", "--format", "json")
    assert result.exit_code == 0, result.stderr
    assert "1 column of 3 categories; missing numbers (14) become the mean of their column" in result.stderr
    last = json.loads(result.stdout.splitlines()[-1])
    assert last["test_rmse"] < 0.4
    again = json.loads(run("eval", "run", "--standard-error", "--format", "json").stdout)
    assert (
        again["test_loss"] == last["test_loss"] and 0 < again["test_loss_standard_error"] < last["test_loss"]
    )
    plan = run("plan", "linear_regression", "--data", "houses.csv")
    assert plan.exit_code == 0 and "4 -> 1" in plan.stdout  # size, and three zones
    write("new.csv", ("zone", "size"), [("a", "100"), ("q", "100"), ("c", "100")])
    result = run("predict", "run", "new.csv", "-o", "y.npy")
    assert result.exit_code == 0 and "column `zone` of new.csv holds categories" in result.stderr
    found = np.log(np.load("y.npy")[:, 0])
    np.testing.assert_allclose(found[[0, 2]], [2, 4], atol=0.3)
    write("few.csv", ("price", "zone", "size"), [(p, z, s) for s, z, p in rows[:20] if z != "b"])
    result = run("eval", "run", "--data", "few.csv", "--split", "train", "--format", "json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["train_rmse"] < 0.4
    write("less.csv", ("price", "size"), [(p, s) for s, z, p in rows])
    result = run("eval", "run", "--data", "less.csv")
    assert result.exit_code == 3 and "that the model was trained on are missing: zone" in result.stderr
    result = run(*table, "--epochs", 5, "--folds", 3)
    assert result.exit_code == 0, result.stderr
    assert "fold 3/3  train loss" in result.stderr
    header, *lines = result.stdout.splitlines()
    assert header.split() == "fold train loss train rmse valid loss valid rmse".split()
    assert [line.split()[0] for line in lines] == ["1", "2", "3", "mean", "s.e."]
    document = json.loads(run(*table, "--epochs", 5, "--folds", 3, "--format", "json").stdout)
    values = [row["valid_loss"] for row in document["folds"]]
    np.testing.assert_allclose(document["mean"]["valid_loss"], np.mean(values))
    for options, what in (
        (("--out", "x"), "leave out --out"),
        ((), "--folds must be from 2 to 96, the training samples, got 1"),
    ):
        result = run(*table, "--folds", 1, *options)
        assert result.exit_code == 2 and what in result.stderr


@pytest.mark.filterwarnings("default")
def test_columns_of_unlike_units_are_standardised(run, tmp_path):
    """And where they are not, a net that is worse than the mean is a warning."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 3))
    y = 120 + x @ [3.0, -4.0, 1.0]
    np.savetxt(tmp_path / "a.dat", np.column_stack([x * [5000, 0.001, 1], y]), fmt="%.6f")
    result = run("train", "linear_regression", "--data", "a.dat", "--out", "run", "--format", "json")
    assert result.exit_code == 0 and "inputs standardised" in result.stderr and "warning" not in result.stderr
    last = json.loads(result.stdout.splitlines()[-1])
    assert last["test_loss"] < 1
    assert json.loads(run("eval", "run", "--format", "json").stdout)["test_loss"] == last["test_loss"]
    np.savetxt(tmp_path / "x.dat", x * [5000, 0.001, 1], fmt="%.6f")
    assert run("predict", "run", "x.dat", "-o", "y.npy").exit_code == 0
    assert np.mean((np.load("y.npy")[:, 0] - y) ** 2) < 1
    arguments = ["mlp", "--data", "a.dat", "--out", "bare", "--epochs", 3, "--lr", 0.001]
    result = run("train", *arguments, "--set", "data_options.standardize=false")
    assert result.exit_code == 0
    assert "inputs as they are" in result.stderr
    assert "to predict the mean of the targets for every sample gives" in result.stderr
    assert "Try --set data_options.standardize=true" in result.stderr
    result = run("eval", "bare")
    assert result.exit_code == 0 and "warning: the test loss is" in result.stderr


@pytest.mark.parametrize("lr", ["-1", "nan", "inf", "-inf"])
def test_a_learning_rate_that_is_none(run, files, lr):
    result = run("train", "mlp", "--data", files / "plane.npz", "--lr", lr)
    assert result.exit_code == 2 and "error: `lr` must be " in result.stderr


@pytest.mark.filterwarnings("default")
def test_a_learning_rate_of_0_is_a_warning(run, files):
    result = run("train", "mlp", "--data", files / "plane.npz", "--lr", 0, "--epochs", 1)
    assert result.exit_code == 0 and "warning: the learning rate `lr` is 0: nothing" in result.stderr


def test_a_text_that_is_read_as_a_table_is_told_which_models_read_it(run, tmp_path):
    (tmp_path / "rhyme.txt").write_text(
        "how much wood would a woodchuck chuck if a woodchuck could chuck wood\n" * 9
    )
    result = run("train", "mlp", "--data", "rhyme.txt")
    assert result.exit_code == 3
    hint = "try: a name for each column; a language model, if it is a text: nbdl train window_lm"
    assert hint in result.stderr


def test_the_only_run_of_a_folder_is_offered(run, tmp_path):
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "runs" / "mine" / "checkpoint.safetensors").write_bytes(b"")
    result = run("eval", "runs")
    assert result.exit_code == 3 and "try: runs/mine" in result.stderr
