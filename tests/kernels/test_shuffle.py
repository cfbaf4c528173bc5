"""Ends of rows, every second element, those of a mask: each lane, each length, and nothing written beyond."""

import numpy as np
import pytest

from nbdl import jit
from nbdl.kernels.simd.registers import LANES, load, pointer, store
from nbdl.kernels.simd.shuffle import even, high_pairs, lanes, load_rest, low_pairs, packed, store_rest

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


@jit
def pair(x, y):
    L = lanes(pointer(x))
    a, b = load(pointer(x), 0), load(pointer(x), L)
    store(pointer(y), 0, low_pairs(a, b))
    store(pointer(y), L, high_pairs(a, b))


@jit
def pack_positive(x, y):
    v = load(pointer(x), 0)
    store(pointer(y), 0, packed(v, v > 0.0))


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


@DTYPES
def test_elements_of_two_in_turns(dtype):
    L = LANES[dtype]
    x, y = np.arange(2 * L, dtype=dtype), np.zeros(2 * L, dtype)
    pair(x, y)
    np.testing.assert_array_equal(y, x.reshape(2, L).T.ravel())


@DTYPES
def test_elements_of_a_mask_side_by_side(dtype):
    L = LANES[dtype]
    for bits in range(0, 2**L, 2**L // 16 + 1):
        signs = np.array([1 if bits >> i & 1 else -1 for i in range(L)], dtype)
        x, y = np.arange(1, L + 1, dtype=dtype) * signs, np.full(L, np.nan, dtype)
        pack_positive(x, y)
        np.testing.assert_array_equal(y, [*x[x > 0], *x[x < 0] * 0])
