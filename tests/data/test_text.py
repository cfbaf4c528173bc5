"""Text as windows of token ids: what a token is, where windows lie, and what is said of bad files."""

from pathlib import Path

import numpy as np
import pytest

from nbdl.data import _text, load, load_inputs
from nbdl.data._vocabulary import BOOK as LETTERS
from nbdl.errors import DataError, UsageError

BOOK = Path(__file__).parents[3] / "shared" / "data" / "timemachine.txt"
ALPHABET = "abcdefghijklmnopqrstuvwxyz"
VOCABULARY, encoded, decoded = LETTERS.tokens, LETTERS.encode, LETTERS.decode


def test_letters_and_spaces():
    assert decoded(encoded("The Time-Machine,\n\n1895: by  H. G. Wells!")) == "the time machine by h g wells "
    assert len(VOCABULARY) == 28 and encoded(" az").tolist() == [0, 2, 27]
    # the book's own example, section 9.2.3: "the time m"
    assert encoded("The Time M").tolist() == [21, 9, 6, 0, 21, 10, 14, 6, 0, 14]


def test_windows(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(ALPHABET * 4, encoding="utf-8")
    data = load(path, text=True, length=5, test_fraction=0.25)
    assert data.train.x.dtype == data.train.y.dtype == np.int64 and data.classes == 28
    assert data.train.x.shape == data.train.y.shape == (15, 5) and data.test.x.shape == (5, 5)
    assert (data.labels, data.metrics) == (VOCABULARY, ("perplexity", "bits_per_character"))
    corpus = encoded(ALPHABET * 4)
    assert (data.train.x.ravel() == corpus[:75]).all() and (data.train.y.ravel() == corpus[1:76]).all()
    assert (data.test.x.ravel() == corpus[78:103]).all()  # nothing reaches across the border
    near = load(path, text=True, length=5, stride=2, test_fraction=0.25, last=True)
    assert near.train.x.shape == (37, 5) and near.train.y.shape == (37,)
    assert (near.train.x[1] == corpus[2:7]).all() and near.train.y[1] == corpus[7]
    assert near.train.y[-1] == corpus[77]


def test_a_table_in_a_text_file_stays_a_table(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("".join(f"{i} {i * i} {i % 2}\n" for i in range(20)))
    assert load(path).train.x.shape == (16, 2)
    assert load(path, text=False).train.x.shape == (16, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 0}, "`length` must be an integer of at least 1, got 0"),
        ({"length": 2.5}, "`length` must be an integer of at least 1"),
        ({"stride": 0}, "`stride` must be an integer of at least 1, got 0"),
        ({"test_fraction": 1.0}, "`test_fraction` must be above 0 and below 1"),
        ({"last": 1}, "`last` must be true or false"),
        ({"lenght": 5}, "unknown option `lenght` of a.txt; did you mean `length`"),
        ({"text": 1}, "`text` must be true or false, got 1"),
        ({"tokens": "letter"}, "`tokens` must be char or word, got 'letter'"),
        ({"normalize": "no"}, "`normalize` must be true, false or lower, got 'no'"),
        ({"partition": "none"}, "`partition` must be fixed, random, sequential, got 'none'"),
        ({"partition": "random", "stride": 1}, "`stride` must be `length`, 32, where `partition` is random"),
        ({"min_freq": 0}, "`min_freq` must be an integer of at least 1, got 0"),
        ({"reserved": "<pad>"}, "`reserved` must be a list of tokens, got '<pad>'"),
    ],
)
def test_wrong_options(tmp_path, options, message):
    path = tmp_path / "a.txt"
    path.write_text(ALPHABET * 4)
    with pytest.raises(UsageError, match=message):
        load(path, **{"text": True, **options})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"Only a few words.", "of its 17 letters and spaces 14 are for training and 3 for testing"),
        (b"", "of its 0 letters"),
        ("ab\nStraße".encode("latin-1") * 99, "no valid text file in UTF-8: byte 0xdf at place 7, in line 2"),
        (b"\xef\xbb\xbfa\xff" * 99, "byte 0xff at place 4, in line 1"),
        ("a text".encode("utf-16") * 99, "byte 0xff at place 0, in line 1"),
        (bytes(range(256)) * 9, "no valid text file in UTF-8"),
    ],
)
def test_files_that_are_no_text(tmp_path, content, message):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as raised:
        load(path, text=True, length=8)
    assert f"where: {path}" in raised.value.__notes__


def test_download(tmp_path, monkeypatch):
    pooch = pytest.importorskip("pooch", reason="downloads need pooch")
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / name)
    asked = []

    def retrieve(url, known_hash, fname, path):
        asked.append((url, known_hash))
        Path(path).mkdir(parents=True, exist_ok=True)
        (Path(path) / fname).write_text("It was a dark and stormy night. " * 50)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    data = load("timemachine", length=16)
    assert data.name == "timemachine" and data.train.x.shape[1:] == (16,)
    assert asked == [(f"{_text.HOME}timemachine.txt", f"sha256:{_text.SHA256}")]

    def refuse(*args):
        raise ConnectionError("no route")

    monkeypatch.setattr(pooch, "retrieve", refuse)
    with pytest.raises(DataError, match=r"timemachine could not be downloaded: .*no route") as raised:
        load("timemachine")
    assert "--data with the path of a text file" in raised.value.__notes__[1]


@pytest.mark.skipif(not BOOK.exists(), reason="the text is not at hand (../shared/data)")
def test_the_book():
    """173,428 characters, as in section 9.2; and the file that the download asks for."""
    import hashlib

    assert hashlib.sha256(BOOK.read_bytes()).hexdigest() == _text.SHA256
    assert len(encoded(BOOK.read_text(encoding="utf-8"))) == 173_428
    data = load(BOOK, text=True)
    assert decoded(data.train.x[0]) == "the time machine by h g wells i "
    assert data.train.x.shape == (4335, 32) and data.test.x.shape == (1083, 32)


def test_lines_to_predict_on(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("The Time\n\nMachine, by H. G. Wells\n")
    found = load_inputs(path, length=5)
    assert [decoded(row) for row in found] == [" time", "wells"]
    with pytest.raises(DataError, match="line 1 has 8 letters and spaces, the model reads 9"):
        load_inputs(path, length=9)
