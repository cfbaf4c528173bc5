import dataclasses

import pytest

from nbdl.errors import DataError, UsageError
from nbdl.train import Config, resolve, to_toml


def test_the_preset_of_the_data_set():
    assert resolve("lenet").data == "digits" and resolve("lenet").optimizer == "adam"
    config = resolve("lenet", overrides={"data": "mnist"})
    assert (config.optimizer, config.lr, config.batch_size, config.epochs) == ("sgd", 0.9, 256, 10)
    assert resolve("lenet", overrides={"data": "some/where/mnist.npz"}).lr == 0.9


def test_the_preset_of_files_of_ones_own():
    for data in ("own.csv", "some/where/own.npz"):
        assert resolve("mlp", overrides={"data": data}).epochs == 50
        assert resolve("lenet", overrides={"data": data}).lr == resolve("lenet").lr
    assert resolve("mlp", overrides={"data": "synthetic_regression"}).epochs == 20


def test_flags_win_over_the_file_and_the_file_over_the_preset(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text('model = "lenet"\nepochs = 7\nlr = 1\n[optimizer_options]\nbeta1 = 0.8\nbeta2 = 0.9\n')
    config = resolve(path=path, overrides={"lr": 0.25, "optimizer_options.beta2": 0.95})
    assert (config.model, config.epochs, config.lr, config.batch_size) == ("lenet", 7, 0.25, 32)
    assert config.optimizer_options == {"beta1": 0.8, "beta2": 0.95}


def test_what_is_saved_reads_back(tmp_path):
    config = resolve(
        "mlp",
        overrides={
            "model_options.hidden": [8, 4], "groups": {"*.b": {"weight_decay": 0.0}}, "swap.conv2d": 'od"d\n',
            "data": "ünï", "schedule_options.last": 0.1,
        },
    )  # fmt: skip
    path = tmp_path / "config.toml"
    path.write_text(to_toml(config))
    assert resolve(path=path) == config
    assert set(dataclasses.asdict(config)) == set(dataclasses.asdict(Config()))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"epoch": 3}, "unknown key `epoch` in an option: did you mean `epochs`"),
        ({"optimiser_options.beta1": 1.0}, "did you mean `optimizer_options`"),
        ({"epochs": "many"}, "`epochs` must be int, got 'many'"),
        ({"epochs": True}, "`epochs` must be int"),
        ({"epochs": 0}, "`epochs` must be at least 1, got 0"),
        ({"lr": -0.1}, "`lr` must be at least"),
        ({"lr": float("nan")}, "`lr` must be at least"),
        ({"lr": float("inf")}, "`lr` must be finite, got inf"),
        ({"clip_norm": float("inf")}, "`clip_norm` must be finite"),
        ({"dtype": "float16"}, "`dtype` must be float32 or float64"),
    ],
)
def test_wrong_settings_are_named(overrides, message):
    with pytest.raises(UsageError, match=message):
        resolve("lenet", overrides=overrides)


def test_wrong_files_are_named(tmp_path):
    path = tmp_path / "run.toml"
    with pytest.raises(DataError, match=r"run\.toml"):
        resolve(path=path)
    path.write_text("model = ")
    with pytest.raises(DataError, match="is not TOML"):
        resolve(path=path)
    path.write_text("epochs = 3")
    with pytest.raises(UsageError, match=r"no model is named; there are .*lenet"):
        resolve(path=path)
    path.write_text('model = "lenet"\nlearning_rate = 3')
    with pytest.raises(UsageError, match=r"unknown key `learning_rate` in .*run\.toml"):
        resolve(path=path)
    with pytest.raises(UsageError, match="did you mean lenet"):
        resolve("lennet")


@pytest.mark.parametrize("name", ["d😀.csv", "del\x7f.csv", 'quo"te.csv', "tab\t.csv"])
def test_odd_names_survive_the_file(tmp_path, name):
    path = tmp_path / "config.toml"
    config = resolve("mlp", overrides={"data": name})
    path.write_text(to_toml(config), encoding="utf-8")
    assert resolve(path=path).data == name


def test_a_table_must_be_a_table(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text('model = "mlp"\nmodel_options = 5\n')
    with pytest.raises(UsageError, match="`model_options` must be a table"):
        resolve(path=path, overrides={"model_options.dropout": 0.1})
