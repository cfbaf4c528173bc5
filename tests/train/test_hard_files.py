"""Files that are damaged, hostile or no files at all: whoever reads them says so, and that is all."""

import copy
import json
import os
import signal
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import nbdl
from nbdl import nn, train
from nbdl.data import load, load_inputs
from nbdl.data._columns import load_table
from nbdl.errors import DataError, NbdlError, NumericError, SaveError, UsageError
from nbdl.train import _files

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)).astype(np.float32), np.arange(40) % 2
CHECKPOINT = "checkpoint.safetensors"


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A finished run of two epochs on a small file, and that file."""
    folder = tmp_path_factory.mktemp("runs")
    np.savez(folder / "data.npz", x=X, y=Y)
    config = train.resolve(
        "mlp",
        overrides={
            "data": str(folder / "data.npz"), "epochs": 2, "batch_size": 10, "optimizer": "momentum",
            "model_options.hidden": [4],
        },
    )  # fmt: skip
    train.train(config, out=folder / "run")
    return folder / "run"


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


# --- every number of a checkpoint has a type and a range ----------------------------------------------------


def rewritten(folder, change):
    """Save a copy of a checkpoint with a right checksum, its document changed; returns its folder."""
    arrays, document = _files.read(folder / CHECKPOINT)
    target = folder.parent / "copy"
    target.mkdir(exist_ok=True)
    change(arrays, document)
    _files.write(target / CHECKPOINT, arrays, document)
    return target


NESTED = [[[[[1]]]]]
for _ in range(90):
    NESTED = [NESTED]
WRONG = [-5, 10**9, 1.5, float("nan"), float("inf"), None, "3", True, [], {}, NESTED, 10**400, 2**63]


@pytest.mark.parametrize("key", ["epoch", "batch", "steps", "count", "sum", "seconds", "history", "config"])
def test_a_checkpoint_with_a_wrong_or_missing_field_is_refused(run_folder, key):
    kept = 0
    for value in (*WRONG, "missing"):

        def change(arrays, document, value=value):
            document.pop(key) if value == "missing" else document.update({key: value})

        try:
            folder = rewritten(run_folder, change)
        except (SaveError, RecursionError):  # not even JSON
            continue
        try:
            train.train(None, resume=folder)
        except DataError as error:
            assert any(CHECKPOINT in note for note in error.__notes__)
        else:
            assert key in ("sum", "seconds") and isinstance(value, (int, float))
            kept += 1
    assert kept < 5


@pytest.mark.parametrize("key", ["epochs", "batch_size", "lr", "seed", "threads", "dtype", "model", "loss"])
def test_a_checkpoint_with_wrong_settings_is_refused(run_folder, key):
    for value in (-5, float("nan"), None, [], {"a": 1}, 10**400, "nothing"):
        folder = rewritten(run_folder, lambda a, d, value=value: d["config"].update({key: value}))
        with pytest.raises((DataError, UsageError)):
            train.train(None, resume=folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model_options", {"hidden": [10**9, 10**9], "outputs": 2}),
        ("model_options", {"hidden": [-1]}),
        ("model_options", {"hidden": [4], "dropout": float("nan")}),
        ("model_options", {"nothing": NESTED[0][0]}),
        ("optimizer_options", {"beta": "a"}),
        ("groups", {"*.w": 5}),
        ("loss_options", {"label_smoothing": []}),
        ("schedule_options", {"x": 1}),
    ],
    ids=str,
)
def test_a_checkpoint_whose_options_do_not_fit_is_refused(run_folder, key, value):
    folder = rewritten(run_folder, lambda a, d: d["config"].update({key: value}))
    with pytest.raises(NbdlError):
        train.train(train.resolve(path=run_folder / "config.toml", overrides={"epochs": 3}), resume=folder)
    with pytest.raises(NbdlError):
        d = train.train(None, resume=folder)
        raise AssertionError(d.history)


def _history(change):
    def rewrite(arrays, document):
        document["history"] = copy.deepcopy(document["history"])
        change(document["history"])

    return rewrite


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h.pop(),
        lambda h: h[0].update(train_loss="a"),
        lambda h: h[0].update(train_loss=float("nan")),
        lambda h: h[1].update(test_accuracy=None),
        lambda h: h[1].update(test_accuracy=10**400),
        lambda h: h[1].pop("seconds"),
        lambda h: h[0].update(epoch=-1),
        lambda h: h.__setitem__(0, 5),
        lambda h: h.__setitem__(0, {}),
    ],
)
def test_a_checkpoint_with_a_wrong_history_is_refused(run_folder, change):
    with pytest.raises(DataError):
        train.train(None, resume=rewritten(run_folder, _history(change)))


def test_a_checkpoint_of_other_data_is_refused(run_folder, tmp_path):
    np.savez(tmp_path / "data.npz", x=X[:20], y=Y[:20])
    folder = rewritten(run_folder, lambda a, d: d["config"].update(data=str(tmp_path / "data.npz"), epochs=3))
    with pytest.raises(DataError, match="an epoch of these data has 2 steps"):
        train.train(None, resume=folder)


def test_weights_that_are_no_numbers_are_not_trained_on(run_folder):
    def spoil(arrays, document):
        arrays["net/1.w"] = np.full_like(arrays["net/1.w"], np.nan)

    with pytest.raises(NumericError, match=r"`1\.w` of the model is not finite"):
        train.train(None, resume=rewritten(run_folder, spoil))


@pytest.mark.parametrize(
    "net",
    [
        {"layer": "Linear", "out_features": -1},
        {"layer": "Linear", "out_features": 1e99},
        {"layer": "Dropout", "p": float("nan")},
        {"layer": "Conv2d", "out_channels": 2, "kernel": [10**9] * 5},
        {"layer": "nothing"},
        {"layer": None},
        NESTED,
    ],
    ids=lambda net: str(net)[:40],
)
def test_a_model_file_that_describes_no_net_names_itself(tmp_path, net):
    path = tmp_path / "net.safetensors"
    _files.write(path, {}, {"kind": "net", "net": net})
    with pytest.raises(DataError, match="no valid model file") as caught:
        nbdl.load(path)
    assert f"where: {path}" in caught.value.__notes__


def test_weights_of_another_net_name_their_file(tmp_path):
    path = tmp_path / "net.safetensors"
    nbdl.save(nn.init(nn.Sequential(nn.Linear(2)), X), path)
    other = nn.init(nn.Sequential(nn.Linear(2), nn.Linear(3)), X)
    with pytest.raises(DataError, match=r"missing \['1\.b', '1\.w'\]") as caught:
        nbdl.load(path, into=other)
    assert f"where: {path}" in caught.value.__notes__


def test_a_document_that_is_nested_without_end_is_a_fault_of_the_file(tmp_path):
    text, path = '{"kind": "net", "net": ' + "[" * 100_000 + "]" * 100_000 + "}", tmp_path / "a.safetensors"
    label = {"format": _files.FORMAT, "document": text, "sha256": _files._digest({}, text)}
    path.write_bytes(_files.pack({}, {"nbdl": json.dumps(label)}))
    for read in (nbdl.load, train.load_run):
        with pytest.raises(DataError, match=r"no valid model file .* RecursionError"):
            read(path)


def test_a_description_that_could_not_be_read_back_is_not_written(tmp_path):
    with pytest.raises(SaveError, match="header too large"):
        _files.write(tmp_path / "a.safetensors", {}, {"text": "x" * 10**8})
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


# --- what is left behind ------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from nbdl import train
from nbdl.train import _files

calls = []
def replace(source, target):
    calls.append(target)
    if str(target).endswith(sys.argv[2]) and calls.count(target) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    os.rename(source, target)
_files.os.replace = replace
train.train(train.resolve(path=sys.argv[1] + "/config.toml"), out=sys.argv[3])
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("name", ["log.jsonl", CHECKPOINT])
def test_what_a_killed_run_was_writing_goes_when_it_is_resumed(run_folder, tmp_path, name):
    command = [sys.executable, "-c", KILLED, str(run_folder), name, str(tmp_path / "run")]
    killed = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=300)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    left = [p for p in os.listdir(tmp_path / "run") if p.startswith(f".{name}.")]
    assert len(left) == 1
    train.train(None, resume=tmp_path / "run")
    assert not [p for p in os.listdir(tmp_path / "run") if p.startswith(".")]


def test_what_another_process_is_writing_stays(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    path, theirs = tmp_path / "a.bin", tmp_path / ".a.bin.abcd1234.tmp"
    others = [
        tmp_path / n for n in (".a.bin.swp", ".a.bin.abcd1234", "a.bin.abcd1234.tmp", ".b.bin.abcd1234.tmp")
    ]
    for file in (theirs, *others):
        file.write_bytes(b"")
    folder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_SH)  # as a writer has it
    _files.write_bytes(path, b"1")
    assert theirs.exists()
    os.close(folder)
    _files.write_bytes(path, b"2")
    assert not theirs.exists() and all(file.exists() for file in others)
    assert path.read_bytes() == b"2"


def failing_net():
    return nn.Sequential(nn.Linear(1))


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered")  # NumPy, where the JIT is off
@pytest.mark.parametrize("compiled", [True, False])
def test_a_run_that_fails_before_it_has_saved_anything_leaves_no_folder(tmp_path, compiled):
    def fit(out, **options):
        x = X * 1e20
        return nbdl.fit(failing_net(), (x, x[:, :1]), lr=1e20, out=out, compiled=compiled, **options)

    with pytest.raises(NumericError):
        fit(tmp_path / "new" / "run")
    assert not (tmp_path / "new" / "run").exists()
    (tmp_path / "mine").mkdir()
    with pytest.raises(NumericError):
        fit(tmp_path / "mine")
    assert os.listdir(tmp_path / "mine") == []  # the folder was there before
    (tmp_path / "mine" / "notes.txt").write_text("")
    with pytest.raises(NumericError):
        fit(tmp_path / "mine")
    assert "notes.txt" in os.listdir(tmp_path / "mine")


def test_a_run_that_fails_after_an_epoch_keeps_its_folder(tmp_path):
    def stop(event, **fields):
        if event == "step" and fields["epoch"] == 2:
            raise KeyError("in the second epoch")

    with pytest.raises(KeyError):
        nbdl.fit(failing_net(), (X, X[:, :1]), epochs=3, out=tmp_path / "run", progress=stop)
    assert {"config.toml", "log.jsonl", CHECKPOINT} <= set(os.listdir(tmp_path / "run"))


@pytest.mark.parametrize("name", ["x" * 300, "a" * 100 + "/" + "b" * 300])
def test_a_run_folder_that_cannot_be_is_an_error_in_words(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SaveError, match=r"cannot make the folder .*: File name too long"):
        nbdl.fit(failing_net(), (X, X[:, :1]), out=name, epochs=1)
