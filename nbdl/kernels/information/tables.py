"""Probability tables: the door of the information measures.

A table has non-negative entries. A distribution, along one axis or over several, sums to 1 within 1e-6
(float32: 1e-4); with ``normalize=True`` it may have any sum, as counts and weights have, and is divided by
it: one that is all zero has no distribution, and the result is NaN. Integers and bools are taken as float64.
Everything is accumulated in float64 and has the dtype of the table in the end: a number for one distribution,
else an array. Nothing is written before all tables are found to be good.
"""

import numpy as np
from numba import config, types
from numba.cpython.unsafe.tuple import tuple_setitem
from numba.extending import intrinsic, overload

from nbdl._jit import emitted, jit, plain
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels.door.describe import describe_type, is_none, name_in, raiser
from nbdl.kernels.door.inputs import ANY, NOT_FLOAT, as_float, as_like, contiguous
from nbdl.kernels.door.results import as_out
from nbdl.kernels.door.sizes import Sizes

_NOT_BASE = "{} must be a number or None (nats), got {}"


def text(literal):
    """A constant string as a value: what takes it is compiled once, not once for each string."""
    return literal


if not config.DISABLE_JIT:

    @emitted(text)
    @intrinsic
    def text(context, literal):
        def emit(context, bd, sig, values):
            return context.cast(bd, values[0], sig.args[0], types.unicode_type)

        return types.unicode_type(literal), emit


# --- inputs and options -----------------------------------------------------------------------------------


def as_table(where, a):
    """`a` as a C-contiguous array of float32 or float64; integers and bools become float64."""
    # Counts up to 2^53 are exact in float64.
    if isinstance(a, (np.ndarray, Sizes)) and a.dtype.kind in "iub":
        a = a.astype(np.float64)
    return as_float(where, a, ANY)


@overload(as_table, prefer_literal=True)
def _as_table(where, a):
    if isinstance(a, types.Array) and isinstance(a.dtype, (types.Integer, types.Boolean)):
        return lambda where, a: contiguous(a).astype(np.float64)
    if isinstance(a, types.Array):
        return lambda where, a: as_float(where, a, ANY)
    fail = raiser(DtypeError, NOT_FLOAT.format(name_in(where), describe_type(a)))

    def refuse(where, a):
        fail()
        return np.empty(0, np.float64)

    return refuse


@jit
def same_table(where, q, p):
    """`q` as a table of the shape and dtype of `p`."""
    q = as_like(where, as_table(where, q), ANY, p)
    if q.shape != p.shape:
        raise ShapeError("{} must have shape {}, that of the first table, got {}", where, p.shape, q.shape)
    return q


def nats_in(where, base):
    """How many nats the unit of logarithms to `base` has; None stands for e."""
    if base is None:
        return 1.0
    # A bool is an int to Python: True would be base 1.
    if isinstance(base, (bool, np.bool_)) or not isinstance(base, (int, float, np.integer, np.floating)):
        raise DtypeError(_NOT_BASE, where, repr(base))
    return plain(_logarithm)(where, float(base))


@jit(strict=True)
def _logarithm(where, base):
    # Of base 1 the logarithm is 0, by which all would be divided; NaN compares false and is refused.
    if not (base > 0 and base != 1 and base < np.inf):
        raise OptionError("{} must be positive, finite and not 1, got {}", where, base)
    return np.log(base)


@overload(nats_in, prefer_literal=True)
def _nats_in(where, base):
    if is_none(base):
        return lambda where, base: 1.0
    if isinstance(base, (types.Integer, types.Float)):
        # As float64: one type, for which it is compiled once.
        return lambda where, base: _logarithm(text(where), np.float64(base))
    fail = raiser(DtypeError, _NOT_BASE.format(name_in(where), describe_type(base)))

    def refuse(where, base):
        fail()
        return 1.0

    return refuse


# --- results ----------------------------------------------------------------------------------------------


def without(shape, axis):
    """`shape` less one axis."""
    axis = axis % len(shape)
    return shape[:axis] + shape[axis + 1 :]


@overload(without)
def _without(shape, axis):
    if len(shape) < 2:
        return lambda shape, axis: ()

    def impl(shape, axis):
        # A slice up to a place known at run time alone has no type: a tuple of the right length is filled.
        rest, axis = shape[1:], axis % len(shape)
        for d in range(axis):
            rest = tuple_setitem(rest, d, shape[d])
        return rest

    return impl


def along_axis(p, axis, **_):
    """The shape of a measure of the distributions along an axis."""
    return without(p.shape, axis)


def as_result(where, out, shape, x, values):
    """The float64 `values` as an array of this shape, in `out` if given; without an axis as a number."""
    if out is None and shape == ():
        return x.dtype.type(values[0])
    y = as_out(where, out, shape, x)
    y.reshape(-1)[:] = values
    return y


@overload(as_result, prefer_literal=True)
def _as_result(where, out, shape, x, values):
    if is_none(out) and len(shape) == 0:
        return lambda where, out, shape, x, values: x.dtype.type(values[0])

    def impl(where, out, shape, x, values):
        y = as_out(where, out, shape, x)
        flat = y.reshape(y.size)
        for i in range(flat.size):
            flat[i] = values[i]
        return y

    return impl


def as_cotangent(where, dy, shape, x):
    """The cotangent of a result of this shape, flat: an array of its dtype, or any number where it is one."""
    if shape == () and not isinstance(dy, np.ndarray):
        # One distribution, one number: the loops index it as they do many.
        return np.full(1, dy, x.dtype)
    dy = as_like(where, dy, ANY, x)
    if dy.shape != shape:
        raise ShapeError("{} must have shape {}, got {}", where, shape, dy.shape)
    return dy.reshape(-1)


@overload(as_cotangent, prefer_literal=True)
def _as_cotangent(where, dy, shape, x):
    if len(shape) == 0 and isinstance(dy, types.Number):
        return lambda where, dy, shape, x: np.full(1, dy, x.dtype)

    def impl(where, dy, shape, x):
        dy = as_like(where, dy, len(shape), x)
        if dy.shape != shape:
            raise ShapeError("{} must have shape {}, got {}", where, shape, dy.shape)
        return dy.reshape(dy.size)

    return impl
