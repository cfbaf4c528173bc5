"""A user's compiled function calls the machine code of a kernel, also where it comes from Numba's cache."""

import json
import os
import subprocess
import sys
import threading

import numba
import numpy as np
import pytest

from nbdl import _symbol, kernels
from nbdl.errors import LabelError, UsageError

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the JIT is disabled: nothing is compiled")

MINE = """
import numba, numpy as np
from nbdl import kernels

@numba.njit(cache=True)
def layer(x, w):
    return kernels.relu(kernels.linear(x, w))

@numba.njit(cache=True, parallel=True)
def many(x, w, n):
    total = np.zeros(n)
    for i in numba.prange(n):
        total[i] = kernels.softmax(x * i).sum() + kernels.relu(x).sum()
    return total
"""
OVER = """
import numba
from mine import layer, many

@numba.njit(cache=True)
def twice(x, w):
    return layer(x, w) * 2
"""
RUN = """
import json, sys, numpy as np
{imports}
x, w = np.linspace(-1, 2, 12).astype(np.float32).reshape(4, 3), np.ones((3, 2), np.float32)
{call}
from nbdl import kernels
print(json.dumps([np.asarray(y).tolist(), len(kernels.relu.overloads)]))
"""


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "over.py").write_text(OVER)
    return tmp_path


def run(tree, imports, call):
    """What `call` makes as y in a fresh process, and the messages."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "NUMBA_CACHE_DIR": str(tree / "numba")}
    command = [sys.executable, "-c", RUN.format(imports=imports, call=call)]
    options = {"capture_output": True, "text": True, "timeout": 600, "env": environment, "cwd": tree}
    found = subprocess.run(command, **options)
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_a_cached_function_finds_the_kernels_in_the_next_process(tree):
    x = np.linspace(-1, 2, 12).astype(np.float32).reshape(4, 3)
    want = np.maximum(x @ np.ones((3, 2), np.float32), 0).tolist()
    for _ in range(2):
        got, _ = eval(run(tree, "from mine import layer", "y = layer(x, w)"))
        np.testing.assert_allclose(got, want, rtol=1e-6)
    cached = list((tree / "numba").rglob("*layer*.nbc"))
    assert len(cached) == 1 and cached[0].stat().st_size < 60_000  # it has stubs, no kernels


def test_a_cached_function_that_names_the_kernel_by_its_package(tree):
    """In the second process nothing of `nbdl.kernels` is imported before the code is there."""
    by_package = MINE.replace("from nbdl import kernels", "import nbdl").replace("kernels.", "nbdl.kernels.")
    (tree / "mine.py").write_text(by_package)
    first, second = (run(tree, "from mine import layer", "y = layer(x, w)") for _ in range(2))
    assert first == second


def test_a_cached_function_over_a_cached_function(tree):
    for imports, call in (
        ("from mine import layer", "y = layer(x, w)"),
        ("from over import twice", "y = twice(x, w)"),  # is compiled over `layer`, which comes from the disk
        ("from over import twice", "y = twice(x, w)"),
    ):
        got = eval(run(tree, imports, call))[0]
    np.testing.assert_allclose(
        got, np.multiply(2, eval(run(tree, "from mine import layer", "y = layer(x, w)"))[0])
    )


def test_the_first_call_may_come_from_many_threads(tree):
    first, second = (run(tree, "from mine import many", "y = many(x, w, 64)") for _ in range(2))
    assert first == second
    got = eval(first)[0]
    assert got[0] == pytest.approx(4 + np.maximum(np.linspace(-1, 2, 12), 0).sum(), rel=1e-5)


def test_the_kernel_is_called_as_it_is_in_this_process():
    @numba.njit
    def mine(x):
        return kernels.softmax(x, -1), kernels.relu(x)  # an option that is a literal

    x = np.random.default_rng(0).normal(size=(5, 7))
    got = mine(x)
    np.testing.assert_array_equal(got[0], kernels.softmax(x))
    np.testing.assert_array_equal(got[1], kernels.relu(x))
    assert len(mine.inspect_asm(mine.signatures[0])) < 60_000


def test_errors_come_through_with_their_values():
    @numba.njit
    def mine(x, labels):
        return kernels.softmax_cross_entropy(x, labels)

    with pytest.raises(LabelError) as caught:
        mine(np.zeros((2, 3)), np.array([0, 7]))
    assert 7 in caught.value.args


def test_a_c_callback_and_threads_without_the_gil():
    @numba.cfunc("float64(float64)")
    def mine(v):
        return kernels.relu(np.array([v]))[0]

    assert mine.ctypes(-2.0) == 0 and mine.ctypes(3.0) == 3

    @numba.njit(nogil=True)
    def loop(x):
        total = 0.0
        for _ in range(100):
            total += kernels.tanh(x).sum()
        return total

    found = []
    threads = [threading.Thread(target=lambda: found.append(loop(np.ones(4)))) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(set(found)) == 1 and len(found) == 8


def test_a_kernel_that_is_there_no_more_is_an_error_not_a_crash():
    library = next(iter(kernels.softmax.overloads.values())).library if kernels.softmax.overloads else None
    if library is None or library.symbol is None:
        kernels.softmax(np.ones((2, 2)))
        library = next(iter(kernels.softmax.overloads.values())).library
    symbol = library.symbol
    gone = symbol._replace(result="another type")
    with pytest.raises(UsageError, match="as it was in another version"):
        _symbol.bring(gone.key)
    assert _symbol.bring(symbol.key) == library.get_pointer_to_function(symbol.own)
    address = _symbol._resolve(b"nbdl no_such_kernel [] x i32")  # what a stub gets, which cannot raise itself
    assert address == _symbol._failure()

    import ctypes

    status = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(address)
    result, place = ctypes.c_void_p(), ctypes.c_void_p()
    assert status(ctypes.addressof(result), ctypes.addressof(place)) > 0 and place.value


def test_types_are_written_and_read():
    kinds = [
        numba.types.Array(numba.float32, 2, "A", True), numba.types.Array(numba.boolean, 1, "C", False),
        numba.float64, numba.int64, numba.uint8, numba.boolean, numba.types.none,
        numba.types.UniTuple(numba.int64, 2), numba.types.Tuple((numba.int64, numba.float32)),
        numba.types.literal(2), numba.types.literal(True),
    ]  # fmt: skip
    for kind in kinds:
        assert _symbol._read(_symbol._written(kind)) == kind
    for kind in (numba.types.unicode_type, numba.types.Array(numba.complex64, 1, "C").dtype):
        assert _symbol._read(_symbol._written(kind)) in (None, kind)


SHARED = """
import json, numpy as np
from nbdl import _jit, kernels
from nbdl.kernels.simd.gemm import gemm

compiled = []
x, w = np.linspace(-1, 2, 300).astype(np.float32).reshape(100, 3), np.ones((3, 2), np.float32)
with _jit.watch(compiled.append):
    found = [kernels.linear(x, w).tolist(), kernels.matmul(x, w).tolist()]
print(json.dumps([found, len(gemm.overloads), compiled]))
"""


def test_kernels_share_what_is_compiled_apart(tmp_path):
    """Once for two kernels; one that comes from the disk finds it there."""
    environment, expected = {**os.environ, "NBDL_CACHE": str(tmp_path)}, None
    for known in (False, True):
        result = subprocess.run(
            [sys.executable, "-c", SHARED], env=environment, capture_output=True, text=True, timeout=300
        )
        assert result.returncode == 0, result.stderr
        found, forms, compiled = json.loads(result.stdout)
        assert found[0] == found[1] == (expected or found[0])
        assert bool(compiled) != known and forms == 1
        expected = found[0]
