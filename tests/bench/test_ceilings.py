"""The ceilings: the loops do the arithmetic that is counted, and the bound is the larger of two times."""

import math

import numba
import numpy as np
import pytest

from nbdl.bench import Ceilings, _ceilings, ceilings

COMPILED = pytest.mark.skipif(
    numba.config.DISABLE_JIT, reason="the JIT is disabled: the loops would take minutes"
)


@COMPILED
def test_ceilings_are_measured_for_so_many_threads(monkeypatch):
    monkeypatch.setattr(_ceilings, "STEPS", 1000)
    monkeypatch.setattr(_ceilings, "MEMORY", 2**16)
    for threads in (1, 2):
        found = ceilings(threads)
        assert found.threads == threads
        assert 0 < found.fma < math.inf and 0 < found.bandwidth < math.inf


def test_bound_is_what_takes_longer():
    limits = Ceilings(1, fma=100.0, bandwidth=10.0)
    assert limits.bound(1000, 50) == (10.0, "fma")
    assert limits.bound(1000, 200) == (20.0, "memory")


def test_every_step_of_the_register_loop_is_counted():
    a, b = np.ones(_ceilings.L, np.float32), np.full(_ceilings.L, 2, np.float32)
    c = np.zeros(_ceilings.ROWS * _ceilings.COLUMNS * _ceilings.L, np.float32)
    _ceilings._multiply(a, b, c, 3)
    assert np.array_equal(c, np.full(c.size, 6))
    assert 2 * c.size == _ceilings.FLOPS_A_STEP


def test_memory_loops_touch_every_element():
    n = 64 * _ceilings.L
    x, y, z = (np.arange(n, dtype=np.float32) + i for i in range(3))
    _ceilings._triad(2, x, y, z)
    assert np.array_equal(z, x + 2 * y)
    _ceilings._copy(2, x, y)
    assert np.array_equal(x, y)
    _ceilings._read(1, x)
    assert x[: _ceilings.L].sum() == y.sum()


@COMPILED
def test_what_stays_in_a_cache_has_the_ceiling_of_that_cache():
    """No times are compared: it is enough that the loops run on arrays of any size."""
    assert 0 < _ceilings.bandwidth(2**12, 1, moved=2**20) < math.inf
    assert 0 < _ceilings.bandwidth(1, 2, moved=1) < math.inf  # less than a vector for each thread
