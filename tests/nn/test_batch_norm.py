import numpy as np
import pytest
from numba import config

import nbdl
from nbdl import models, nn, tape
from nbdl.errors import OptionError, ShapeError, UsageError
from nbdl.kernels import batch_norm, batch_norm_inference
from nbdl.shapes import Tracer
from nbdl.testing import gradcheck
from nbdl.train import load_run, resolve, train

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(6, 3, 4, 5)) * 2 + 1


@pytest.mark.parametrize("x", [IMAGES, IMAGES[:, :, 0, 0], IMAGES[..., 0], IMAGES[..., None]])
def test_training_takes_the_minibatch_and_prediction_the_averages(x):
    layer, train = nn.init(nn.BatchNorm(momentum=0.25, eps=1e-3), x, dtype="float64"), nn.Train()
    assert list(nn.named_parameters(layer)) == ["gamma", "beta"]
    assert list(nn.named_buffers(layer)) == ["running_mean", "running_var"]
    zeros, ones = np.zeros(3), np.ones(3)
    want, _, _, mean, var = batch_norm(x, ones, zeros, zeros, ones, 1e-3, 0.25)
    np.testing.assert_array_equal(layer(x, train=train).data, want)
    np.testing.assert_allclose(layer(x).data, batch_norm_inference(x, ones, zeros, zeros, ones, 1e-3))
    train.commit()
    np.testing.assert_array_equal(layer.running_mean.data, mean)
    np.testing.assert_array_equal(layer.running_var.data, var)
    np.testing.assert_array_equal(layer(x).data, batch_norm_inference(x, ones, zeros, mean, var, 1e-3))


def test_gradients():
    layer = nn.init(nn.BatchNorm(), IMAGES, dtype="float64")
    assert gradcheck(lambda x: layer(x, train=nn.Train()) ** 2, IMAGES)
    assert gradcheck(layer, IMAGES)
    dy, layer.beta.grad, layer.gamma.grad = RNG.normal(size=IMAGES.shape), None, None
    (layer(IMAGES, train=nn.Train()) * dy).sum().backward()
    np.testing.assert_allclose(layer.beta.grad, dy.sum(axis=(0, 2, 3)))
    assert layer.gamma.grad.shape == (3,) and layer.running_mean.grad is None


def test_without_scale_and_shift():
    layer = nn.init(nn.BatchNorm(affine=False), IMAGES)
    assert nn.parameters(layer) == [] and list(nn.state_dict(layer)) == ["running_mean", "running_var"]
    y = layer(IMAGES, train=nn.Train())
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.data.mean(axis=(0, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(y.data.var(axis=(0, 2, 3)), 1, rtol=1e-4)


def test_a_layer_called_twice_averages_twice():
    layer, train = nn.init(nn.BatchNorm(momentum=0.5), np.ones((2, 1)), dtype="float64"), nn.Train()
    x = np.array([[1.0], [3.0]])
    layer(x, train=train)
    layer(x, train=train)
    train.commit()
    np.testing.assert_allclose(layer.running_mean.data, 1.5)
    np.testing.assert_allclose(layer.running_var.data, (0.5 * 1 + 0.5 * 2) * 0.5 + 1)


def test_the_same_steps_as_torch():
    torch = pytest.importorskip("torch")
    from nbdl.optim import Updater

    ours = nn.Sequential(nn.Linear(4, init="ones"), nn.BatchNorm(), nn.Tanh(), nn.Linear(2, init="ones"))
    x, labels = RNG.normal(size=(5, 12, 3)), RNG.integers(0, 2, (5, 12))
    nn.init(ours, x[0], dtype="float64")
    theirs = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Tanh(), torch.nn.Linear(4, 2)
    ).double()
    for p in (ours[0].w, ours[3].w):
        p[...] = RNG.normal(size=p.shape)
    with torch.no_grad():
        for linear, of in ((theirs[0], ours[0]), (theirs[3], ours[3])):
            linear.weight.copy_(torch.tensor(of.w.data.T.copy()))
            linear.bias.zero_()
    updater, other = Updater("sgd", ours, lr=0.5), torch.optim.SGD(theirs.parameters(), lr=0.5)
    for step in range(5):
        train = nn.Train(0, step)
        nn.softmax_cross_entropy(ours(x[step], train=train), labels[step]).backward()
        updater.step()
        train.commit()
        other.zero_grad()
        torch.nn.functional.cross_entropy(
            theirs(torch.tensor(x[step])), torch.tensor(labels[step])
        ).backward()
        other.step()
    np.testing.assert_allclose(ours[1].running_mean.data, theirs[1].running_mean.numpy(), rtol=1e-10)
    np.testing.assert_allclose(ours[1].running_var.data, theirs[1].running_var.numpy(), rtol=1e-10)
    np.testing.assert_allclose(ours[1].gamma.data, theirs[1].weight.detach().numpy(), rtol=1e-10)
    theirs.eval()
    np.testing.assert_allclose(ours(x[0]).data, theirs(torch.tensor(x[0])).detach().numpy(), rtol=1e-9)


def test_a_net_is_trained_saved_and_predicts_by_its_averages(tmp_path):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 2)) * [100, 0.01] + [1000, 3]
    labels = ((x[:, 0] - 1000) * (x[:, 1] - 3) > 0).astype(int)
    net = nn.Sequential(nn.BatchNorm(), nn.Linear(16), nn.BatchNorm(), nn.ReLU(), nn.Linear(2))
    run = nbdl.fit(
        net,
        (x, labels),
        optimizer="adam",
        lr=0.01,
        epochs=25,
        batch_size=25,
        compiled=False,
        out=tmp_path / "r",
    )
    assert run.evaluate(run.data.train)["accuracy"] > 0.9
    np.testing.assert_allclose(net[0].running_mean.data, x.mean(axis=0), rtol=0.02)
    alone = np.concatenate([net(row[None].astype(np.float32)).data for row in x[:5]])
    np.testing.assert_allclose(net(x[:5]).data, alone, rtol=1e-4, atol=1e-5)
    for again in (nbdl.load(run.folder / "model.safetensors"), load_run(run.folder)[0]):
        np.testing.assert_array_equal(again(x).data, net(x).data)
        assert repr(again) == repr(net)


@pytest.mark.skipif(config.DISABLE_JIT, reason="the JIT is disabled: convolutions take minutes")
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(tmp_path):
    pytest.importorskip("sklearn")

    def settings(epochs):
        return resolve("bn_lenet", overrides={"data": "digits", "epochs": epochs, "compiled": False})

    whole = train(settings(2), out=tmp_path / "whole")
    train(settings(1), out=tmp_path / "parts")
    parts = train(settings(2), resume=tmp_path / "parts")
    assert whole.history[-1]["test_accuracy"] > 0.85
    one, two = nn.state_dict(whole.net), nn.state_dict(parts.net)
    assert "1.running_mean" in one and set(one) == set(two)
    assert all(np.array_equal(one[k], two[k]) for k in one)


def test_bn_lenet_has_the_shapes_of_the_book():
    images = np.zeros((2, 1, 28, 28))
    net = nn.init(models.bn_lenet(), images)
    assert net(images).shape == (2, 10)
    state = nn.state_dict(net)
    assert [state[f"{i}.running_var"].size for i in (1, 5, 10, 13)] == [6, 16, 120, 84]
    assert state["9.w"].shape == (400, 120)


def test_a_traced_call_hands_over_without_computing():
    layer, train = nn.init(nn.BatchNorm(), IMAGES), nn.Train()
    tracer = Tracer("float32")
    with tape.tracing(tracer):
        layer(IMAGES.astype(np.float32), train=train)
    ((call, outputs, _),) = tracer.calls
    assert call.record.name == "batch_norm"
    assert [b for b, _ in train.kept] == [layer.running_mean, layer.running_var]
    assert [t for _, t in train.kept] == list(outputs[3:])
    assert (layer.running_mean.data == 0).all()


def test_what_does_not_fit_is_refused_in_words_of_the_user():
    layer = nn.init(nn.BatchNorm(), np.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"BatchNorm: `x` must have at least 2 dimensions \(N, C\)"):
        layer(np.ones(3))
    with pytest.raises(ShapeError, match=r"`x` must have 3 channels in axis 1, .* got shape \(2, 4\)"):
        layer(np.ones((2, 4)))
    with pytest.raises(ShapeError, match="`x` must have at least 2 values for each channel"):
        layer(np.ones((1, 3)), train=nn.Train())
    with pytest.raises(OptionError, match=r"`momentum` must be from 0 to 1, got 1\.5"):
        nn.BatchNorm(momentum=1.5)
    with pytest.raises(OptionError, match="`eps` must be positive, got 0"):
        nn.BatchNorm(eps=0)
    with pytest.raises(UsageError, match=r"BatchNorm takes nothing by position .* finds the channels itself"):
        nn.BatchNorm(64)
