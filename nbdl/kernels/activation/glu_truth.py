"""The truth of `glu` and `swiglu`."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels.activation.elementwise_truth import sigmoid
from nbdl.kernels.activation.silu_truth import silu


def glu(x, axis=-1):
    a, b = np.split(x, 2, axis)
    return a * sigmoid(b)


def swiglu(x, axis=-1):
    a, b = np.split(x, 2, axis)
    return silu(a) * b


def glu_cases(rng):
    x, images = rng.standard_normal((5, 6)), rng.standard_normal((3, 2, 4, 8))
    ends = np.array([[-np.inf, 1], [1e30, -1e3], [-1e30, 1], [2, np.inf], [np.nan, 0], [1, np.nan]])
    return [
        Case("5x6", (x,)),
        Case("images", (images,)),
        Case("channels", (images,), {"axis": 1}),
        Case("rows", (images,), {"axis": -2}),
        Case("positions", (rng.standard_normal((3, 5, 40)),)),
        Case("the ends", (ends,), grad=False),
        Bad("an odd size", (x[:, 1:],), {}, ShapeError, "x"),
        Bad("no elements", (x[:, :0],), {}, ShapeError, "x"),
        Bad("an axis too many", (x,), {"axis": 2}, OptionError, "axis"),
        Bad("an axis of a fraction", (x,), {"axis": 0.5}, DtypeError, "axis"),
        Bad("x of integers", (np.arange(4),), {}, DtypeError, "x"),
    ]


swiglu_cases = glu_cases
