"""The padded images that a convolution reads: the pixels of a tap lie side by side, whatever the strides.

The image is dealt out into *planes*, so that what neighbouring outputs see through one tap are neighbours.
Along an axis, output i sees pixel ``i stride + u dilation`` through tap u; taps that are `period` apart share
a plane, where they are `hop` places apart::

    plane u % period, place i + u // period * hop

With a stride of 1 the zeros right of a row are those left of the next, and lie there once (`trim_zeros`).
"""

import math

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.compact import compact
from nbdl.kernels.simd.panels import ROWS, aligned, copy_rows, round_up, round_up_odd, transpose_blocks
from nbdl.kernels.simd.registers import pointer
from nbdl.kernels.simd.shuffle import lanes
from nbdl.kernels.simd.strided_tile import CACHE

SMALL = 1_500_000  # bytes of images that stay in the second cache


@jit
def plane_layout(taps, stride, dilation, outputs):
    """(period, hop, planes, size of a plane) along one axis; see the head of this file."""
    # Taps u and u + period see pixels a whole number of strides apart: period dilation is a multiple of it.
    period = min(taps, stride // math.gcd(stride, dilation))
    hop = period * dilation // stride
    size = outputs + (taps - 1) // period * hop
    if period * size > taps * outputs:  # taps so far apart that they share nothing
        return taps, 0, taps, outputs
    return period, hop, period, size


@jit
def trim_zeros(wide, spare, outputs, L):
    """(columns, shared): `wide` without the `spare` zeros right of a row, where that leaves fewer vectors."""
    if wide - spare >= round_up(outputs, L):
        return wide, 0
    return max(outputs, wide - spare), spare


@jit
def copy_to_plane(x, start, C, H, W, first, stride, image, to, pitch, rows, columns):
    """image[to + c pitch + i columns + j] = x[c, first + (i, j) stride], where that lies in x (C, H, W)."""
    (y0, x0), (sy, sx) = first, stride
    # Copying one long row is faster than many short ones.
    if columns == W and (x0, sy, sx) == (0, 1, 1):  # whole rows: they are one
        H, W, rows, columns, y0, x0 = 1, H * W, 1, rows * W, 0, y0 * W
    # Rows and columns of the plane outside of these lie in the padding and stay zero.
    i0, i1 = max(0, -(y0 // sy)), min(rows, (H - 1 - y0) // sy + 1)
    j0, j1 = max(0, -(x0 // sx)), min(columns, (W - 1 - x0) // sx + 1)
    for c in range(C):
        p, q = start + (c * H + y0 + i0 * sy) * W + x0 + j0 * sx, to + c * pitch + i0 * columns + j0
        copy_rows(x, p, sy * W, sx, max(0, i1 - i0), max(0, j1 - j0), image, q, columns)


@jit
def copy_channels_last(x, start, C, H, W, first, stride, image, to, rows, columns):
    """image[to + (i columns + j) C + c] = x[c, first + (i, j) stride], where that lies in x (C, H, W)."""
    compact()
    (y0, x0), (sy, sx) = first, stride
    i0, i1 = max(0, -(y0 // sy)), min(rows, (H - 1 - y0) // sy + 1)
    j0, j1 = max(0, -(x0 // sx)), min(columns, (W - 1 - x0) // sx + 1)
    n = max(0, j1 - j0)
    wide = round_up_odd(n, lanes(pointer(x)))
    row = aligned(C * wide if sx > 1 else 0, x)  # the pixels of a strided row, side by side
    p, q = pointer(x), pointer(row)
    for i in range(i0, i1):
        source, target = start + (y0 + i * sy) * W + x0 + j0 * sx, to + (i * columns + j0) * C
        begin, apart = p + source, H * W
        if sx > 1:
            copy_rows(x, source, H * W, sx, C, n, row, np.int64(0), wide)
            begin, apart = q, wide
        transpose_blocks(begin, apart, pointer(image) + target, C, C, n)


# --- how much at a time -------------------------------------------------------------------------------------


@jit
def steps_at_a_time(channels, taps, pixels, x):
    """How many steps of the sum fit the first cache, in whole channels of `taps` steps on `pixels` floats."""
    # Equal parts: one that is left with few steps would load and store all sums for little.
    parts = channels * (taps * ROWS + pixels) * x.itemsize // CACHE + 1
    return taps * max(1, -(-channels // parts))


@jit
def samples_at_a_time(N, floats, stride, x):
    """How many samples are done at a time: L as lanes where the images are small, else one."""
    L = lanes(pointer(x))
    return L if N >= L and stride == (1, 1) and L * floats * x.itemsize <= SMALL else 1
