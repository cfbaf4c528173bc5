"""The bundled handwriting: shapes, the fixed split, and the enlargement."""

import sys

import numpy as np
import pytest

from nbdl.data import load
from nbdl.data._digits import enlarge
from nbdl.errors import DataError, UsageError

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")


@pytest.mark.parametrize("size", [28, 8])
def test_shapes(size):
    data = load("digits", size=size)
    assert data.train.x.shape == (1437, 1, size, size) and data.test.x.shape == (360, 1, size, size)
    assert data.train.x.dtype == np.float32 and data.train.y.dtype == np.int64
    assert data.train.x.min() == 0 and data.train.x.max() == 1 and data.classes == 10
    assert np.bincount(data.test.y, minlength=10).min() > 25


def test_the_split_never_changes():
    data = load("digits", size=8)
    assert list(data.test.y[:12]) == list(load("digits").test.y[:12])
    assert list(data.train.y[:12]) == [2, 8, 2, 6, 6, 7, 1, 9, 8, 5, 2, 8]


def test_enlarge_keeps_planes_and_the_mean():
    x = np.arange(12.0).reshape(1, 3, 4)
    y = enlarge(x, 3)
    assert y.shape == (1, 9, 12)
    assert np.array_equal(y[0, 1::3, 1::3], x[0])  # pixel centres
    assert np.allclose(np.diff(y[0, 4, 1:-1]), 1 / 3) and np.allclose(np.diff(y[0, 1:-1, 4]), 4 / 3)
    assert np.isclose(y.mean(), x.mean())
    assert np.allclose(enlarge(np.ones((2, 8, 8)), 3), 1)


def test_bad_size():
    with pytest.raises(UsageError, match="must be 8 or 28, got 16"):
        load("digits", size=16)


def test_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match="not installed") as error:
        load("digits")
    assert error.value.__notes__[1] == 'try: pip install "nbdl[data]"'
