"""Images of unsigned bytes given to `fit`."""

import warnings

import numpy as np
import pytest

import nbdl
from nbdl import nn

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 1, 4, 4)).astype(np.uint8)
LABELS = np.arange(12) % 3


def fitted(x, net=None):
    net = net or nn.Sequential(nn.Flatten(), nn.Linear(3))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="the train accuracy")
        return nbdl.fit(net, (x, LABELS), lr=1e-6, epochs=1, compiled=False)


@pytest.mark.parametrize("x", [IMAGES, IMAGES[:, 0]], ids=["channels", "one channel"])
def test_they_are_left_as_they_are_with_a_warning_that_says_what_to_do(x):
    text = rf"`x` holds images of unsigned bytes, up to {x.max()}, .* Try x / np.float32\(255\)"
    with pytest.warns(UserWarning, match=text) as found:
        run = fitted(x)
    assert found[0].filename == __file__
    assert run.predict(x).shape == (12,)


@pytest.mark.parametrize(
    "x", [IMAGES / np.float32(255), IMAGES.astype(int), IMAGES // 255, IMAGES.reshape(12, 16)]
)
def test_other_inputs_are_not_warned_of(x):
    fitted(x)


def test_ids_of_one_byte_are_no_images():
    fitted(IMAGES[:, 0], nn.Sequential(nn.Embedding(256, 2), nn.Flatten(), nn.Linear(3)))
