"""Arrays that a kernel writes to: a new one, or the caller's if it has the right shape and dtype."""

import numpy as np
from numba import njit, types
from numba.extending import overload

from nbdl.errors import DtypeError, ShapeError
from nbdl.kernels.door.describe import describe, describe_type, is_array, is_none, name_in, raiser
from nbdl.kernels.door.inputs import NOT_NDIM
from nbdl.kernels.door.memory import new, new_zeros
from nbdl.kernels.door.sizes import Made, Sizes
from nbdl.kernels.door.views import as_writable, flat

_OUT_SHAPE = "{} must have shape {}, got {}"
_OUT_ORDER = "{} must be a writable, C-contiguous array of dtype {}, got {}"


def as_out(where, out, shape, x):
    """`out` if it has this shape and the dtype of `x`, else an error; None becomes a new array."""
    if isinstance(x, Sizes):
        raise Made(shape, x.dtype)
    if out is None:
        return np.empty(shape, x.dtype)
    fits = is_array(out) and out.dtype == x.dtype and out.flags.writeable and out.flags.c_contiguous
    if not fits:
        raise DtypeError(_OUT_ORDER, where, x.dtype, describe(out))
    if out.shape != shape:
        raise ShapeError(_OUT_SHAPE, where, shape, out.shape)
    return out


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
    if is_none(out):
        return lambda where, out, shape, x: new(shape, x)
    name, rank = name_in(where), len(shape)
    order = raiser(DtypeError, _OUT_ORDER.format(name, x.dtype, describe_type(out)))
    array = isinstance(out, types.Array)
    if not array or out.dtype != x.dtype or not out.mutable or not out.aligned or out.ndim != rank:
        fail = order
        if array and out.ndim != rank:
            fail = raiser(ShapeError, NOT_NDIM.format(name, rank, out.ndim))

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
        return as_writable(out)

    return impl


def as_grad(where, out, shape, x):
    """Like `as_out`, for an array that gradients are added to; None becomes zeros."""
    return np.zeros(shape, x.dtype) if out is None else as_out(where, out, shape, x)


@overload(as_grad, prefer_literal=True)
def _as_grad(where, out, shape, x):
    if is_none(out):
        return lambda where, out, shape, x: new_zeros(shape, x)
    return lambda where, out, shape, x: as_out(where, out, shape, x)


def as_grad_or_new(where, out, shape, x):
    """(array, add): as `as_grad`, but a new array has any values, and `add` is 0: write instead of adding."""
    return (np.empty(shape, x.dtype), 0) if out is None else (as_out(where, out, shape, x), 1)


@overload(as_grad_or_new, prefer_literal=True)
def _as_grad_or_new(where, out, shape, x):
    if is_none(out):
        return lambda where, out, shape, x: (new(shape, x), np.int64(0))
    return lambda where, out, shape, x: (as_out(where, out, shape, x), np.int64(1))


def as_state(where, a, x):
    """An array that is updated in place: writable, C-contiguous, shape and dtype of `x`; seen as flat."""
    if a is None:
        raise DtypeError(_OUT_ORDER, where, x.dtype, "None")
    return as_out(where, a, x.shape, x).reshape(-1)


@overload(as_state, prefer_literal=True)
def _as_state(where, a, x):
    if is_none(a):
        fail = raiser(DtypeError, _OUT_ORDER.format(name_in(where), x.dtype, "None"))

        def refuse(where, a, x):
            fail()
            return np.empty(0, x.dtype)

        return refuse
    return lambda where, a, x: flat(as_out(where, a, x.shape, x))
