"""`nbdl.summary`: the calls of a net, their shapes, parameters and operations; nothing is computed."""

import re

import numpy as np
import pytest

import nbdl
from nbdl import _jit, models, nn
from nbdl.errors import TapeError

IMAGE = np.zeros((1, 1, 28, 28))


def test_lenet():
    with _jit.watch(lambda name: pytest.fail(f"{name} was compiled")):
        found = nbdl.summary(models.lenet(), IMAGE)
    convolutions = [r for r in found.rows if r.op == "conv2d"]
    assert [(r.layer, r.shape, r.parameters) for r in convolutions] == [
        ("0", (6, 28, 28), 156), ("3", (16, 10, 10), 2416)
    ]  # fmt: skip
    assert [r.flops for r in convolutions] == [2 * 6 * 28 * 28 * 25, 2 * 16 * 100 * 25 * 6]
    assert found.parameters == sum(r.parameters for r in found.rows) == 61_706
    assert found.bytes == 4 * 61_706 and found.native and found.flops == sum(r.flops for r in found.rows)
    assert found.rows[0].inputs == ("x",) and found.rows[1].inputs == (0,)
    assert "61,706 parameters (247 kB)" in str(found) and len(str(found).splitlines()) == len(found.rows) + 4


def test_branches_and_tied_parameters():
    class Tied:
        def __init__(self):
            self.one = nn.Linear(4)

        def __call__(self, x, train=None):
            return self.one(x) + self.one(nn.ReLU()(x))

    found = nbdl.summary(Tied(), np.zeros((2, 4), np.float32))
    assert [r.parameters for r in found.rows] == [20, 0, 0, 0] and found.parameters == 20
    assert found.rows[-1].inputs == (0, 2)


def test_inputs_by_name_and_several_results():
    class Two:
        def __init__(self):
            self.table = nn.Embedding(9, 4)

        def __call__(self, ids, scale, train=None):
            h = self.table(ids)
            return h.sum(axis=1), h.sum(axis=1) * scale

    found = nbdl.summary(Two(), {"ids": np.zeros((1, 5), int), "scale": np.ones((1, 4))})
    assert found.rows[0].inputs == ("ids",) and "scale" in found.rows[-1].inputs
    assert len(found.results) == 2


def test_what_python_runs_says_why():
    found = nbdl.summary(lambda x: nbdl.apply("cumsum", x, axis=1), np.zeros((1, 3)))
    assert not found.native and found.rows[0].target == "numpy"
    assert "from Python: `cumsum`, because it has no lanes twin" in str(found)


def test_the_graph():
    found = nbdl.summary(models.resnet20(), np.zeros((1, 3, 32, 32)))
    text = found.dot()
    edges = re.findall(r'^  "(\w+)" -> (\d+);$', text, re.M)
    assert len(edges) == sum(len(r.inputs) for r in found.rows) and ("x", "0") in edges
    nodes = re.findall(r'^  (\d+) \[label="', text, re.M)
    assert [int(n) for n in nodes] == list(range(len(found.rows)))
    assert text.count("peripheries=2") == 1 and text.startswith("digraph net {") and text.endswith("}")


def test_a_net_that_looks_at_values_has_no_graph():
    with pytest.raises(TapeError):
        nbdl.summary(lambda x: x if float(x.sum().item()) > 0 else -x, np.ones((1, 3)))
