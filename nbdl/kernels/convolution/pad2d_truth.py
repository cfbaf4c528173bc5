"""The truth of `pad2d`: NumPy's padding."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels.door.window_truth import sides


def pad2d(x, padding, mode="constant", value=0.0):
    top, bottom, left, right = sides(padding)
    options = {"constant_values": value} if mode == "constant" else {}
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), mode, **options)


def pad2d_cases(rng):
    x = (rng.standard_normal((2, 3, 4, 5)),)

    def options(padding, mode="constant", value=0.0):
        return {"padding": padding, "mode": mode, "value": value}

    return [
        Case("zeros", x, {"padding": 2}),
        Case("a constant", x, options((1, 0, 3, 2), value=-1.5)),
        Case("reflect", x, options((3, 2, 1, 4), "reflect")),
        Case("edge", x, options((1, 6), "edge")),
        Case("nothing", x, options(0, "reflect")),
        Case("long rows", (rng.standard_normal((1, 2, 2, 37)),), options((1, 1, 20, 3), "reflect")),
        Case("one element", (x[0][:, :, :1, :1],), options((2, 1, 0, 3), "edge")),
        Case("no rows", (x[0][:, :, :0],), options((2, 1, 0, 3))),
        Case("no samples", (x[0][:0],), {"padding": 1}),
        Bad("negative", x, options((0, 0, -1, 0)), OptionError, "padding"),
        Bad("padding of 3", x, options((1, 1, 1)), DtypeError, "padding"),
        Bad("padding of a fraction", x, options(0.5), DtypeError, "padding"),
        Bad("as many rows as to reflect", x, options((4, 0, 0, 0), "reflect"), OptionError, "padding"),
        Bad("as many columns as to reflect", x, options((0, 0, 0, 5), "reflect"), OptionError, "padding"),
        Bad("nothing to repeat", (x[0][:, :, :0],), options(1, "edge"), ShapeError, "x"),
        Bad("another mode", x, options(1, "wrap"), OptionError, "mode"),
        Bad("a mode that is no text", x, options(1, 3), DtypeError, "mode"),
        Bad("too large", x, options(2**31 - 1), OptionError, "padding"),
        Bad("32 bits", x, options(2**31), OptionError, "padding"),
        Bad("x of 3 dimensions", (x[0][0],), {"padding": 1}, ShapeError, "x"),
        Bad("x of integers", (np.zeros((1, 1, 4, 4), int),), {"padding": 1}, DtypeError, "x"),
    ]
