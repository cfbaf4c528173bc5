"""A lanes twin whose leaf does not compile: one line that says which, where and why."""

import numpy as np
import pytest
from numba import config

import nbdl
from nbdl import nn, registry
from nbdl.errors import PluginError
from nbdl.kernels.lanes import Row, Twin
from nbdl.kernels.simd.registers import load, store


def rows(site):
    def leaf(x, y):
        store(y, 0, load(x, 0) + "a")

    return [Row(leaf)]


class Net:
    def __init__(self):
        self.dense = nn.Linear(3)

    def __call__(self, x, train=None):
        return nbdl.apply("broken", self.dense(x))


@pytest.mark.skipif(config.DISABLE_JIT, reason="nothing compiles")
def test_it_is_named_with_its_call_and_the_line_of_its_leaf(monkeypatch):
    twin = Twin(rows, {"x": rows}, shape=lambda site: site.shapes["x"])
    kernel = nbdl.Kernel("broken", "nbdl.kernels:relu", grads={"x": "nbdl.kernels:relu_dx"}, lanes=twin)
    monkeypatch.setitem(registry.default()._builtin.records, ("kernel", "broken"), kernel)
    x, y = np.ones((4, 2), np.float32), np.zeros((4, 3), np.float32)
    step = nbdl.compile_step(Net(), "mse", example=(x, y))
    with pytest.raises(PluginError) as raised:
        step(x, y)
    text = str(raised.value)
    assert text.startswith("the lanes twin of kernel `broken` does not compile for `x` (N, 3) of float32 ")
    assert "(the call in test_bad_twin.py:26): in test_bad_twin.py:16: No implementation of function" in text
    assert "\n" not in text and len(text) < 400 and raised.value.__cause__ is None
