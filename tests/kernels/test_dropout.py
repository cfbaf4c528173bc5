"""Dropout: exact ends, the same mask forward and backward, and what the mask depends on."""

import numpy as np
import pytest

from nbdl import jit
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels import dropout, dropout_dx, dropout_mask, masked_scale, masked_scale_dx

KEY = {"seed": 1, "op": 2, "step": 3}
X = np.random.default_rng(0).standard_normal((8, 50))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_ends_are_exact(dtype):
    x = X.astype(dtype)
    np.testing.assert_array_equal(dropout(x, 0.0, **KEY), x)
    np.testing.assert_array_equal(dropout(x, 1.0, **KEY), np.zeros_like(x))
    np.testing.assert_array_equal(dropout_dx(x, 0.0, **KEY), x)
    np.testing.assert_array_equal(dropout_dx(x, 1.0, **KEY), np.zeros_like(x))


def test_kept_elements_are_scaled_and_the_others_0():
    mask = dropout_mask(X, 0.75, **KEY)
    np.testing.assert_array_equal(dropout(X, 0.75, **KEY), np.where(mask, 4 * X, 0))
    np.testing.assert_array_equal(dropout_dx(X, 0.75, **KEY), np.where(mask, 4 * X, 0))
    np.testing.assert_array_equal(masked_scale(X, mask, 0.75), dropout(X, 0.75, **KEY))
    np.testing.assert_array_equal(masked_scale_dx(X, mask, 0.75), dropout(X, 0.75, **KEY))


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_as_many_are_dropped_as_asked_for(p):
    n = 40_000
    dropped = n - dropout_mask(np.ones((40, 1000)), p, **KEY).sum()
    assert abs(dropped - p * n) < 5 * np.sqrt(n * p * (1 - p))


def test_key_and_position_decide_alone():
    mask = dropout_mask(X, 0.5, **KEY)
    np.testing.assert_array_equal(mask, dropout_mask(X + 1, 0.5, **KEY))
    for other in ({"seed": 2}, {"seed": 1 + 2**32}, {"op": 3}, {"step": 4}):
        differing = np.mean(mask != dropout_mask(X, 0.5, **{**KEY, **other}))
        assert 0.35 < differing < 0.65
    assert 0.25 < np.mean(mask[0] != mask[1]) < 0.75  # samples differ
    np.testing.assert_array_equal(mask[:3], dropout_mask(X[:3], 0.5, **KEY))
    np.testing.assert_array_equal(mask, dropout_mask(X.reshape(8, 5, 10), 0.5, **KEY).reshape(8, 50))


def test_dropped_infinities_are_0():
    x = np.full((4, 9), np.inf)
    got = dropout(x, 0.5, **KEY)
    assert set(np.unique(got)) == {0.0, np.inf}
    np.testing.assert_array_equal(dropout(x, 1.0, **KEY), 0)
    np.testing.assert_array_equal(masked_scale(x, np.ones(x.shape, bool), 1.0), 0)


def test_result_may_go_into_the_input():
    x = X.copy()
    dropout(x, 0.5, **KEY, out=x)
    np.testing.assert_array_equal(x, dropout(X, 0.5, **KEY))


def test_messages():
    for p in (-0.1, 1.5, np.nan):
        with pytest.raises(OptionError, match="dropout: `p` must be from 0 to 1, got"):
            dropout(X, p, **KEY)
    with pytest.raises(OptionError, match=r"dropout: `seed` must be from 0 to 2\^63 - 1, got -1"):
        dropout(X, 0.5, -1, 0, 0)
    with pytest.raises(OptionError, match=r"dropout: `op` must be from 0 to 2\^32 - 1, got 4294967296"):
        dropout(X, 0.5, 0, 2**32, 0)
    with pytest.raises(ShapeError, match=r"masked_scale: `mask` must have shape \(8, 50\), got \(50,\)"):
        masked_scale(X, np.ones(50, bool), 0.5)
    with pytest.raises(DtypeError, match="masked_scale: `mask` must be an array of bool"):
        masked_scale(X, X, 0.5)


def test_keys_are_integers():
    for name in KEY:
        with pytest.raises(DtypeError, match=f"dropout: `{name}` must be an integer, got"):
            dropout(X, 0.5, **{**KEY, name: 1.5})


@pytest.mark.parametrize("value", [-(2**63) - 1, 2**63, 2**64 - 1, 2**64, 2**70])
@pytest.mark.parametrize("name", ["seed", "op", "step"])
def test_integers_that_no_key_has_are_one_error_however_large(name, value):
    key = {"seed": 0, "op": 0, "step": 0, name: value}
    for kernel in (dropout, dropout_dx, dropout_mask):
        fresh = jit(getattr(kernel, "py_func", kernel))
        with pytest.raises(OptionError, match=rf": `{name}` must be from -2\^63 to 2\^63 - 1, got {value}$"):
            fresh(np.ones((2, 3)), 0.5, **key)
        kernel(np.ones((2, 3)), 0.5, 0, 0, 0)
        with pytest.raises((OptionError, OverflowError)):  # once int64 is compiled, Numba unpacks it itself
            kernel(np.ones((2, 3)), 0.5, **key)
