"""Leaves of programs on disk: linked by the next process, compiled anew where they are broken."""

import sys

import numba
import pytest

from nbdl.testing import _guard

pytestmark = [
    pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the JIT is disabled: nothing is compiled"),
    pytest.mark.skipif(not _guard.available, reason="this system cannot fork"),
]


LEAF = """
import ctypes, os, sys, time, warnings
from numba import types
from nbdl import _jit, _leaf

def scaled_by(factor):
    def leaf(x):
        x[0] = x[0] * factor
    return leaf

def checked(x, n):
    for i in range(0, 3, n):
        x[0] = x[0] + 1.0

def run(function, *numbers):
    value, compiled = ctypes.c_double(1.0), []
    with _jit.watch(compiled.append):
        address = _leaf.leaf(function, types.CPointer(types.float64), *[types.int64] * len(numbers))
    kinds = [ctypes.c_void_p] + [ctypes.c_int64] * len(numbers)
    ctypes.CFUNCTYPE(None, *kinds)(address)(ctypes.addressof(value), *numbers)
    return value.value, len(compiled)
"""


def leaves(tree, code):
    """What `code`, which may use the functions of `LEAF`, prints in a fresh interpreter."""
    if not (tree / "leaves.py").exists():
        (tree / "leaves.py").write_text(LEAF)
    return tree.run(f"import warnings\nfrom leaves import *\n{code}")


def test_a_leaf_is_linked_by_the_next_process_without_numbas_compiler(tree):
    code = "print(run(scaled_by(3.0)), 'numba.np.arraymath' in sys.modules)"
    assert leaves(tree, code) == "(3.0, 1) True\n"
    assert leaves(tree, code) == "(3.0, 0) False\n"
    tree.edit("leaves.py", "x[0] * factor", "x[0] + factor")
    assert leaves(tree, code) == "(4.0, 1) True\n"


def test_leaves_of_one_name_from_several_processes_are_told_apart(tree):
    """Numba counts its functions: the first one of each process gets the same symbol."""
    for factor in (2.0, 3.0, 5.0):
        leaves(tree, f"run(scaled_by({factor}))")
    several = "print([run(scaled_by(f)) for f in (2.0, 3.0, 5.0, 7.0)])"
    assert leaves(tree, several) == "[(2.0, 0), (3.0, 0), (5.0, 0), (7.0, 1)]\n"


@pytest.mark.parametrize("broken", [b"", b"not a leaf", "half", "head", "code"])
def test_a_broken_leaf_is_compiled_and_written_anew(tree, broken):
    code = "print(run(scaled_by(3.0)))"
    leaves(tree, code)
    (file,) = (tree / "cache").rglob("*.nbl")
    whole = file.read_bytes()
    changed = bytearray(whole)
    changed[60 if broken == "head" else -60] ^= 1
    if isinstance(broken, str):
        broken = whole[: len(whole) // 2] if broken == "half" else changed
    file.write_bytes(broken)
    assert leaves(tree, code) == "(3.0, 1)\n"
    assert leaves(tree, code) == "(3.0, 0)\n"


def test_a_leaf_that_can_raise_is_compiled_each_time(tree):
    code = "warnings.simplefilter('ignore')\nprint(run(checked, 2))"
    assert [leaves(tree, code), leaves(tree, code)] == ["(3.0, 1)\n"] * 2
    said = leaves(
        tree, "warnings.simplefilter('error')\ntry: run(checked, 2)\nexcept RuntimeWarning as w: print(w)"
    )
    assert said == "nbdl: the leaf `checked` is not cached: it can raise\n"


SHARED = """
from nbdl import _jit, _leaf
_leaf.cores, here, own = lambda: 3, os.getpid(), _leaf._take_turns

def turns(*given):
    if os.getpid() != here:
        {other}
    own(*given)

_leaf._take_turns, pointer = turns, (types.CPointer(types.float64),)
with _jit.watch((begun := []).append):
    _leaf.compile_leaves([(scaled_by(float(f)), pointer) for f in range(20)])
told = [run(scaled_by(float(f))) for f in range(20)]
assert [value for value, _ in told] == list(range(20))
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print(len(begun), sum(n for _, n in told))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="further processes are used on Linux alone")
@pytest.mark.parametrize(
    ("other", "helped", "lost"),
    [
        ("pass", True, False),
        ("time.sleep(600)", False, False),  # as good as hung: this process compiles everything
        ("os.read(given[1], _leaf.TURN); os._exit(1)", True, True),  # takes one and dies
        ("raise SystemExit", False, False),
    ],
)
def test_missing_leaves_compile_in_several_processes_and_none_is_relied_on(tree, other, helped, lost):
    here, later = map(int, leaves(tree, SHARED.format(other=other)).split())
    assert (here < 20) == helped and later == (20 - here if lost else 0)
    assert leaves(tree, SHARED.format(other=other)) == "0 0\n"
