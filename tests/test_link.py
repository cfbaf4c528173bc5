"""Compiled functions are put together once: what is inner has no machine code of its own, nor needs any."""

import json
import os
import subprocess
import sys

import numba
import numpy as np
import pytest

from nbdl import _jit, _link, jit, kernels

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the JIT is disabled: nothing is compiled")


@jit
def inner(x):
    return np.sqrt(x) + 1


@jit
def outer(x):
    return 2 * inner(x)


@numba.njit
def plain(x):  # Numba's own, which Python and our functions call
    return inner(x) - 1


@jit
def over_plain(x):
    return plain(x) + inner(x)


@jit
def factorial(n):
    return n * factorial(n - 1) if n > 1 else 1


@jit
def is_even(n):
    return True if n == 0 else is_odd(n - 1)


@jit
def is_odd(n):
    return False if n == 0 else is_even(n - 1)


@jit
def refuse(x):
    if x < 0:
        raise ValueError("`x` must not be negative, got", x)
    return x


@jit
def guarded(x):
    return refuse(x) + 1


def compiled_by(call):
    """What `call` returns, and the functions for which machine code was made."""
    names = []
    with _jit.watch(names.append):
        return call(), names


def test_an_inner_function_becomes_no_machine_code_of_its_own(monkeypatch):
    monkeypatch.setenv("NBDL_CACHE", "")
    value, names = compiled_by(lambda: outer(9.0))
    assert value == 8.0 and "inner" not in names
    assert not inner.overloads  # Python has not called it yet
    assert inner(4.0) == 3.0 and len(inner.overloads) == 1


def test_a_function_of_numbas_own_serves_both_sides():
    """Compiled within one of ours, and then called from Python; and a caller of it that Numba compiles."""
    assert over_plain(16.0) == 9.0
    assert plain(16.0) == 4.0

    @numba.njit
    def caller(x):
        return plain(x) * outer(x)

    assert caller(16.0) == 40.0


def test_functions_that_call_themselves_or_each_other():
    assert factorial(10) == 3628800
    assert is_even(10) and not is_odd(10) and is_odd(7)


MUTUAL = """
from nbdl import jit

@jit
def is_even(n):
    return True if n == 0 else is_odd(n - 1)

@jit
def is_odd(n):
    return False if n == 0 else is_even(n - 1)

print(is_even(10), is_odd(10))
"""


def test_functions_that_call_each_other_run_in_the_next_process_too(tmp_path):
    (tmp_path / "mutual.py").write_text(MUTUAL)
    env = {**os.environ, "NBDL_CACHE": str(tmp_path / "cache")}
    for _ in range(2):
        command = [sys.executable, tmp_path / "mutual.py"]
        found = subprocess.run(command, capture_output=True, text=True, env=env, timeout=300)
        assert found.stdout == "True False\n"


def test_an_inner_function_raises_with_its_values():
    assert guarded(1.0) == 2.0
    with pytest.raises(ValueError, match="must not be negative") as caught:
        guarded(-1.0)
    assert caught.value.args == ("`x` must not be negative, got", -1.0)


CODE = """
import json, numpy as np, numba
from nbdl import _jit, _link
if {old}:
    _link.available = lambda: False
from nbdl import kernels
rng = np.random.default_rng(0)
x, w, b = (rng.standard_normal(s).astype("f4") for s in ((5, 7), (7, 3), 3))
names = []
with _jit.watch(names.append):
    y = kernels.linear(x, w, b)

@numba.njit(cache=False)
def mine(x, w, b):
    return kernels.linear(x, w, b)

print(json.dumps([y.tobytes().hex(), mine(x, w, b).tobytes().hex(), names]))
"""


def linear(cache, old):
    environment = {**os.environ, "NBDL_CACHE": str(cache), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", CODE.format(old=old)]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=True)
    return json.loads(found.stdout)


def test_the_same_bits_as_numba_makes_and_a_smaller_cache(tmp_path):
    ours, again, numbas = (linear(tmp_path / cache, old) for cache, old in (("a", 0), ("a", 0), ("b", 1)))
    assert ours[:2] == again[:2] == numbas[:2] and ours[0] == ours[1]
    assert ours[2] == ["linear", "gemm"] and again[2] == []  # what is apart is compiled by itself
    assert len(numbas[2]) > 5  # so the comparison is one
    a, b = (sum(f.stat().st_size for f in (tmp_path / c).rglob("*") if f.is_file()) for c in "ab")
    assert a < b / 2


def test_a_numba_whose_private_parts_have_moved_compiles_in_its_own_way(monkeypatch):
    monkeypatch.setattr(_link, "_OPTIMISE_FUNCTIONS", None)
    assert not _link.available()

    @jit(cache=False)
    def alone(x):
        return inner(x) * 3

    assert alone(4.0) == 9.0 and alone._compiler.pipeline_class is not _link.Outermost


def test_the_collector_is_on_again_after_a_compilation():
    import gc

    @jit(cache=False)
    def broken(x):
        return x.no_such_attribute

    with pytest.raises(numba.TypingError):
        broken(1.0)
    assert gc.isenabled() and kernels.relu(np.ones(2))[0] == 1
