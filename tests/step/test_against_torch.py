"""Every gradient that a program computes for the nets of the benchmark, held to PyTorch's."""

import numpy as np
import pytest

import nbdl
from nbdl import models, nn
from nbdl.bench._steps import conv_net

torch = pytest.importorskip("torch")
NETS = {
    "softmax regression": (models.softmax_regression, (1, 28, 28), 256),
    "mlp": (models.mlp, (1, 28, 28), 256),
    "lenet": (models.lenet, (1, 28, 28), 256),
    "lenet, a ragged block": (models.lenet, (1, 28, 28), 37),
    "lenet modern": (models.lenet_modern, (1, 28, 28), 256),
    "a net for images of CIFAR's size": (conv_net, (3, 32, 32), 64),
}


@pytest.mark.parametrize("name", NETS)
def test_every_gradient(name):
    """To 1e-4 of the largest element of each; and one step of SGD subtracts lr times what PyTorch finds."""
    build, shape, samples = NETS[name]
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((samples, *shape), np.float32), rng.integers(0, 10, samples)
    net = nn.init(build(), x[:1], seed=1)
    loss, expected = gradients(net, x, y)
    lr = 0.5 / max(np.abs(g).max() for g in expected)  # the largest element moves by 0.5
    before = nn.state_dict(net)
    step = nbdl.compile_step(net, optimizer="sgd", example=(x, y), lr=lr, threads=2)
    assert step(x, y) == pytest.approx(loss, rel=1e-5)
    after = nn.state_dict(net)
    assert len(before) == len(expected) == 2 * sum(hasattr(layer, "w") for layer in net.layers)
    for key, theirs in zip(before, expected):
        largest = np.abs(theirs).max()
        assert largest > 0
        np.testing.assert_allclose(step.gradients[key], theirs, rtol=0, atol=1e-4 * largest, err_msg=key)
        moved = after[key].astype(float) - before[key]
        rounding = np.spacing(np.abs(before[key]).max())
        np.testing.assert_allclose(moved, -lr * theirs, rtol=0, atol=1e-4 * lr * largest + rounding)


def gradients(net, x, y):
    """The loss, and the gradients of all parameters in our order and layout."""
    from nbdl.bench._torch import LAYERS

    peer = torch.nn.Sequential(*(LAYERS[type(layer)](layer) for layer in net.layers))
    loss = torch.nn.functional.cross_entropy(peer(torch.from_numpy(x)), torch.from_numpy(y))
    loss.backward()
    grads = []
    for layer in peer:
        if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d)):
            w = layer.weight.grad.numpy()
            grads += [w.T if isinstance(layer, torch.nn.Linear) else w, layer.bias.grad.numpy()]
    return loss.item(), grads
