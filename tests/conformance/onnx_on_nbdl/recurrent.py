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
        return kernels.lstm(x, *before(initial_h, initial_c, d), *weights(d), lengths, reverse)

    def before(h, c, d):
        return (None if a is None else (a[:, d] if layout else a[d]) for a in (h, c))

    return _directions(walk, x, sequence_lens, direction, layout, outputs, others)


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


OPERATORS = {"LSTM": lstm}
