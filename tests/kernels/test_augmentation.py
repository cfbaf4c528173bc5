"""Random crops, flips and noise: how they are distributed, and what they depend on."""

import numpy as np
import pytest

from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels import gaussian_noise, random_crop, random_crop_dx, random_flip, random_flip_dx

KEY = {"seed": 1, "op": 2, "step": 3}
N = 20_000


def test_all_places_of_a_crop_are_as_likely():
    x = np.arange(1.0, 10).reshape(1, 1, 3, 3)
    corners = random_crop(np.broadcast_to(x, (N, 1, 3, 3)), 1, 0, **KEY)
    counts = np.bincount(corners.astype(int).ravel(), minlength=10)[1:]
    assert np.abs(counts - N / 9).max() < 5 * np.sqrt(N / 9)
    shifted = random_crop(np.ones((N, 1, 2, 5)), (2, 5), (1, 1, 0, 0), **KEY)
    rows, times = np.unique(shifted[:, 0, :, 0], axis=0, return_counts=True)
    assert rows.tolist() == [[0, 1], [1, 0], [1, 1]] and np.abs(times - N / 3).max() < 5 * np.sqrt(N / 3)
    assert (shifted == shifted[..., :1]).all()  # a row is whole


def test_a_shift_moves_all_channels_alike():
    x = np.random.default_rng(0).standard_normal((6, 1, 5, 5)).astype("f4")
    y = random_crop(np.concatenate([x, 2 * x], axis=1), 5, 2, **KEY)
    np.testing.assert_array_equal(y[:, 1], 2 * y[:, 0])


def test_as_many_are_flipped_as_asked_for():
    x = np.tile([1.0, 2.0], (N, 1))
    for p in (0.1, 0.5):
        flipped = (random_flip(x, p, **KEY)[:, 0] == 2).sum()
        assert abs(flipped - p * N) < 5 * np.sqrt(N * p * (1 - p))
    np.testing.assert_array_equal(random_flip(x, 1.0, **KEY), x[:, ::-1])
    np.testing.assert_array_equal(random_flip(x, 0.0, **KEY), x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_noise_is_normal(dtype):
    z = gaussian_noise(np.zeros((200, 500), dtype), 1.0, **KEY).astype(float).ravel()
    n = z.size
    assert abs(z.mean()) < 5 / np.sqrt(n) and abs(z.var() - 1) < 5 * np.sqrt(2 / n)
    assert abs((z**3).mean()) < 5 * np.sqrt(15 / n) and abs((z**4).mean() - 3) < 5 * np.sqrt(96 / n)
    for limit, share in ((0.6744898, 0.5), (1.9599640, 0.05), (3.2905267, 0.001)):
        beyond = (np.abs(z) > limit).sum()
        assert abs(beyond - share * n) < 5 * np.sqrt(share * n)
    pairs = z.reshape(-1, 2)
    assert abs((pairs[:, 0] * pairs[:, 1]).mean()) < 5 / np.sqrt(n / 2)
    half = gaussian_noise(np.ones((200, 500), dtype), 0.5, **KEY)
    np.testing.assert_allclose(half.ravel(), 1 + 0.5 * z, rtol=1e-6, atol=1e-6)


def test_key_and_position_decide_alone():
    x = np.random.default_rng(0).standard_normal((40, 2, 6, 8))
    for f in (
        lambda x, **key: random_crop(x, (6, 8), 2, **key),
        lambda x, **key: random_flip(x, 0.5, **key),
        lambda x, **key: gaussian_noise(x, 1.0, **key),
    ):
        y = f(x, **KEY)
        np.testing.assert_array_equal(f(x[:7], **KEY), y[:7])
        for other in ({"seed": 2}, {"seed": 1 + 2**32}, {"op": 3}, {"step": 4}):
            assert np.mean((f(x, **{**KEY, **other}) != y).any(axis=(1, 2, 3))) > 0.25


def test_gradients_go_back_to_where_a_number_came_from():
    x = np.arange(1.0, 1 + 4 * 30).reshape(4, 1, 5, 6)
    y = random_crop(x, (4, 7), 1, **KEY)
    dx = random_crop_dx(y, x.shape, (4, 7), 1, **KEY)
    np.testing.assert_array_equal(dx, np.where(np.isin(x, y), x, 0))
    np.testing.assert_array_equal(random_flip_dx(random_flip(x, 0.5, **KEY), 0.5, **KEY), x)


def test_messages():
    x = np.ones((2, 1, 4, 4))
    with pytest.raises(
        OptionError, match=r"`size` must be from 1 to the 6 x 6 of the padded images, got \(7, 2\)"
    ):
        random_crop(x, (7, 2), 1, **KEY)
    with pytest.raises(ShapeError, match=r"`dy` must have the shape \(2, 1, 3, 3\) of the result"):
        random_crop_dx(x, x.shape, 3, 1, **KEY)
    with pytest.raises(OptionError, match="random_flip: `p` must be from 0 to 1, got 2"):
        random_flip(x, 2.0, **KEY)
    with pytest.raises(OptionError, match="gaussian_noise: `std` must be a finite number from 0, got -1"):
        gaussian_noise(x, -1.0, **KEY)
    with pytest.raises(OptionError, match=r"random_crop: `op` must be from 0 to 2\^32 - 1, got -1"):
        random_crop(x, 4, 1, **{**KEY, "op": -1})
    with pytest.raises(DtypeError, match="gaussian_noise: `step` must be an integer"):
        gaussian_noise(x, 1.0, **{**KEY, "step": 0.5})
