"""Arithmetic, comparisons and functions of each element on lanes; operands are broadcast.

Each formula stands once, on one number or vector. Its parameters say what it is given: operands of the
operation, ``dy`` and ``y``. Operands are in lanes or arrays, as they come. Truth values are 1.0 and 0.0.
"""

import inspect
import math

import numpy as np

from nbdl._jit import jit
from nbdl.array_ops import _loops_lanes as _loops
from nbdl.kernels.lanes.twin import Twin, Unfit
from nbdl.kernels.simd import registers as v
from nbdl.kernels.simd import vector_math as m

# --- broadcasting -----------------------------------------------------------------------------------------


class _Broadcast:
    """The operands of a call along the axes of a sample of the result.

    NumPy aligns shapes at the right, and the samples are an axis like any other: values in lanes have as many
    axes as the result, and an array that has as many too has one element along that of the samples.
    """

    def __init__(self, site, names, numbers=()):
        self.site, self.shapes = site, {}
        given = {n: site.shapes[n] for n in names if n in site.shapes}
        ranks = {len(shape) for n, shape in given.items() if n in site.samples}
        if len(ranks) != 1:
            raise Unfit
        (rank,) = ranks
        for name, shape in given.items():
            if name not in site.samples:
                if len(shape) > rank + 1 or (len(shape) > rank and shape[0] != 1):
                    raise Unfit
                shape = (1,) * (rank - len(shape)) + tuple(shape[len(shape) - rank :])
            self.shapes[name] = shape
        try:
            self.shape = np.broadcast_shapes(*self.shapes.values())
        except ValueError:
            raise Unfit from None  # the kernel says why
        self.numbers = numbers

    def operand(self, name):
        """Where an operand, ``y``, or the cotangent or gradient ``d<operand>`` has its elements."""
        base = name[1:] if name[:1] == "d" and name not in self.shapes else name
        shape = self.shape if base == "y" else self.shapes[base]
        if base == "y" or base in self.site.samples:
            found = _loops.in_lanes(name, shape, self.site.L)
        else:
            kind = "number" if base in self.numbers else "array"
            found = _loops.Operand(name, _loops.dense(shape), kind=kind)
        steps = (0 if n == 1 else s for n, s in zip(shape, found.steps))
        return _loops.Operand(name, tuple(steps), kind=found.kind)

    def sources(self, formula):
        """The operands of a formula; for one that was left out stands the one before it."""
        found = []
        for name in _parameters(formula):
            found.append(self.operand(name) if name in {*self.shapes, "y", "dy", "da"} else found[-1])
        return found


def _parameters(formula):
    return tuple(inspect.signature(formula).parameters)


def _twin(*forward, numbers=(), inplace=False, like="y", **gradients):
    """The twin of a formula, and by operand the formulas of its gradient; of several the next may read what
    the one before it has written.

    `numbers` are operands that are arrays, plain numbers for the formula; `like` has the shape of y.
    """
    names = tuple(dict.fromkeys(n for f in forward for n in _parameters(f) if n != "y"))
    gradients = {n: f if isinstance(f, tuple) else (f,) for n, f in gradients.items()}

    def rows(formulas, target):
        def made(site):
            b = _Broadcast(site, names, numbers)
            return [_loops.row(f, b.shape, b.sources(f), b.operand(target), site.dtype) for f in formulas]

        return made if formulas else None

    def sums(formulas, name):
        def made(site):
            b, (formula,) = _Broadcast(site, names, numbers), formulas
            shape, steps = site.shapes[name], b.operand(name).steps
            return _loops.array_gradient(formula, b.shape, b.sources(formula), name, shape, steps, site.dtype)

        return made if formulas else None

    def shape(site):
        b = _Broadcast(site, names, numbers)
        if like != "y" and b.shapes[like] != b.shape:
            raise Unfit
        if site.constants.get("dtype", site.dtype) != site.dtype:
            raise Unfit  # all values in lanes have the dtype of the net
        for target in ("y", *(n for n in gradients if n in b.shapes)):
            _loops.loops(b.shape, [b.operand(n).steps for n in (*b.shapes, target)])
        return b.shape

    return Twin(
        rows(forward, "y"),
        {n: rows(gradients.get(n), f"d{n}") for n in names if n not in numbers},
        {n: sums(gradients.get(n), n) for n in names if n != like and len(names) > 1},
        shape=shape,
        inplace=inplace,
        flops=lambda site: math.prod(site.shapes["y"]),
    )


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
    y = m.exp(b * m.log(abs(a) if whole else a))
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

add = _twin(_add, a=_passed, b=_passed)
sub = _twin(_sub, a=_passed, b=_negated)
mul = _twin(_mul, a=_mul_da, b=_mul_db)
div = _twin(_div, a=_div_da, b=_div_db)
power = _twin(_power, numbers=("b",), a=_power_da, b=_power_db)
maximum = _twin(_maximum, a=_maximum_da, b=_maximum_db)
minimum = _twin(_minimum, a=_minimum_da, b=_minimum_db)
where = _twin(_where, a=_where_da, b=_where_db)
clip = _twin(_at_least, _at_most, a=(_kept_above, _kept_below), like="a")
equal, not_equal = _twin(_equal), _twin(_not_equal)
less, less_equal = _twin(_less), _twin(_less_equal)
greater, greater_equal = _twin(_greater), _twin(_greater_equal)
logical_and, logical_or, logical_not = _twin(_logical_and), _twin(_logical_or), _twin(_logical_not)
neg = _twin(_neg, a=_negated, inplace=True)
exp = _twin(_exp, a=_exp_da, inplace=True)
log = _twin(_log, a=_log_da)
sqrt = _twin(_sqrt, a=_sqrt_da, inplace=True)
absolute = _twin(_absolute, a=_absolute_da)
astype = _twin(_same, a=_passed, inplace=True)
