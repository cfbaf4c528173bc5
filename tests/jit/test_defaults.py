"""Numbers that a caller leaves out reach compiled code as the numbers that they stand for."""

import numba
import numpy as np
import pytest
from numba import njit, types

from nbdl import kernels
from nbdl._jit import jit

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="the JIT is off")

x = np.ones((2, 3), np.float32)


@jit
def _with_defaults(a, count=3, rate=0.5, twice=False, out=None):
    return a * count * rate * (2 if twice else 1)


@jit
def _with_others(a, count=7, rate=0.25, twice=True, out=None):
    return a * count * rate * (2 if twice else 1)


@njit
def _calls(a):
    return _with_defaults(a), _with_defaults(a, rate=2.0)


def test_a_call_compiles_once_whatever_is_left_out():
    a = 2.0
    assert _with_defaults(a) == _with_defaults(a, 3, 0.5) == _with_defaults(a, twice=False) == 3.0
    assert _with_others(a) == 7.0
    assert _calls(a) == (3.0, 12.0)
    assert len(_with_defaults.signatures) == len(_with_others.signatures) == 1
    assert _with_defaults.signatures[0][1:] == (
        types.int64, types.float64, types.boolean, types.Omitted(None),
    )  # fmt: skip


def test_numba_knows_a_call_with_defaults_again(monkeypatch):
    labels = np.zeros(2, np.int64)
    calls = lambda: (kernels.softmax(x), kernels.softmax_cross_entropy(x, labels), _with_others(2.0))  # noqa: E731
    calls()
    for kernel in (kernels.softmax, kernels.softmax_cross_entropy, _with_others):
        monkeypatch.setattr(kernel, "_compile_for_args", None)  # where a call goes whose form is not known
    calls()
