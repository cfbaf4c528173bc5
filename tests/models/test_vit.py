"""The vision Transformer: patches in their order, one native program, digits that are learnt."""

import numpy as np
import pytest

import nbdl
from nbdl import models, nn
from nbdl.errors import ShapeError
from nbdl.step import report


def test_patches_are_read_row_by_row():
    x = np.arange(2 * 3 * 4 * 6, dtype=np.float32).reshape(2, 3, 4, 6)
    layer = nn.init(nn.PatchEmbedding(5, 2), x)
    patches = x.reshape(2, 3, 2, 2, 3, 2).transpose(0, 2, 4, 1, 3, 5).reshape(2, 6, 12)
    want = patches @ layer.conv.w.data.reshape(5, 12).T + layer.conv.b.data
    np.testing.assert_allclose(layer(x).data, want, rtol=1e-4, atol=1e-4)
    with pytest.raises(ShapeError, match=r"H and W multiples of `patch` \(2\), got \(2, 3, 4, 5\)"):
        layer(x[..., :5])


def test_positions_that_are_learned():
    x = np.zeros((2, 4, 3), np.float32)
    layer = nn.init(nn.PositionalEmbedding(6), x)
    np.testing.assert_array_equal(layer(x).data, np.broadcast_to(layer.w.data[:4], x.shape))
    with pytest.raises(ShapeError, match=r"may have up to 6 positions \(`length`\), got 7"):
        layer(np.zeros((2, 7, 3)))
    assert len(nn.init(nn.PositionalEmbedding(), x).w) == 4


def test_it_learns_digits_as_one_native_program():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 96)
    x = 0.3 * rng.standard_normal((96, 1, 8, 8)).astype(np.float32)
    x[np.arange(96), 0, 2 * labels] += 2  # a bright line
    net = models.vit(outputs=4, patch=2, features=16, blocks=1, heads=2, hidden=16)
    run = nbdl.fit(net, (x, labels), optimizer="adam", lr=0.01, epochs=12, batch_size=16, seed=0)
    assert {line.target for line in report(run._updates.step, samples=16).lines} == {"lanes"}
    assert (net(x).data.argmax(1) == labels).mean() > 0.95
    assert repr(nn.build(nn.config(net))) == repr(net)
