"""NPZ files that the tests write, whole and damaged, and the real MNIST file where it is at hand."""

from pathlib import Path

import numpy as np
import pytest

from nbdl.data import load
from nbdl.errors import DataError, UsageError

MNIST = Path(__file__).parents[3] / "shared" / "data" / "mnist.npz"


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        "x_train": rng.integers(0, 256, (20, 6, 5), np.uint8),
        "y_train": np.arange(20, dtype=np.uint8) % 3,
        "x_test": rng.integers(0, 256, (8, 6, 5), np.uint8),
        "y_test": np.arange(8, dtype=np.uint8) % 3,
    }


def saved(folder, **arrays):
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


def test_four_keys(tmp_path, arrays):
    data = load(saved(tmp_path, **arrays))
    assert (data.name, data.classes) == ("a", 3)
    assert data.train.x.shape == (20, 1, 6, 5) and data.train.x.dtype == np.float32
    assert np.array_equal(data.train.x[:, 0], arrays["x_train"].astype(np.float32) / np.float32(255))
    assert np.array_equal(data.test.y, arrays["y_test"]) and data.test.y.dtype == np.int64


def test_two_keys_are_split_by_a_seed(tmp_path):
    x = np.arange(60, dtype=np.float64).reshape(20, 3)
    path = saved(tmp_path, x=x, y=x[:, :2] * 2)
    data = load(path)
    assert data.classes is None and data.train.y.dtype == np.float32
    assert data.train.x.shape == (16, 3) and data.test.y.shape == (4, 2)
    assert np.array_equal(data.train.x[:, :2] * 2, data.train.y)
    assert sorted(np.concatenate([data.train.x, data.test.x])[:, 0]) == list(x[:, 0])
    assert np.array_equal(load(str(path)).train.x, data.train.x)
    assert not np.array_equal(load(path, seed=1).train.x, data.train.x)
    assert load(path, test_fraction=0.5).test.x.shape == (10, 3)


def test_axes_and_targets(tmp_path):
    colour = np.full((4, 6, 5, 3), 255, np.uint8)
    data = load(saved(tmp_path, x=colour, y=np.array([[0], [1], [0], [1]])))
    assert data.train.x.shape == (3, 3, 6, 5) and data.train.x.max() == 1 and data.train.y.shape == (3,)
    data = load(saved(tmp_path, x=np.arange(4.0), y=np.arange(4.0)))
    assert data.train.x.shape == (3, 1) and data.train.y.shape == (3, 1)
    data = load(saved(tmp_path, x=np.arange(4.0), y=np.arange(4)), task="regression")
    assert data.classes is None and data.train.y.dtype == np.float32
    data = load(saved(tmp_path, x=np.zeros((4, 2)), y=np.array([0.0, 1.0, 2.0, 1.0])), task="classification")
    assert data.classes == 3 and data.train.y.dtype == np.int64
    assert load(saved(tmp_path, x=np.eye(4) > 0, y=np.arange(4) > 1)).classes == 2


def nan_at(a, i):
    a = np.array(a, np.float64)
    a[i] = np.nan
    return a


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_test": None}, "x_train, y_train, x_test, y_test"),
        ({"x_train": np.array([{}] * 20)}, "Python objects"),
        ({"x_train": np.array(["a"] * 20)}, "array of numbers"),
        ({"x_train": np.zeros((20, 2), complex)}, "array of numbers"),
        ({"x_train": np.zeros((0, 6, 5))}, "empty"),
        ({"x_train": nan_at(np.zeros((20, 6, 5)), (7, 1, 1))}, "sample 7 holds NaN"),
        ({"x_train": np.full((20, 6, 5), 1e300)}, "sample 0 holds infinity"),
        ({"y_train": nan_at(np.zeros(20), 3)}, "sample 3 holds NaN"),
        ({"y_train": np.zeros(19, int)}, "19 targets for 20 samples"),
        (
            {"y_train": np.arange(20) - 1},
            "must recur: there are 20 different ones in 28 samples, from -1 to 18",
        ),
        (
            {"y_train": np.arange(20) * 100},
            "must recur: there are 22 different ones in 28 samples, from 0 to 1900",
        ),
        ({"y_train": np.eye(20, dtype=int)}, r"one number for each sample, got shape \(20, 20\)"),
        ({"y_train": np.zeros(20)}, "test targets are labels, training targets values"),
        ({"x_test": np.zeros((8, 6, 6))}, r"test samples have shape \(1, 6, 6\)"),
    ],
)
def test_bad_arrays(tmp_path, arrays, change, message):
    arrays.update(change)
    path = saved(tmp_path, **{k: v for k, v in arrays.items() if v is not None})
    with pytest.raises(DataError, match=message) as error:
        load(path)
    assert error.value.__notes__[0].startswith(f"where: {path}")
    assert error.value.__notes__[1].startswith("try: ")


def test_labels_that_are_no_integers(tmp_path):
    path = saved(tmp_path, x=np.zeros((4, 2)), y=np.array([0.0, 1.5, 2.0, 1.0]))
    with pytest.raises(DataError, match=r"must be integers, got 1.5"):
        load(path, task="classification")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"x" * 100, b"\x80\x04."])
def test_files_of_another_kind(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match="no valid NPZ file"):
        load(tmp_path / "a.npz")


def test_one_sample_cannot_be_split(tmp_path):
    with pytest.raises(DataError, match="one sample"):
        load(saved(tmp_path, x=np.zeros((1, 2)), y=np.zeros(1)))


@pytest.mark.parametrize(
    "options", [{"test_fraction": -0.1}, {"test_fraction": "half"}, {"seed": -1}, {"seed": 0.5}]
)
def test_bad_options(tmp_path, options):
    path = saved(tmp_path, x=np.zeros((4, 2)), y=np.zeros(4))
    with pytest.raises(UsageError, match=next(iter(options))):
        load(path, **options)


def test_mutations_raise_only_data_errors(tmp_path, arrays):
    rng = np.random.default_rng(2)
    original = saved(tmp_path, **arrays).read_bytes()
    np.savez_compressed(tmp_path / "c.npz", **arrays)
    compressed = (tmp_path / "c.npz").read_bytes()
    refused = 0
    for i in range(300):
        data = bytearray(compressed if i % 2 else original)
        for _ in range(rng.integers(1, 5)):
            data[rng.integers(len(data))] = rng.integers(256)
        if rng.random() < 0.2:
            data = data[: rng.integers(len(data))]
        (tmp_path / "b.npz").write_bytes(data)
        try:
            load(tmp_path / "b.npz")
        except DataError:
            refused += 1
    assert refused > 150


def test_real_mnist():
    if not MNIST.exists():
        pytest.skip("the MNIST file is not at hand (../shared/data/mnist.npz)")
    data = load(MNIST)
    assert data.train.x.shape == (60000, 1, 28, 28) and data.test.x.shape == (10000, 1, 28, 28)
    assert data.classes == 10 and data.train.x.min() == 0 and data.train.x.max() == 1
    assert list(data.train.y[:10]) == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert abs(float(data.train.x.mean()) - 0.1307) < 1e-4
