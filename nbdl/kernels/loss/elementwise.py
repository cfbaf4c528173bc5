"""Losses that are a mean over elements, each of a prediction x and a target: their loops and checks.

A formula is ``f(x, target, *options)``, and its slope with respect to x or the target likewise, on one number
or one vector of them, as on `nbdl.kernels.activation.elementwise`. Elements are summed in the dtype of x, in
blocks of 64 vectors, and these sums in float64.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import ShapeError
from nbdl.kernels.simd.registers import hsum, pointer, splat
from nbdl.kernels.simd.shuffle import first_lanes, lanes, load_rest, store_rest

BLOCK = 64  # vectors that are summed before their sum is added to the total


@jit
def check_pair(kernel, x_shape, name, shape, size):
    if shape != x_shape:
        raise ShapeError("{}: `{}` must have shape {}, that of `x`, got {}", kernel, name, x_shape, shape)
    if size == 0:
        raise ShapeError("{}: `x` has no elements, shape {}: it has no mean", kernel, x_shape)


@jit(inline=True)
def mean_over_all(f, x, target, options=()):
    """The mean of f(x, target, *options), arrays of one dimension."""
    p, q, n, L = pointer(x), pointer(target), x.size, lanes(pointer(x))
    total = np.float64(0)
    for first in range(0, n, BLOCK * L):
        # The sum of a block alone is rounded in the dtype of x: the error does not grow with n.
        part = splat(x.dtype.type(0))
        for i in range(first, min(n, first + BLOCK * L), L):
            value = f(load_rest(p, i, n - i), load_rest(q, i, n - i), *options)
            # The lanes beyond the end hold f(0, 0), which need not be 0.
            part = part + (value if n - i >= L else first_lanes(value, n - i))
        total += hsum(part)
    return x.dtype.type(total / n)


@jit(inline=True)
def add_slopes(df, dloss, x, target, dx, options=()):
    """dx += dloss df(x, target, *options) / n, arrays of one dimension."""
    p, q, d, n = pointer(x), pointer(target), pointer(dx), x.size
    # Divided in float64 and rounded once, not for each element.
    scale = x.dtype.type(dloss / n)
    for i in range(0, n, lanes(p)):
        slope = scale * df(load_rest(p, i, n - i), load_rest(q, i, n - i), *options)
        store_rest(d, i, load_rest(d, i, n - i) + slope, n - i)
