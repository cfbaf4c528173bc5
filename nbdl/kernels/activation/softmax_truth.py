"""The truth of `softmax` and `log_softmax`."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError, OptionError, ShapeError


def softmax(x, axis=-1):
    e = np.exp(x - np.max(x, axis, keepdims=True))
    return e / np.sum(e, axis, keepdims=True)


def log_softmax(x, axis=-1):
    x = x - np.max(x, axis, keepdims=True)
    return x - np.log(np.sum(np.exp(x), axis, keepdims=True))


def softmax_cases(rng):
    x, one = rng.standard_normal((4, 3)), rng.standard_normal((3, 1))
    images = rng.standard_normal((2, 3, 4, 5))
    large = np.array([[1e4, 0.0, -1e4], [1e4, 1e4, 1e4], [-1e30, 0.0, 1e30], [-0.0, 1e-30, 0.0]])
    masked = np.array([[1.0, -np.inf, 2.0, -np.inf], [-np.inf, -np.inf, -np.inf, 3.0]])
    return [
        Case("rows", (x,)),
        Case("columns", (x,), {"axis": 0}),
        Case("channels", (images,), {"axis": 1}),
        Case("axis from the end", (images,), {"axis": -2}),
        Case("1 dimension", (x[0],)),
        Case("one class", (one,)),
        Case("no samples", (x[:0],)),
        Case("large", (large,), grad=False),
        Case("far from 0", (x + 1e4,), grad=False),
        Case("equal and very far from 0", (np.full((2, 16), 1e16),), grad=False),
        Case("minus infinity", (masked,), grad=False),
        Case("NaN", (np.array([[np.nan, 1.0], [1.0, 2.0]]),), grad=False),
        Bad("axis 2 of 2", (x,), {"axis": 2}, OptionError, "axis"),
        Bad("axis -3 of 2", (x,), {"axis": -3}, OptionError, "axis"),
        Bad("axis of a number", (np.array(1.0),), {}, OptionError, "axis"),
        Bad("axis of a fraction", (x,), {"axis": 0.7}, DtypeError, "axis"),
        Bad("empty axis", (x[:, :0],), {}, ShapeError, "axis"),
        Bad("integers", (np.arange(3),), {}, DtypeError, "x"),
    ]


log_softmax_cases = softmax_cases
