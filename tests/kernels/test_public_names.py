"""The public door: every name is found on its page at first use, and nothing depends on what is loaded."""

import importlib
import inspect
import json
import pickle
import pydoc
import re
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from nbdl import kernels
from nbdl._lazy import homes

HOMES = homes(kernels.__spec__)
ROOMS = {p.parent.name for p in Path(kernels.__file__).parent.glob("*/__init__.py")}
PARTS = "backward|shape|argmax|each|soft|mask"  # what stands behind the name of a kernel


def fresh(code):
    """What `code` says as JSON, in a process that has imported nothing."""
    command = [sys.executable, "-c", f"import json, sys\n{code}"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


@pytest.mark.parametrize("page", sorted(set(HOMES.values())))
def test_the_list_has_what_the_page_defines(page):
    """No name of another page, and none forgotten that belongs to a kernel: its gradients, its check."""
    module = importlib.import_module(page)
    here = {n for n, home in HOMES.items() if home == page}
    for name in here:
        function = getattr(kernels, name)
        assert function is getattr(module, name) and function.__module__ == page
    functions = {n for n, f in vars(module).items() if hasattr(f, "__wrapped__") or inspect.isfunction(f)}
    part = re.compile(rf"({'|'.join(here)})_({PARTS}|d[a-z]+)")  # the gradient by x is called dx
    assert {n for n in functions if part.fullmatch(n)} <= here


def test_no_kernel_has_the_name_of_a_room():
    """The import of a room would put the module in the kernel's place."""
    assert not ROOMS & set(kernels.__all__)


def test_a_page_is_imported_when_it_is_needed():
    code = """
import nbdl.kernels
known = set(sys.modules)
from nbdl.kernels import relu
print(json.dumps(sorted(m.removeprefix("nbdl.kernels.") for m in sys.modules if m.startswith("nbdl.kernels."))
                 if not [m for m in known if m.startswith("nbdl.kernels.")] else None))
"""
    loaded = fresh(code)
    assert "activation.elementwise" in loaded
    assert {name.partition(".")[0] for name in loaded} <= {"activation", "door", "simd"}
    assert not [name for name in loaded if name.endswith(("_lanes", "_truth"))]


def test_what_python_asks_of_a_module():
    assert set(kernels.__all__) <= set(dir(kernels))
    space = {}
    exec("from nbdl.kernels import *", space)
    assert set(kernels.__all__) <= set(space)
    assert "conv2d_dx" in pydoc.plain(pydoc.render_doc(kernels))
    with pytest.raises(AttributeError, match=r"module 'nbdl.kernels' has no attribute 'conv4d'"):
        kernels.conv4d  # noqa: B018
    with pytest.raises(ImportError, match="conv4d"):
        exec("from nbdl.kernels import conv4d")


@pytest.mark.parametrize("name", ["conv2d", "kl_divergence", "as_float"])
def test_a_kernel_is_pickled_by_its_name(name):
    kernel = getattr(kernels, name)
    assert pickle.loads(pickle.dumps(kernel)) is kernel
    assert inspect.getdoc(kernel) and inspect.signature(kernel).parameters


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the JIT is disabled: nothing is compiled")
def test_compiled_code_finds_a_kernel_that_no_one_has_imported():
    code = """
import numba, numpy as np
import nbdl.kernels as K

@numba.njit
def mine(x):
    return K.relu(x).sum()

loaded = "nbdl.kernels.activation.elementwise" in sys.modules
print(json.dumps([loaded, mine(np.array([-1.0, 2.0]))]))
"""
    assert fresh(code) == [False, 2.0]


STAMPS = """
import numpy as np, nbdl, nbdl.kernels as K
from nbdl import _jit

@nbdl.jit
def mine(x):
    return K.softmax(x)

names = {names}
for name in names: getattr(K, name)
if names:  # what a net does leaves nothing behind that counts
    net = nbdl.nn.Sequential(nbdl.nn.Conv2d(2, 3), nbdl.nn.MaxPool2d(2), nbdl.nn.Flatten(), nbdl.nn.Linear(2))
    x, y = np.ones((3, 1, 8, 8), np.float32), np.array([0, 1, 1])
    nbdl.compile_step(net, example=(x, y))
    net(x).sum().backward()
stamp = lambda f: _jit.fingerprint(f.py_func, _jit.FAST)
stamps = {{"mine": stamp(mine)}}
for name in sorted(K.__all__, reverse={reverse}):
    if hasattr(getattr(K, name), "py_func"):
        stamps[name] = stamp(getattr(K, name))
print(json.dumps(stamps))
"""


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the JIT is disabled: nothing is compiled")
def test_a_fingerprint_does_not_depend_on_what_is_imported():
    cases = ("[]", "False"), ("[]", "True"), ("K.__all__", "False")
    one, two, three = (fresh(STAMPS.format(names=names, reverse=reverse)) for names, reverse in cases)
    assert one == two == three and len(one) > 150
