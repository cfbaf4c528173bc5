"""The recurrent net in one call, and one step of it: the parts put together."""

import numpy as np
import pytest

from nbdl.errors import OptionError, ShapeError
from nbdl.kernels import linear, rnn, rnn_backward, rnn_cell
from nbdl.kernels.recurrent.rnn_scan_truth import rnn_scan as truth

RNG = np.random.default_rng(0)
N, T, D, H = 3, 4, 5, 6
X, WX, WH, B, H0 = (
    RNG.standard_normal(shape) / 2 for shape in ((N, T, D), (D, H), (H, H), (H,), (N, H))
)  # fmt: skip
LENGTHS = np.array([4, 0, 2])


def test_the_net_is_its_formula():
    y, h = rnn(X, H0, WX, WH, B, LENGTHS, reverse=True)
    wanted = truth(X @ WX + B, H0, WH, LENGTHS, reverse=True)
    np.testing.assert_allclose(y, wanted[0], atol=1e-14)
    np.testing.assert_allclose(h, wanted[1], atol=1e-14)


def test_every_gradient_of_both_results():
    """Against central differences along a random direction."""
    inputs = [X, H0, WX, WH, B]
    y, h = rnn(*inputs, LENGTHS, reverse=True)
    dy, dh = RNG.standard_normal(y.shape), RNG.standard_normal(h.shape)

    def value(arrays):
        y, h = rnn(*arrays, LENGTHS, reverse=True)
        return np.sum(y * dy) + np.sum(h * dh)

    gradients = rnn_backward(dy, dh, X, y, H0, WX, WH, LENGTHS, reverse=True)
    for i, gradient in enumerate(gradients):
        u, eps = RNG.standard_normal(inputs[i].shape), 1e-6
        ends = [value([a + s * eps * u if k == i else a for k, a in enumerate(inputs)]) for s in (1, -1)]
        assert np.sum(gradient * u) == pytest.approx((ends[0] - ends[1]) / (2 * eps), rel=1e-7)


def test_steps_are_the_net():
    y, _ = rnn(X, H0, WX, WH, B, activation="relu")
    h = H0
    for t in range(T):
        h = rnn_cell(X[:, t], h, WX, WH, B, activation="relu")
        np.testing.assert_allclose(h, y[:, t], rtol=1e-13)
    out = np.empty((N, H))
    assert rnn_cell(X[:, 0], None, WX, WH, B, out=out) is out
    np.testing.assert_allclose(out, np.tanh(linear(X[:, 0], WX, B)))


def test_what_they_are_not_given():
    for name, arguments in {
        "x": (X[:, :0], H0, WX, WH, B),
        "wx": (X, H0, WX[1:], WH, B),
        "wh": (X, H0, WX, WH[1:], B),
        "b": (X, H0, WX, WH, B[1:]),
        "h0": (X, H0[1:], WX, WH, B),
    }.items():
        with pytest.raises(ShapeError, match=f"^rnn: `{name}`"):
            rnn(*arguments)
    for name, arguments in {
        "wx": (X[:, 0], H0, WX[1:], WH, B),
        "wh": (X[:, 0], H0, WX, WH[1:], B),
        "b": (X[:, 0], H0, WX, WH, B[1:]),
        "h": (X[:, 0], H0[1:], WX, WH, B),
    }.items():
        with pytest.raises(ShapeError, match=f"^rnn_cell: `{name}`"):
            rnn_cell(*arguments)
    with pytest.raises(OptionError, match="`activation` must be one of tanh, relu, got `elu`"):
        rnn_cell(X[:, 0], H0, WX, WH, B, activation="elu")
