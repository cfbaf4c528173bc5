"""Where the planes of values of three axes lie: with gaps for images, side by side for all others."""

import numpy as np
import pytest

import nbdl
from nbdl import nn

RNG = np.random.default_rng(0)


def heads(net, x, train):
    """(N, T, D) in two heads, (N, h, T, d), each of 8 rows of 8: a plane of 64 numbers."""
    n, T, D = x.shape
    split = net.l0(x).reshape((n, T, 2, D // 2)).transpose((0, 2, 1, 3))
    rows = net.l1((split * split.sum(axis=-1, keepdims=True)).reshape((n, 2 * T, D // 2)))
    joined = rows.reshape((n, 2, T, D // 2)).transpose((0, 2, 1, 3)).reshape((n, T * D))
    return net.l2(joined)


def convolved(net, x, train):
    return net.l1((nbdl.apply("tanh", net.l0(x)) + 1).reshape((x.shape[0], 128)))


def program(any_net, forward, x, **layers):
    labels = RNG.integers(0, 3, len(x))
    net = nn.init(any_net(forward, **layers), x, 0)
    return net, nbdl.compile_step(net, example=(x, labels), lr=0.0), labels


def copies(step):
    return [job for s in step.plan.sections for job in s.blocks if job.what == "reshape"]


def test_heads_are_reshaped_without_a_copy(any_net):
    x = RNG.standard_normal((21, 8, 16)).astype(np.float32)
    net, step, labels = program(any_net, heads, x, l0=nn.Linear(16), l1=nn.Linear(8), l2=nn.Linear(3))
    assert step.program.native and not copies(step)
    loss = nn.softmax_cross_entropy(net(x), labels)
    loss.backward()
    assert step(x, labels) == pytest.approx(loss.item(), rel=1e-6)
    for name, p in nn.named_parameters(net).items():
        np.testing.assert_allclose(step.gradients[name], p.grad, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(nbdl.train.predict(net, x), net(x).data, rtol=1e-5, atol=1e-6)


def test_images_keep_the_gaps_between_their_planes(any_net):
    """A convolution reads planes that do not fall on the same lines of the cache: leaving it costs a copy."""
    x = RNG.standard_normal((21, 1, 10, 10)).astype(np.float32)
    net, step, labels = program(any_net, convolved, x, l0=nn.Conv2d(2, 3), l1=nn.Linear(3))
    assert len(copies(step)) == 2  # forwards and backwards
    loss = nn.softmax_cross_entropy(net(x), labels)
    loss.backward()
    step(x, labels)
    for name, p in nn.named_parameters(net).items():
        np.testing.assert_allclose(step.gradients[name], p.grad, rtol=1e-4, atol=1e-6)
