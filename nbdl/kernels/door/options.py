"""Options of a kernel as plain 64-bit integers: sizes, strides, paddings, shapes, axes.

As in `inputs.py` each function stands here in Python and as the overload that compiled code calls.
"""

import numpy as np
from numba import types
from numba.extending import overload

from nbdl._jit import jit, plain
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels.door.describe import describe_type, name_in, raiser
from nbdl.kernels.door.inputs import LARGEST

_OPTION_TYPE = "{} must be an integer or a tuple of {} integers, got {}"
_NOT_INTEGER = "{} must be an integer, got {}"
_NOT_SHAPE = "{} must be a tuple of {} integers, got {}"
_SHAPE_LENGTH = "{} must have {} sizes, got {}"
_SHAPE_SIGN = "{} must not have a negative size, got {}"
_SHAPE_SIZE = "{} has more elements than an array can hold, got {}"
_TOO_LARGE = "{} must be from -2^63 to 2^63 - 1, got {}"


def _are_integers(v):
    return all(isinstance(i, (int, np.integer)) and not isinstance(i, bool) for i in v)


def _fits_int64(v):
    """Whether all values of the type `v` are integers that fit int64: nothing is left to check."""
    return isinstance(v, types.Integer) and (v.signed or v.bitwidth < 64)


def _is_tuple_of_integers(v, counts):
    """Whether the type `v` is a tuple of integers with one of these lengths."""
    return (
        isinstance(v, types.BaseTuple)
        and len(v) in counts
        and all(isinstance(t, types.Integer) for t in v.types)
    )


def integer(where, v):
    """`v` as a plain integer of 64 bits; a float or a bool is refused, not rounded."""
    if not _are_integers((v,)):
        raise DtypeError(_NOT_INTEGER, where, repr(v))
    if not -(2**63) <= v < 2**63:
        raise OptionError(_TOO_LARGE, where, v)
    return int(v)


@overload(integer, prefer_literal=True)
def _integer(where, v):
    if not isinstance(v, types.Integer):
        fail = raiser(DtypeError, _NOT_INTEGER.format(name_in(where), describe_type(v)))

        def refuse(where, v):
            fail()
            return np.int64(0)

        return refuse
    if _fits_int64(v):
        return lambda where, v: np.int64(v)
    message = _TOO_LARGE.replace("{}", name_in(where), 1)

    def impl(where, v):
        if v > LARGEST:
            raise OptionError(message, v)
        return np.int64(v)

    return impl


def pair(where, v):
    """An int or a pair, one for each spatial axis, as two plain integers."""
    if _are_integers((v,)):
        return integer(where, v), integer(where, v)
    if isinstance(v, (tuple, list)) and len(v) == 2 and _are_integers(v):
        return integer(where, v[0]), integer(where, v[1])
    raise DtypeError(_OPTION_TYPE, where, "2", repr(v))


@overload(pair, prefer_literal=True)
def _pair(where, v):
    if _fits_int64(v):
        return lambda where, v: (np.int64(v), np.int64(v))
    if isinstance(v, types.Integer):
        return lambda where, v: (integer(where, v), integer(where, v))
    if _is_tuple_of_integers(v, (2,)):
        return lambda where, v: (integer(where, v[0]), integer(where, v[1]))
    fail = raiser(DtypeError, _OPTION_TYPE.format(name_in(where), "2", describe_type(v)))

    def refuse(where, v):
        fail()
        return np.int64(1), np.int64(1)

    return refuse


def sides(where, v):
    """Padding as (top, bottom, left, right): from an int, a pair (rows, columns) or all four."""
    if _are_integers((v,)):
        v = (v, v)
    if not isinstance(v, (tuple, list)) or len(v) not in (2, 4) or not _are_integers(v):
        raise DtypeError(_OPTION_TYPE, where, "2 or 4", repr(v))
    top, bottom, left, right = v if len(v) == 4 else (v[0], v[0], v[1], v[1])
    return integer(where, top), integer(where, bottom), integer(where, left), integer(where, right)


@overload(sides, prefer_literal=True)
def _sides(where, v):
    if _fits_int64(v):
        return lambda where, v: (np.int64(v), np.int64(v), np.int64(v), np.int64(v))
    if isinstance(v, types.Integer):
        return lambda where, v: sides(where, (v, v))
    if _is_tuple_of_integers(v, (2,)):
        return lambda where, v: sides(where, (v[0], v[0], v[1], v[1]))
    if _is_tuple_of_integers(v, (4,)):
        return lambda where, v: (
            integer(where, v[0]),
            integer(where, v[1]),
            integer(where, v[2]),
            integer(where, v[3]),
        )
    fail = raiser(DtypeError, _OPTION_TYPE.format(name_in(where), "2 or 4", describe_type(v)))

    def refuse(where, v):
        fail()
        return np.int64(0), np.int64(0), np.int64(0), np.int64(0)

    return refuse


def shape3(where, v):
    """The shape of series or their kernels: a tuple of 3 integers, none negative, that an array can have."""
    return _shape_of(where, v, 3)


def shape4(where, v):
    """The same for images or their kernels: 4 integers."""
    return _shape_of(where, v, 4)


def _shape_of(where, v, n):
    if not isinstance(v, tuple) or not _are_integers(v):
        raise DtypeError(_NOT_SHAPE, where, n, repr(v))
    if len(v) != n:
        raise ShapeError(_SHAPE_LENGTH, where, n, len(v))
    shape = tuple(integer(where, size) for size in v)
    if min(shape) < 0:
        raise ShapeError(_SHAPE_SIGN, where, shape)
    if plain(too_large)(shape):
        raise ShapeError(_SHAPE_SIZE, where, shape)
    return shape


@overload(shape3, prefer_literal=True)
def _shape3(where, v):
    return _shape_overload(where, v, 3, _three)


@overload(shape4, prefer_literal=True)
def _shape4(where, v):
    return _shape_overload(where, v, 4, sides)


def _three(where, v):
    return tuple(integer(where, size) for size in v)


@overload(_three, prefer_literal=True)
def _three_overload(where, v):
    return lambda where, v: (integer(where, v[0]), integer(where, v[1]), integer(where, v[2]))


def _shape_overload(where, v, n, integers):
    """The compiled form for `n` sizes, of which `integers` makes plain integers."""
    name, none = name_in(where), (0,) * n
    if not _is_tuple_of_integers(v, (n,)):
        if isinstance(v, types.BaseTuple) and _is_tuple_of_integers(v, (len(v),)):
            fail = raiser(ShapeError, _SHAPE_LENGTH.format(name, n, len(v)))
        else:
            fail = raiser(DtypeError, _NOT_SHAPE.format(name, n, describe_type(v)))

        def refuse(where, v):
            fail()
            return none

        return refuse
    sign, size = _SHAPE_SIGN.replace("{}", name, 1), _SHAPE_SIZE.replace("{}", name, 1)

    def impl(where, v):
        shape = integers(where, v)
        if min(shape) < 0:
            raise ShapeError(sign, shape)
        if too_large(shape):
            raise ShapeError(size, shape)
        return shape

    return impl


@jit
def too_large(shape):
    """Whether no array can have this shape: its sizes, without those that are 0, multiply to 2^60 or more."""
    size = 1.0
    for n in shape:
        size *= max(n, 1)
    return size >= 2.0**60


@jit
def split_axis(kernel, shape, axis):
    """The shape as (outer, n, inner), n along `axis`; raises where there is no such axis or it is empty."""
    ndim = len(shape)
    if axis < -ndim or axis >= ndim:
        raise OptionError("{}: `axis` must be one of the {} axes of the array, got {}", kernel, ndim, axis)
    axis = axis % ndim
    outer = inner = 1
    for d in range(ndim):
        if d < axis:
            outer *= shape[d]
        elif d > axis:
            inner *= shape[d]
    if shape[axis] == 0:
        raise ShapeError("{}: `axis` {} has no elements, shape {}", kernel, axis, shape)
    return outer, shape[axis], inner
