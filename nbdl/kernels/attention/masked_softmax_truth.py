"""The truth of `masked_softmax`."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError, LabelError, ShapeError


def masked_softmax(x, mask=None, lengths=None):
    N, T, S = x.shape
    y = np.zeros(x.shape)
    for n, t in np.ndindex(N, T):
        attended = np.ones(S, bool) if mask is None else mask[n, t].copy()
        if lengths is not None:
            attended[np.broadcast_to(np.reshape(lengths, (N, -1)), (N, T))[n, t] :] = False
        if attended.any():
            e = np.exp(x[n, t, attended] - x[n, t, attended].max())
            y[n, t, attended] = e / e.sum()
    return y


def masked_softmax_cases(rng):
    x, mask = rng.standard_normal((3, 4, 5)), rng.random((3, 4, 5)) < 0.5
    mask[1, 2] = False
    counts, each = np.array([5, 0, 2]), rng.integers(0, 6, (3, 4))
    far = np.where(mask, x, rng.choice([np.nan, np.inf, -np.inf, 1e30], x.shape))
    return [
        Case("all keys", (x,)),
        Case("a mask", (x, mask)),
        Case("lengths", (x, None, counts)),
        Case("lengths for each query", (x, None, each)),
        Case("a mask and lengths", (x, mask, each)),
        Case("more than a vector", (rng.standard_normal((2, 3, 37)), None, np.array([30, 17]))),
        Case("no samples", (x[:0],)),
        Case("no queries", (x[:, :0],)),
        Case("no keys", (x[:, :, :0],)),
        Case("anything where it is masked", (far, mask), grad=False),
        Bad("x of 2 dimensions", (x[0],), {}, ShapeError, "x"),
        Bad("a mask of fewer keys", (x, mask[:, :, :4]), {}, ShapeError, "mask"),
        Bad("a mask of floats", (x, x), {}, DtypeError, "mask"),
        Bad("fewer lengths", (x, None, counts[:2]), {}, ShapeError, "lengths"),
        Bad("too long", (x, None, np.array([5, 6, 1])), {}, LabelError, "lengths"),
        Bad("a negative length", (x, None, np.array([5, -1, 1])), {}, LabelError, "lengths"),
        Bad("integers", (x.astype(int),), {}, DtypeError, "x"),
    ]
