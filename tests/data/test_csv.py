"""CSV files: headers, delimiters, targets, and every kind of broken table."""

import numpy as np
import pytest

from nbdl.data import load
from nbdl.errors import DataError, UsageError

TABLE = "size,rooms,price\n" + "".join(f"{i},{i % 3},{i * 1.5}\n" for i in range(10))


@pytest.fixture
def write(tmp_path):
    def write(text, name="a.csv"):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path / name

    return write


def test_regression(write):
    data = load(write(TABLE))
    assert (data.name, data.classes) == ("a", None)
    assert data.train.x.shape == (8, 2) and data.test.y.shape == (2, 1)
    assert data.train.x.dtype == data.train.y.dtype == np.float32
    assert np.array_equal(data.train.x[:, :1] * np.float32(1.5), data.train.y)


def test_target_by_name_and_index(write):
    path = write(TABLE)
    for target in ("rooms", 1, -2):
        data = load(path, target=target)
        assert data.classes == 3 and data.train.y.dtype == np.int64
        assert np.array_equal(data.train.x[:, 0] % 3, data.train.y)
    assert load(path, target="rooms", task="regression").classes is None


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.partition("\n")[2],  # no header
        lambda t: t.replace(",", ";"),
        lambda t: t.replace(",", "\t"),
        lambda t: t.replace("\n", "\r\n"),
        lambda t: "\ufeff" + t + "\n\n",
        lambda t: t.replace("size", '"size, in ""square"" metres"'),
        lambda t: t.rstrip("\n"),
    ],
)
def test_forms(write, change):
    expected, data = load(write(TABLE)), load(write(change(TABLE), "b.csv"))
    assert np.array_equal(expected.train.x, data.train.x) and np.array_equal(expected.test.y, data.test.y)


def test_delimiter_option(write):
    assert load(write(TABLE.replace(",", "|")), delimiter="|").train.x.shape == (8, 2)
    with pytest.raises(UsageError, match="one character"):
        load(write(TABLE), delimiter="||")


@pytest.mark.parametrize(
    ("text", "message", "where"),
    [
        ("", "no rows", ""),
        ("a,b\n", "no rows", ""),
        ("a\n1\n2\n", "two columns at least", ""),
        ("a,b\n1,2\n3\n", "1 fields, the first one 2", ", line 3"),
        ("a,b\n1,2\n3,4,5\n", "3 fields, the first one 2", ", line 3"),
        ("a,b\n1,2\nred,4\n", "column `a` holds 'red'", ", line 3, column `a`"),
        ("a,b\n1,2\n\n3,\n", "column `b` has an empty field", ", line 4, column `b`"),
        ("1,2\n3,nan\n", "column `1` holds 'nan'", ", line 2, column `1`"),
        ("1,2\ninf,3\n", "column `0` holds 'inf'", ", line 2, column `0`"),
        ("1,2\n1_000,3\n", "column `0` holds '1_000'", ", line 2, column `0`"),
        ("a,b\n1e200,2\n1,3\n", "beyond float32", ""),
        ("a,b\n1,-2\n1,3\n", "must not be negative", ", column `b`"),
        ("a,b\n1,250000\n1,300000\n", "go up to 300000 in 2 samples", ", column `b`"),
        ("a,b\n1,2\n", "one sample", ""),
        ('a,b\n"1,2\n', "no valid CSV file", ""),
        (b"a,b\n\xff\xfe,2\n", "not a text file", ""),
    ],
)
def test_bad_tables(write, text, message, where):
    path = write(text)
    with pytest.raises(DataError, match=message) as error:
        load(path)
    assert error.value.__notes__[0] == f"where: {path}{where}"


def test_bad_targets(write):
    path = write(TABLE)
    with pytest.raises(DataError, match="no column `pric`") as error:
        load(path, target="pric")
    assert "try: target=price" in error.value.__notes__
    for target in (3, -4):
        with pytest.raises(DataError, match="there are 3"):
            load(path, target=target)
    with pytest.raises(UsageError, match="target"):
        load(path, target=1.5)


def test_mutations_raise_only_data_errors(write):
    rng = np.random.default_rng(3)
    letters = b'0123456789.,;\n\r\t"eE+-x _\x00\xff'
    refused = 0
    for _ in range(300):
        data = bytearray(TABLE.encode())
        for _ in range(rng.integers(1, 5)):
            data[rng.integers(len(data))] = letters[rng.integers(len(letters))]
        if rng.random() < 0.2:
            data = data[: rng.integers(len(data))]
        try:
            load(write(bytes(data)))
        except DataError:
            refused += 1
    assert refused > 100
