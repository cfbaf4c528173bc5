"""What the kernels of vectors share: where vectors lie in an array, and their length as two factors."""

import math

import numpy as np
from numba.extending import overload

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.door.describe import is_none, name_in
from nbdl.kernels.door.inputs import ANY, as_float, as_like
from nbdl.kernels.door.options import integer, split_axis
from nbdl.kernels.information.tables import text, without


def vectors_along(kernel, shape, axis):
    """(outer, n, inner) with the vectors along `axis` in the middle, and the shape that is left without it.

    An axis of None takes the whole array as one vector.
    """
    if axis is None:
        return split_axis(kernel, (int(np.prod(shape, dtype=np.int64)),), 0), ()
    axis = integer(f"{kernel}: `axis`", axis)
    return split_axis(kernel, shape, axis), without(shape, axis)


@overload(vectors_along, prefer_literal=True)
def _vectors_along(kernel, shape, axis):
    name = name_in(kernel)
    if is_none(axis):

        def whole(kernel, shape, axis):
            size = 1
            for n in shape:
                size *= n
            return split_axis(text(name), (size,), np.int64(0)), ()

        return whole
    where = f"{name}: `axis`"

    def impl(kernel, shape, axis):
        axis = integer(where, axis)
        return split_axis(text(name), shape, axis), without(shape, axis)

    return impl


def shape_without(x, axis=-1, **_):
    """The shape of a kernel's result that is a number for each vector."""
    return () if axis is None else without(x.shape, axis)


def as_vectors(kernel, x, y):
    """Two arrays of one shape and dtype."""
    x = as_float(f"{kernel}: `x`", x, ANY)
    y = as_like(f"{kernel}: `y`", y, ANY, x)
    check_same(kernel, x.shape, y.shape)
    return x, y


@overload(as_vectors, prefer_literal=True)
def _as_vectors(kernel, x, y):
    name = name_in(kernel)
    name_x, name_y = f"{name}: `x`", f"{name}: `y`"

    def impl(kernel, x, y):
        x = as_float(name_x, x, ANY)
        y = as_like(name_y, y, ANY, x)
        check_same(text(name), x.shape, y.shape)
        return x, y

    return impl


@jit
def check_same(kernel, x_shape, y_shape):
    if y_shape != x_shape:
        raise ShapeError("{}: `y` must have shape {}, that of `x`, got {}", kernel, x_shape, y_shape)


SAFE_LEAST, SAFE_MOST = 1e-280, 1e280  # a sum of squares in between has lost nothing


@jit
def length_of(x, o, i, p):
    """The p-norm of the vector x[o, :, i] as two factors: a power of 2, and the norm of the vector over that.

    Nothing overflows or underflows. Divide by one after the other, in code that is ``strict``: reordered,
    their product would be inverted, which may be beyond float64. Zeros are (0, 1); for infinite p the
    first is the largest magnitude. A NaN makes both NaN, an infinity without one the second.
    """
    n, largest, total = x.shape[1], np.float64(0), np.float64(0)
    for k in range(n):
        size = np.float64(abs(x[o, k, i]))
        # A NaN is taken, and stays: nothing is larger.
        if size > largest or size != size:
            largest = size
    if largest == 0 or p == np.inf:
        return largest, np.float64(1)
    if not largest < np.inf:
        return largest, np.nan
    # At least 2^-1022: the compiler divides by multiplying with the reciprocal, which must be finite.
    unit = math.ldexp(1.0, max(math.frexp(largest)[1] - 1, -1022))
    for k in range(n):
        share = abs(x[o, k, i]) / unit
        # The common norms without a power, which takes as long as many products.
        total += share if p == 1 else share * share if p == 2 else share**p
    return unit, total if p == 1 else np.sqrt(total) if p == 2 else total ** (1 / p)


# --- points, one a row ------------------------------------------------------------------------------------


@jit
def as_rows(shape):
    """(N, ..., D) as (rows, D)."""
    size = 1
    for n in shape:
        size *= n
    return size // max(shape[-1], 1), shape[-1]


@jit
def check_dy(kernel, dy_shape, x_shape):
    if dy_shape != x_shape:
        raise ShapeError("{}: `dy` must have shape {}, that of `x`, got {}", kernel, x_shape, dy_shape)
