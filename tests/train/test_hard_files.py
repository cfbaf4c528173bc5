"""Files that are damaged, hostile or no files at all: whoever reads them says so, and that is all."""

import copy
import os
import struct
import zipfile

import numpy as np
import pytest

import nbdl
from nbdl import train
from nbdl.data import load, load_inputs
from nbdl.data._columns import load_table
from nbdl.errors import DataError, NbdlError, UsageError
from nbdl.train import _files

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)).astype(np.float32), np.arange(40) % 2
CHECKPOINT = "checkpoint.safetensors"
NESTED = [[[[[1]]]]]
for _ in range(90):
    NESTED = [NESTED]


# --- one rule at each reader --------------------------------------------------------------------------------

READERS = {
    "model": (nbdl.load, "m.safetensors"),
    "run": (train.load_run, "m.safetensors"),
    "config": (lambda path: train.resolve(path=path), "c.toml"),
    "npz": (load, "d.npz"),
    "csv": (load, "d.csv"),
    "inputs of a table": (load_inputs, "i.csv"),
    "inputs of an array": (load_inputs, "i.npy"),
    "columns of a table": (load_table, "t.csv"),
    "columns of an array": (load_table, "t.npy"),
}
EVERY_READER = pytest.mark.parametrize(("read", "name"), READERS.values(), ids=READERS)


@EVERY_READER
def test_a_missing_file_is_said_to_be_missing(tmp_path, read, name):
    with pytest.raises(DataError, match="there is no such") as caught:
        read(tmp_path / name)
    assert f"where: {tmp_path / name}" in caught.value.__notes__


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@EVERY_READER
def test_a_pipe_or_a_device_is_not_waited_for(tmp_path, read, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="only regular files are read"):
        read(tmp_path / name)
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to("/dev/zero")
    with pytest.raises(DataError, match="only regular files are read"):
        read(tmp_path / name)


@EVERY_READER
def test_a_folder_is_no_file(tmp_path, read, name):
    (tmp_path / name).mkdir()
    with pytest.raises(DataError) as caught:
        read(tmp_path / name)
    assert f"where: {tmp_path / name}" in caught.value.__notes__


@EVERY_READER
def test_a_file_that_no_memory_holds_is_not_read(tmp_path, read, name):
    with open(tmp_path / name, "wb") as file:
        file.truncate(2**43)  # a hole: it takes no room on the disk
    with pytest.raises(DataError, match=r"it has 8796093022208 bytes"):
        read(tmp_path / name)


@EVERY_READER
@pytest.mark.parametrize("path", ["x" * 5000, "x" * 300 + "/a.csv"], ids=["name", "folder"])
def test_a_name_that_is_too_long_is_an_error_in_words(read, name, path):
    with pytest.raises(DataError, match="the file cannot be read: File name too long"):
        read(path + os.path.splitext(name)[1])


@EVERY_READER
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 100,
        b"\xff\xfe\x00a" * 9,
        b"[" * 100_000,
        b"9" * 6000,
        b"x = " + b"[" * 5000 + b"]" * 5000,
    ],
    ids=["empty", "zeros", "no text", "brackets", "digits", "nested"],
)
def test_contents_of_no_kind_are_a_fault_of_the_file(tmp_path, read, name, content):
    (tmp_path / name).write_bytes(content)
    try:
        read(tmp_path / name)
    except DataError as error:
        assert any(str(tmp_path / name) in note for note in error.__notes__)
    except UsageError as error:  # an empty config is one that names no model
        assert name == "c.toml" and not content and "no model is named" in str(error)


def test_a_long_integer_in_a_config_is_a_fault_of_the_file(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text(f"model = 'mlp'\nepochs = {'9' * 5000}")
    with pytest.raises(DataError, match="no valid TOML file"):
        train.resolve(path=path)
    path.write_text(f"model = 'mlp'\nepochs = {'9' * 500}")
    with pytest.raises(UsageError, match="`epochs` must be below"):
        train.resolve(path=path)


def test_a_header_of_impossible_sizes_asks_for_no_memory(tmp_path):
    names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
    for end in names:
        for start in ("train", "t10k"):
            (tmp_path / end.replace("train", start)).write_bytes(bytes([0, 0, 8, 1]) + struct.pack(">I", 0))
    huge = 2**32 - 1
    for sizes in ((0, huge, huge), (huge, 0, huge), (huge, huge, huge), (1, huge, huge)):
        (tmp_path / names[0]).write_bytes(bytes([0, 0, 8, 3]) + struct.pack(">3I", *sizes))
        with pytest.raises(DataError):
            load(tmp_path)
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w") as archive:
        archive.writestr("x.npy", b"")
        archive.infolist()[0].file_size = 2**50  # what the directory of the archive promises
    with pytest.raises(DataError, match="more than the memory"):
        load(tmp_path / "bomb.npz")
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 1000), }".ljust(117) + "\n"
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
    with pytest.raises(DataError):
        load_inputs(tmp_path / "x.npy")


def test_names_that_are_no_text_are_refused_before_a_folder_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"must be text in UTF-8, got '.*\\udce9"):
        train.resolve("mlp", overrides={"data": "caf\udce9.csv"})
    assert not os.listdir(tmp_path)


# --- mutations ----------------------------------------------------------------------------------------------


def mutated(data, rng):
    """Some bytes of `data` changed, cut out, doubled, or filled with one value."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 6)):
        i, n = int(rng.integers(len(data) + 1)), int(rng.integers(1, 9))
        what = rng.integers(6)
        if what == 0:
            data[i : i + n] = b""
        elif what == 1:
            data[i:i] = data[i : i + n]
        elif what == 2:
            data[i : i + n] = bytes([int(rng.integers(256))]) * n
        elif what == 3:
            data[i : i + 1] = rng.choice([b"-", b"9", b"1e9", b"nan", b"[", b"{", b'"', b"\n", b","])
        elif what == 4:
            data = data[: max(i, 1)]
        else:
            data[i : i + 1] = bytes([int(rng.integers(256))])
    return bytes(data) or b"\0"


def config_text(folder):
    return (folder / "config.toml").read_bytes()


def table(folder):
    return "\n".join(
        ["a,b,c,label", *(f"{a:.3f},{b:.3f},{c:.3f},{y}" for (a, b, c), y in zip(X, Y))]
    ).encode()


def idx_file(folder):
    return bytes([0, 0, 8, 3]) + struct.pack(">3I", 4, 3, 2) + bytes(range(24))


def read_idx(path):
    from nbdl.data._idx import read_idx

    return read_idx(path)


MUTANTS = {
    "config": ("c.toml", config_text, lambda path: train.resolve(path=path)),
    "checkpoint": (CHECKPOINT, lambda f: (f / CHECKPOINT).read_bytes(), lambda p: train.load_run(p.parent)),
    "model": ("m.safetensors", lambda f: (f / "model.safetensors").read_bytes(), nbdl.load),
    "idx": ("a-idx", idx_file, read_idx),
    "npz": ("d.npz", lambda f: (f.parent / "data.npz").read_bytes(), load),
    "csv": ("d.csv", table, load),
    "columns": ("d.csv", table, load_table),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("name", "whole", "read"), MUTANTS.values(), ids=MUTANTS)
def test_a_mutated_file_is_read_or_refused_in_words(run_folder, tmp_path, name, whole, read):
    rng, data, refused = np.random.default_rng(5), whole(run_folder), 0
    for _ in range(300):
        (tmp_path / name).write_bytes(mutated(data, rng))
        try:
            read(tmp_path / name)
        except NbdlError:
            refused += 1
    assert refused > 60


@pytest.mark.parametrize("kind", ["checkpoint", "model"])
def test_a_mutated_document_with_a_right_checksum_is_read_or_refused_in_words(run_folder, tmp_path, kind):
    """What no checksum notices: every field replaced by something that it is not."""
    path = run_folder / (CHECKPOINT if kind == "checkpoint" else "model.safetensors")
    arrays, document = _files.read(path)
    rng, refused = np.random.default_rng(6), 0
    values = [
        -1,
        0,
        10**9,
        2**70,
        0.5,
        float("nan"),
        float("-inf"),
        None,
        True,
        "",
        "a",
        [],
        [1],
        {},
        {"a": 1},
    ]
    for _ in range(200):
        changed = copy.deepcopy(document)
        place = changed
        while isinstance(place, (dict, list)) and place:
            keys = list(place) if isinstance(place, dict) else range(len(place))
            key = keys[rng.integers(len(keys))]
            if not isinstance(place[key], (dict, list)) or not place[key] or rng.random() < 0.3:
                place[key] = values[rng.integers(len(values))]
                break
            place = place[key]
        _files.write(tmp_path / path.name, arrays, changed)
        try:
            net = train.load_run(tmp_path if kind == "checkpoint" else tmp_path / path.name)[0]
            train.predict(net, X)
        except NbdlError:
            refused += 1
    assert refused > 60
