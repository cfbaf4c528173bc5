"""Checkpoints and models with a right checksum: every number of them has a type and a range."""

import copy
import json
import os

import numpy as np
import pytest

import nbdl
from nbdl import nn, train
from nbdl.errors import DataError, NbdlError, NumericError, SaveError, UsageError
from nbdl.train import _files

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)).astype(np.float32), np.arange(40) % 2
CHECKPOINT = "checkpoint.safetensors"


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


@pytest.mark.filterwarnings("ignore:the run in .* has all its 2 epochs")  # of what is kept
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
