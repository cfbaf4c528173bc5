"""The truth of `convolve2d`: the sum over all pairs of elements, then the part that the mode says."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, OptionError, ShapeError


def convolve2d(x, w, mode="full"):
    (H, W), (KH, KW) = x.shape[-2:], w.shape
    full = np.zeros((*x.shape[:-2], H + KH - 1, W + KW - 1))
    for u, v in np.ndindex(KH, KW):
        full[..., u : u + H, v : v + W] += w[u, v] * x
    if mode == "full":
        return full
    if mode == "same":
        return full[..., (KH - 1) // 2 :, (KW - 1) // 2 :][..., :H, :W]
    return full[..., KH - 1 : H, KW - 1 : W]


def convolve2d_cases(rng):
    def xw(*shape, kernel=(3, 2)):
        return rng.standard_normal(shape), rng.standard_normal(kernel)

    x, w = xw(3, 5, 6)
    return [
        *(Case(mode, xw(2, 5, 6), {"mode": mode}) for mode in ("full", "same", "valid")),
        *(Case(f"{mode}, even", xw(2, 5, 6, kernel=(4, 4)), {"mode": mode}) for mode in ("same", "valid")),
        *(Case(f"{mode}, of channels", xw(2, 3, 4, 6), {"mode": mode}) for mode in ("same", "valid")),
        Case("further axes", xw(2, 1, 2, 4, 3), {"mode": "valid"}),
        Case("w larger than x", xw(2, 2, 3, kernel=(5, 4)), {"mode": "same"}),
        Case("one of all", xw(1, 1, 1, kernel=(1, 1))),
        Case("no samples", xw(0, 4, 3)),
        Bad("w larger than x, valid", (x, np.ones((6, 1))), {"mode": "valid"}, ShapeError, "w"),
        Bad("empty w", (x, w[:0]), {}, ShapeError, "w"),
        Bad("empty images", (x[:, :0], w), {}, ShapeError, "x"),
        Bad("w of channels", (x, w[None]), {}, ShapeError, "w"),
        Bad("x of one dimension", (x[0, 0], w), {}, ShapeError, "x"),
        Bad("w of another dtype", (x, half(w)), {}, DtypeError, "w"),
        Bad("another mode", (x, w), {"mode": "circular"}, OptionError, "mode"),
        Bad("a mode that is no text", (x, w), {"mode": 1}, DtypeError, "mode"),
        Bad("x of integers", (np.ones((2, 3, 4), int), w), {}, DtypeError, "x"),
    ]
