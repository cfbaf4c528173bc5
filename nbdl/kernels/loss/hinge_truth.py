"""The truth of `hinge`."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError, LabelError, OptionError, ShapeError


def hinge(x, labels, margin=1.0):
    return np.mean(np.maximum(0, margin - np.where(labels == 1, 1, -1) * x))


def hinge_cases(rng):
    x, labels = rng.standard_normal((4, 3)), rng.integers(0, 2, (4, 3))
    images = rng.standard_normal((2, 2, 4, 8)), rng.integers(-1, 2, (2, 2, 4, 8))
    ends = np.array([[np.inf, 1e30], [-np.inf, -1e30]])
    return [
        Case("4x3", (x, labels)),
        Case("1 and -1", (x, 2 * labels - 1)),
        Case("margin 0.3", (x, labels), {"margin": 0.3}),
        Case("images, bytes", (images[0], images[1].astype(np.int8))),
        Case("the ends", (ends, np.array([[1, 1], [0, 0]])), grad=False),
        Case("infinitely wrong", (ends, np.array([[0, 0], [1, 1]])), grad=False),
        Bad("label 2", (x, labels + 1 + (labels == labels.max())), {}, LabelError, "labels"),
        Bad("label -2", (x, labels - 2), {}, LabelError, "labels"),
        Bad("labels of floats", (x, labels.astype(float)), {}, DtypeError, "labels"),
        Bad("labels too short", (x, labels[:3]), {}, ShapeError, "labels"),
        Bad("labels to broadcast", (x, labels[:1]), {}, ShapeError, "labels"),
        Bad("no elements", (x[:0], labels[:0]), {}, ShapeError, "x"),
        Bad("x of integers", (x.astype(int), labels), {}, DtypeError, "x"),
        *(Bad(f"margin {m}", (x, labels), {"margin": m}, OptionError, "margin") for m in (0.0, np.nan)),
    ]
