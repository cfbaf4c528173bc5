"""The recurrent net in one call, and one step of it: the parts put together."""

import numba
import numpy as np
import pytest

from nbdl.errors import OptionError, ShapeError
from nbdl.kernels import (
    gru,
    gru_backward,
    gru_cell,
    gru_gates,
    linear,
    lstm,
    lstm_backward,
    lstm_cell,
    rnn,
    rnn_backward,
    rnn_cell,
)
from nbdl.kernels.recurrent.gru_scan_truth import gru_scan as truth_of_gru
from nbdl.kernels.recurrent.lstm_scan_truth import lstm_scan as truth_of_lstm
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


C0, PEEPHOLES = RNG.standard_normal((N, H)), RNG.standard_normal((3, H))
WX4, WH4, B4 = (RNG.standard_normal(shape) / 2 for shape in ((D, 4 * H), (H, 4 * H), (4 * H,)))


def test_an_lstm_is_its_formula():
    found = lstm(X, H0, C0, WX4, WH4, B4, PEEPHOLES, LENGTHS, True)
    wanted = truth_of_lstm(X @ WX4 + B4, H0, C0, WH4, PEEPHOLES, LENGTHS, reverse=True)
    for ours, right in zip(found, wanted):
        np.testing.assert_allclose(ours, right, atol=1e-14)


def test_every_gradient_of_all_results_of_an_lstm():
    """Against central differences along a random direction; behind the end may stand anything."""
    inputs = [X.copy(), H0, C0, WX4, WH4, B4, PEEPHOLES]
    inputs[0][1], inputs[0][2, 2:] = np.nan, np.inf
    results = lstm(*inputs, LENGTHS)
    cotangents = [RNG.standard_normal(a.shape) for a in results]

    def value(arrays):
        return sum(np.sum(a * b) for a, b in zip(lstm(*arrays, LENGTHS), cotangents))

    x, h0, c0, wx, wh, b, peepholes = inputs
    gradients = lstm_backward(*cotangents, x, results[0], h0, c0, wx, wh, b, peepholes, LENGTHS)
    for i, gradient in enumerate(gradients):
        u, eps = RNG.standard_normal(inputs[i].shape), 1e-6
        ends = [value([a + s * eps * u if k == i else a for k, a in enumerate(inputs)]) for s in (1, -1)]
        assert np.sum(gradient * u) == pytest.approx((ends[0] - ends[1]) / (2 * eps), rel=1e-7)


def test_steps_are_the_lstm():
    y, last, memory = lstm(X, H0, C0, WX4, WH4, B4, PEEPHOLES, np.full(N, T))
    h, c = H0, C0
    for t in range(T):
        h, c = lstm_cell(X[:, t], h, c, WX4, WH4, B4, PEEPHOLES)
        np.testing.assert_allclose(h, y[:, t], rtol=1e-12)
    np.testing.assert_allclose(h, last, rtol=1e-12)
    np.testing.assert_allclose(c, memory, rtol=1e-12)


def test_one_sequence_in_a_compiled_loop():
    @numba.njit
    def walked(x, wx, wh):
        h = c = np.zeros((1, wh.shape[0]), x.dtype)
        for t in range(x.shape[1]):
            h, c = lstm_cell(x[:, t], h, c, wx, wh)
        return h, c

    _, h, c = lstm(X[:1], None, None, WX4, WH4)
    for found, right in zip(walked(X[:1], WX4, WH4), (h, c)):
        np.testing.assert_allclose(found, right, rtol=1e-12)


def test_what_an_lstm_is_not_given():
    given = {"x": X, "h0": H0, "c0": C0, "wx": WX4, "wh": WH4, "b": B4, "peepholes": PEEPHOLES}
    for name, bad in given.items():
        with pytest.raises(ShapeError, match=f"^lstm: `{name}`"):
            lstm(**given | {name: X[:, :0] if name == "x" else bad[1:]}, lengths=LENGTHS)
    given = {"x": X[:, 0], "h": H0, "c": C0, "wx": WX4, "wh": WH4, "b": B4, "peepholes": PEEPHOLES}
    for name in ("h", "c", "wx", "wh", "b", "peepholes"):
        with pytest.raises(ShapeError, match=f"^lstm_cell: `{name}`"):
            lstm_cell(**given | {name: given[name][1:]})


WX3, WH3, B3, BH3 = (RNG.standard_normal(shape) / 2 for shape in ((D, 3 * H), (H, 3 * H), 3 * H, 3 * H))
RESETS = pytest.mark.parametrize("reset", ["after", "before"])


@RESETS
def test_a_gru_is_its_formula(reset):
    found = gru(X, H0, WX3, WH3, B3, BH3, LENGTHS, reset, True)
    wanted = truth_of_gru(X @ WX3 + B3, H0, WH3, BH3, LENGTHS, reset, True)
    for ours, right in zip(found, wanted):
        np.testing.assert_allclose(ours, right, atol=1e-14)


@RESETS
def test_every_gradient_of_both_results_of_a_gru(reset):
    """Against central differences along a random direction; behind the end may stand anything."""
    inputs = [X.copy(), H0, WX3, WH3, B3, BH3]
    inputs[0][1], inputs[0][2, 2:] = np.nan, np.inf
    y, h = gru(*inputs, LENGTHS, reset)
    dy, dh = RNG.standard_normal(y.shape), RNG.standard_normal(h.shape)

    def value(arrays):
        y, h = gru(*arrays, LENGTHS, reset)
        return np.sum(y * dy) + np.sum(h * dh)

    gradients = gru_backward(dy, dh, inputs[0], y, *inputs[1:], LENGTHS, reset)
    for i, gradient in enumerate(gradients):
        u, eps = RNG.standard_normal(inputs[i].shape), 1e-6
        ends = [value([a + s * eps * u if k == i else a for k, a in enumerate(inputs)]) for s in (1, -1)]
        assert np.sum(gradient * u) == pytest.approx((ends[0] - ends[1]) / (2 * eps), rel=1e-7)


@RESETS
def test_steps_are_the_gru(reset):
    y, _ = gru(X, H0, WX3, WH3, B3, BH3, np.full(N, T), reset)
    h = H0
    for t in range(T):
        h = gru_cell(X[:, t], h, WX3, WH3, B3, BH3, reset)
        np.testing.assert_allclose(h, y[:, t], rtol=1e-12, atol=1e-15)


@RESETS
def test_one_sequence_of_a_gru_in_a_compiled_loop(reset):
    @numba.njit
    def walked(x, wx, wh, reset):
        h = np.zeros((1, wh.shape[0]), x.dtype)
        for t in range(x.shape[1]):
            h = gru_cell(x[:, t], h, wx, wh, None, None, reset)
        return h

    _, h = gru(X[:1], None, WX3, WH3, reset=reset)
    np.testing.assert_allclose(walked(X[:1], WX3, WH3, reset), h, rtol=1e-12)


def test_weights_of_a_gru_of_other_libraries():
    swapped = np.concatenate([WX3[:, H : 2 * H], WX3[:, :H], WX3[:, 2 * H :]], axis=1)
    for source, w in (("torch", WX3.T), ("keras", swapped), ("onnx", swapped.T)):
        np.testing.assert_array_equal(gru_gates(w, source), WX3)
    np.testing.assert_array_equal(gru_gates(WX3[0], "torch"), WX3[0])
    np.testing.assert_array_equal(gru_gates(swapped[0], "keras"), WX3[0])
    np.testing.assert_array_equal(numba.njit(lambda w: gru_gates(w, "onnx"))(swapped[0]), WX3[0])
    with pytest.raises(ShapeError, match=r"`w` must have 3 gates of one size, got shape \(5, 17\)"):
        gru_gates(WX3[:, 1:], "keras")


def test_what_a_gru_is_not_given():
    given = {"x": X, "h0": H0, "wx": WX3, "wh": WH3, "b": B3, "bh": BH3}
    for name, bad in given.items():
        with pytest.raises(ShapeError, match=f"^gru: `{name}`"):
            gru(**given | {name: X[:, :0] if name == "x" else bad[1:]}, lengths=LENGTHS)
    given = {"x": X[:, 0], "h": H0, "wx": WX3, "wh": WH3, "b": B3, "bh": BH3}
    for name in ("h", "wx", "wh", "b", "bh"):
        with pytest.raises(ShapeError, match=f"^gru_cell: `{name}`"):
            gru_cell(**given | {name: given[name][1:]})
    with pytest.raises(OptionError, match="`reset` must be one of after, before, got `between`"):
        gru_cell(**given, reset="between")
