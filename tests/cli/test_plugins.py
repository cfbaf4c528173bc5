"""Plugins that misbehave, installed in a folder of the path as pip would: a command says so and goes on."""

import json
import os
import signal
import subprocess
import sys

import pytest

LOUD = """
import ctypes, os, subprocess, nbdl
def speak(where):
    print("printed", where)
    os.write(1, b"written\\n")
    subprocess.run(["echo", "by a child"])
    if os.name != "nt":
        ctypes.CDLL(None).printf(b"by C, and kept in its buffer\\n")
speak("at import")
def mean(prediction, target):
    speak("at a call")
    return 0.5
@nbdl.hookimpl
def nbdl_metrics():
    speak("in a hook")
    yield nbdl.Metric("mean", mean)
@nbdl.hookimpl
def nbdl_losses():
    yield nbdl.Loss("loud", lambda p, t: ((p - t) ** 2).mean(), metrics=("loud.mean",))
"""
RAISES = """
import nbdl
def load(): raise {error}
@nbdl.hookimpl
def nbdl_datasets():
    yield nbdl.Dataset("unlucky", load)
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """``install(name, code)``: a distribution with one module."""
    site = tmp_path / "site"
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    monkeypatch.delenv("NBDL_PLUGINS", raising=False)

    def install(name, code):
        info = site / f"nbdl_{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (site / f"p_{name}.py").write_text(code)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: nbdl-{name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[nbdl]\n{name} = p_{name}\n")

    return install


def test_what_a_plugin_prints_never_comes_between_results(install, program, files):
    """By `print`, by the file descriptor, by C, by a child; at import, in a hook and while it is used."""
    install("loud", LOUD)
    result = program("plugins", "list", "--format", "json")
    assert result.returncode == 0, result.stderr
    assert {row["name"]: row["state"] for row in json.loads(result.stdout)}["loud"] == "active"
    assert "printed in a hook" in result.stderr and "by a child" in result.stderr
    arguments = ["train", "linear_regression", "--data", files / "plane.npz", "--epochs", 1, "--out", "here"]
    result = program(*arguments, "--loss", "loud", "--format", "json")
    assert result.returncode == 0, result.stderr
    assert [json.loads(line)["test_loud.mean"] for line in result.stdout.splitlines()] == [0.5, 0.5]
    assert "printed at a call" in result.stderr


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "SystemExit(0)", "BaseException", "GeneratorExit"])
def test_a_plugin_cannot_end_other_commands(install, program, error):
    install("bad", f"raise {error}")
    install("zoo", RAISES.format(error="ValueError"))
    result = program("plugins", "list", "--format", "json")
    assert result.returncode == 0, result.stderr
    states = {row["name"]: (row["state"], row["reason"]) for row in json.loads(result.stdout)}
    assert states["bad"] == ("broken", error.partition("(")[0] + ": 0" * error.endswith("(0)"))
    assert states["zoo"][0] == "active"


@pytest.mark.parametrize("error", ["ValueError('no such shelf')", "SystemExit(0)"])
def test_what_a_plugin_raises_while_it_is_used_is_its_own(install, program, error):
    install("zoo", RAISES.format(error=error))
    result = program("train", "mlp", "--data", "unlucky")
    assert result.returncode == 5, result.stderr
    assert "error: plugin `zoo` failed: " in result.stderr and "internal error" not in result.stderr


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_while_a_plugin_is_imported_ends_the_command(install, tmp_path):
    install("slow", "import sys, time\nprint('loading', file=sys.stderr, flush=True)\ntime.sleep(60)\n")
    command = [sys.executable, "-m", "nbdl", "plugins", "list"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr.readline() == "loading\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "interrupted\n"
    assert process.returncode == 130


FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")


@FULL
@pytest.mark.parametrize(
    "arguments", [["models", "list"], ["--help"], ["train", "--help"], ["--version"]], ids=str
)
def test_a_full_disk_under_stdout_is_said_in_words(program, tmp_path, arguments):
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "nbdl", *arguments]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert result.returncode == 1
    assert "No space left on device" in result.stderr and "Traceback" not in result.stderr
    assert "internal error" not in result.stderr and "Exception ignored" not in result.stderr


@FULL
def test_a_full_disk_under_stderr_is_no_hang(tmp_path):
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "nbdl", "eval", "missing"]
        assert subprocess.run(command, stderr=full, cwd=tmp_path, timeout=60).returncode == 1
