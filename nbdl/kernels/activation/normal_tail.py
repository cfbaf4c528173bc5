r"""The tail of a normal distribution times where it begins, and its slope: what GELU is made of.

.. math::
    h(z) = z\, \Phi(-z) = z\, e^{-z^2 / 2}\, m(z) \qquad
    h'(z) = e^{-z^2 / 2} \Big(m(z) - \frac{z}{\sqrt{2 \pi}}\Big) \qquad
    m(z) = \tfrac{1}{2}\, \mathrm{erfcx}\left(\frac{z}{\sqrt 2}\right)

of z from 0 on; m is the Mills ratio, which falls slowly: the tail keeps its digits until it underflows. In
float32 m is a quotient of polynomials, minimax, and all of h is one division; the exponential needs no square
(`vector_math`), since it has one end, and numbers that would be subnormal are 0. In float64 both are those of
`vector_math`. Errors, in units in the last place: 10 + 2 z^2 of h (z^2 is rounded); of h' 4 of those of 1.
"""

import math

import numpy as np

from nbdl.kernels.simd.emit import define
from nbdl.kernels.simd.vector_math import _emitter, _erfcx, _exp, _on_array, _polynomial

PEAK = 1 / math.sqrt(2 * math.pi)  # of the normal density
FAR = {np.float32: 13.264, np.float64: 40.0}  # where the tail is 0: 2^-127 is, with an exponent of 0
HALF_LOG2_E = 0.5 / math.log(2)
POWER = (  # 2^f in f, where |f| <= 1/2
    1.0, 0.6931470280412693, 0.24022183590834714, 0.055506143504739924, 0.009673557766442681,
    0.0013308416650210553,
)  # fmt: skip
MILLS = (14.009416830642339, 9.547624109808753, 3.0116500816019536, 0.3988032422685318)
BY = (28.018833661284678, 41.450975537171466, 25.08781022267179, 7.537688419145263, 1.0)
SLOPE = (  # MILLS - PEAK z BY
    MILLS[0], *(a - PEAK * b for a, b in zip(MILLS[1:], BY)), -PEAK * BY[3], -PEAK * BY[4],
)  # fmt: skip


# --- the formulas, as in `vector_math`: on NumPy arrays, and on terms that emit instructions ---------------


def _tail(F, z):
    z = np.where(z > FAR[F.dtype], FAR[F.dtype], z)
    if F.dtype is np.float64:
        return z * 0.5 * (_exp(F, z * z * -0.5) * _erfcx(F, z * 0.5**0.5))
    power, s = _bell(F, z)
    return z * s * power * _polynomial(MILLS, z) / _polynomial(BY, z)


def _slope(F, z):
    z = np.where(z > FAR[F.dtype], FAR[F.dtype], z)
    if F.dtype is np.float64:
        return _exp(F, z * z * -0.5) * (0.5 * _erfcx(F, z * 0.5**0.5) - PEAK * z)
    power, s = _bell(F, z)
    return s * power * _polynomial(SLOPE, z) / _polynomial(BY, z)


def _bell(F, z):
    """(a, 2^n), of which e^(-z^2 / 2) is the product: 2^n is 0 at the end."""
    half = z * -HALF_LOG2_E
    rounded = half * z + F.rounder
    f = half * z - (rounded - F.rounder)
    return _polynomial(POWER, f), (rounded.view(F.integer) << F.significand).view(F.dtype)


# --- the functions ----------------------------------------------------------------------------------------


def normal_tail(z):
    """z times the probability that a normal number is beyond z, lane by lane, of z from 0 on."""
    return _on_array(_tail, z)


def normal_tail_slope(z):
    """The derivative of `normal_tail`: 1/2 at 0, below 0 from 0.75 on."""
    return _on_array(_slope, z)


for _function, _formula in ((normal_tail, _tail), (normal_tail_slope, _slope)):
    define(_function, lambda k: [(k.vec, (k.vec,)), (k.dtype, (k.dtype,))], _emitter(_formula))
