r"""What adaptive poolings share: as many bins as are asked for, over an image of any size.

Along an axis of H elements, bin i of P has those from ``floor(i H / P)`` to ``ceil((i + 1) H / P)``, without
the last: the rule of torch. Where P divides H these are windows side by side, elsewhere neighbours may share
an element; with P > H elements repeat. Global pooling is the case of one bin.

Small bins have no whole vectors. So their rows are combined first, for neighbouring columns, into *strips*;
then those of L planes go into the order (element, plane), where a bin is a loop over vectors.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.errors import OptionError, ShapeError
from nbdl.kernels.door.options import pair, shape4, too_large
from nbdl.kernels.door.window import LIMIT
from nbdl.kernels.simd.panels import round_up, transpose_blocks
from nbdl.kernels.simd.registers import pointer
from nbdl.kernels.simd.shuffle import lanes
from nbdl.kernels.simd.transpose import transpose

LONG = 32  # elements of a row: so many are worth a sum or maximum across lanes
STRIPS = 100_000  # bytes


@jit
def adaptive_pool2d_shape(x_shape, size):
    """Shape (N, C, P, Q) of an adaptive pooling's result; raises `ShapeError` or `OptionError` on a misfit.

    Call it once before a parallel loop over one: Numba drops exceptions raised inside ``prange``.
    """
    if len(x_shape) != 4:
        raise ShapeError("adaptive_pool2d: `x` (N, C, H, W) must have 4 dimensions, got {}", len(x_shape))
    x_shape = shape4("adaptive_pool2d: the shape of `x`", x_shape)
    return _adaptive_shape("adaptive_pool2d", x_shape, pair("adaptive_pool2d: `size`", size))


@jit
def _adaptive_shape(kernel, x_shape, size):
    if min(size) < 1:
        raise OptionError("{}: `size` must be at least 1, got {}", kernel, size)
    if max(size) >= LIMIT:
        raise OptionError("{}: `size` must be below 2^31, got {}", kernel, size)
    _check_elements(kernel, "the images of `x`", x_shape)
    if too_large((x_shape[0], x_shape[1], size[0], size[1])):
        raise OptionError("{}: `size` {} makes the result larger than an array can be", kernel, size)
    return x_shape[0], x_shape[1], size[0], size[1]


@jit
def _check_elements(kernel, images, x_shape):
    # After this check each bin has an element: an average has a divisor, a maximum a place.
    if x_shape[2] < 1 or x_shape[3] < 1:
        raise ShapeError("{}: {} must have at least one element, got {}", kernel, images, x_shape)


@jit
def _bins(size, count):
    """(count, 2): the first element in [0, size) of each bin along one axis, and how many it has."""
    bins = np.empty((count, 2), np.int64)
    for i in range(count):
        bins[i, 0] = i * size // count
        bins[i, 1] = -(-(i + 1) * size // count) - bins[i, 0]
    return bins


@jit
def side_by_side(H, W, rows, Q, x):
    """Whether strips of L planes are made, and not each bin by itself.

    They are if bins are narrow; a place in a plane must be a number of the dtype of `x`, too.
    """
    L = lanes(pointer(x))
    return H * W < most_places(x) and (rows[0, 1] * W < L if Q == 1 else W < LONG * Q)


@jit
def most_places(x):
    """Below this every integer is a number of the dtype of `x`, without rounding."""
    return 2**24 if x.itemsize == 4 else 2**53


@jit
def strips_at_a_time(W, P, x):
    """How many strips of each of L planes stay in the second cache: all, where images are small."""
    return max(1, min(P, STRIPS // (W * lanes(pointer(x)) * x.itemsize)))


@jit
def deliver(bins, count, q, start, size, planes):
    """q[start + k count + i] = bins[i, k] for i < count, k < `planes`; `bins` (count, L) has whole blocks.

    `size` is where q ends. All that lies behind `start` is written now or later.
    """
    L = lanes(q)
    if start + (L - 1) * count + round_up(count, L) > size:
        transpose_blocks(bins, L, q + start, count, count, planes)
        return
    # Whole blocks, the last one first: what it writes too much is the next plane, where the others follow.
    for i in range(round_up(count, L) - L, -1, -L):
        transpose(bins + i * L, L, q + (start + i), count)


@jit
def runs_of_bins(W, rows, columns, x):
    """(starts, lines, runs, sizes) of the bins of a plane, row by row.

    A bin has lines, `W` elements apart, each a run of memory; with one bin across it is one run.
    """
    P, Q = rows.shape[0], columns.shape[0]
    starts, lines, runs = np.empty(P * Q, np.int64), np.empty(P * Q, np.int64), np.empty(P * Q, np.int64)
    sizes = np.empty(P * Q, x.dtype)
    for i in range(P):
        for j in range(Q):
            k = i * Q + j
            starts[k], sizes[k] = rows[i, 0] * W + columns[j, 0], rows[i, 1] * columns[j, 1]
            lines[k], runs[k] = rows[i, 1], columns[j, 1]
            if Q == 1:
                lines[k], runs[k] = 1, rows[i, 1] * W
    return starts, lines, runs, sizes
