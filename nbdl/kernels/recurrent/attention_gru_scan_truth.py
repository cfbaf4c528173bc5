"""The truth of `attention_gru_scan`."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, LabelError, ShapeError


def _sigmoid(a):
    return 0.5 * (1 + np.tanh(a / 2))


def attention_gru_scan(z, keys, values, h0, wq, wv, wh, bh=None, lengths=None):
    (N, T, _), S, H = z.shape, keys.shape[1], len(wh)
    y, last, weights = np.zeros((N, T, H)), np.zeros((N, H)), np.zeros((N, T, S))
    b = np.zeros(3 * H) if bh is None else bh
    for i in range(N):
        h, end = np.zeros(H) if h0 is None else h0[i], S if lengths is None else lengths[i]
        for t in range(T):
            scores = np.tanh(h @ wq + keys[i, :end]) @ wv
            e = np.exp(scores - scores.max()) if end else scores
            weights[i, t, :end] = e / e.sum() if end else 0
            zr, zu, zn = np.split(z[i, t] + weights[i, t, :end] @ values[i, :end], 3)
            sr, su, sn = np.split(h @ wh + b, 3)
            r, u = _sigmoid(zr + sr), _sigmoid(zu + su)
            y[i, t] = h = (1 - u) * np.tanh(zn + r * sn) + u * h
        last[i] = h
    return y, last, weights


def attention_gru_scan_cases(rng):
    def made(N, T, S, H, U):
        shapes = (N, T, 3 * H), (N, S, U), (N, S, 3 * H), (N, H), (H, U), (U,), (H, 3 * H)
        z, keys, values, h0, wq, wv, wh = (rng.standard_normal(shape) for shape in shapes)
        small = np.sqrt(max(H, 1))
        return z, keys, values, h0, wq / small, wv, wh / small, rng.standard_normal(3 * H)

    z, keys, values, h0, wq, wv, wh, bh = plain = made(3, 4, 5, 6, 7)
    lengths, far = np.array([5, 0, 2]), values.copy()
    far[2, 3, 1], far[1, 0, 0] = np.nan, np.inf
    hidden = z, np.where(np.isfinite(far[..., :1]), keys, np.nan), far, h0, wq, wv, wh, bh, lengths
    return [
        Case("3 sequences of 4 steps", plain),
        Case("no state before, no biases", (z, keys, values, None, wq, wv, wh)),
        Case("lengths", (*plain, lengths)),
        Case("one step, one key", made(2, 1, 1, 3, 2)),
        Case("one of all", made(1, 1, 1, 1, 1)),
        Case("more than a vector, many steps", made(7, 9, 11, 18, 17)),
        Case("no sequences", made(0, 3, 2, 2, 2)),
        Case("no states", made(2, 3, 2, 0, 2)),
        Case("anything behind the lengths", hidden, grad=False),
        Bad("no steps", made(2, 0, 3, 3, 3), {}, ShapeError, "z"),
        Bad("no keys", made(2, 3, 0, 3, 3), {}, ShapeError, "keys"),
        Bad("z with 2 axes", (z[0], *plain[1:]), {}, ShapeError, "z"),
        Bad("z of no thirds", (z[:, :, :17], *plain[1:]), {}, ShapeError, "z"),
        Bad("keys of fewer sequences", (z, keys[:2], *plain[2:]), {}, ShapeError, "keys"),
        Bad("values of fewer keys", (z, keys, values[:, :4], *plain[3:]), {}, ShapeError, "values"),
        Bad("values of other size", (z, keys, values[:, :, :6], *plain[3:]), {}, ShapeError, "values"),
        Bad("h0 of fewer", (z, keys, values, h0[:2], *plain[4:]), {}, ShapeError, "h0"),
        Bad("wq too small", (z, keys, values, h0, wq[:5], *plain[5:]), {}, ShapeError, "wq"),
        Bad("wv too small", (z, keys, values, h0, wq, wv[:5], wh), {}, ShapeError, "wv"),
        Bad("wh too small", (z, keys, values, h0, wq, wv, wh[:5]), {}, ShapeError, "wh"),
        Bad("fewer biases", (*plain[:7], bh[:6]), {}, ShapeError, "bh"),
        Bad("fewer lengths", (*plain, lengths[:2]), {}, ShapeError, "lengths"),
        Bad("too long", (*plain, np.array([5, 6, 1])), {}, LabelError, "lengths"),
        Bad("a negative length", (*plain, np.array([5, -1, 1])), {}, LabelError, "lengths"),
        Bad("lengths that are floats", (*plain, np.array([4.0, 1.0, 1.0])), {}, DtypeError, "lengths"),
        Bad("z of integers", (z.astype(int), *plain[1:]), {}, DtypeError, "z"),
        Bad("half of the keys", (z, half(keys), *plain[2:]), {}, DtypeError, "keys"),
    ]
