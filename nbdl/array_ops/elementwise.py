"""Arithmetic, comparisons and functions of each element; operands are broadcast."""

import numpy as np

from nbdl.array_ops._broadcast import add_to

# --- arithmetic, with broadcasting ------------------------------------------------------------------------


def add(a, b):
    return a + b


def add_da(dy, da):
    add_to(da, dy)


def add_db(dy, db):
    add_to(db, dy)


def sub(a, b):
    return a - b


def sub_da(dy, da):
    add_to(da, dy)


def sub_db(dy, db):
    add_to(db, -dy)


def mul(a, b):
    return a * b


def mul_da(dy, b, da):
    add_to(da, dy * b)


def mul_db(dy, a, db):
    add_to(db, dy * a)


def div(a, b):
    return a / b


def div_da(dy, b, da):
    add_to(da, dy / b)


def div_db(dy, b, y, db):
    add_to(db, -dy * y / b)


def power(a, b):
    return a**b


def power_da(dy, a, b, da):
    # b a^(b-1), with 0 where b = 0 whatever a is
    add_to(da, dy * np.where(b == 0, 0, b * a ** np.where(b == 0, 1, b - 1)))


def power_db(dy, a, y, db):
    # a^b log a, with its limit 0 at a = 0
    add_to(db, dy * y * np.log(np.where(a == 0, 1, a)))


def maximum(a, b):
    return np.maximum(a, b)


def maximum_da(dy, a, b, da):
    add_to(da, dy * ((a > b) + 0.5 * (a == b)))  # a tie shares the gradient


def maximum_db(dy, a, b, db):
    add_to(db, dy * ((b > a) + 0.5 * (a == b)))


def minimum(a, b):
    return np.minimum(a, b)


def minimum_da(dy, a, b, da):
    add_to(da, dy * ((a < b) + 0.5 * (a == b)))


def minimum_db(dy, a, b, db):
    add_to(db, dy * ((b < a) + 0.5 * (a == b)))


def where(condition, a, b):
    return np.where(condition, a, b)


def where_da(dy, condition, da):
    add_to(da, np.where(condition, dy, 0))


def where_db(dy, condition, db):
    add_to(db, np.where(condition, 0, dy))


def clip(a, low=None, high=None):
    """min(max(a, low), high): `high` where low > high."""
    a = a if low is None else np.maximum(a, low)
    return a if high is None else np.minimum(a, high)


def clip_da(dy, a, low, high, da):
    kept = (True if low is None else a >= low) & (True if high is None else a <= high)
    add_to(da, dy * kept)  # at a bound the gradient is that of a


def clip_dlow(dy, a, low, high, dlow):
    add_to(dlow, dy * ((a < low) & (True if high is None else low <= high)))


def clip_dhigh(dy, a, low, high, dhigh):
    raised = a if low is None else np.maximum(a, low)
    add_to(dhigh, dy * (raised > high))


# --- comparisons and logic: they have no gradient ---------------------------------------------------------


def equal(a, b):
    return a == b


def not_equal(a, b):
    return a != b


def less(a, b):
    return a < b


def less_equal(a, b):
    return a <= b


def greater(a, b):
    return a > b


def greater_equal(a, b):
    return a >= b


def logical_and(a, b):
    return np.logical_and(a, b)


def logical_or(a, b):
    return np.logical_or(a, b)


def logical_not(a):
    return np.logical_not(a)


# --- one operand ------------------------------------------------------------------------------------------


def neg(a):
    return -a


def neg_da(dy, da):
    da -= dy


def exp(a):
    return np.exp(a)


def exp_da(dy, y, da):
    da += dy * y


def log(a):
    return np.log(a)


def log_da(dy, a, da):
    da += dy / a


def sqrt(a):
    return np.sqrt(a)


def sqrt_da(dy, y, da):
    da += dy / (2 * y)


def absolute(a):
    return np.abs(a)


def absolute_da(dy, a, da):
    da += dy * np.sign(a)  # the subgradient 0 at 0


def astype(a, dtype):
    """The numbers in another float dtype, the name of it."""
    return a.astype(dtype)


def astype_da(dy, da):
    da += dy
