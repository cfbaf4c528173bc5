r"""Normal random numbers from the random words of Philox, by the quantile of the normal distribution.

.. math:: z = \Phi^{-1}(u) \qquad u \sim U(0, 1)

Algorithm AS 241 of Wichura 1988, PPND16: quotients of polynomials, of q = u - 1/2 in the middle and of
sqrt(-log) of the probability of the tail outside, right to 16 digits. A random word is a probability from
2^-33 on: no number is farther from 0 than 6.4.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.simd.registers import sqrt, where
from nbdl.kernels.simd.vector_math import log

_HALF, _LAST = np.int64(2**31), np.int64(2**32 - 1)

# Wichura's coefficients, from that of the 7th power down to the constant
MIDDLE = (
    2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
    1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0,
)  # fmt: skip
UNDER_MIDDLE = (
    5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
    5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0,
)  # fmt: skip
TAIL = (
    7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
    1.27045825245236838258e0, 3.64784832476320460504e0, 5.76949722146069140550e0,
    4.63033784615654529590e0, 1.42343711074968357734e0,
)  # fmt: skip
UNDER_TAIL = (
    1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
    1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e0,
    2.05319162663775882187e0, 1.0,
)  # fmt: skip


@jit
def tail_of(word):
    """The probability beyond the quantile of a random word, at most 1/2; negative on the lower side."""
    # Counted from the nearer end, where a float32 has digits to spare; the half keeps it from 0.
    return -(word + 0.5) / 2.0**32 if word < _HALF else (_LAST - word + 0.5) / 2.0**32


@jit
def _horner(c, x):
    return ((((((c[0] * x + c[1]) * x + c[2]) * x + c[3]) * x + c[4]) * x + c[5]) * x + c[6]) * x + c[7]


@jit
def normal_of(tail):
    """The quantile that `tail` says; a number or a vector of them."""
    p = abs(tail)
    q = 0.5 - p
    # 0.180625 is 0.425^2, the edge of the middle. Wichura's third case, sqrt(-log p) > 5, needs p < 2^-36.
    r, s = 0.180625 - q * q, sqrt(-log(p)) - 1.6
    # Both in every lane: neighbouring elements fall on either side.
    middle, outside = (
        q * (_horner(MIDDLE, r) / _horner(UNDER_MIDDLE, r)),
        _horner(TAIL, s) / _horner(UNDER_TAIL, s),
    )
    z = where(q <= 0.425, middle, outside)
    return where(tail < 0.0, -z, z)
