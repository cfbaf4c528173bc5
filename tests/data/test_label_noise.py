import numpy as np
import pytest

from nbdl.data import label_noise, load
from nbdl.errors import NbdlError

Y = np.arange(600) % 3


def test_as_many_labels_are_changed_as_asked_for():
    for share in (0.0, 0.25, 1.0):
        noisy = label_noise(Y, 3, share, seed=4)
        assert np.sum(noisy != Y) == share * 600 and noisy.dtype == Y.dtype
    counts = np.bincount((noisy - Y) % 3, minlength=3)  # of all labels: both other classes alike
    assert counts[0] == 0 and abs(counts[1] - 300) < 5 * np.sqrt(150)
    np.testing.assert_array_equal(label_noise(Y, 3, 0.25, 4), label_noise(Y, 3, 0.25, 4))
    assert (label_noise(Y, 3, 0.25, 4) != label_noise(Y, 3, 0.25, 5)).any()
    assert label_noise(Y.reshape(20, 30), 3, 0.5).shape == (20, 30)
    assert label_noise(Y[:0], 3, 0.5).shape == (0,)
    unsigned = label_noise(Y.astype("u1"), 200, 1.0)
    assert (unsigned != Y).all() and unsigned.max() < 200


@pytest.mark.parametrize(
    ("y", "classes", "share", "seed", "message"),
    [
        (Y, 2, 0.1, 0, "`y` must be from 0 to 1, got 0 to 2"),
        (Y / 2, 3, 0.1, 0, "`y` must hold integers, got float64"),
        (Y * 0, 1, 0.1, 0, "`classes` must be an integer of at least 2, got 1"),
        (Y, 3, 1.5, 0, "`share` must be from 0 to 1, got 1.5"),
        (Y, 3, np.nan, 0, "`share`"),
        (Y, 3, "a", 0, "`share`"),
        (Y, 3, 0.1, -1, "`seed` must be an integer from 0"),
    ],
)
def test_what_cannot_be_is_named(y, classes, share, seed, message):
    with pytest.raises(NbdlError, match=message):
        label_noise(y, classes, share, seed)


def test_the_data_option(tmp_path):
    x = np.random.default_rng(0).normal(size=(600, 2))
    np.savez(tmp_path / "classes.npz", x=x, y=Y)
    np.savez(tmp_path / "values.npz", x=x, y=x[:, 0])
    plain, noisy = (load(tmp_path / "classes.npz", **o) for o in ({}, {"label_noise": 0.5}))
    assert np.mean(plain.train.y != noisy.train.y) == 0.5 and "50% of the training labels" in noisy.about
    np.testing.assert_array_equal(plain.test.y, noisy.test.y)
    other = load(tmp_path / "classes.npz", label_noise=0.5, label_noise_seed=1)
    assert (other.train.y != noisy.train.y).any()
    with pytest.raises(NbdlError, match="`label_noise` must be from 0 to 1, got 2"):
        load(tmp_path / "classes.npz", label_noise=2)
    with pytest.raises(NbdlError, match="`label_noise` needs targets that are classes"):
        load(tmp_path / "values.npz", label_noise=0.5)
