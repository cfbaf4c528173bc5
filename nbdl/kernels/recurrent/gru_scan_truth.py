"""The truth of `gru_scan`."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, LabelError, OptionError, ShapeError


def _sigmoid(a):
    return 0.5 * (1 + np.tanh(a / 2))


def gru_scan(z, h0, wh, bh=None, lengths=None, reset="after", reverse=False):
    N, T, _ = z.shape
    H = len(wh)
    y, last, b = np.zeros((N, T, H)), np.zeros((N, H)), np.zeros(3 * H) if bh is None else bh
    (wr, wu, wn), (br, bu, bn) = np.split(wh, 3, axis=1), np.split(b, 3)
    for i in range(N):
        h = np.zeros(H) if h0 is None else h0[i]
        steps = range(T if lengths is None else lengths[i])
        for t in reversed(steps) if reverse else steps:
            zr, zu, zn = np.split(z[i, t], 3)
            r, u = _sigmoid(zr + h @ wr + br), _sigmoid(zu + h @ wu + bu)
            n = np.tanh(zn + r * (h @ wn + bn) if reset == "after" else zn + (r * h) @ wn + bn)
            y[i, t] = h = (1 - u) * n + u * h
        last[i] = h
    return y, last


def gru_scan_cases(rng):
    def made(N, T, H):
        z, h0, wh = (rng.standard_normal(shape) for shape in ((N, T, 3 * H), (N, H), (H, 3 * H)))
        return z, h0, wh / np.sqrt(max(H, 1)), rng.standard_normal(3 * H)

    z, h0, wh, bh = plain = made(3, 4, 5)
    lengths, before = np.array([4, 0, 2]), {"reset": "before"}
    far = z.copy()
    far[0, 1, 2], far[1, 0, 0], far[2, 2, 7] = np.inf, -np.inf, np.inf
    return [
        Case("3 sequences of 4 steps", plain),
        Case("reset before", plain, before),
        Case("no state before, no biases", (z, None, wh)),
        Case("no state before, no biases, reset before", (z, None, wh), before),
        Case("in reverse", plain, {"reverse": True}),
        Case("lengths", (*plain, lengths)),
        Case("lengths in reverse", (*plain, lengths), {"reverse": True}),
        Case("lengths in reverse, reset before", (*plain, lengths), {"reverse": True, **before}),
        Case("one step", made(2, 1, 3)),
        Case("one of all", made(1, 1, 1), before),
        Case("more than a vector", made(7, 3, 18)),
        Case("more than a vector, reset before", made(7, 3, 18), before),
        Case("no sequences", made(0, 3, 2)),
        Case("no states", made(2, 3, 0)),
        Case("infinite", (far, h0, wh, bh), grad=False),
        Bad("no steps", made(2, 0, 3), {}, ShapeError, "z"),
        Bad("z with 2 axes", (z[0], h0, wh), {}, ShapeError, "z"),
        Bad("z of no thirds", (z[:, :, :14], h0, wh), {}, ShapeError, "z"),
        Bad("wh too small", (z, h0, wh[:4, :12]), {}, ShapeError, "wh"),
        Bad("wh of other thirds", (z, h0, wh[:4]), {}, ShapeError, "wh"),
        Bad("h0 of fewer", (z, h0[:2], wh), {}, ShapeError, "h0"),
        Bad("h0 of none", (z, h0[:0], wh), {}, ShapeError, "h0"),
        Bad("fewer biases", (z, h0, wh, bh[:5]), {}, ShapeError, "bh"),
        Bad("fewer lengths", (*plain, lengths[:2]), {}, ShapeError, "lengths"),
        Bad("too long", (*plain, np.array([4, 5, 1])), {}, LabelError, "lengths"),
        Bad("a negative length", (*plain, np.array([4, -1, 1])), {}, LabelError, "lengths"),
        Bad("lengths that are floats", (*plain, np.array([4.0, 1.0, 1.0])), {}, DtypeError, "lengths"),
        Bad("z of integers", (z.astype(int), h0, wh), {}, DtypeError, "z"),
        Bad("half of h0", (z, half(h0), wh), {}, DtypeError, "h0"),
        Bad("no such reset", plain, {"reset": "between"}, OptionError, "reset"),
    ]
