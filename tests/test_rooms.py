"""How many files an operation touches outside its room: counted by adding one to a copy of the package."""

import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import nbdl

ROOT = Path(nbdl.__file__).parent.parent
PARTS = "nbdl", "docs", "asv_bench/benchmarks"

KERNEL = '''
"""ISRU, x / sqrt(1 + x^2), of arrays of any shape."""

from nbdl._jit import jit
from nbdl.kernels.activation.elementwise import add_over_all, over_all
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.results import as_grad_or_new, as_out
from nbdl.kernels.door.sizes import outputs
from nbdl.kernels.simd.registers import sqrt


@jit
def isru_of(x):
    return x / sqrt(1.0 + x * x)


@jit
def isru_slope(dy, y):
    left = 1.0 - y * y
    return dy * (left * sqrt(left))


@jit
def isru(x, out=None):
    """x / sqrt(1 + x^2) for each element of `x`, an array of any shape; a float array cannot fail."""
    x = as_float("isru: `x`", x, ANY)
    y = as_out("isru: `out`", out, x.shape, x)
    _isru(x.reshape(x.size), y.reshape(y.size))
    return y


@jit
def _isru(x, y):
    over_all(isru_of, x, y)


@jit
def isru_dx(dy, y, dx=None):
    """Adds dy sqrt(1 - y^2)^3 to `dx` (zeros if not given); dy and y are arrays of one shape."""
    dy = as_float("isru_dx: `dy`", dy, ANY)
    y = as_like("isru_dx: `y`", y, ANY, dy)
    dx, add = as_grad_or_new("isru_dx: `dx`", dx, y.shape, dy)
    _isru_dx(dy.reshape(dy.size), y.reshape(y.size), add, dx.reshape(dx.size))
    return dx


@jit
def _isru_dx(dy, y, add, dx):
    add_over_all(isru_slope, dy, y, add, dx)


isru_outputs = outputs(isru)
'''
TWIN = '''
"""ISRU on lanes."""

from nbdl.kernels.activation.isru import isru_of, isru_slope
from nbdl.kernels.lanes.elementwise import elementwise

isru = elementwise(isru_of, isru_slope)
'''
TRUTH = '''
"""The truth of `isru`."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError


def isru(x):
    return x / np.sqrt(1 + x * x)


def isru_cases(rng):
    x = rng.uniform(0.1, 3, (4, 3))
    return [Case("4x3", (x,)), Case("none", (x[:0],)), Bad("integers", (np.arange(3),), {}, DtypeError, "x")]
'''
LAYER = '''class ISRU:
    """x / sqrt(1 + x^2). See `nbdl.kernels.isru`."""

    def __call__(self, x, train=None):
        return apply("isru", x)


class Softmax:'''
OUTSIDE = {  # file: (before, after)
    "nbdl/builtin/kernels.py": (
        '    ("gelu", "gelu"): "GELU",\n',
        '    ("gelu", "gelu"): "GELU",\n    ("isru", "isru"): "ISRU",\n',
    ),
    "nbdl/kernels/__init__.py": (
        "    from nbdl.kernels.convolution.conv2d import (",
        "    from nbdl.kernels.activation.isru import isru, isru_dx\n"
        "    from nbdl.kernels.convolution.conv2d import (",
    ),
    "nbdl/nn/_activations.py": ("class Softmax:", LAYER),
    "docs/kernels.md": (
        "| `gelu(x, out=None)`",
        "| `isru(x, out=None)` | shape of x | x / sqrt(1 + x^2) | - |\n| `gelu(x, out=None)`",
    ),
}
USE = """
import sys
import numpy as np
import nbdl
from nbdl import kernels, nn, registry
from nbdl.step import report
from nbdl.testing import check_kernel, check_twin

assert nbdl.__file__.startswith(sys.argv[1]), nbdl.__file__
record = registry.default().get("kernel", "isru")
check_kernel(record)
check_twin(record)
x, y = np.random.default_rng(0).standard_normal((20, 5)).astype("f4"), np.arange(20) % 3
net = nn.Sequential(nn.Linear(8), nn._activations.ISRU(), nn.Linear(3))
step = nbdl.compile_step(net, example=(x, y))
eager = nn.softmax_cross_entropy(net(x), y).item()
assert abs(step(x, y) - eager) < 1e-5
print([line.op for line in report(step, samples=20).lines])
"""


@pytest.fixture
def house(tmp_path):
    for part in PARTS:
        if not (ROOT / part).is_dir():
            pytest.skip("the docs and benchmarks of a checkout are not here")
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def differing(house):
    """Files of the copy that are new or changed."""
    for part in PARTS:
        for file in sorted((house / part).rglob("*")):
            original = ROOT / file.relative_to(house)
            if file.is_file() and "__pycache__" not in file.parts:
                if not original.exists() or not filecmp.cmp(file, original, shallow=False):
                    yield file.relative_to(house).as_posix()


def test_an_operation_touches_at_most_four_files_outside_its_room(house):
    room = house / "nbdl/kernels/activation"
    for name, text in (("isru", KERNEL), ("isru_lanes", TWIN), ("isru_truth", TRUTH)):
        (room / f"{name}.py").write_text(text.lstrip())
    for file, (before, after) in OUTSIDE.items():
        text = (house / file).read_text()
        assert before in text, file
        (house / file).write_text(text.replace(before, after, 1))
    outside = [f for f in differing(house) if not f.startswith("nbdl/kernels/activation/")]
    assert (
        outside == sorted(OUTSIDE, key=lambda f: (PARTS.index(f.partition("/")[0]), f)) and len(outside) <= 4
    )
    environment = {**os.environ, "PYTHONPATH": str(house), "PYTHONDONTWRITEBYTECODE": "1"}

    def python(*arguments):
        done = subprocess.run(
            [sys.executable, *arguments], cwd=house, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    assert "'isru'" in python("-c", USE, str(house))
    shown = python("-m", "nbdl", "kernels", "show", "isru")
    assert "isru_dx(dy, y, dx=None)" in shown and "x / sqrt(1 + x^2) for each element" in shown
    names = python("-c", "from asv_bench.benchmarks.activation import Activation; print(Activation.params)")
    assert "'isru'" in names
