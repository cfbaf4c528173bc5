"""The downloads, without a network: pooch is given what a server would send."""

import gzip
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from nbdl.data import _mnist, load
from nbdl.data._idx import FILES
from nbdl.errors import DataError

pooch = pytest.importorskip("pooch", reason="downloads need pooch")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_download(cache, monkeypatch, name):
    asked = []

    def retrieve(url, known_hash, fname, path):
        asked.append((url, known_hash))
        n = 6 if "train" in fname else 3
        shape = (n, 28, 28) if "images" in fname else (n,)
        header = bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
        Path(path).mkdir(parents=True, exist_ok=True)
        (Path(path) / fname).write_bytes(gzip.compress(header + bytes(np.ones(shape, np.uint8))))

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    data = load(name)
    assert (data.name, data.classes) == (name, 2) and data.train.x.shape == (6, 1, 28, 28)
    assert [url.rpartition("/")[2] for url, _ in asked] == [f"{file}.gz" for file in FILES]
    assert all(len(h) == 71 and h.startswith("sha256:") for _, h in asked) and len({h for _, h in asked}) == 4


@pytest.mark.parametrize("error", [ConnectionError("no route"), ValueError("SHA256 hash does not match")])
def test_failed_download(cache, monkeypatch, error):
    def retrieve(*args):
        raise error

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    with pytest.raises(DataError, match=f"mnist could not be downloaded: .*{error}") as raised:
        load("mnist")
    assert _mnist.MNIST in raised.value.__notes__[0] and "--data" in raised.value.__notes__[1]


def test_without_pooch(monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(DataError, match="not installed") as raised:
        load("mnist")
    assert 'pip install "nbdl[data]"' in raised.value.__notes__[1]
