"""The vector of L numbers, for kernels and lanes twins outside nbdl: `_simd.py` and `_vector_math.py`."""

from nbdl.kernels._simd import (
    LANES,
    fma,
    hmax,
    hsum,
    larger,
    load,
    load_part,
    maximum,
    pointer,
    smaller,
    some,
    splat,
    sqrt,
    store,
    store_part,
    where,
)  # fmt: skip
from nbdl.kernels._vector_math import exp, log, sigmoid, tanh

__all__ = [
    "LANES",
    "exp",
    "fma",
    "hmax",
    "hsum",
    "larger",
    "load",
    "load_part",
    "log",
    "maximum",
    "pointer",
    "sigmoid",
    "smaller",
    "some",
    "splat",
    "sqrt",
    "store",
    "store_part",
    "tanh",
    "where",
]
