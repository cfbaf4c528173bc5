"""The focal loss in plain NumPy, and the arguments that it is verified on."""

import numpy as np

from nbdl.errors import LabelError, ShapeError
from nbdl.testing.cases import Bad, Case


def focal_loss(x, labels, gamma=2.0):
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    p = p[np.arange(len(x)), labels]
    return np.mean(-((1 - p) ** gamma) * np.log(p))


def cases(rng):
    x, labels = rng.normal(size=(5, 4)), rng.integers(0, 4, 5)
    return [
        Case("usual", (x, labels), {}),
        Case("cross-entropy", (x, labels), {"gamma": 0.0}),
        Case("one sample", (x[:1], labels[:1]), {"gamma": 0.5}),
        Bad("label too large", (x, labels + 4), {}, LabelError, "labels"),
        Bad("too few labels", (x, labels[:3]), {}, ShapeError, "labels"),
    ]
