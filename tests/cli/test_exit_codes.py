"""The table of exit codes in `nbdl --help`, each code by a command that a user could type."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

import nbdl
from nbdl import registry
from nbdl.train import load_run


def broken():
    raise ImportError("no module named torch")


@pytest.fixture
def plugins():
    """A registry with one broken plugin and a kernel that does not keep the law."""
    entry = SimpleNamespace(name="broken", dist=None, load=broken)
    fresh = registry.Registry(entries=[entry])
    bad = nbdl.Kernel("bad", forward=lambda x: x, target="numpy", inputs=("y",), cases=lambda rng: [])
    fresh.plugins()[0].records["kernel", "bad"] = bad
    former = registry.use(fresh)
    yield
    registry.use(former)


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered")  # NumPy, where the JIT is off
@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0, ["models", "list"]),
        (0, ["plugins", "list"]),
        (1, ["train", "linear_regression", "--data", "{files}/plane.npz", "--out", "{files}/plane.npz/run"]),
        (2, ["train"]),
        (2, ["train", "nothing"]),
        (2, ["train", "mlp", "--data", "nothing"]),
        (2, ["train", "mlp", "--epochs", "many"]),
        (2, ["train", "mlp", "--set", "epoch=3"]),
        (2, ["train", "mlp", "--set", "epochs"]),
        (2, ["train", "mlp", "--swap", "relu"]),
        (2, ["train", "mlp", "--optimizer", "nothing"]),
        (2, ["kernels", "show", "nothing"]),
        (2, ["kernels", "verify", "nothing"]),
        (2, ["plugins", "check", "nothing"]),
        (2, ["nothing"]),
        (3, ["train", "mlp", "--data", "{files}/missing.npz"]),
        (3, ["train", "lenet", "--data", "{files}/clouds.npz"]),
        (3, ["train", "config.toml"]),
        (3, ["train", "--resume", "missing"]),
        (3, ["eval", "missing"]),
        (4, ["train", "linear_regression", "--data", "{files}/plane.npz", "--lr", "1e30"]),
        (5, ["plugins", "check", "broken"]),
        (6, ["kernels", "verify", "bad"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_table(run, files, plugins, code, arguments):
    result = run(*(a.format(files=files) for a in arguments))
    assert result.exit_code == code, result.stderr
    assert "Traceback" not in result.stderr and "internal error" not in result.stderr
    if code:
        assert "rror: " in result.stderr


@pytest.mark.parametrize("text", ["raise SystemExit(0)", "import no_such_module", "g = 1"])
def test_a_plugin_whose_code_cannot_be_imported(run, files, plugins, tmp_path, monkeypatch, text):
    (tmp_path / "p_lazy.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "p_lazy", raising=False)
    broken = registry.default().plugins()[1]
    broken.records["loss", "x"] = nbdl.Loss("x", "p_lazy:f")
    result = run("train", "mlp", "--data", files / "clouds.npz", "--loss", "x")
    assert result.exit_code == 5, result.stderr
    assert "error: `p_lazy:f` could not be imported: " in result.stderr


@pytest.mark.parametrize(
    ("code", "arguments"), [(0, ["data", "list"]), (2, ["nothing"]), (3, ["eval", "missing"])], ids=str
)
def test_processes(program, code, arguments):
    result = program(*arguments)
    assert result.returncode == code
    assert bool(result.stdout) == (code == 0) and "Traceback" not in result.stderr


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_interrupt_saves_and_resume_goes_on(program, files, tmp_path):
    arguments = [
        "train",
        "linear_regression",
        "--data",
        files / "plane.npz",
        "--epochs",
        100_000,
        "--out",
        "run",
    ]
    command = [sys.executable, "-m", "nbdl", *map(str, arguments)]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if line.startswith("epoch"):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    assert "go on with: nbdl train --resume run" in rest and "Traceback" not in rest
    epoch = int(rest.rpartition("after step ")[2].partition(";")[0]) // 2  # two steps of 32 samples
    result = program("train", "--resume", "run", "--epochs", epoch + 2)
    assert result.returncode == 0, result.stderr
    assert load_run(tmp_path / "run")[1].epochs == epoch + 2


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
def test_broken_pipe(program, tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "nbdl", "kernels", "list"]
    result = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    os.close(writer)
    assert result.returncode == 1 and result.stderr == ""
