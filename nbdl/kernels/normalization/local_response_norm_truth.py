"""The truth of `local_response_norm`."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError, OptionError, ShapeError


def local_response_norm(x, size, alpha=1e-4, beta=0.75, k=1.0):
    C = x.shape[1]
    y = np.empty_like(x)
    for c in range(C):
        window = x[:, max(0, c - size // 2) : c + (size - 1) // 2 + 1]
        y[:, c] = x[:, c] / (k + alpha / size * np.sum(window**2, axis=1)) ** beta
    return y


def local_response_norm_cases(rng):
    x = rng.standard_normal((3, 7, 4, 5)) * 3
    strong = {"size": 5, "alpha": 2.0, "k": 2.0}
    holed = x.copy()
    holed[1, 3, 2, 1] = np.nan
    return [
        Case("usual", (x,), strong),
        Case("the defaults", (x,), {"size": 5}),
        Case("an even size", (x,), {**strong, "size": 4}),
        Case("one channel sees itself", (x,), {**strong, "size": 1}),
        Case("all channels", (x,), {**strong, "size": 99}),
        Case("another power", (x,), {**strong, "beta": 0.5}),
        Case("no power", (x,), {**strong, "beta": 0.0}),
        Case("rows", (x[:, :, 0, 0],), strong),
        Case("sequences", (rng.standard_normal((2, 6, 33)),), strong),
        Case("volumes", (rng.standard_normal((2, 3, 2, 2, 3)),), strong),
        Case("planes of 8", (rng.standard_normal((3, 4, 2, 4)),), strong),
        Case("zeros", (x * 0,), strong),
        Case("large", (rng.standard_normal((2, 3, 9)) * 1e25,), {"size": 3, "beta": 0.5}, grad=False),
        Case("small", (x * 1e-30,), strong, grad=False),
        Case("NaN in one place", (holed,), strong, grad=False),
        Case("no samples", (x[:0],), strong),
        Case("no places", (x[..., :0],), strong, grad=False),
        Bad("one axis", (x[0, 0, 0],), strong, ShapeError, "x"),
        Bad("integers", (np.ones((2, 3), int),), strong, DtypeError, "x"),
        Bad("size of 0", (x,), {"size": 0}, OptionError, "size"),
        Bad("half a channel", (x,), {"size": 2.5}, DtypeError, "size"),
        Bad("negative alpha", (x,), {**strong, "alpha": -1.0}, OptionError, "alpha"),
        Bad("beta of NaN", (x,), {**strong, "beta": np.nan}, OptionError, "beta"),
        Bad("k of 0", (x,), {**strong, "k": 0.0}, OptionError, "k"),
    ]
