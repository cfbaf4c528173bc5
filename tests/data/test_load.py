"""`load` by name and by path: what is found, and what is said where nothing is."""

import numpy as np
import pytest

import nbdl
from nbdl import registry
from nbdl.data import Data, Split, load
from nbdl.errors import DataError, PluginError, UsageError


def test_names():
    assert {"digits", "fashion_mnist", "mnist", "synthetic_regression"} <= set(
        registry.default().names("dataset")
    )
    for name in registry.default().names("dataset"):
        assert registry.default().get("dataset", name).about


def test_unknown_name_offers_the_nearest():
    with pytest.raises(UsageError, match="unknown dataset `digit`; did you mean digits"):
        load("digit")


def test_unknown_option_offers_the_nearest():
    with pytest.raises(UsageError, match="unknown option `sise` of data set `digits`; did you mean `size`"):
        load("digits", sise=8)


@pytest.mark.parametrize(
    "name", ["nothing.npz", "./nothing", "no/such/folder/", "~/nothing.csv", "~nosuch/x.csv", "tales.tx"]
)
def test_missing_path(name):
    with pytest.raises(DataError, match="no such file or folder"):
        load(name)


@pytest.mark.parametrize(
    "name", ["x" * 5000, "x" * 5000 + "/a.csv", "a\0.csv"], ids=["long", "folder", "null"]
)
def test_a_path_that_cannot_be_looked_at(name):
    with pytest.raises(DataError, match="the file cannot be read: "):
        load(name)


def test_missing_path_offers_the_nearest(tmp_path):
    (tmp_path / "houses.csv").write_text("1,2\n")
    with pytest.raises(DataError) as error:
        load(tmp_path / "house.csv")
    assert f"try: {tmp_path / 'houses.csv'}" in error.value.__notes__


def test_unknown_kind_of_file(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"`a.parquet` is not a kind of file"):
        load(tmp_path / "a.parquet")


def test_a_name_wins_over_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("synthetic_regression", x=np.zeros((4, 2)), y=np.zeros(4))
    (tmp_path / "synthetic_regression.npz").rename(tmp_path / "synthetic_regression")
    assert load("synthetic_regression").train.x.shape == (1000, 2)
    with pytest.raises(DataError, match="not a kind of file"):
        load("./synthetic_regression")


def test_data_set_of_a_plugin(monkeypatch):
    ours = Data(
        "toy", Split(np.zeros((2, 1)), np.zeros((2, 1))), Split(np.zeros((1, 1)), np.zeros((1, 1))), None
    )
    fresh = registry.Registry(entries=[])
    former = registry.use(fresh)
    try:
        records = fresh.plugins()[0].records
        records["dataset", "toy"] = nbdl.Dataset("toy", lambda **options: ours)
        assert load("toy", anything=1) is ours
        records["dataset", "wrong"] = nbdl.Dataset("wrong", lambda: (1, 2))
        with pytest.raises(PluginError, match="`wrong` of nbdl must load a Data, got tuple"):
            load("wrong")
    finally:
        registry.use(former)
