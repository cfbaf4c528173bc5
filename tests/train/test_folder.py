"""What killed and failed runs leave behind: nothing that no one needs."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import nbdl
from nbdl import nn, train
from nbdl.errors import NumericError, SaveError
from nbdl.train import _files

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)).astype(np.float32), np.arange(40) % 2
CHECKPOINT = "checkpoint.safetensors"


KILLED = """
import os, signal, sys
from nbdl import train
from nbdl.train import _files

calls = []
def replace(source, target):
    calls.append(target)
    if str(target).endswith(sys.argv[2]) and calls.count(target) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    os.rename(source, target)
_files.os.replace = replace
train.train(train.resolve(path=sys.argv[1] + "/config.toml"), out=sys.argv[3])
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("name", ["log.jsonl", CHECKPOINT])
def test_what_a_killed_run_was_writing_goes_when_it_is_resumed(run_folder, tmp_path, name):
    command = [sys.executable, "-c", KILLED, str(run_folder), name, str(tmp_path / "run")]
    killed = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=300)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    left = [p for p in os.listdir(tmp_path / "run") if p.startswith(f".{name}.")]
    assert len(left) == 1
    train.train(None, resume=tmp_path / "run")
    assert not [p for p in os.listdir(tmp_path / "run") if p.startswith(".")]


def test_what_another_process_is_writing_stays(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    path, theirs = tmp_path / "a.bin", tmp_path / ".a.bin.abcd1234.tmp"
    others = [
        tmp_path / n for n in (".a.bin.swp", ".a.bin.abcd1234", "a.bin.abcd1234.tmp", ".b.bin.abcd1234.tmp")
    ]
    for file in (theirs, *others):
        file.write_bytes(b"")
    folder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_SH)  # as a writer has it
    _files.write_bytes(path, b"1")
    assert theirs.exists()
    os.close(folder)
    _files.write_bytes(path, b"2")
    assert not theirs.exists() and all(file.exists() for file in others)
    assert path.read_bytes() == b"2"


def failing_net():
    return nn.Sequential(nn.Linear(1))


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered")  # NumPy, where the JIT is off
@pytest.mark.parametrize("compiled", [True, False])
def test_a_run_that_fails_before_it_has_saved_anything_leaves_no_folder(tmp_path, compiled):
    def fit(out, **options):
        x = X * 1e20
        return nbdl.fit(failing_net(), (x, x[:, :1]), lr=1e20, out=out, compiled=compiled, **options)

    with pytest.raises(NumericError):
        fit(tmp_path / "new" / "run")
    assert not (tmp_path / "new" / "run").exists()
    (tmp_path / "mine").mkdir()
    with pytest.raises(NumericError):
        fit(tmp_path / "mine")
    assert os.listdir(tmp_path / "mine") == []  # the folder was there before
    (tmp_path / "mine" / "notes.txt").write_text("")
    with pytest.raises(NumericError):
        fit(tmp_path / "mine")
    assert "notes.txt" in os.listdir(tmp_path / "mine")


def test_a_run_that_fails_after_an_epoch_keeps_its_folder(tmp_path):
    def stop(event, **fields):
        if event == "step" and fields["epoch"] == 2:
            raise KeyError("in the second epoch")

    with pytest.raises(KeyError):
        nbdl.fit(failing_net(), (X, X[:, :1]), epochs=3, out=tmp_path / "run", progress=stop)
    assert {"config.toml", "log.jsonl", CHECKPOINT} <= set(os.listdir(tmp_path / "run"))


@pytest.mark.parametrize("name", ["x" * 300, "a" * 100 + "/" + "b" * 300])
def test_a_run_folder_that_cannot_be_is_an_error_in_words(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SaveError, match=r"cannot make the folder .*: File name too long"):
        nbdl.fit(failing_net(), (X, X[:, :1]), out=name, epochs=1)
