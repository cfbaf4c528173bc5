r"""The terms that information measures sum, on vectors of float64.

They are 0 where they have to be, without a branch, and never negative:

.. math::
    \mathrm{kl\_term}(p, q) &= p \log(p / q) - p + q \\
    \mathrm{js\_near}(s) = \mathrm{js\_far}(1 - |s|) &= (1 + s) \log(1 + s) + (1 - s) \log(1 - s)

With :math:`s = (p - q) / (p + q)` they keep their relative accuracy where p is next to q:

.. math::
    \log(p / q) = 2 \operatorname{artanh} s = 2 s + s^3 R(s^2) \qquad
    p \log(p / q) - p + q = s (p - q) + p s^3 R(s^2)

Where p and q are farther apart, q is first multiplied by the power of two that brings it next to p. Numbers
must be 0 or normal, not negative, not NaN: callers find out from the smallest element and the sum. The
polynomials are minimax; the logarithm is off by 2e-15 f^2 at most (see LOG), in a sum by about as much
as its rounding, the terms by a few units in the last place.
"""

import numpy as np

from nbdl.kernels.simd.emit import F64, define
from nbdl.kernels.simd.vector_math import Term, _polynomial

LN2 = 0.6931471805599453
SMALLEST = 2.0**-1022  # normal number
SQRT_HALF = 0x3FE6A09E667F3BCD  # its bits
EXPONENT = -(2**52)  # the bits of a float64 above its significand; as a number, one step of the exponent
LOG = (  # (log(1 + f) - f) / f^2, where 1 + f is from sqrt(1/2) to sqrt(2)
    -0.5000000000013306, 0.3333333333420647, -0.2499999996231841, 0.19999999813537794, -0.1666667007331151,
    0.14285729758474788, -0.12499860748309935, 0.11110458070407415, -0.1000281322806857, 0.09106093498239687,
    -0.08308245126086469, 0.07498595818938426, -0.07147473573212061, 0.07883220923444216,
    -0.07594255438761202, 0.03630771313590905,
)  # fmt: skip
R = (  # where p / q is from 2^-0.5862 to 2^0.5862
    0.6666666666666695, 0.3999999999931976, 0.2857142884091753, 0.22222182229073612, 0.18184637983254434,
    0.15283057950056433, 0.15124112132015707,
)  # fmt: skip
NEAR = (  # js_near(s) / s^2 in s^2, where |s| < 1/2
    0.9999999999999999, 0.1666666666667829, 0.06666666664493819, 0.03571428730307514, 0.022222162333107972,
    0.015152842649405885, 0.010970452188369246, 0.008502793606152824, 0.005516723852119608,
    0.009223329280801633, -0.005003652060379209, 0.014869634079160554,
)  # fmt: skip
FAR = (  # (2 - c) log(2 - c), where c = 1 - |s| <= 1/2
    1.3862943611198901, -1.6931471805596658, 0.24999999997387265, 0.04166666762215811, 0.010416648652499961,
    0.003125199721097258, 0.0010402700048537169, 0.0003784035469179194, 0.00012031047968269225,
    9.158632794720207e-05, -2.235450499944134e-05, 3.550323207441252e-05,
)  # fmt: skip


# --- the formulas, as in _vector_math: on NumPy arrays, and on terms that emit instructions -----------------


def _halves(coefficients, x):
    """A polynomial as its even and its odd part, which the machine computes side by side."""
    return _polynomial(coefficients[::2], x * x) + x * _polynomial(coefficients[1::2], x * x)


def _log_normal(x):
    bits = x.view(np.int64)
    k = (bits - SQRT_HALF) & EXPONENT
    f = (bits - k).view(np.float64) - 1
    return k.astype(np.float64) * (LN2 / 2**52) + f * (f * _halves(LOG, f) + 1)


def _log_ratio(p, q):
    """(q times a power of two, s, s^2 R(s^2), the logarithm of the power of two): log(p / q) in parts."""
    bits = q.view(np.int64)
    k = (p.view(np.int64) - bits + 2**51) & EXPONENT
    near = (bits + k).view(np.float64)
    s = (p - near) / (p + near)
    return near, s, s * s * _polynomial(R, s * s), k.astype(np.float64) * (LN2 / 2**52)


def _ce_term(p, q):
    term = 0 - p * _log_normal(q)
    return np.where(q < SMALLEST, np.where(p > 0, np.inf, 0 * term), term)


def _kl_term(p, q):
    a, b = np.where(p > SMALLEST, p, SMALLEST), np.where(q > SMALLEST, q, SMALLEST)
    near, s, curve, shift = _log_ratio(a, b)
    term = s * ((a - near) + a * curve) + (a * shift - (near - b))
    return np.where(q < SMALLEST, np.where(p > SMALLEST, np.inf, term), term)


def _jeffreys_term(p, q):
    a, b = np.where(p > SMALLEST, p, SMALLEST), np.where(q > SMALLEST, q, SMALLEST)
    _, s, curve, shift = _log_ratio(a, b)
    term = (a - b) * (s * (2 + curve) + shift)
    term = np.where(q < SMALLEST, np.where(p > SMALLEST, np.inf, 0 * term), term)
    return np.where(p < SMALLEST, np.where(q > SMALLEST, np.inf, 0 * term), term)


def _js_near(s):
    return s * s * _polynomial(NEAR, s * s)


def _js_far(c):
    return _polynomial(FAR, c)


# --- the functions ----------------------------------------------------------------------------------------


def log_normal(x):
    """The natural logarithm of a positive normal number; at 0 some number."""
    return _on_arrays(_log_normal, x)


def ce_term(p, q):
    """-p log(q): 0 where p = 0; infinite where p > 0 and q is 0 or subnormal."""
    return _on_arrays(_ce_term, p, q)


def kl_term(p, q):
    """p log(p / q) - p + q: 0 where p = q, q where p = 0; infinite where p > 0 and q is 0 or subnormal."""
    return _on_arrays(_kl_term, p, q)


def jeffreys_term(p, q):
    """(p - q) log(p / q): 0 where p = q; infinite where one of the two alone is 0 or subnormal."""
    return _on_arrays(_jeffreys_term, p, q)


def js_near(s):
    """(1 + s) log(1 + s) + (1 - s) log(1 - s) where |s| < 1/2."""
    return _on_arrays(_js_near, s)


def js_far(c):
    """The same where c = 1 - |s| <= 1/2, less c log(c)."""
    return _on_arrays(_js_far, c)


def _on_arrays(formula, *x):
    with np.errstate(all="ignore"):
        return formula(*x)


def _emitter(formula):
    return lambda bd, kind, *x: formula(*(Term(bd, v) for v in x)).value


for _function, _formula, _count in (
    (log_normal, _log_normal, 1), (ce_term, _ce_term, 2), (kl_term, _kl_term, 2),
    (jeffreys_term, _jeffreys_term, 2), (js_near, _js_near, 1), (js_far, _js_far, 1),
):  # fmt: skip
    define(
        _function,
        lambda kind, count=_count: [(kind.vec, (kind.vec,) * count)] if kind is F64 else [],
        _emitter(_formula),
    )
