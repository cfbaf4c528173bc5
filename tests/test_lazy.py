"""Packages whose pages are imported at first use, where there are no sources beside the code."""

import compileall
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import nbdl

PACKAGE = Path(nbdl.__file__).parent
USE = """
import warnings
import numpy as np
import nbdl
from nbdl.nn import *
from nbdl import data, kernels, models, optim
assert nbdl.__file__.startswith(HOME), nbdl.__file__
for package in (data, kernels, models, nbdl.nn, optim):
    assert set(package.__all__) <= set(dir(package))
    assert all(getattr(package, name) is not None for name in package.__all__)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    x = np.ones((2, 3), np.float32)
    net = Sequential(Linear(2))
    print(nbdl.compile_step(net, "mse", "sgd", example=(x, x[:, :2]))(x, x[:, :2], lr=0.1) >= 0)
print(*{str(w.message) for w in caught}, sep="\\n")
"""


@pytest.mark.parametrize("form", ["bytecode", "archive"])
def test_without_sources(tmp_path, form):
    """All names are found, code is compiled, and one warning says that it is not cached."""
    tree = tmp_path / "tree"
    shutil.copytree(PACKAGE, tree / "nbdl", ignore=shutil.ignore_patterns("__pycache__"))
    home = tree
    if form == "bytecode":
        compileall.compile_dir(tree, quiet=2, legacy=True)
        for source in tree.rglob("*.py"):
            source.unlink()
    else:
        home = Path(shutil.make_archive(str(tmp_path / "archive"), "zip", tree))
        shutil.rmtree(tree)
    env = os.environ | {"PYTHONPATH": str(home), "NBDL_CACHE": str(tmp_path / "cache")}
    code = f"HOME = {str(home)!r}\n{USE}"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    result, *warned = done.stdout.split("\n", 1)
    assert result == "True"
    if os.environ.get("NUMBA_DISABLE_JIT", "0") == "0":
        assert warned[0].strip().startswith("nbdl: compiled code is not cached: the sources"), done.stdout
        assert warned[0].strip().count("\n") == 0
