import numpy as np

from . import kernel, normal

SIZES = {"characters": (64, 32, 64), "long": (16, 256, 32)}  # N, T, H


class RNN:
    """2 N T H^2 operations, twice as many backward.

    MFLOP forward: characters 16.8, long 8.4.
    """

    params = (list(SIZES),)
    param_names = ("case",)

    def setup(self, case):
        N, T, H = SIZES[case]
        self.forward, self.backward = kernel("rnn_scan"), kernel("rnn_scan_backward")
        self.z, self.wh = normal(N, T, H), normal(H, H) / np.float32(H)
        self.h0 = normal(N, H)
        self.y, self.dh = self.forward(self.z, self.h0, self.wh)
        self.time_backward(case)

    def time_forward(self, case):
        self.forward(self.z, self.h0, self.wh)

    def time_backward(self, case):
        self.backward(self.z, self.dh, self.y, self.h0, self.wh)


class LSTM:
    """8 N T H^2 operations, three times as many backward: what is not kept is made again.

    MFLOP forward: characters 67, long 34.
    """

    params = (list(SIZES),)
    param_names = ("case",)

    def setup(self, case):
        N, T, H = SIZES[case]
        self.forward, self.backward = kernel("lstm_scan"), kernel("lstm_scan_backward")
        self.z, self.wh = normal(N, T, 4 * H), normal(H, 4 * H) / np.float32(H)
        self.h0 = normal(N, H)
        self.y, self.dh, self.dc = self.forward(self.z, self.h0, self.h0, self.wh)
        self.time_backward(case)

    def time_forward(self, case):
        self.forward(self.z, self.h0, self.h0, self.wh)

    def time_backward(self, case):
        self.backward(self.y, self.dh, self.dc, self.z, self.y, self.h0, self.h0, self.wh)


class LSTMCell:
    """One step of one sequence, 64 inputs and 64 numbers of a state: 66 kFLOP."""

    def setup(self):
        self.cell, H = kernel("lstm_cell"), 64
        self.x, self.w = normal(1, H), normal(H, 4 * H) / np.float32(H)
        self.time_step()

    def time_step(self):
        self.cell(self.x, self.x, self.x, self.w, self.w)


class GRU:
    """6 N T H^2 operations, three times as many backward: what is not kept is made again.

    MFLOP forward: characters 50, long 25.
    """

    params = (list(SIZES), ["after", "before"])
    param_names = ("case", "reset")

    def setup(self, case, reset):
        N, T, H = SIZES[case]
        self.forward, self.backward = kernel("gru_scan"), kernel("gru_scan_backward")
        self.z, self.wh = normal(N, T, 3 * H), normal(H, 3 * H) / np.float32(H)
        self.h0 = normal(N, H)
        self.y, self.dh = self.forward(self.z, self.h0, self.wh, reset=reset)
        self.time_backward(case, reset)

    def time_forward(self, case, reset):
        self.forward(self.z, self.h0, self.wh, reset=reset)

    def time_backward(self, case, reset):
        self.backward(self.y, self.dh, self.z, self.y, self.h0, self.wh, reset=reset)


class AttentionGRU:
    """128 sequences of 9 steps that attend 9 keys, states and units of 256: 453 MFLOP forward."""

    def setup(self):
        N, T, S, H = 128, 9, 9, 256
        self.forward, self.backward = kernel("attention_gru_scan"), kernel("attention_gru_scan_backward")
        z, keys, values, wq, wv, wh = (
            normal(N, T, 3 * H), normal(N, S, H), normal(N, S, 3 * H),
            normal(H, H) / np.float32(H), normal(H), normal(H, 3 * H) / np.float32(H),
        )  # fmt: skip
        self.inputs = z, keys, values, None, wq, wv, wh
        self.y, self.dh, self.weights = self.forward(*self.inputs)
        self.saved = z, keys, values, self.y, self.weights, None, wq, wv, wh
        self.time_backward()

    def time_forward(self):
        self.forward(*self.inputs)

    def time_backward(self):
        self.backward(self.y, self.dh, self.weights, *self.saved)


class GRUCell:
    """One step of one sequence, 64 inputs and 64 numbers of a state: 49 kFLOP."""

    def setup(self):
        self.cell, H = kernel("gru_cell"), 64
        self.x, self.w = normal(1, H), normal(H, 3 * H) / np.float32(H)
        self.time_step()

    def time_step(self):
        self.cell(self.x, self.x, self.w, self.w)
