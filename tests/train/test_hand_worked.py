"""A step of a small net that can be followed with pencil and paper."""

import numpy as np

import nbdl
from nbdl import nn


def test_one_step_with_a_penalty():
    """The net of scikit-learn's tests (test_mlp.py, test_fit), whose comments work it out.

    One hidden layer of two sigmoids, the cross-entropy of a sigmoid, a learning rate of 0.1 and a penalty of
    0.1 / 2 ||w||^2 on the weights alone.
    """
    x, y = np.array([[0.6, 0.8, 0.7]]), np.array([0])
    net = nn.Sequential(nn.Linear(2), nn.Sigmoid(), nn.Linear(1))
    nn.init(net, x, dtype="float64")
    before = {
        "0.w": [[0.1, 0.2], [0.3, 0.1], [0.5, 0.0]],
        "0.b": [0.1, 0.1],
        "2.w": [[0.1], [0.2]],
        "2.b": [1.0],
    }
    nn.load_state_dict(net, {name: np.array(values) for name, values in before.items()})
    hidden = 1 / (1 + np.exp(-(x @ before["0.w"] + before["0.b"])))
    np.testing.assert_allclose(hidden, [[0.67917870, 0.57444252]], rtol=1e-7)
    np.testing.assert_allclose(1 / (1 + np.exp(-net(nbdl.tensor(x)).numpy())), [[0.76545202]], rtol=1e-7)
    run = nbdl.fit(
        net, (x, y), "binary_cross_entropy_with_logits", lr=0.1, epochs=1, dtype="float64", compiled=False,
        optimizer_options={"weight_decay": 0.1}, groups={"*.b": {"weight_decay": 0.0}},
    )  # fmt: skip
    after = {
        "0.w": [[0.09799927, 0.19575455], [0.29566569, 0.09600606], [0.49383248, -0.0026197]],
        "0.b": [0.09833212, 0.09625758],
        "2.w": [[0.04701213], [0.15402918]],
        "2.b": [0.92345480],
    }
    for name, values in nn.state_dict(run.net).items():
        np.testing.assert_allclose(values, after[name], atol=1e-8)


def test_weights_shrink_by_the_factor_of_the_penalty():
    """Without a gradient w becomes (1 - lr decay) w: the factor is not lost."""
    net = nn.Sequential(nn.Linear(1, bias=False))
    x = np.zeros((4, 3), np.float32)
    nn.init(net, x[:1], 0)
    w = net[0].w.numpy().copy()
    options = {"optimizer_options": {"weight_decay": 3.0}}
    nbdl.fit(net, (x, np.zeros((4, 1), np.float32)), lr=0.1, epochs=1, compiled=False, **options)
    np.testing.assert_allclose(net[0].w.numpy(), (1 - 0.3) * w, rtol=1e-6)
