"""Recurrent nets: steps come before samples, unless the layout says otherwise; directions have an axis."""

import numpy as np

from nbdl import kernels


def lstm(
    x, w, r, b=None, sequence_lens=None, initial_h=None, initial_c=None, p=None, *,
    hidden_size, direction="forward", layout=0, outputs=1, **others,
):  # fmt: skip
    """ONNX keeps the gates in the order i o f c, and two biases."""

    def weights(d):
        wx, wh = kernels.lstm_gates(w[d], "onnx"), kernels.lstm_gates(r[d], "onnx")
        bias = None if b is None else kernels.lstm_gates(b[d].reshape(2, -1).sum(axis=0), "onnx")
        return wx, wh, bias, None if p is None else p[d].reshape(3, -1)[[0, 2, 1]]

    def walk(x, d, lengths, reverse):
        before = (_of_direction(a, d, layout) for a in (initial_h, initial_c))
        return kernels.lstm(x, *before, *weights(d), lengths, reverse)

    return _directions(walk, x, sequence_lens, direction, layout, outputs, others)


def gru(
    x, w, r, b=None, sequence_lens=None, initial_h=None, *,
    hidden_size, direction="forward", layout=0, linear_before_reset=0, outputs=1, **others,
):  # fmt: skip
    """ONNX keeps the gates in the order update, reset, candidate, and two biases."""

    def walk(x, d, lengths, reverse):
        wx, wh = kernels.gru_gates(w[d], "onnx"), kernels.gru_gates(r[d], "onnx")
        parts = (None, None) if b is None else np.split(b[d], 2)
        biases = (None if part is None else kernels.gru_gates(part, "onnx") for part in parts)
        reset, h0 = "after" if linear_before_reset else "before", _of_direction(initial_h, d, layout)
        return kernels.gru(x, h0, wx, wh, *biases, lengths, reset, reverse)

    return _directions(walk, x, sequence_lens, direction, layout, outputs, others)


def rnn(
    x, w, r, b=None, sequence_lens=None, initial_h=None, *,
    hidden_size, direction="forward", layout=0, outputs=1, **others,
):  # fmt: skip
    def walk(x, d, lengths, reverse):
        bias, h0 = None if b is None else sum(np.split(b[d], 2)), _of_direction(initial_h, d, layout)
        return kernels.rnn(x, h0, w[d].T, r[d].T, bias, lengths, "tanh", reverse)

    return _directions(walk, x, sequence_lens, direction, layout, outputs, others)


def _of_direction(state, d, layout):
    return None if state is None else state[:, d] if layout else state[d]


def _directions(walk, x, lengths, direction, layout, outputs, others):
    """What `walk` returns, y and last states, for each direction side by side; `others` is to be empty."""
    if others:
        raise NotImplementedError(f"attributes of a recurrent net: {', '.join(others)}")
    x = np.ascontiguousarray(x if layout else x.swapaxes(0, 1))
    reverse = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[direction]
    found = zip(*(walk(x, d, lengths, backwards) for d, backwards in enumerate(reverse)))
    y, *states = (np.stack(each) for each in found)  # directions first: (D, N, T, H), (D, N, H)
    y = y.transpose(1, 2, 0, 3) if layout else y.transpose(2, 0, 1, 3)
    return (y, *(a.swapaxes(0, 1) if layout else a for a in states))[:outputs]


OPERATORS = {"GRU": gru, "LSTM": lstm, "RNN": rnn}
