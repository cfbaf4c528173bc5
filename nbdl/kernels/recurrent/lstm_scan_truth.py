"""The truth of `lstm_scan`."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, LabelError, ShapeError


def _sigmoid(x):
    return (1 + np.tanh(x / 2)) / 2


def lstm_scan(z, h0, c0, wh, peepholes=None, lengths=None, reverse=False):
    N, T, H = *z.shape[:2], z.shape[2] // 4
    y, h, c = np.zeros((N, T, H)), np.zeros((N, H)), np.zeros((N, H))
    for n in range(N):
        a, m = np.zeros(H) if h0 is None else h0[n], np.zeros(H) if c0 is None else c0[n]
        steps = range(T if lengths is None else lengths[n])
        for t in reversed(steps) if reverse else steps:
            zi, zf, zg, zo = (z[n, t] + a @ wh).reshape(4, H)
            if peepholes is not None:
                zi, zf = zi + peepholes[0] * m, zf + peepholes[1] * m
            m = _sigmoid(zf) * m + _sigmoid(zi) * np.tanh(zg)
            if peepholes is not None:
                zo = zo + peepholes[2] * m
            y[n, t] = a = _sigmoid(zo) * np.tanh(m)
        h[n], c[n] = a, m
    return y, h, c


def lstm_scan_cases(rng):
    def made(N, T, H):
        z, h0, c0 = (rng.standard_normal(shape) for shape in ((N, T, 4 * H), (N, H), (N, H)))
        return z, h0, c0, rng.standard_normal((H, 4 * H)) / np.sqrt(max(H, 1))

    z, h0, c0, wh = plain = made(3, 4, 5)
    peepholes, lengths = rng.standard_normal((3, 5)), np.array([4, 0, 2])
    far = z.copy()
    far[0, 1, 2], far[0, 2, 7], far[1, 0, 12], far[2, 1, 18] = np.inf, -np.inf, np.inf, -np.inf
    behind = z.copy()
    behind[1], behind[2, 2:] = np.nan, np.inf
    whole = (*plain, peepholes, lengths)
    # Few combinations of what is left out: each is compiled anew.
    return [
        Case("3 sequences of 4 steps", plain),
        Case("in reverse", plain, {"reverse": True}),
        Case("peepholes and lengths", whole),
        Case("peepholes and lengths in reverse", whole, {"reverse": True}),
        Case("no state before", (z, None, None, wh, None, lengths), {"reverse": True}),
        Case("a memory alone", (z, None, c0, wh, peepholes, lengths)),
        Case("NaN behind the end", (behind, *whole[1:])),
        Case("one step", made(2, 1, 3)),
        Case("one of all", made(1, 1, 1)),
        Case("more than a vector", (*made(7, 3, 18), rng.standard_normal((3, 18)), np.arange(7) % 4)),
        Case("no sequences", made(0, 3, 2)),
        Case("no states", made(2, 3, 0)),
        Case("infinite", (far, h0, c0, wh), grad=False),
        Case("huge", (1e30 * z, h0, 1e30 * c0, 1e30 * wh), grad=False),
        Bad("no steps", made(2, 0, 3), {}, ShapeError, "z"),
        Bad("z with 2 axes", (z[0], h0, c0, wh), {}, ShapeError, "z"),
        Bad("z of 3 gates", (z[:, :, :15], h0, c0, wh), {}, ShapeError, "z"),
        Bad("wh of 3 gates", (z, h0, c0, wh[:, :15]), {}, ShapeError, "wh"),
        Bad("wh too small", (z, h0, c0, wh[:4]), {}, ShapeError, "wh"),
        Bad("h0 of fewer", (z, h0[:2], c0, wh), {}, ShapeError, "h0"),
        Bad("c0 of none", (z, h0, c0[:0], wh), {}, ShapeError, "c0"),
        Bad("peepholes of 4 gates", (*plain, wh[:4, :5]), {}, ShapeError, "peepholes"),
        Bad("fewer lengths", (*plain, None, lengths[:2]), {}, ShapeError, "lengths"),
        Bad("too long", (*plain, None, np.array([4, 5, 1])), {}, LabelError, "lengths"),
        Bad("a negative length", (*plain, None, np.array([4, -1, 1])), {}, LabelError, "lengths"),
        Bad("lengths that are floats", (*plain, None, np.array([4.0, 1.0, 1.0])), {}, DtypeError, "lengths"),
        Bad("z of integers", (z.astype(int), h0, c0, wh), {}, DtypeError, "z"),
        Bad("half of c0", (z, h0, half(c0), wh), {}, DtypeError, "c0"),
    ]
