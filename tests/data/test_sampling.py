"""Random parts and folds: disjoint, exhaustive, and the same for the same seed."""

import numpy as np
import pytest

from nbdl.data import k_folds, random_split
from nbdl.errors import OptionError


@pytest.mark.parametrize(("n", "k"), [(10, 5), (11, 3), (2, 2), (7, 7), (100, 9)])
def test_folds_are_disjoint_and_exhaustive(n, k):
    pairs = k_folds(n, k, seed=3)
    assert len(pairs) == k
    assert np.array_equal(np.sort(np.concatenate([valid for _, valid in pairs])), np.arange(n))
    for train, valid in pairs:
        assert np.array_equal(np.sort(np.concatenate([train, valid])), np.arange(n))
    sizes = [len(valid) for _, valid in pairs]
    assert max(sizes) - min(sizes) <= 1


def test_the_seed_draws_the_folds():
    first, again, other = (k_folds(50, 5, seed) for seed in (0, 0, 1))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(first, again))
    assert not np.array_equal(first[0][1], other[0][1])


@pytest.mark.parametrize("shares", [(0.6, 0.2, 0.2), (1.0,), (0.999, 0.001), (0.001, 0.998, 0.001)])
@pytest.mark.parametrize("n", [3, 10, 101])
def test_parts_are_disjoint_exhaustive_and_never_empty(n, shares):
    parts = random_split(n, shares, seed=1)
    assert len(parts) == len(shares) and all(len(part) for part in parts)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(n))
    if n == 101:
        np.testing.assert_allclose([len(p) for p in parts], np.array(shares) * n, atol=2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: k_folds(10, 1), "`k` must be an integer from 2, got 1"),
        (lambda: k_folds(10, True), "`k` must be"),
        (lambda: k_folds(3, 5), "`n` must be as many samples as folds, 5 at least, got 3"),
        (lambda: k_folds(3.0, 2), "`n` must be"),
        (lambda: k_folds(5, 2, -1), "`seed` must be an integer from 0"),
        (lambda: random_split(10, (0.5, 0.6)), "whose sum is 1"),
        (lambda: random_split(10, (1.5, -0.5)), "numbers above 0"),
        (lambda: random_split(10, ()), "numbers above 0"),
        (lambda: random_split(1, (0.5, 0.5)), "`n` must be as many samples as shares, 2 at least, got 1"),
    ],
)
def test_bad_options(call, message):
    with pytest.raises(OptionError, match=message):
        call()
