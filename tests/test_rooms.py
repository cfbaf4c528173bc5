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
"""Softsign, x / (1 + |x|), of arrays of any shape."""

from nbdl._jit import jit
from nbdl.kernels.activation.elementwise import add_over_all, over_all
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.results import as_grad, as_out
from nbdl.kernels.door.sizes import outputs


@jit
def softsign_of(x):
    return x / (1.0 + abs(x))


@jit
def softsign_slope(dy, y):
    left = 1.0 - abs(y)
    return dy * (left * left)


@jit
def softsign(x, out=None):
    """x / (1 + abs(x)) for each element of `x`, an array of any shape; a float array cannot fail."""
    x = as_float("softsign: `x`", x, ANY)
    y = as_out("softsign: `out`", out, x.shape, x)
    _softsign(x.reshape(x.size), y.reshape(y.size))
    return y


@jit
def _softsign(x, y):
    over_all(softsign_of, x, y)


@jit
def softsign_dx(dy, y, dx=None):
    """Adds dy (1 - abs(y))^2 to `dx` (zeros if not given); dy and y are arrays of one shape."""
    dy = as_float("softsign_dx: `dy`", dy, ANY)
    y = as_like("softsign_dx: `y`", y, ANY, dy)
    dx = as_grad("softsign_dx: `dx`", dx, y.shape, dy)
    _softsign_dx(dy.reshape(dy.size), y.reshape(y.size), dx.reshape(dx.size))
    return dx


@jit
def _softsign_dx(dy, y, dx):
    add_over_all(softsign_slope, dy, y, dx)


softsign_outputs = outputs(softsign)
'''
TWIN = '''
"""Softsign on lanes."""

from nbdl.kernels.activation.softsign import softsign_of, softsign_slope
from nbdl.kernels.lanes.elementwise import elementwise

softsign = elementwise(softsign_of, softsign_slope)
'''
TRUTH = '''
"""The truth of `softsign`."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError


def softsign(x):
    return x / (1 + np.abs(x))


def softsign_cases(rng):
    x = rng.uniform(0.1, 3, (4, 3))
    return [Case("4x3", (x,)), Case("none", (x[:0],)), Bad("integers", (np.arange(3),), {}, DtypeError, "x")]
'''
LAYER = '''class Softsign:
    """x / (1 + abs(x)). See `nbdl.kernels.softsign`."""

    def __call__(self, x, train=None):
        return apply("softsign", x)


class Softmax:'''
OUTSIDE = {  # file: (before, after)
    "nbdl/builtin/kernels.py": (
        '    ("gelu", "gelu"): "GELU",\n',
        '    ("gelu", "gelu"): "GELU",\n    ("softsign", "softsign"): "Softsign",\n',
    ),
    "nbdl/kernels/__init__.py": (
        "from nbdl.kernels.convolution.conv2d import (",
        "from nbdl.kernels.activation.softsign import softsign, softsign_dx\n"
        "from nbdl.kernels.convolution.conv2d import (",
    ),
    "nbdl/nn/_activations.py": ("class Softmax:", LAYER),
    "docs/kernels.md": (
        "| `gelu(x, out=None)`",
        "| `softsign(x, out=None)` | shape of x | x / (1 + abs(x)) | - |\n| `gelu(x, out=None)`",
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
record = registry.default().get("kernel", "softsign")
check_kernel(record)
check_twin(record)
x, y = np.random.default_rng(0).standard_normal((20, 5)).astype("f4"), np.arange(20) % 3
net = nn.Sequential(nn.Linear(8), nn._activations.Softsign(), nn.Linear(3))
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
    for name, text in (("softsign", KERNEL), ("softsign_lanes", TWIN), ("softsign_truth", TRUTH)):
        (room / f"{name}.py").write_text(text.lstrip())
    for file, (before, after) in OUTSIDE.items():
        text = (house / file).read_text()
        assert before in text, file
        (house / file).write_text(text.replace(before, after, 1))
    door = house / "nbdl/kernels/__init__.py"
    door.write_text(
        door.read_text().replace('    "softmax",\n', '    "softmax",\n    "softsign",\n    "softsign_dx",\n')
    )
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

    assert "'softsign'" in python("-c", USE, str(house))
    shown = python("-m", "nbdl", "kernels", "show", "softsign")
    assert "softsign_dx(dy, y, dx=None)" in shown and "x / (1 + abs(x)) for each element" in shown
    names = python("-c", "from asv_bench.benchmarks.activation import Activation; print(Activation.params)")
    assert "'softsign'" in names
