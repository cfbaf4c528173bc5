"""What the tests of the command line share: a runner, small data files, one trained run."""

import os
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from nbdl.cli import main


@pytest.fixture
def run(tmp_path, monkeypatch):
    """``run("train", "mlp", ...)`` in a fresh folder; the result has exit_code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, [str(a) for a in arguments], prog_name="nbdl")


@pytest.fixture
def program(tmp_path):
    """The same in a process of its own, as a user would start it."""

    def program(*arguments, **options):
        command = [sys.executable, "-m", "nbdl", *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, timeout=1800, **options)

    return program


def write_data(folder):
    """Two small data sets: points about a plane, and three clouds of points with labels."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 2))
    np.savez(folder / "plane.npz", x=x, y=x @ [[1.0], [2.0]] + 0.5)
    y = np.arange(60) % 3
    np.savez(folder / "clouds.npz", x=x / 4 + np.array([[0, 0], [3, 0], [0, 3]])[y], y=y)
    table = np.column_stack([x / 4 + np.array([[0, 0], [3, 0], [0, 3]])[y], y])
    np.savetxt(folder / "clouds.csv", table, delimiter=",", fmt=("%.5f", "%.5f", "%d"))
    return folder


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def trained(files, tmp_path_factory):
    """The folder of a run of softmax regression on three clouds."""
    folder, former = tmp_path_factory.mktemp("runs"), os.getcwd()
    os.chdir(folder)
    try:
        arguments = [
            "train",
            "softmax_regression",
            "--data",
            files / "clouds.npz",
            "--epochs",
            30,
            "--lr",
            0.5,
        ]
        result = CliRunner().invoke(main, [str(a) for a in [*arguments, "--batch-size", 8, "--out", "run"]])
    finally:
        os.chdir(former)
    assert result.exit_code == 0, result.stderr
    return folder / "run"
