"""An activation and a pooling as one row of a program, where nobody else needs what is between."""

import numpy as np
import pytest

from nbdl import nn
from nbdl.step import CompiledPredict

IMAGES = np.random.default_rng(0).standard_normal((40, 2, 8, 8)).astype(np.float32)
LABELS = np.arange(40) % 3


class Net:
    """conv2d, relu, and what `form` makes of it."""

    def __init__(self, form):
        self.form, self.conv, self.out = form, nn.Conv2d(4, 3, padding=1), nn.Linear(3)

    def __call__(self, x, train=None):
        return self.out(nn.Flatten()(self.form(nn.ReLU()(self.conv(x)))))


def whole(h):
    return nn.MaxPool2d(2)(h)


def average(h):
    return nn.AvgPool2d(2)(h)


def overlapping(h):
    return nn.MaxPool2d(2, stride=1)(h)


def left_over(h):
    return nn.AvgPool2d(3)(h)


def used_twice(h):
    return nn.MaxPool2d(2)(h) + nn.AvgPool2d(2)(h)


FORMS = [(whole, ["relu max_pool2d"]), (average, ["relu avg_pool2d"]), (overlapping, []), (left_over, []),
         (used_twice, [])]  # fmt: skip


@pytest.mark.parametrize(("form", "fused"), FORMS)
def test_who_is_fused_and_that_it_learns_the_same(twins, shuffled, form, fused):
    both = twins(lambda: Net(form), IMAGES, LABELS, optimizer="momentum", lr=0.02, threads=2)
    both.agree(shuffled(3 * 40, 40), 40)
    both.agree(shuffled(3 * 19, 40), 19)
    names = [node.record.name for node in both.step.graph.nodes]
    assert [name for name in names if " " in name] == fused
    assert ("relu" in names) == (not fused)


@pytest.mark.parametrize("form", [whole, average])
def test_a_prediction(form):
    net = nn.init(Net(form), IMAGES[:1], 3)
    np.testing.assert_allclose(
        CompiledPredict(net, IMAGES[:1])(IMAGES), net(IMAGES).numpy(), rtol=1e-5, atol=1e-6
    )
