"""Variational autoencoders as models: trained, saved, loaded, measured, and what they draw."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import nbdl
from nbdl import nn, train
from nbdl.cli import main
from nbdl.errors import DataError, OptionError, ShapeError, UsageError
from nbdl.models import conv_vae, vae
from nbdl.train import draw_samples, reconstruct

SMALL = {"epochs": 8, "batch_size": 64, "lr": 0.01, "data_options.size": 8, "model_options.hidden": [16]}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vae") / "run"
    return train.train(train.resolve("vae", overrides=SMALL), out=folder)


def nbdl_of(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments], prog_name="nbdl")


def test_a_run_reports_the_bound_and_its_parts(trained):
    first, *_, last = trained.history
    assert last["train_loss"] < first["train_loss"] < 70
    for row in (first, last):
        assert row["test_elbo"] == pytest.approx(-row["test_loss"], rel=1e-5)
        assert row["test_elbo"] == pytest.approx(-row["test_reconstruction"] - row["test_kl"], rel=1e-12)
        assert row["test_kl"] > 0
    assert trained.config.loss == "bernoulli_elbo" and trained.config.model_options["shape"] == [1, 8, 8]


def test_it_is_saved_loaded_and_measured(trained):
    net, _, _ = train.load_run(trained.folder)
    x = trained.data.test.x
    np.testing.assert_array_equal(reconstruct(net, x), reconstruct(trained, x))
    net = nbdl.load(trained.folder / "model.safetensors")
    np.testing.assert_array_equal(draw_samples(net, 3), draw_samples(trained, 3))
    shown = json.loads(nbdl_of("eval", trained.folder, "--format", "json").stdout)
    assert shown["test_elbo"] == trained.history[-1]["test_elbo"] and shown["loss"] == "bernoulli_elbo"
    given = trained.predict(x)
    assert given["logits"].shape == x.shape and given["mean"].shape == (len(x), 2)


def test_what_it_draws(trained):
    made = draw_samples(trained, 9, seed=4)
    assert made.shape == (9, 1, 8, 8) and made.min() >= 0 and made.max() <= 1
    np.testing.assert_array_equal(made[:5], draw_samples(trained, 5, seed=4))
    assert (made != draw_samples(trained, 9, seed=5)).any()
    z = np.zeros((1, 2))
    np.testing.assert_allclose(train.decode(trained, z), trained.net.decode(z.astype("f4")).data, rtol=1e-5)
    x = trained.data.test.x[:50]
    closer = ((reconstruct(trained, x) - x) ** 2).mean()
    assert closer < ((made[0] - x) ** 2).mean()


def test_pictures(trained, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    files = tmp_path / "samples.png", tmp_path / "plane.png"
    result = nbdl_of("generate", trained.folder, "--plot", files[0], "--plane", files[1], "--samples", 6)
    assert result.exit_code == 0 and "samples  6" in result.stdout
    assert all(f.read_bytes().startswith(b"\x89PNG") for f in files)
    assert train.samples_picture(np.zeros((3, 3, 4, 5))).startswith(b"\x89PNG")
    with pytest.raises(ShapeError, match=r"samples must be images \(N, H, W\)"):
        train.samples_picture(np.zeros((3, 4)))
    with pytest.raises(UsageError, match="plane of codes for 2 latent dimensions, the net has 3"):
        train.plane_picture(nn.init(vae(3, (4,), (1, 4, 4)), np.zeros((1, 1, 4, 4))))


def test_what_generate_refuses(trained, tmp_path):
    result = nbdl_of("generate", trained.folder)
    assert result.exit_code == 2 and "--plot or --plane" in result.stderr
    result = nbdl_of("generate", trained.folder, "--prefix", "it", "--plot", tmp_path / "a.png")
    assert result.exit_code == 2 and "it takes no --prefix" in result.stderr


def test_convolutions_draw_images_too():
    net, x = conv_vae(2, (4, 8), 16, (1, 8, 8)), np.random.default_rng(0).random((20, 1, 8, 8), np.float32)
    run = nbdl.fit(net, (x, x), "bernoulli_elbo", "adam", lr=0.01, epochs=3, batch_size=10)
    assert run.history[-1]["train_loss"] < run.history[0]["train_loss"]
    assert draw_samples(run, 2).shape == (2, 1, 8, 8) and repr(nn.build(nn.config(net)))
    with pytest.raises(ShapeError, match="must be multiples of 4, got 8 x 10"):
        conv_vae(shape=(1, 8, 10))
    with pytest.raises(ShapeError, match="`shape` must be that of an image"):
        conv_vae(shape=(64,))


def test_labels_are_not_read_and_tables_are_learnt_by_a_gaussian_decoder():
    x, y = np.random.default_rng(0).normal(5, 2, (40, 3)).astype("f4"), np.arange(40) % 2
    net = vae(2, (8,), (3,), "gaussian")
    run = nbdl.fit(net, (x, y), "gaussian_elbo", "adam", lr=0.01, epochs=2, loss_options={"std": 2.0})
    figures = run.evaluate((x, y))
    assert figures == run.evaluate((x, 1 - y)) and figures["elbo"] == pytest.approx(
        -figures["loss"], rel=1e-5
    )


def test_messages():
    x = np.random.default_rng(0).normal(5, 2, (40, 3)).astype("f4")
    with pytest.raises(DataError, match=r"samples must lie in \[0, 1\]"):
        nbdl.fit(vae(2, (8,), (3,)), (x, x), "bernoulli_elbo", epochs=1)
    with pytest.raises(DataError, match="an autoencoder reads floats"):
        nbdl.fit(vae(2, (8,), (3,)), (x.astype(int), x), "bernoulli_elbo", epochs=1)
    net = nn.init(vae(2, (8,), (3,)), x)
    with pytest.raises(OptionError, match="draw_samples: `count` must be an integer from 1, got 0"):
        draw_samples(net, 0)
    with pytest.raises(UsageError, match="reconstruct: the net must have `decode` and `latent`"):
        reconstruct(nn.Linear(3), x)
    with pytest.raises(ShapeError, match=r"decode: `z` must have shape \(N, 2\)"):
        train.decode(net, np.zeros((4, 3)))
