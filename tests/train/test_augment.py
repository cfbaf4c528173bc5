"""The setting `augment`: layers before a model that change images at random while it is trained."""

import pytest

import nbdl
from nbdl import nn, train
from nbdl.errors import NbdlError, UsageError
from nbdl.train import Config

OPTIONS = {"model": "mlp", "data": "digits", "model_options": {"hidden": [32]}, "data_options": {"size": 8}}


def test_a_model_gets_layers_before_it(tmp_path):
    augment = {"noise": 0.1, "crop": [1, 0, 2, 2], "flip": 0.5}
    config = Config(**OPTIONS, augment=augment, epochs=1, batch_size=20, lr=0.2)
    run = train.train(config, out=tmp_path / "run")
    assert [type(layer) for layer in run.net[:3]] == [nn.RandomCrop, nn.RandomFlip, nn.GaussianNoise]
    assert run.net[0].padding == (1, 0, 2, 2) and next(iter(nn.named_parameters(run.net))) == "3.1.w"
    net, saved, _ = train.load_run(tmp_path / "run")
    assert saved.augment == augment == train.resolve(path=tmp_path / "run" / "config.toml").augment
    again = nbdl.load(tmp_path / "run" / "model.safetensors")
    assert (net(run.data.test.x).data == again(run.data.test.x).data).all()


@pytest.mark.parametrize(
    ("augment", "error", "message"),
    [
        ({"cut": 1}, UsageError, "`augment` has no `cut`; there are crop, shift, flip, noise"),
        ({"flip": "often"}, NbdlError, "RandomFlip: `p` must lie in"),
        ({"shift": 1.5}, NbdlError, "RandomShift: `distance`"),
        (3, UsageError, "`augment` must be a table"),
    ],
)
def test_what_cannot_be_is_named_before_a_folder_is_made(tmp_path, augment, error, message):
    overrides = {**OPTIONS, "augment": augment}
    with pytest.raises(error, match=message):
        train.train(train.resolve("mlp", overrides=overrides), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
