"""Inputs to predict on: the same axes and checks as for training."""

import numpy as np
import pytest

from nbdl.data import load_inputs
from nbdl.errors import DataError


def test_kinds(tmp_path):
    x = np.arange(12.0).reshape(4, 3)
    np.save(tmp_path / "a.npy", x)
    np.savez(tmp_path / "one.npz", anything=x)
    np.savez(tmp_path / "two.npz", x_test=x, y_test=x)
    np.savetxt(tmp_path / "a.csv", x, delimiter=",", header="a,b,c", comments="")
    for name in ("a.npy", "one.npz", "two.npz", "a.csv"):
        got = load_inputs(tmp_path / name)
        assert got.dtype == np.float32 and np.array_equal(got, x)


def test_images(tmp_path):
    np.save(tmp_path / "a.npy", np.full((2, 4, 5), 255, np.uint8))
    got = load_inputs(tmp_path / "a.npy")
    assert got.shape == (2, 1, 4, 5) and (got == 1).all()


def test_bad_files(tmp_path):
    np.savez(tmp_path / "two.npz", a=np.zeros(2), b=np.zeros(2))
    np.save(tmp_path / "nan.npy", np.array([[1.0], [np.nan]]))
    np.save(tmp_path / "object.npy", np.array([None]))
    (tmp_path / "short.npy").write_bytes(b"\x93NUMPY\x01\x00")
    (tmp_path / "a.md").write_text("1")
    for name, message in [
        ("two.npz", "the key x is needed, found a, b"),
        ("nan.npy", "sample 1 holds NaN"),
        ("object.npy", "Python objects"),
        ("short.npy", "no NPY file"),
        ("a.md", "`.md` is not a kind of file"),
        ("missing.npy", "No such file"),
        ("missing.csv", "No such file"),
    ]:
        with pytest.raises(DataError, match=message):
            load_inputs(tmp_path / name)
