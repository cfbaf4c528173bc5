"""What every public kernel does at its door, in Python and in compiled code alike.

A public kernel is a thin door before one core per dtype. The functions here turn whatever the caller holds
(read-only, strided, Fortran-ordered arrays; int, pair or 4-tuple options; no `out`) into the one form that
the core is compiled for: C-contiguous arrays of one float dtype, int64 labels, plain integers. What is wrong
raises one error that names the kernel, the argument, the rule and the value.

Each function has a plain Python body (for `sizes.py`, and where the JIT is off) and an overload with the
same meaning. Rules about types (dtype, number of dimensions) are settled while compiling and cost nothing at
run time.
"""

import math

import numpy as np
from numba import njit, types
from numba.core import cgutils, config
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic, overload
from numba.np.arrayobj import populate_array

from nbdl._jit import emitted, jit, plain
from nbdl.errors import DtypeError, LabelError, OptionError, ShapeError
from nbdl.kernels.door.sizes import Made, Sizes

ANY, AT_LEAST_1, AT_LEAST_2 = -1, -2, -3  # number of dimensions: any, or so many and more
_LAST = np.uint64(2**63 - 1)  # the largest int64

_NOT_FLOAT = "{} must be a float32 or float64 array, got {}"
_NOT_LIKE = "{} must have dtype {}, like the first argument, got {}"
_NOT_NDIM = "{} must have {} dimensions, got {}"
_NOT_INT = "{} must be an array of integers, got {}"
_NOT_MASK = "{} must be an array of bool, got {}"
_OUT_SHAPE = "{} must have shape {}, got {}"
_OUT_ORDER = "{} must be a writable, C-contiguous array of dtype {}, got {}"
_OPTION_TYPE = "{} must be an integer or a tuple of {} integers, got {}"
_NOT_INTEGER = "{} must be an integer, got {}"
_NOT_SHAPE = "{} must be a tuple of {} integers, got {}"
_SHAPE_LENGTH = "{} must have {} sizes, got {}"
_SHAPE_SIGN = "{} must not have a negative size, got {}"
_SHAPE_SIZE = "{} has more elements than an array can hold, got {}"
_TOO_LARGE = "{} must be from -2^63 to 2^63 - 1, got {}"
_LABEL_TOO_LARGE = "{} must be below 2^63, got {} at flat position {}"


# --- inputs -----------------------------------------------------------------------------------------------


def as_float(where, a, ndim):
    """`a` as a C-contiguous float32 or float64 array of `ndim` dimensions; copied only where it must be."""
    if not _is_array(a) or a.dtype not in (np.float32, np.float64):
        raise DtypeError(_NOT_FLOAT, where, _say(a))
    return _contiguous(where, a, ndim)


def as_like(where, a, ndim, x):
    """`a` as a C-contiguous array of the dtype of `x`."""
    if not _is_array(a) or a.dtype != x.dtype:
        raise DtypeError(_NOT_LIKE, where, x.dtype, _say(a))
    return _contiguous(where, a, ndim)


def as_optional(where, a, ndim, x):
    """Like `as_like`; None becomes an array without elements."""
    return np.empty((0,) * ndim, x.dtype) if a is None else as_like(where, a, ndim, x)


def as_labels(where, a, ndim):
    """`a`, integers of any width, as a C-contiguous int64 array."""
    if not _is_array(a) or a.dtype.kind not in "iu":
        raise DtypeError(_NOT_INT, where, _say(a))
    a = _contiguous(where, a, ndim)
    if a.dtype == np.uint64 and not isinstance(a, Sizes):
        for i, v in enumerate(a.flat):
            if v > _LAST:
                raise LabelError(_LABEL_TOO_LARGE, where, v, i)
    return a.astype(np.int64)


def as_mask(where, a, ndim):
    """`a`, a bool array, as a C-contiguous one."""
    if not _is_array(a) or a.dtype != np.bool_:
        raise DtypeError(_NOT_MASK, where, _say(a))
    return _contiguous(where, a, ndim)


def _contiguous(where, a, ndim):
    if not _has(ndim, a.ndim):
        raise ShapeError(_NOT_NDIM, where, _say_rank(ndim), a.ndim)
    return a if a.ndim == 0 or isinstance(a, Sizes) else np.ascontiguousarray(a)


def _has(ndim, got):
    """Whether an array of `got` dimensions will do."""
    return got == ndim if ndim >= 0 else got >= _rank(ndim)


def _rank(ndim):
    """The least number of dimensions."""
    return ndim if ndim >= 0 else -1 - ndim


def _say_rank(ndim):
    return ndim if ndim >= 0 else f"at least {_rank(ndim)}"


def flat(a):
    """The same memory as an array of one dimension; `a` is C-contiguous."""
    return a.reshape(-1)


def rows(a):
    """The same memory as a matrix whose rows are the last axis of `a`; `a` is C-contiguous."""
    return a.reshape(math.prod(a.shape[:-1]), a.shape[-1])


# --- outputs ----------------------------------------------------------------------------------------------


def as_out(where, out, shape, x):
    """`out` if it has this shape and the dtype of `x`, else an error; None becomes a new array."""
    if isinstance(x, Sizes):
        raise Made(shape, x.dtype)
    if out is None:
        return np.empty(shape, x.dtype)
    fits = _is_array(out) and out.dtype == x.dtype and out.flags.writeable and out.flags.c_contiguous
    if not fits:
        raise DtypeError(_OUT_ORDER, where, x.dtype, _say(out))
    if out.shape != shape:
        raise ShapeError(_OUT_SHAPE, where, shape, out.shape)
    return out


def as_grad(where, out, shape, x):
    """Like `as_out`, for an array that gradients are added to; None becomes zeros."""
    return np.zeros(shape, x.dtype) if out is None else as_out(where, out, shape, x)


def as_state(where, a, x):
    """An array that is updated in place: writable, C-contiguous, shape and dtype of `x`; seen as flat."""
    if a is None:
        raise DtypeError(_OUT_ORDER, where, x.dtype, "None")
    return as_out(where, a, x.shape, x).reshape(-1)


# --- options ----------------------------------------------------------------------------------------------


def integer(where, v):
    """`v` as a plain integer of 64 bits; a float or a bool is refused, not rounded."""
    if not _all_integers((v,)):
        raise DtypeError(_NOT_INTEGER, where, repr(v))
    if not -(2**63) <= v < 2**63:
        raise OptionError(_TOO_LARGE, where, v)
    return int(v)


def pair(where, v):
    """An int or a pair, one for each spatial axis, as two plain integers."""
    if _all_integers((v,)):
        return integer(where, v), integer(where, v)
    if isinstance(v, (tuple, list)) and len(v) == 2 and _all_integers(v):
        return integer(where, v[0]), integer(where, v[1])
    raise DtypeError(_OPTION_TYPE, where, "2", repr(v))


def sides(where, v):
    """Padding as (top, bottom, left, right): from an int, a pair (rows, columns) or all four."""
    if _all_integers((v,)):
        v = (v, v)
    if not isinstance(v, (tuple, list)) or len(v) not in (2, 4) or not _all_integers(v):
        raise DtypeError(_OPTION_TYPE, where, "2 or 4", repr(v))
    top, bottom, left, right = v if len(v) == 4 else (v[0], v[0], v[1], v[1])
    return integer(where, top), integer(where, bottom), integer(where, left), integer(where, right)


def shape3(where, v):
    """The shape of series or their kernels: a tuple of 3 integers, none negative, that an array can have."""
    return _shape_of(where, v, 3)


def shape4(where, v):
    """The same for images or their kernels: 4 integers."""
    return _shape_of(where, v, 4)


def _shape_of(where, v, n):
    if not isinstance(v, tuple) or not _all_integers(v):
        raise DtypeError(_NOT_SHAPE, where, n, repr(v))
    if len(v) != n:
        raise ShapeError(_SHAPE_LENGTH, where, n, len(v))
    shape = tuple(integer(where, size) for size in v)
    if min(shape) < 0:
        raise ShapeError(_SHAPE_SIGN, where, shape)
    if plain(too_large)(shape):
        raise ShapeError(_SHAPE_SIZE, where, shape)
    return shape


def _all_integers(v):
    return all(isinstance(i, (int, np.integer)) and not isinstance(i, bool) for i in v)


@jit
def too_large(shape):
    """Whether no array can have this shape: its sizes, without those that are 0, multiply to 2^60 or more."""
    size = 1.0
    for n in shape:
        size *= max(n, 1)
    return size >= 2.0**60


def _is_array(a):
    return isinstance(a, (np.ndarray, Sizes)) and not isinstance(
        a, np.ma.MaskedArray
    )  # its mask would be lost


def _say(a):
    return f"{a.dtype} {'x'.join(map(str, a.shape))}" if _is_array(a) else type(a).__name__


def compact():
    """Has the function that calls it compiled for size: its loops are not unrolled nor made vectors.

    For doors and cores, whose time goes by in what they call: LLVM does all its work on them again wherever
    they are called from.
    """


if not config.DISABLE_JIT:

    @emitted(compact)
    @intrinsic
    def compact(typingctx):
        def codegen(context, builder, sig, args):
            builder.function.attributes.add("optsize")
            return context.get_dummy_value()

        return types.void(), codegen


# --- the same, while compiling ----------------------------------------------------------------------------


@intrinsic
def _plain(typingctx, a):
    """The same memory, typed as a writable C-ordered array (for what is known to be so, or is only read)."""

    def codegen(context, builder, sig, args):
        return impl_ret_borrowed(context, builder, sig.return_type, args[0])

    return types.Array(a.dtype, a.ndim, "C")(a), codegen


if not config.DISABLE_JIT:

    @emitted(flat)
    @intrinsic
    def flat(typingctx, a):
        one = types.Array(a.dtype, 1, "C")

        def codegen(context, builder, sig, args):
            old = context.make_array(sig.args[0])(context, builder, args[0])
            new = context.make_array(one)(context, builder)
            populate_array(new, old.data, [old.nitems], [old.itemsize], old.itemsize, old.meminfo, old.parent)
            return impl_ret_borrowed(context, builder, one, new._getvalue())

        return one(types.Array(a.dtype, a.ndim, "C")), codegen

    @emitted(rows)
    @intrinsic
    def rows(typingctx, a):
        two = types.Array(a.dtype, 2, "C")

        def codegen(context, builder, sig, args):
            old = context.make_array(sig.args[0])(context, builder, args[0])
            new = context.make_array(two)(context, builder)
            *leading, last = cgutils.unpack_tuple(builder, old.shape)
            count = context.get_constant(types.intp, 1)
            for n in leading:
                count = builder.mul(count, n)
            strides = [builder.mul(last, old.itemsize), old.itemsize]
            populate_array(new, old.data, [count, last], strides, old.itemsize, old.meminfo, old.parent)
            return impl_ret_borrowed(context, builder, two, new._getvalue())

        return two(types.Array(a.dtype, a.ndim, "C")), codegen


def _contiguous_copy(a):
    return np.ascontiguousarray(a)


@overload(_contiguous_copy)
def _contiguous_copy_overload(a):
    if a.aligned and (a.layout == "C" or a.ndim == 0):
        return lambda a: _plain(a)

    def impl(a):
        c = np.empty(a.shape, a.dtype)
        flat = c.reshape(c.size)
        for i, v in enumerate(a.flat):  # compiles four times faster than `c[...] = a`
            flat[i] = v
        return c

    return impl


def _raiser(error, message):
    """A compiled function that raises this error: types are wrong, but the caller must still compile."""

    @njit
    def fail():
        raise error(message)

    return fail


def _where(where):
    return where.literal_value if isinstance(where, types.StringLiteral) else "argument"


def _is_none(a):
    return isinstance(a, (types.NoneType, types.Omitted)) or a is None


def _say_type(a):
    if isinstance(a, types.Array):
        return f"a {a.ndim}-D {_WORDS.get(type(a.dtype), a.dtype)} array" + (
            "" if a.mutable else ", read-only"
        )
    return "None" if _is_none(a) else _WORDS.get(type(a), str(a))


_WORDS = {
    types.List: "a list", types.Set: "a set", types.Tuple: "a tuple", types.UniTuple: "a tuple",
    types.UnicodeType: "a text", types.UnicodeCharSeq: "text", types.Record: "record",
}  # fmt: skip


def _input_fault(where, a, ndim, dtype=None):
    """What is wrong with the type of input `a`, as a raising function and the rank to go on with; or None."""
    where, ndim = _where(where), ndim.literal_value
    rank = (0,) * _rank(ndim)
    if dtype is None and (not isinstance(a, types.Array) or a.dtype not in (types.float32, types.float64)):
        return _raiser(DtypeError, _NOT_FLOAT.format(where, _say_type(a))), rank
    if dtype is not None and (not isinstance(a, types.Array) or a.dtype != dtype):
        return _raiser(DtypeError, _NOT_LIKE.format(where, dtype, _say_type(a))), rank
    if not _has(ndim, a.ndim):
        return _raiser(ShapeError, _NOT_NDIM.format(where, _say_rank(ndim), a.ndim)), rank
    return None


@overload(as_float, prefer_literal=True)
def _as_float(where, a, ndim):
    fault = _input_fault(where, a, ndim)
    if fault is None:
        return lambda where, a, ndim: _contiguous_copy(a)
    fail, shape = fault

    def impl(where, a, ndim):
        fail()
        return np.empty(shape, np.float32)

    return impl


@overload(as_like, prefer_literal=True)
def _as_like(where, a, ndim, x):
    fault = _input_fault(where, a, ndim, x.dtype)
    if fault is None:
        return lambda where, a, ndim, x: _contiguous_copy(a)
    fail, shape = fault

    def impl(where, a, ndim, x):
        fail()
        return np.empty(shape, x.dtype)

    return impl


@overload(as_optional, prefer_literal=True)
def _as_optional(where, a, ndim, x):
    if not _is_none(a):
        return lambda where, a, ndim, x: as_like(where, a, ndim, x)
    shape = (0,) * ndim.literal_value
    return lambda where, a, ndim, x: np.empty(shape, x.dtype)


def _exact_fault(where, a, ndim, kind, message):
    """The like of `_input_fault` for an input that is not a float array: a raising function, or None."""
    ndim = ndim.literal_value
    if not isinstance(a, types.Array) or not isinstance(a.dtype, kind):
        return _raiser(DtypeError, message.format(_where(where), _say_type(a)))
    if not _has(ndim, a.ndim):
        return _raiser(ShapeError, _NOT_NDIM.format(_where(where), _say_rank(ndim), a.ndim))
    return None


def _refuse_exact(fail, ndim, dtype):
    shape = (0,) * _rank(ndim.literal_value)

    def impl(where, a, ndim):
        fail()
        return np.empty(shape, dtype)

    return impl


@overload(as_labels, prefer_literal=True)
def _as_labels(where, a, ndim):
    fail = _exact_fault(where, a, ndim, types.Integer, _NOT_INT)
    if fail is not None:
        return _refuse_exact(fail, ndim, np.int64)
    if a.dtype == types.int64:
        return lambda where, a, ndim: _contiguous_copy(a)
    if a.dtype != types.uint64:
        return lambda where, a, ndim: _contiguous_copy(a).astype(np.int64)
    message = _LABEL_TOO_LARGE.replace("{}", _where(where), 1)

    def impl(where, a, ndim):
        for i, v in enumerate(a.flat):
            if v > _LAST:
                raise LabelError(message, v, i)
        return _contiguous_copy(a).astype(np.int64)

    return impl


@overload(as_mask, prefer_literal=True)
def _as_mask(where, a, ndim):
    fail = _exact_fault(where, a, ndim, types.Boolean, _NOT_MASK)
    if fail is not None:
        return _refuse_exact(fail, ndim, np.bool_)
    return lambda where, a, ndim: _contiguous_copy(a)


@njit
def _is_contiguous(a):
    step = a.itemsize
    for d in range(a.ndim - 1, -1, -1):
        if a.shape[d] != 1 and a.strides[d] != step:
            return False
        step *= a.shape[d]
    return True


@overload(as_out, prefer_literal=True)
def _as_out(where, out, shape, x):
    if _is_none(out):
        return lambda where, out, shape, x: np.empty(shape, x.dtype)
    name, rank = _where(where), len(shape)
    order = _raiser(DtypeError, _OUT_ORDER.format(name, x.dtype, _say_type(out)))
    array = isinstance(out, types.Array)
    if not array or out.dtype != x.dtype or not out.mutable or not out.aligned or out.ndim != rank:
        fail = order
        if array and out.ndim != rank:
            fail = _raiser(ShapeError, _NOT_NDIM.format(name, rank, out.ndim))

        def refuse(where, out, shape, x):
            fail()
            return np.empty(shape, x.dtype)

        return refuse
    message = _OUT_SHAPE.replace("{}", name, 1)
    ordered = out.layout == "C"

    def impl(where, out, shape, x):
        if not ordered and not _is_contiguous(out):
            order()
        if out.shape != shape:
            raise ShapeError(message, shape, out.shape)
        return _plain(out)

    return impl


@overload(as_grad, prefer_literal=True)
def _as_grad(where, out, shape, x):
    if _is_none(out):
        return lambda where, out, shape, x: np.zeros(shape, x.dtype)
    return lambda where, out, shape, x: as_out(where, out, shape, x)


@overload(as_state, prefer_literal=True)
def _as_state(where, a, x):
    if _is_none(a):
        fail = _raiser(DtypeError, _OUT_ORDER.format(_where(where), x.dtype, "None"))

        def refuse(where, a, x):
            fail()
            return np.empty(0, x.dtype)

        return refuse
    return lambda where, a, x: flat(as_out(where, a, x.shape, x))


def _plain_integer(v):
    """Whether all values of the type `v` are integers that fit int64: nothing is left to check."""
    return isinstance(v, types.Integer) and (v.signed or v.bitwidth < 64)


def _integers(v, counts):
    """Whether the type `v` is a tuple of integers with one of these lengths."""
    return (
        isinstance(v, types.BaseTuple)
        and len(v) in counts
        and all(isinstance(t, types.Integer) for t in v.types)
    )


@overload(integer, prefer_literal=True)
def _integer(where, v):
    if not isinstance(v, types.Integer):
        fail = _raiser(DtypeError, _NOT_INTEGER.format(_where(where), _say_type(v)))

        def refuse(where, v):
            fail()
            return np.int64(0)

        return refuse
    if _plain_integer(v):
        return lambda where, v: np.int64(v)
    message = _TOO_LARGE.replace("{}", _where(where), 1)

    def impl(where, v):
        if v > _LAST:
            raise OptionError(message, v)
        return np.int64(v)

    return impl


@overload(pair, prefer_literal=True)
def _pair(where, v):
    if _plain_integer(v):
        return lambda where, v: (np.int64(v), np.int64(v))
    if isinstance(v, types.Integer):
        return lambda where, v: (integer(where, v), integer(where, v))
    if _integers(v, (2,)):
        return lambda where, v: (integer(where, v[0]), integer(where, v[1]))
    fail = _raiser(DtypeError, _OPTION_TYPE.format(_where(where), "2", _say_type(v)))

    def refuse(where, v):
        fail()
        return np.int64(1), np.int64(1)

    return refuse


@overload(sides, prefer_literal=True)
def _sides(where, v):
    if _plain_integer(v):
        return lambda where, v: (np.int64(v), np.int64(v), np.int64(v), np.int64(v))
    if isinstance(v, types.Integer):
        return lambda where, v: sides(where, (v, v))
    if _integers(v, (2,)):
        return lambda where, v: sides(where, (v[0], v[0], v[1], v[1]))
    if _integers(v, (4,)):
        return lambda where, v: (
            integer(where, v[0]),
            integer(where, v[1]),
            integer(where, v[2]),
            integer(where, v[3]),
        )
    fail = _raiser(DtypeError, _OPTION_TYPE.format(_where(where), "2 or 4", _say_type(v)))

    def refuse(where, v):
        fail()
        return np.int64(0), np.int64(0), np.int64(0), np.int64(0)

    return refuse


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
    name, none = _where(where), (0,) * n
    if not _integers(v, (n,)):
        if isinstance(v, types.BaseTuple) and _integers(v, (len(v),)):
            fail = _raiser(ShapeError, _SHAPE_LENGTH.format(name, n, len(v)))
        else:
            fail = _raiser(DtypeError, _NOT_SHAPE.format(name, n, _say_type(v)))

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
