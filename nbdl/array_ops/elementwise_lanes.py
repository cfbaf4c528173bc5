"""Arithmetic, comparisons and functions of each element on lanes; operands are broadcast.

Each formula stands once, on one number or vector. Its parameters say what it is given: operands of the
operation, ``dy`` and ``y``. Operands are in lanes or arrays, as they come. Truth values are 1.0 and 0.0.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.array_ops._broadcast_lanes import broadcasting
from nbdl.kernels.simd import registers as v
from nbdl.kernels.simd import vector_math as m

# --- arithmetic -------------------------------------------------------------------------------------------


@jit
def _add(a, b):
    return a + b


@jit
def _sub(a, b):
    return a - b


@jit
def _mul(a, b):
    return a * b


@jit
def _div(a, b):
    return a / b


@jit
def _div_da(dy, b):
    return dy / b


@jit
def _div_db(dy, y, b):
    return -(dy * y) / b


@jit
def _power(a, b):
    """a^b for one number b: products where b is a small integer, else exp(b log a)."""
    if b == 2:
        return a * a
    one, whole = _ones(a), b == np.floor(b)
    if whole and abs(b) <= 64:
        n, square, y = int(abs(b)), a, one
        while n > 0:
            if n & 1:
                y = y * square
            square = square * square
            n >>= 1
        return y if b >= 0 else 1.0 / y
    if b == 0.5:
        return v.sqrt(a)
    y = m.exp(b * m.log(abs(a) if whole else v.where(a == -np.inf, -a, a)))  # pow(-inf, 2.5) is inf
    if whole and b / 2 != np.floor(b / 2):
        y = v.where(a < 0.0, -y, y)
    return v.where(a == 1.0, one, y)


@jit
def _power_da(dy, a, b):
    return dy * (b * _power(a, b - 1)) if b != 0 else dy * 0.0


@jit
def _power_db(dy, y, a):
    return dy * y * m.log(v.where(a == 0.0, 1.0, a))


@jit
def _maximum(a, b):
    return v.maximum(a, b)


@jit
def _minimum(a, b):
    return -v.maximum(-a, -b)


@jit
def _maximum_da(dy, a, b):
    return v.where(a > b, dy, v.where(a == b, 0.5 * dy, 0.0))


@jit
def _minimum_da(dy, a, b):
    return v.where(a < b, dy, v.where(a == b, 0.5 * dy, 0.0))


@jit
def _where(condition, a, b):
    return v.where(condition != 0.0, a, b)


@jit
def _where_da(dy, condition):
    return v.where(condition != 0.0, dy, 0.0)


@jit
def _where_db(dy, condition):
    return v.where(condition != 0.0, 0.0, dy)


@jit
def _at_least(a, low):
    return v.maximum(a, low)


@jit
def _at_most(y, high):
    return -v.maximum(-y, -high)


@jit
def _kept_above(dy, a, low):
    return v.where(a >= low, dy, 0.0)


@jit
def _kept_below(da, a, high):
    return v.where(a <= high, da, 0.0)


# --- comparisons and logic --------------------------------------------------------------------------------


@jit
def _ones(a):
    return v.larger(v.smaller(a, 1.0), 1.0)


@jit
def _equal(a, b):
    return v.where(a == b, _ones(a), 0.0)


@jit
def _not_equal(a, b):
    return v.where(a != b, _ones(a), 0.0)


@jit
def _less(a, b):
    return v.where(a < b, _ones(a), 0.0)


@jit
def _less_equal(a, b):
    return v.where(a <= b, _ones(a), 0.0)


@jit
def _greater(a, b):
    return v.where(a > b, _ones(a), 0.0)


@jit
def _greater_equal(a, b):
    return v.where(a >= b, _ones(a), 0.0)


@jit
def _logical_and(a, b):
    return v.where((a != 0.0) & (b != 0.0), _ones(a), 0.0)


@jit
def _logical_or(a, b):
    return v.where((a != 0.0) | (b != 0.0), _ones(a), 0.0)


@jit
def _logical_not(a):
    return v.where(a == 0.0, _ones(a), 0.0)


# --- one operand ------------------------------------------------------------------------------------------


@jit
def _same(a):
    return a


@jit
def _passed(dy):
    return dy


@jit
def _neg(a):
    return -a


@jit
def _negated(dy):
    return -dy


@jit
def _exp(a):
    return m.exp(a)


@jit
def _exp_da(dy, y):
    return dy * y


@jit
def _log(a):
    return m.log(a)


@jit
def _log_da(dy, a):
    return dy / a


@jit
def _sqrt(a):
    return v.sqrt(a)


@jit
def _sqrt_da(dy, y):
    return 0.5 * dy / y


@jit
def _absolute(a):
    return abs(a)


@jit
def _absolute_da(dy, a):
    return v.where(a > 0.0, dy, v.where(a < 0.0, -dy, dy * a))


@jit
def _mul_da(dy, b):
    return dy * b


@jit
def _mul_db(dy, a):
    return dy * a


@jit
def _maximum_db(dy, a, b):
    return _maximum_da(dy, b, a)


@jit
def _minimum_db(dy, a, b):
    return _minimum_da(dy, b, a)


# --- the twins --------------------------------------------------------------------------------------------

add = broadcasting(_add, a=_passed, b=_passed)
sub = broadcasting(_sub, a=_passed, b=_negated)
mul = broadcasting(_mul, a=_mul_da, b=_mul_db)
div = broadcasting(_div, a=_div_da, b=_div_db)
power = broadcasting(_power, numbers=("b",), a=_power_da, b=_power_db)
maximum = broadcasting(_maximum, a=_maximum_da, b=_maximum_db)
minimum = broadcasting(_minimum, a=_minimum_da, b=_minimum_db)
where = broadcasting(_where, a=_where_da, b=_where_db)
clip = broadcasting(_at_least, _at_most, a=(_kept_above, _kept_below), like="a")
equal, not_equal = broadcasting(_equal), broadcasting(_not_equal)
less, less_equal = broadcasting(_less), broadcasting(_less_equal)
greater, greater_equal = broadcasting(_greater), broadcasting(_greater_equal)
logical_and, logical_or = broadcasting(_logical_and), broadcasting(_logical_or)
logical_not = broadcasting(_logical_not)
neg = broadcasting(_neg, a=_negated, inplace=True)
exp = broadcasting(_exp, a=_exp_da, inplace=True)
log = broadcasting(_log, a=_log_da)
sqrt = broadcasting(_sqrt, a=_sqrt_da, inplace=True)
absolute = broadcasting(_absolute, a=_absolute_da)
astype = broadcasting(_same, a=_passed, inplace=True)
