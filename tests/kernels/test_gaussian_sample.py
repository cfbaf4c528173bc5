"""Samples of normal distributions: how they are distributed, and what they depend on."""

import numpy as np
import pytest

from nbdl.errors import OptionError, ShapeError
from nbdl.kernels import gaussian_kl, gaussian_noise, gaussian_sample, gaussian_sample_noise

KEY = {"seed": 1, "op": 2, "step": 3}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_samples_have_the_moments_that_they_are_drawn_by(dtype):
    mean, log_var = np.full((200, 500), 3.0, dtype), np.full((200, 500), np.log(0.25), dtype)
    z, n = gaussian_sample(mean, log_var, **KEY).astype(float), mean.size
    assert z.dtype == float and abs(z.mean() - 3) < 5 * 0.5 / np.sqrt(n)
    assert abs(z.var() - 0.25) < 5 * 0.25 * np.sqrt(2 / n)
    assert abs((((z - 3) / 0.5) ** 4).mean() - 3) < 5 * np.sqrt(96 / n)


def test_of_zeros_they_are_the_numbers_of_the_noise():
    zeros = np.zeros((5, 7))
    z, eps = gaussian_sample_noise(zeros, zeros, **KEY)
    np.testing.assert_array_equal(z, eps)
    np.testing.assert_allclose(z, gaussian_noise(zeros, 1.0, **KEY), rtol=1e-14)


def test_key_and_position_decide_alone():
    x = np.random.default_rng(0).standard_normal((2, 40, 6))
    z = gaussian_sample(*x, **KEY)
    np.testing.assert_array_equal(gaussian_sample(*x[:, :7], **KEY), z[:7])
    for other in ({"seed": 2}, {"seed": 1 + 2**32}, {"op": 3}, {"step": 4}):
        assert (gaussian_sample(*x, **{**KEY, **other}) != z).all()


def test_a_nearly_standard_code_keeps_its_digits():
    for value in (1e-3, -1e-3, 1e-6, 0.3, -0.7):
        term = sum(value**k / np.prod(np.arange(1.0, k + 1)) for k in range(2, 25))
        for dtype, digits in (("f8", 1e-14), ("f4", 1e-6)):
            got = gaussian_kl(np.zeros((1, 1), dtype), np.full((1, 1), value, dtype))
            assert got == pytest.approx(term / 2, rel=digits)


def test_messages():
    x = np.zeros((2, 3))
    with pytest.raises(ShapeError, match=r"gaussian_sample: `log_var` must have shape \(2, 3\)"):
        gaussian_sample(x, x[:1], **KEY)
    with pytest.raises(OptionError, match="gaussian_sample: `seed`"):
        gaussian_sample(x, x, **{**KEY, "seed": -1})
    with pytest.raises(ShapeError, match="gaussian_kl: `log_var` must have shape"):
        gaussian_kl(x, x[:1])
    with pytest.raises(ShapeError, match="gaussian_kl: `mean` has no elements"):
        gaussian_kl(x[:0], x[:0])
