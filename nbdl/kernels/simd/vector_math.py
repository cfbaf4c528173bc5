r"""exp, log, sigmoid, tanh, erf and their kin of a vector; of a number, they are what one lane gives.

The formulas are written once, as NumPy code. Where the JIT is disabled they compute on arrays. In compiled
code they run on a `Term`, which looks like an array and emits one instruction for each operation: a caller
has nothing to compile but those, and a scalar remainder gets the bits that a vector would have had.

.. math::
    e^x = (s (1 + q))^2 \qquad s = 2^n,\; n = \mathrm{round}(x / 2 \ln 2),\; q = e^f - 1,\; f = x/2 - n \ln 2

The square reaches from 0 over the subnormal numbers to infinity; a single 2^n has too few exponents for that.
NaN gives NaN. Largest errors, in units in the last place of the result, in float32 and in float64:

========  ==================================  ==================================================
function  error                               at the ends
========  ==================================  ==================================================
exp       3 (3.5 without fused multiply-add)  exactly 0 and inf, before 0 subnormal numbers
expm1     3.5                                 exactly -1 and inf
log       1                                   -inf at 0, NaN below, inf at inf; subnormal x
log1p     1.5                                 -inf at -1, NaN below, inf at inf; x itself near 0
sigmoid   3.5                                 exactly 1 and 0, after a few subnormal numbers
tanh      3.5                                 exactly -1 and 1; x itself near 0
erf       3                                   exactly -1 and 1
erfc      12 + 2 x^2 (x^2 is rounded)         exactly 2 and 0, before 0 subnormal numbers
erfcx     8                                   from 0 on alone
========  ==================================  ==================================================

The reductions are those of fdlibm (Sun Microsystems, 1993: e_exp.c, e_log.c); the coefficients are minimax.
"""

from typing import NamedTuple

import numpy as np
from llvmlite import ir

from nbdl.kernels.simd.emit import EXACT, FLAGS, define


class Format(NamedTuple):
    """What the formulas need to know of a dtype."""

    dtype: type
    integer: type  # of the same size
    significand: int  # its bits
    rounder: float  # 1.5 * 2**significand + bias: adding it rounds, and leaves n + bias in the lowest bits
    limit: float  # beyond it e^x is 0 or infinite
    ln2: tuple  # as a sum of two, of which the first times n is exact
    exp: tuple  # (e^f - 1) / f in f, where |f| <= ln(2) / 2
    sigmoid: tuple  # the same where no error is squared
    log: tuple  # (log((1 + s) / (1 - s)) - 2s) / s^3 in s^2, where |s| <= 3 - sqrt(8)
    erf: tuple  # erf(x) / x in x^2, where |x| < 1
    erfcx: tuple  # erfcx(z) (z + k) in (z - k) / (z + k), where z >= 0
    erfcx_centre: float  # k
    erfc_end: float  # beyond it erfc is 0
    smallest: float  # normal number
    sqrt_half: int  # the bits of sqrt(1/2)

    @property
    def bias(self):
        """What stands for the exponent 0."""
        return int(self.rounder - 1.5 * 2**self.significand)


FORMATS = {
    "float32": Format(
        np.float32, np.int32, 23, 1.5 * 2**23 + 127, 176.0, (0.693359375, -2.1219444e-4),
        (1.0, 0.5, 0.1666654462139694, 0.041666404828200214, 0.008366430832000466, 0.0013940519589493103),
        (0.9999997063086385, 0.49999147836514096, 0.16667638141356295, 0.041898160058740266,
         0.008290271229150235),
        (0.6666668527169588, 0.39988716570671506, 0.29582150945411423),
        (1.1283791658815026, -0.3761262690358044, 0.1128359746348806, -0.02685432879606753,
         0.00518931194268715, -0.0008018854992790972, 7.88249711010162e-05),
        (1.0740069060826916, -0.8833944619730129, 0.5902284326821933, -0.31046657996561466,
         0.11952717087401908, -0.026836918752070543, -0.001217028742470569, 0.0030785995082857442,
         -0.0004984463506948651, -0.00033360915326409067),
        3.0, 10.1, 2.0**-126, 0x3F3504F3,
    ),
    "float64": Format(
        np.float64, np.int64, 52, 1.5 * 2**52 + 1023, 1418.0, (0.6931471803691238, 1.9082149292705877e-10),
        *2 * [(1.0, 0.5, 0.1666666666666668, 0.041666666666619695, 0.008333333333319004,
               0.0013888888920633759, 0.00019841269894224232, 2.4801516184463295e-05,
               2.7557235236501664e-06, 2.7622293445355107e-07, 2.5112327287907652e-08)],
        (0.666666666666667, 0.39999999999898445, 0.28571428626399675, 0.22222211072781622,
         0.18182893222402544, 0.15331596853871116, 0.14617873844793286),
        (1.1283791670955126, -0.3761263890318355, 0.11283791670945273, -0.02686617064327494,
         0.005223977607392053, -0.00085483259875707, 0.00012055295245051075, -1.4924743067628773e-05,
         1.6447496849991693e-06, -1.6209011164391995e-07, 1.3722251424042042e-08, -7.799826562404633e-10),
        (1.095995661000491, -0.976548729080882, 0.7732087022652447, -0.5408538313132358,
         0.33085158787759567, -0.1740109372400729, 0.07638151491814321, -0.026370053335044292,
         0.006112055560310095, -0.00028095894235236437, -0.00045505209422397325,
         0.00017681340298725465, -3.6373673231797127e-06, -1.8863471119694955e-05,
         4.699347438526199e-06, 1.4310763508529521e-06, -8.524844332457512e-07, -8.640569831701434e-08,
         1.2770365612890532e-07, 1.0257167711219558e-08, -1.505320012020432e-08,
         -3.2744015103629463e-09),
        4.0, 27.5, 2.0**-1022, 0x3FE6A09E667F3BCD,
    ),
}  # fmt: skip


# --- the formulas -----------------------------------------------------------------------------------------


def _exp(F, x):
    q, s = _power(F, 0.5, _clip(x, -F.limit, F.limit))
    root = s * (1 + q)
    return root * root


def _expm1(F, x):
    """r (r + 2), where r = e^(x/2) - 1: no digit is lost near 0, and r reaches as far as `_exp`."""
    q, s = _power(F, 0.5, _clip(x, -F.limit, F.limit))
    r = s * q + (s - 1)
    return r * (r + 2)


def _sigmoid(F, x):
    """Of halves: 2^n would be infinite where e^-x is not yet. So e^-x need not be a square."""
    ln2 = sum(F.ln2)
    q, half = _power(F, -1.0, _clip(x, -(F.bias + 2) * ln2, (F.bias - 1) * ln2), F.sigmoid, -1)
    return 0.5 / (0.5 + half * (1 + q))


def _tanh(F, x):
    q, s = _power(F, 2.0, _clip(x, -20.0, 20.0))  # beyond 20 it is 1
    e = s * q + (s - 1)
    return e / (e + 2)


def _log(F, x):
    """k ln 2 + log(1 + f), where x = 2^k (1 + f) and 1 + f is between sqrt(1/2) and sqrt(2)."""
    up = F.significand + 2
    subnormal = x < F.smallest
    bits = np.where(subnormal, x * 2.0**up, x).view(F.integer)
    k = (bits - F.sqrt_half) >> F.significand
    f = (bits - (k << F.significand)).view(F.dtype) - 1
    k = np.where(subnormal, k - up, k).astype(F.dtype)
    s = f / (2 + f)
    y = k * F.ln2[0] + (f - (s * (f - s * s * _polynomial(F.log, s * s)) - k * F.ln2[1]))
    y = np.where(x < np.inf, y, x)
    y = np.where(x == 0, -np.inf, y)
    return np.where(x >= 0, y, np.nan)


def _log1p(F, x):
    """log u, where u = 1 + x is rounded, and what it lost: it is less than half a digit of u."""
    u = 1 + x
    lost = (x - (u - 1)) / u
    return _log(F, u) + np.where(lost < 1, lost, 0.0)


def _erf(F, x):
    z = np.where(x < 0, 0 - x, x)
    tail = _erfc_tail(F, z)
    return np.where(z < 1, x * _polynomial(F.erf, x * x), np.where(x < 0, tail - 1, 1 - tail))


def _erfc(F, x):
    tail = _erfc_tail(F, np.where(x < 0, 0 - x, x))
    return np.where(x < 0, 2 - tail, tail)


def _erfc_tail(F, z):
    """erfc(z) from 0 on: e^(-z^2) falls by all its magnitudes, what is left is smooth."""
    z = _clip(z, 0.0, F.erfc_end)
    return _exp(F, 0 - z * z) * _erfcx(F, z)


def _erfcx(F, z):
    """From 0 on."""
    k = F.erfcx_centre
    r = 1 / (z + k)
    return _polynomial(F.erfcx, 1 - 2 * k * r) * r


def _power(F, c, x, coefficients=None, m=0):
    """q and s = 2^(n + m) with e^(c x) = 2^n (1 + q); c = 0.5, -1 or 2 goes into the constants, exactly."""
    coefficients = coefficients or F.exp
    high, low, rounder = F.ln2[0] / c, F.ln2[1] / c, F.rounder + m
    rounded = x * (1 / (high + low)) + rounder
    n = rounded - rounder
    f = x - n * high - n * low
    s = (rounded.view(F.integer) << F.significand).view(F.dtype)
    return f * _polynomial([a * c ** (k + 1) for k, a in enumerate(coefficients)], f), s


def _clip(x, least, most):
    """`x` between `least` and `most`; a NaN stays."""
    x = np.where(x > most, most, x)
    return np.where(x < least, least, x)


def _polynomial(coefficients, x):
    """c0 + c1 x + c2 x^2 + ... (Horner)."""
    y = coefficients[-1]
    for c in coefficients[-2::-1]:
        y = y * x + c
    return y


# --- compiled: the formulas emit --------------------------------------------------------------------------


def _arithmetic(instruction):
    def forward(a, b):
        return a._emit(instruction, a, b)

    def reflected(b, a):
        return b._emit(instruction, a, b)

    return forward, reflected


def _comparison(sign):
    def compare(a, b):
        return Term(a.bd, a.bd.fcmp_ordered(sign, a.value, a._operand(b), flags=EXACT))

    return compare


class Term:
    """A number or vector in the code that is being emitted; for the formulas, an array."""

    __array_ufunc__ = None  # a number of NumPy leaves its operators to this class

    def __init__(self, bd, value):
        self.bd, self.value = bd, value

    __add__, __radd__ = _arithmetic("add")
    __sub__, __rsub__ = _arithmetic("sub")
    __mul__, __rmul__ = _arithmetic("mul")
    __truediv__, __rtruediv__ = _arithmetic("div")
    __lshift__ = _arithmetic("shl")[0]
    __and__ = _arithmetic("and_")[0]
    __rshift__ = _arithmetic("ashr")[0]
    __lt__, __gt__, __ge__, __eq__ = map(_comparison, ("<", ">", ">=", "=="))

    def view(self, dtype):
        return Term(self.bd, self.bd.bitcast(self.value, self._filled(_ELEMENTS[dtype])))

    def astype(self, dtype):
        return Term(self.bd, self.bd.sitofp(self.value, self._filled(_ELEMENTS[dtype])))

    def __array_function__(self, function, classes, arguments, options):
        """``np.where(mask, a, b)``: NumPy asks the arguments of its functions first."""
        if function is not np.where:
            return NotImplemented
        mask, a, b = arguments
        like = a if isinstance(a, Term) else b
        return Term(self.bd, self.bd.select(mask.value, like._operand(a), like._operand(b)))

    def _emit(self, instruction, a, b):
        a, b = self._operand(a), self._operand(b)
        if a.type in (self._filled(_ELEMENTS[np.int32]), self._filled(_ELEMENTS[np.int64])):
            return Term(self.bd, getattr(self.bd, instruction)(a, b))
        return Term(self.bd, getattr(self.bd, f"f{instruction}")(a, b, flags=FLAGS))

    def _operand(self, x):
        """What an instruction takes: the value of a term, or a constant in every lane."""
        if isinstance(x, Term):
            return x.value
        own = self.value.type
        return ir.Constant(own, [x] * own.count if isinstance(own, ir.VectorType) else x)

    def _filled(self, element):
        """The type of as many elements as this term has."""
        own = self.value.type
        return ir.VectorType(element, own.count) if isinstance(own, ir.VectorType) else element


_ELEMENTS = {
    np.float32: ir.FloatType(),
    np.float64: ir.DoubleType(),
    np.int32: ir.IntType(32),
    np.int64: ir.IntType(64),
}


# --- the functions ----------------------------------------------------------------------------------------


def exp(x):
    """The exponential function, lane by lane."""
    return _on_array(_exp, x)


def expm1(x):
    """exp(x) - 1, lane by lane, exact also where it is small."""
    return _on_array(_expm1, x)


def log(x):
    """The natural logarithm, lane by lane."""
    return _on_array(_log, x)


def log1p(x):
    """log(1 + x), lane by lane, exact also where it is small."""
    return _on_array(_log1p, x)


def sigmoid(x):
    """1 / (1 + exp(-x)), lane by lane."""
    return _on_array(_sigmoid, x)


def tanh(x):
    """The hyperbolic tangent, lane by lane."""
    return _on_array(_tanh, x)


def erf(x):
    """The error function, lane by lane."""
    return _on_array(_erf, x)


def erfc(x):
    """1 - erf(x), lane by lane, exact also where it is small."""
    return _on_array(_erfc, x)


def erfcx(x):
    """exp(x^2) erfc(x), lane by lane, of x from 0 on: smooth, where erfc(x) falls below all numbers."""
    return _on_array(_erfcx, x)


def _on_array(formula, x):
    x = np.asarray(x)
    with np.errstate(all="ignore"):
        return formula(FORMATS[x.dtype.name], np.atleast_1d(x)).reshape(x.shape)[()]


def _emitter(formula):
    return lambda bd, kind, x: formula(FORMATS[kind.dtype.name], Term(bd, x)).value


_FORMULAS = (
    (exp, _exp), (expm1, _expm1), (log, _log), (log1p, _log1p), (sigmoid, _sigmoid), (tanh, _tanh),
    (erf, _erf), (erfc, _erfc), (erfcx, _erfcx),
)  # fmt: skip
for _function, _formula in _FORMULAS:
    define(_function, lambda k: [(k.vec, (k.vec,)), (k.dtype, (k.dtype,))], _emitter(_formula))
