"""IDX files that the tests write: as published, gzipped, and damaged in every way we could think of."""

import gzip
import struct

import numpy as np
import pytest

from nbdl.data import load
from nbdl.data._idx import FILES, read_idx
from nbdl.errors import DataError, UsageError

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def pack(a):
    header = bytes([0, 0, CODES[a.dtype.str[1:]], a.ndim]) + struct.pack(f">{a.ndim}I", *a.shape)
    return header + a.astype(a.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name, n in zip(FILES, (12, 12, 5, 5)):
        images = "images" in name
        a = rng.integers(0, 256, (n, 6, 5), np.uint8) if images else np.arange(n).astype(np.uint8) % 4
        (tmp_path / name).write_bytes(pack(a))
    return tmp_path


def test_folder(folder):
    data = load(folder)
    raw = read_idx(folder / FILES[0])
    assert data.name == folder.name and data.classes == 4
    assert data.train.x.shape == (12, 1, 6, 5) and data.train.x.dtype == np.float32
    assert np.array_equal(data.train.x[:, 0], raw.astype(np.float32) / np.float32(255))
    assert data.test.x.shape == (5, 1, 6, 5)
    assert np.array_equal(data.test.y, [0, 1, 2, 3, 0]) and data.test.y.dtype == np.int64


def test_one_file_stands_for_its_folder(folder):
    assert load(folder / FILES[2]).train.x.shape == (12, 1, 6, 5)


def test_gzipped_and_dotted_names(folder):
    for name in FILES:
        data = (folder / name).read_bytes()
        (folder / name).unlink()
        (folder / (name.replace("-idx", ".idx") + ".gz")).write_bytes(gzip.compress(data))
    assert load(folder).train.x.shape == (12, 1, 6, 5)
    assert load(folder / "train-images.idx3-ubyte.gz").classes == 4


@pytest.mark.parametrize("dtype", CODES)
def test_dtypes(tmp_path, dtype):
    a = np.array([[1, -2, 3], [100, 5, 6]]).astype(dtype)
    (tmp_path / "a").write_bytes(pack(a))
    back = read_idx(tmp_path / "a")
    assert back.dtype == a.dtype and np.array_equal(back, a)


GOOD = pack(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "starts with nothing"),
        (b"\x1f\x8b\x08\x00" + GOOD, "not an IDX file: it starts with 1f 8b 08 00"),
        (b"\0\0\x07\x03" + GOOD[4:], "not an IDX file"),
        (b"\0\0\x08\x00" + GOOD[4:], "not an IDX file"),
        (b"\0\0\x08\xff" + GOOD[4:], "not an IDX file"),
        (GOOD[:10], "cut short"),
        (GOOD[:-1], "cut short of the 24 bytes"),
        (GOOD + b"\0", "longer than the 24 bytes"),
        (b"\0\0\x0e\x03" + b"\xff" * 12, "cut short"),
    ],
)
def test_damaged(folder, content, message):
    (folder / FILES[0]).write_bytes(content)
    with pytest.raises(DataError, match=message) as error:
        load(folder)
    assert f"where: {folder / FILES[0]}" in error.value.__notes__
    assert error.value.__notes__[1].startswith("try: ")


@pytest.mark.parametrize("change", ["cut", "flip", "plain"])
def test_damaged_gzip(folder, change):
    data = bytearray(gzip.compress(GOOD))
    if change == "cut":
        data = data[:-12]
    elif change == "flip":
        data[len(data) // 2] ^= 0xFF
    else:
        data = GOOD
    (folder / FILES[0]).rename(folder / f"{FILES[0]}.gz").write_bytes(data)
    with pytest.raises(DataError):
        load(folder)


def test_missing_file_is_named(folder):
    (folder / FILES[3]).unlink()
    with pytest.raises(DataError, match=FILES[3]):
        load(folder)


def test_files_that_do_not_belong_together(folder):
    (folder / FILES[1]).write_bytes(pack(np.zeros(11, np.uint8)))
    with pytest.raises(DataError, match="11 targets for 12 samples"):
        load(folder)
    (folder / FILES[1]).write_bytes(pack(np.zeros(12, np.uint8)))
    (folder / FILES[2]).write_bytes(pack(np.zeros((5, 7, 5), np.uint8)))
    with pytest.raises(DataError, match=r"shape \(1, 7, 5\), training samples \(1, 6, 5\)"):
        load(folder)


def test_options(folder):
    assert load(folder, task="regression").train.y.shape == (12, 1)
    with pytest.raises(UsageError, match="task"):
        load(folder, task="guess")
    with pytest.raises(UsageError, match="unknown option `seed`"):
        load(folder, seed=1)


def test_mutations_raise_only_data_errors(folder):
    rng = np.random.default_rng(1)
    originals = [(folder / name).read_bytes() for name in FILES]
    refused = 0
    for _ in range(300):
        which = rng.integers(4)
        data = bytearray(originals[which])
        for _ in range(rng.integers(1, 4)):
            data[rng.integers(min(len(data), 40))] = rng.integers(256)
        if rng.random() < 0.3:
            data = data[: rng.integers(len(data))]
        (folder / FILES[which]).write_bytes(data)
        try:
            load(folder)
        except DataError:
            refused += 1
        (folder / FILES[which]).write_bytes(originals[which])
    assert refused > 50
