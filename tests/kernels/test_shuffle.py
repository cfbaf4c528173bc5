"""Ends of rows and every second element: each lane, each length, and nothing written beyond."""

import numpy as np
import pytest

from nbdl import jit
from nbdl.kernels._shuffle import even, lanes, load_rest, store_rest
from nbdl.kernels._simd import LANES, load, pointer, store

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


@jit
def copy_rest(x, n, y, z):
    """The first n elements of x to y, and a whole vector of them to z, filled up."""
    store_rest(pointer(y), 1, load_rest(pointer(x), 0, n), n)
    store(pointer(z), 0, load_rest(pointer(x), 0, n, -7.5))
    return lanes(pointer(x))


@jit
def halve(x, y):
    L = lanes(pointer(x))
    store(pointer(y), 0, even(load(pointer(x), 0), load(pointer(x), L)))


@DTYPES
def test_what_is_left_of_a_row(dtype):
    L = LANES[dtype]
    for n in range(-1, L + 2):  # none, some, a whole vector, more than one
        x, y, z = np.arange(1, 2 * L + 1, dtype=dtype), np.zeros(L + 2, dtype), np.zeros(L, dtype)
        assert copy_rest(x, n, y, z) == L
        some = min(max(n, 0), L)
        np.testing.assert_array_equal(y, [0, *x[:some], *[0] * (L + 1 - some)])
        np.testing.assert_array_equal(z, [*x[:some], *[-7.5] * (L - some)])


@DTYPES
def test_every_second_element(dtype):
    L = LANES[dtype]
    x, y = np.arange(2 * L, dtype=dtype), np.zeros(L, dtype)
    halve(x, y)
    np.testing.assert_array_equal(y, x[::2])
