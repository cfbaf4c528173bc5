"""Philox4x32-10 against the known answers of Random123."""

import numpy as np
import pytest

from nbdl.kernels.simd import philox_truth
from nbdl.kernels.simd.philox import philox, words

ONES = 0xFFFFFFFF
KNOWN = [  # counter, key, result
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ONES, ONES, ONES, ONES), (ONES, ONES), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize("counter, key, want", KNOWN, ids=["zeros", "ones", "pi"])
def test_known_answers(counter, key, want):
    assert philox(*map(np.uint64, counter + key)) == want
    assert philox_truth.philox(counter, key) == want


def test_words_are_those_of_their_key_and_counter():
    seed, op, step, sample, block = 0x123456789ABCDEF0, 3, 5, 7, 11
    want = philox_truth.philox((block, sample, step, op), (0x9ABCDEF0, 0x12345678))
    assert words(seed, op, step, sample, block) == want
