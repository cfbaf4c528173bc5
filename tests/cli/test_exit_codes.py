"""The table of exit codes in `nbdl --help`, each code by a command that a user could type."""

import os
import shutil
import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import nbdl
from nbdl import registry
from nbdl.train import _files, load_run


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
        (3, ["eval", "x" * 300]),
        (1, ["train", "linear_regression", "--data", "{files}/plane.npz", "--out", "x" * 300]),
        (3, ["predict", "{files}/clouds.npz", "missing.csv", "-o", "y.csv"]),
        (3, ["info", "entropy", "~nosuch/x.csv"]),
        (2, ["train", "mlp", "--set", "epochs=" + "9" * 5000]),
        (2, ["train", "mlp", "--set", "epochs=" + "[" * 5000]),
        (4, ["train", "linear_regression", "--data", "{files}/plane.npz", "--lr", "1e30"]),
        (5, ["plugins", "check", "broken"]),
        (6, ["kernels", "verify", "bad"]),
    ],
    ids=lambda value: " ".join(value)[:80] if isinstance(value, list) else str(value),
)
def test_table(run, files, plugins, code, arguments):
    result = run(*(a.format(files=files) for a in arguments))
    assert result.exit_code == code, result.stderr
    assert "Traceback" not in result.stderr and "internal error" not in result.stderr
    if code:
        assert "rror: " in result.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", ["/dev/zero", "pipe"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["eval", "{}"],
        ["predict", "{}", "x.npy", "-o", "y.npy"],
        ["train", "{}.toml"],
        ["info", "entropy", "{}.csv"],
    ],
    ids=lambda value: value[0],
)
def test_what_may_never_end_is_not_read(run, tmp_path, arguments, name):
    os.mkfifo(tmp_path / "pipe")
    for end in (".toml", ".csv"):
        (tmp_path / f"link{end}").symlink_to(name)
    paths = [a.replace("{}.", "link.").format(name) for a in arguments]
    result = run(*paths)
    assert result.exit_code == 3 and "only regular files are read" in result.stderr, result.stderr


@pytest.mark.parametrize("what", ["run", "file"])
@pytest.mark.parametrize("command", ["eval", "predict", "resume"])
def test_weights_that_are_no_numbers_are_said_to_be_none(run, files, trained, tmp_path, what, command):
    """As of a net whose training diverged: neither a loss of NaN nor predictions of NaN."""
    shutil.copytree(trained, tmp_path / "run")
    name = "checkpoint.safetensors" if what == "run" else "model.safetensors"
    arrays, document = _files.read(tmp_path / "run" / name)
    for a in arrays.values():
        a[...] = np.nan
    _files.write(tmp_path / "run" / name, arrays, document)
    path = tmp_path / "run" / ("" if what == "run" else name)
    np.save("x.npy", np.zeros((3, 2)))
    if command == "resume":
        if what == "file":
            pytest.skip("only a run can be resumed")
        result = run("train", "--resume", path, "--epochs", 31)
    elif command == "eval":
        result = run("eval", path, "--data", files / "clouds.npz")
    else:
        result = run("predict", path, "x.npy", "-o", "y.npy", "--task", "classification")
    assert result.exit_code == 4, result.stderr
    assert "of the model is not finite" in result.stderr and not (tmp_path / "y.npy").exists()


def test_a_loss_beyond_all_numbers_is_an_error(run, trained, tmp_path):
    np.savez(tmp_path / "far.npz", x=np.full((20, 2), 3e38), y=np.arange(20) % 3)
    result = run("eval", trained, "--data", "far.npz")
    assert result.exit_code == 4 and "the test loss is " in result.stderr, result.stderr


@pytest.mark.parametrize("error", [MemoryError("Unable to allocate 3 TiB"), OSError(28, "No space left")])
def test_what_the_machine_refuses_is_no_internal_error(run, monkeypatch, error):
    def fail():
        raise error

    monkeypatch.setattr(registry, "default", fail)
    result = run("models", "list")
    assert result.exit_code == 1 and "internal error" not in result.stderr
    assert str(error.args[-1]) in result.stderr


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
