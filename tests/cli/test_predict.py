"""`nbdl predict`: the same predictions in every kind of file, whole or not at all."""

import json
import os
import stat

import numpy as np
import pytest

import nbdl
from nbdl.data import load
from nbdl.train import load_run, predict


@pytest.fixture
def inputs(files, tmp_path):
    x = load(files / "clouds.npz").test.x
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", x=x)
    np.savetxt(tmp_path / "x.csv", x, delimiter=",")
    return x


def test_classes(run, trained, inputs, files, tmp_path):
    for name in ("x.npy", "x.npz", "x.csv"):
        for output in ("y.csv", "y.npz", "y.npy"):
            result = run("predict", trained, name, "-o", output)
            assert result.exit_code == 0, result.stderr
        assert result.stdout == "12 predictions in y.npy: label, p0, p1, p2\n"
        table = np.load(tmp_path / "y.npy")
        with np.load(tmp_path / "y.npz") as columns:
            assert np.array_equal(table[:, 0], columns["label"]) and np.array_equal(
                table[:, 3], columns["p2"]
            )
        assert (tmp_path / "y.csv").read_text().startswith("label,p0,p1,p2\n")
        assert np.array_equal(np.loadtxt(tmp_path / "y.csv", delimiter=",", skiprows=1), table)
        assert np.array_equal(table[:, 0], load(files / "clouds.npz").test.y)
        assert np.allclose(table[:, 1:].sum(axis=1), 1) and (table[:, 1:].argmax(axis=1) == table[:, 0]).all()


def test_values(run, trained, inputs, tmp_path):
    model = trained / "model.safetensors"
    result = run("predict", model, "x.npy", "-o", "y.npy", "--task", "regression", "--format", "json")
    assert json.loads(result.stdout) == {"samples": 12, "output": "y.npy"}
    net, _, preparation = load_run(model)
    assert np.array_equal(np.load(tmp_path / "y.npy"), predict(net, preparation.inputs(inputs)))


def test_messages(run, trained, inputs, tmp_path):
    np.save("wide.npy", np.zeros((3, 5)))
    result = run("predict", trained, "wide.npy", "-o", "y.csv")
    assert result.exit_code == 3 and "inputs of shape (N, 2), got (N, 5)" in result.stderr
    assert "  where: wide.npy\n" in result.stderr
    model = trained / "model.safetensors"
    result = run("predict", model, "wide.npy", "-o", "y.csv", "--task", "regression")
    assert result.exit_code == 3 and "inputs of shape (N, 2), got (N, 5)" in result.stderr
    nbdl.save(load_run(model)[0], "bare.safetensors")
    result = run("predict", "bare.safetensors", "wide.npy", "-o", "y.csv", "--task", "regression")
    assert result.exit_code == 3 and "inputs of shape (N, 5) do not fit the net" in result.stderr
    result = run("predict", model, "x.npy", "-o", "y.csv")
    assert result.exit_code == 2 and "--task classification|regression" in result.stderr
    result = run("predict", trained, "x.npy", "-o", "y.txt")
    assert result.exit_code == 2 and ".csv, .npz, .npy" in result.stderr
    result = run("predict", trained, "missing.npy", "-o", "y.csv")
    assert result.exit_code == 3 and "missing.npy" in result.stderr
    result = run("predict", trained, "x.npy", "-o", "missing/y.csv")
    assert result.exit_code == 1 and "cannot write" in result.stderr
    assert not (tmp_path / "y.csv").exists()


def test_a_failed_write_leaves_the_old_file(run, trained, inputs, tmp_path, monkeypatch):
    (tmp_path / "y.npy").write_text("old")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    result = run("predict", trained, "x.npy", "-o", "y.npy")
    assert result.exit_code == 1 and "No space left on device" in result.stderr
    assert (tmp_path / "y.npy").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".y")] == []


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_mode_follows_the_umask(run, trained, inputs, tmp_path):
    former = os.umask(0o027)
    try:
        run("predict", trained, "x.npy", "-o", "y.npy")
    finally:
        os.umask(former)
    assert stat.S_IMODE((tmp_path / "y.npy").stat().st_mode) == 0o640
