"""2^x of vectors of numbers that are not above 0: what softmax asks for, in fewer instructions than exp."""

import numpy as np

from nbdl.kernels.simd.emit import define
from nbdl.kernels.simd.vector_math import FORMATS, Term, _exp, _polynomial

LN2 = 0.6931471805599453
# 2^f for |f| <= 1/2 with a relative error of 7.5e-8 (minimax)
_POLYNOMIAL = (
    1.0, 0.6931469670549113, 0.24022119724873497, 0.05550713289583712, 0.009675541292938565,
    0.0013276466792420136,
)  # fmt: skip


def pow2(x):
    """2^x for x <= 0 (and a little above), lane by lane; in float32 exactly 0 below -127, else 2 ulp."""
    x = np.asarray(x)
    with np.errstate(all="ignore"):
        return _pow2(FORMATS[x.dtype.name], np.atleast_1d(x)).reshape(x.shape)[()]


def _pow2(F, x):
    if F.integer is np.int64:
        return _exp(F, x * LN2)
    # No reduction in two parts, as the integer part is exact, and no square: no result is above 2.
    x = np.where(x < -127.0, -127.0, x)
    rounded = x + F.rounder  # its lowest bits are round(x) + 127, the exponent of the power
    f = x - (rounded - F.rounder)
    return _polynomial(_POLYNOMIAL, f) * (rounded.view(F.integer) << F.significand).view(F.dtype)


define(
    pow2,
    lambda k: [(k.vec, (k.vec,))],
    lambda bd, kind, x: _pow2(FORMATS[kind.dtype.name], Term(bd, x)).value,
)
