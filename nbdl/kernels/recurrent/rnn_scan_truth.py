"""The truth of `rnn_scan`."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, LabelError, OptionError, ShapeError


def rnn_scan(z, h0, wh, lengths=None, activation="tanh", reverse=False):
    N, T, H = z.shape
    f = {"tanh": np.tanh, "relu": lambda a: np.maximum(a, 0)}[activation]
    y, last = np.zeros((N, T, H)), np.zeros((N, H))
    for n in range(N):
        h = np.zeros(H) if h0 is None else h0[n]
        steps = range(T if lengths is None else lengths[n])
        for t in reversed(steps) if reverse else steps:
            y[n, t] = h = f(z[n, t] + h @ wh)
        last[n] = h
    return y, last


def rnn_scan_cases(rng):
    def made(N, T, H):
        z, h0, wh = rng.standard_normal((N, T, H)), rng.standard_normal((N, H)), rng.standard_normal((H, H))
        return z, h0, wh / np.sqrt(H)

    z, h0, wh = plain = made(3, 4, 5)
    lengths = np.array([4, 0, 2])
    far = z.copy()
    far[0, 1, 2], far[1, 0, 0] = np.inf, -np.inf
    return [
        Case("3 sequences of 4 steps", plain),
        Case("no state before", (z, None, wh)),
        Case("relu", plain, {"activation": "relu"}),
        Case("in reverse", plain, {"reverse": True}),
        Case("lengths", (*plain, lengths)),
        Case("lengths in reverse", (z, h0, wh, lengths), {"reverse": True}),
        Case("lengths, relu, no state before", (z, None, wh, lengths), {"activation": "relu"}),
        Case("one step", made(2, 1, 3)),
        Case("one of all", made(1, 1, 1)),
        Case("more than a vector", made(7, 3, 18)),
        Case("no sequences", made(0, 3, 2)),
        Case("no states", made(2, 3, 0)),
        Case("infinite", (far, h0, wh), grad=False),
        Bad("no steps", made(2, 0, 3), {}, ShapeError, "z"),
        Bad("z with 2 axes", (z[0], h0, wh), {}, ShapeError, "z"),
        Bad("wh too small", (z, h0, wh[:4, :4]), {}, ShapeError, "wh"),
        Bad("wh not square", (z, h0, wh[:4]), {}, ShapeError, "wh"),
        Bad("h0 of fewer", (z, h0[:2], wh), {}, ShapeError, "h0"),
        Bad("h0 of none", (z, h0[:0], wh), {}, ShapeError, "h0"),
        Bad("fewer lengths", (*plain, lengths[:2]), {}, ShapeError, "lengths"),
        Bad("too long", (*plain, np.array([4, 5, 1])), {}, LabelError, "lengths"),
        Bad("a negative length", (*plain, np.array([4, -1, 1])), {}, LabelError, "lengths"),
        Bad("lengths that are floats", (*plain, np.array([4.0, 1.0, 1.0])), {}, DtypeError, "lengths"),
        Bad("z of integers", (z.astype(int), h0, wh), {}, DtypeError, "z"),
        Bad("half of h0", (z, half(h0), wh), {}, DtypeError, "h0"),
        Bad("no activation", plain, {"activation": "sigmoid"}, OptionError, "activation"),
    ]
