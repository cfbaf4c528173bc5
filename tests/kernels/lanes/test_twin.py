"""What all lanes twins have in common, and the widths of the instruction sets."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbdl import array_ops, kernels, registry
from nbdl.kernels import lanes
from nbdl.kernels.lanes import Twin, UpdateTwin
from nbdl.records import resolve

WIDTHS = {
    "avx2": ({"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma"}, 8),
    "sse": ({"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}, 4),
    "python": ({"NUMBA_DISABLE_JIT": "1"}, None),
}
PROGRAM = """
import numpy as np
from nbdl.kernels.simd.registers import LANES
from nbdl.testing._check_twin import check_update_twin, compare
from nbdl import registry
from nbdl.records import resolve
for name, wanted in (("linear", "odd sizes"), ("conv2d", "everything"), ("max_pool2d", "plain integers"),
                     ("avg_pool2d", "2x2"), ("sigmoid", "images"), ("softmax_cross_entropy", "smoothed"),
                     ("dropout", "images"), ("div", "a gate for each channel"), ("max", "images"),
                     ("getitem", "a window"), ("power", "to the 1.5")):
    cases = resolve(registry.default().get("kernel", name).cases)(np.random.default_rng(0))
    case = next(c for c in cases if c.name == wanted)
    assert compare(name, case, "float32", 19), name
check_update_twin("adam", "float32")
print(LANES["float32"])
"""


@pytest.mark.parametrize(("environment", "wide"), WIDTHS.values(), ids=WIDTHS)
def test_twins_agree_with_the_kernels_for_other_instruction_sets(environment, wide):
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=1800,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    assert wide is None or int(run.stdout) == wide


def _twins_of(package, folders):
    return sorted(Path(package.__file__).parent.glob(f"{folders}*_lanes.py"))


def test_every_twin_of_a_room_is_named_by_a_record():
    named, there = {}, {}
    for kind, twin_class in (("kernel", Twin), ("optimizer", UpdateTwin)):
        for name in registry.default().names(kind):
            record = registry.default().get(kind, name)
            if record.lanes and registry.default().owner(kind, name).name == "nbdl":
                named[record.lanes] = resolve(record.lanes)
                assert isinstance(named[record.lanes], twin_class), name
    rooms = [f"nbdl.kernels.{p.parent.name}.{p.stem}" for p in _twins_of(kernels, "*/")]
    for name in [*rooms, *(f"nbdl.array_ops.{path.stem}" for path in _twins_of(array_ops, ""))]:
        module = importlib.import_module(name)
        twins = {n: v for n, v in vars(module).items() if isinstance(v, (Twin, UpdateTwin))}
        there |= {f"{module.__name__}:{name}": twin for name, twin in twins.items()}
    assert named == there


def test_every_name_of_the_door_exists():
    assert all(hasattr(lanes, name) for name in lanes.__all__)
    assert lanes.__all__ == sorted(lanes.__all__)
