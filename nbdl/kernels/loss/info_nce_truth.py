"""The truth of `info_nce`."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels.activation.softmax_truth import log_softmax


def info_nce(x, y, temperature=1.0, symmetric=False):
    scores = x @ y.T / temperature
    each = -np.diag(log_softmax(scores))
    return np.mean((each - np.diag(log_softmax(scores.T))) / 2 if symmetric else each)


def info_nce_cases(rng):
    x, y = rng.standard_normal((2, 5, 3))
    return [
        Case("5 pairs", (x, y)),
        Case("temperature", (x, y), {"temperature": 0.2}),
        Case("symmetric", (x, y), {"temperature": 0.5, "symmetric": True}),
        Case("one pair", (x[:1], y[:1]), grad=False),
        Case("large", (1e3 * x, 1e3 * y), grad=False),
        Bad("empty batch", (x[:0], y[:0]), {}, ShapeError, "x"),
        Bad("y of another shape", (x, y[:4]), {}, ShapeError, "y"),
        Bad("y of another dtype", (x, half(y)), {}, DtypeError, "y"),
        Bad("temperature without an inverse", (x, y), {"temperature": 1e-320}, OptionError, "temperature"),
        Bad("temperature 0", (x, y), {"temperature": 0.0}, OptionError, "temperature"),
        Bad("x of integers", (x.astype(int), y), {}, DtypeError, "x"),
    ]
