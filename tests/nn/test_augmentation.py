"""Layers that change images at random: only while training, and in a program as on the tape."""

import numpy as np
import pytest

import nbdl
from nbdl import nn
from nbdl.errors import NbdlError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(70, 2, 8, 8)).astype("f4"), np.arange(70) % 3


def layers():
    return [nn.RandomCrop(2), nn.RandomShift((1, 2)), nn.RandomFlip(), nn.GaussianNoise(0.2)]


def model():
    """Crops, flips and noise first, and behind layers that learn, where gradients go through them."""
    behind = [nn.RandomFlip(), nn.GaussianNoise(0.1), nn.RandomCrop(1, size=(6, 7))]
    return nn.Sequential(*layers(), nn.Conv2d(4, 3, padding=1), *behind, nn.Flatten(), nn.Linear(3))


@pytest.mark.parametrize("layer", layers(), ids=lambda layer: type(layer).__name__)
def test_a_prediction_leaves_images_alone(layer):
    np.testing.assert_array_equal(layer(X).data, X)
    changed = layer(X, train=nn.Train(0, 0)).data
    assert changed.shape == X.shape and changed.dtype == X.dtype and (changed != X).any()
    np.testing.assert_array_equal(layer(X, train=nn.Train(0, 0)).data, changed)
    assert (layer(X, train=nn.Train(0, 1)).data != changed).any()


def test_a_prediction_takes_the_middle_of_a_window():
    np.testing.assert_array_equal(nn.RandomCrop(size=(4, 5))(X).data, X[:, :, 2:6, 1:6])
    assert nn.RandomCrop(1, size=(4, 5))(X, train=nn.Train()).shape == (70, 2, 4, 5)


def test_a_program_trains_as_the_tape_does_with_any_number_of_threads(monkeypatch):
    monkeypatch.setattr("nbdl._cores.cores", lambda: 4)
    runs = [
        nbdl.fit(model(), (X, Y), lr=0.1, epochs=2, batch_size=32, **options)
        for options in ({"threads": 1}, {"threads": 3}, {"compiled": False})
    ]
    one, three, tape = (nn.state_dict(run.net) for run in runs)
    for name, values in one.items():
        np.testing.assert_array_equal(values, three[name])
        np.testing.assert_allclose(values, tape[name], rtol=0, atol=1e-5 * np.abs(values).max())
    assert runs[0]._updates.step.program.native


def test_they_are_saved_with_a_net(tmp_path):
    net = nn.init(model(), X)
    nbdl.save(net, tmp_path / "net.safetensors")
    again = nbdl.load(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(again(X).data, net(X).data)
    np.testing.assert_array_equal(again(X, train=nn.Train()).data, net(X, train=nn.Train()).data)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.RandomCrop(-1), "RandomCrop: `padding` must not be negative, got -1"),
        (lambda: nn.RandomCrop(size=0), "RandomCrop: `size` must be at least 1, got 0"),
        (lambda: nn.RandomCrop(2.5), "RandomCrop: `padding`"),
        (lambda: nn.RandomCrop(4, size=9)(X), "`size` must be at most that of the images, 8 x 8, got 9 x 9"),
        (lambda: nn.RandomCrop(1)(X[0]), r"RandomCrop: `x` must have 4 dimensions \(N, C, H, W\)"),
        (lambda: nn.RandomShift((1, -2)), "RandomShift: `distance` must not be negative"),
        (lambda: nn.RandomFlip(1.5), "RandomFlip: `p` must lie in"),
        (lambda: nn.RandomFlip("a"), "RandomFlip: `p` must lie in"),
        (lambda: nn.RandomFlip()(X[:, 0, 0, 0], train=nn.Train()), "random_flip: `x`"),
        (lambda: nn.GaussianNoise(np.nan), "GaussianNoise: `std` must be a finite number from 0, got nan"),
        (lambda: nn.GaussianNoise()(X, train=True), "GaussianNoise: `train` must be None or nn.Train"),
    ],
)
def test_what_cannot_be_is_named(make, message):
    with pytest.raises(NbdlError, match=message):
        make()
