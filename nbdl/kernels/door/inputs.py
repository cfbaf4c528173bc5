"""Input arrays of a kernel: checked, and brought into the one form that the kernel's core is compiled for.

A public kernel is a thin *door* before one *core* per dtype. The door turns read-only, strided and
Fortran-ordered arrays into C-contiguous arrays of one float dtype, and labels into int64; `options.py` does
the same for options, `results.py` for the arrays that a kernel writes to. An argument that is refused raises
one error, which names the kernel, the argument, the rule and the value.

Each function is defined twice: in Python, for `sizes.py` and runs without the JIT, and as an overload of the
same meaning, for compiled code. Rules about types (dtype, number of dimensions) are checked while
compiling and cost nothing at run time. `where` is a constant string, kernel and argument: "conv2d: `x`".
"""

import numpy as np
from numba import types
from numba.extending import overload

from nbdl.errors import DtypeError, LabelError, ShapeError
from nbdl.kernels.door.describe import describe, describe_type, is_array, is_none, name_in, raiser
from nbdl.kernels.door.sizes import Sizes
from nbdl.kernels.door.views import as_writable

ANY, AT_LEAST_1, AT_LEAST_2 = -1, -2, -3  # number of dimensions: any, or so many and more
LARGEST = np.uint64(2**63 - 1)  # the largest int64
NOT_FLOAT = "{} must be a float32 or float64 array, got {}"
_NOT_LIKE = "{} must have dtype {}, like the first argument, got {}"
NOT_NDIM = "{} must have {} dimensions, got {}"
_NOT_INT = "{} must be an array of integers, got {}"
_NOT_MASK = "{} must be an array of bool, got {}"
_LABEL_TOO_LARGE = "{} must be below 2^63, got {} at flat position {}"


# --- in Python ------------------------------------------------------------------------------------------


def as_float(where, a, ndim):
    """`a` as a C-contiguous float32 or float64 array of `ndim` dimensions; copied only where it must be."""
    if not is_array(a) or a.dtype not in (np.float32, np.float64):
        raise DtypeError(NOT_FLOAT, where, describe(a))
    return _checked_rank(where, a, ndim)


def as_like(where, a, ndim, x):
    """`a` as a C-contiguous array of the dtype of `x`."""
    if not is_array(a) or a.dtype != x.dtype:
        raise DtypeError(_NOT_LIKE, where, x.dtype, describe(a))
    return _checked_rank(where, a, ndim)


def as_optional(where, a, ndim, x):
    """Like `as_like`; None becomes an array without elements."""
    return np.empty((0,) * ndim, x.dtype) if a is None else as_like(where, a, ndim, x)


def as_labels(where, a, ndim):
    """`a`, integers of any width, as a C-contiguous int64 array."""
    if not is_array(a) or a.dtype.kind not in "iu":
        raise DtypeError(_NOT_INT, where, describe(a))
    a = _checked_rank(where, a, ndim)
    if a.dtype == np.uint64 and not isinstance(a, Sizes):
        for i, v in enumerate(a.flat):
            if v > LARGEST:
                raise LabelError(_LABEL_TOO_LARGE, where, v, i)
    return a.astype(np.int64)


def as_mask(where, a, ndim):
    """`a`, a bool array, as a C-contiguous one."""
    if not is_array(a) or a.dtype != np.bool_:
        raise DtypeError(_NOT_MASK, where, describe(a))
    return _checked_rank(where, a, ndim)


def _checked_rank(where, a, ndim):
    if not fits_rank(ndim, a.ndim):
        raise ShapeError(NOT_NDIM, where, describe_rank(ndim), a.ndim)
    return a if a.ndim == 0 or isinstance(a, Sizes) else np.ascontiguousarray(a)


def fits_rank(ndim, got):
    """Whether an array of `got` dimensions will do."""
    return got == ndim if ndim >= 0 else got >= least_rank(ndim)


def least_rank(ndim):
    """The least number of dimensions."""
    return ndim if ndim >= 0 else -1 - ndim


def describe_rank(ndim):
    return ndim if ndim >= 0 else f"at least {least_rank(ndim)}"


# --- while compiling --------------------------------------------------------------------------------------


def contiguous(a):
    return np.ascontiguousarray(a)


@overload(contiguous)
def _contiguous(a):
    if a.aligned and (a.layout == "C" or a.ndim == 0):
        return lambda a: as_writable(a)

    def impl(a):
        c = np.empty(a.shape, a.dtype)
        flat = c.reshape(c.size)
        for i, v in enumerate(a.flat):  # compiles four times faster than `c[...] = a`
            flat[i] = v
        return c

    return impl


def _float_fault(where, a, ndim, dtype=None):
    """What is wrong with the type of input `a`, as a raising function and the rank to go on with; or None."""
    where, ndim = name_in(where), ndim.literal_value
    rank = (0,) * least_rank(ndim)
    if dtype is None and (not isinstance(a, types.Array) or a.dtype not in (types.float32, types.float64)):
        return raiser(DtypeError, NOT_FLOAT.format(where, describe_type(a))), rank
    if dtype is not None and (not isinstance(a, types.Array) or a.dtype != dtype):
        return raiser(DtypeError, _NOT_LIKE.format(where, dtype, describe_type(a))), rank
    if not fits_rank(ndim, a.ndim):
        return raiser(ShapeError, NOT_NDIM.format(where, describe_rank(ndim), a.ndim)), rank
    return None


@overload(as_float, prefer_literal=True)
def _as_float(where, a, ndim):
    fault = _float_fault(where, a, ndim)
    if fault is None:
        return lambda where, a, ndim: contiguous(a)
    fail, shape = fault

    def impl(where, a, ndim):
        fail()
        return np.empty(shape, np.float32)

    return impl


@overload(as_like, prefer_literal=True)
def _as_like(where, a, ndim, x):
    fault = _float_fault(where, a, ndim, x.dtype)
    if fault is None:
        return lambda where, a, ndim, x: contiguous(a)
    fail, shape = fault

    def impl(where, a, ndim, x):
        fail()
        return np.empty(shape, x.dtype)

    return impl


@overload(as_optional, prefer_literal=True)
def _as_optional(where, a, ndim, x):
    if not is_none(a):
        return lambda where, a, ndim, x: as_like(where, a, ndim, x)
    shape = (0,) * ndim.literal_value
    return lambda where, a, ndim, x: np.empty(shape, x.dtype)


def _exact_fault(where, a, ndim, kind, message):
    """The like of `_float_fault` for an input that is not a float array: a raising function, or None."""
    ndim = ndim.literal_value
    if not isinstance(a, types.Array) or not isinstance(a.dtype, kind):
        return raiser(DtypeError, message.format(name_in(where), describe_type(a)))
    if not fits_rank(ndim, a.ndim):
        return raiser(ShapeError, NOT_NDIM.format(name_in(where), describe_rank(ndim), a.ndim))
    return None


def _refuse_exact(fail, ndim, dtype):
    shape = (0,) * least_rank(ndim.literal_value)

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
        return lambda where, a, ndim: contiguous(a)
    if a.dtype != types.uint64:
        return lambda where, a, ndim: contiguous(a).astype(np.int64)
    message = _LABEL_TOO_LARGE.replace("{}", name_in(where), 1)

    def impl(where, a, ndim):
        for i, v in enumerate(a.flat):
            if v > LARGEST:
                raise LabelError(message, v, i)
        return contiguous(a).astype(np.int64)

    return impl


@overload(as_mask, prefer_literal=True)
def _as_mask(where, a, ndim):
    fail = _exact_fault(where, a, ndim, types.Boolean, _NOT_MASK)
    if fail is not None:
        return _refuse_exact(fail, ndim, np.bool_)
    return lambda where, a, ndim: contiguous(a)
