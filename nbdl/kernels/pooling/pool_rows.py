r"""The walk over the windows of an image, which max and average pooling share.

A maximum or a sum over a window is taken over its rows first, then over its columns: KH + KW steps instead
of KH KW. Each row of results takes two passes over neighbouring elements: one over the rows of its windows,
for all columns of x, into a *strip* with padding at its ends; one along the strip, for all windows.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.pooling.pool2d import _shared_taps, _spans
from nbdl.kernels.simd.registers import pointer
from nbdl.kernels.simd.shuffle import even, lanes, load_rest, store_rest

STRIPS = 4096  # elements of all strips together: they stay in the first cache


@jit(inline=True)
def pool_rows(
    combine_taps, finish, combine_one, rows, columns, fill, x, kernel, stride, padding, dilation, y
):
    """Write to `y` (N, C, P, Q) the maximum or the average of each window of `x` (N, C, H, W).

    Parameters
    ----------
    combine_taps : function
        ``combine_taps(p, i, taps, step, n)``: the maximum or sum of the `taps` vectors at
        ``p[i + k * step]``, k < taps, of which `n` lanes exist; `combine_each` of one operation.
    finish : function
        ``finish(v, rows, columns, i, j)``: results (i, j), (i, j + 1), ..., whose windows combine to `v`.
    combine_one : function
        ``combine_one(p, first, taps, step, rows, columns, i, j)``: result (i, j) alone, whose taps in a strip
        are ``p[first + k * step]``. It serves strides above 2, where few lanes of a vector would count.
    rows, columns
        Whatever `finish` and `combine_one` need to know of each row and column of windows.
    fill : number
        The value of the padding.
    kernel, stride, padding, dilation : tuples of integers, from `_windows`
    """
    H, W = x.shape[2:]
    N, C, P, Q = y.shape
    p, q = pointer(x), pointer(y)
    L = lanes(p)
    offset, taps = _shared_taps(W, kernel[1], stride[1], padding[2], dilation[1], Q)
    column = max(0, -offset)  # where a strip has element 0 of its row
    # Two vectors follow the last element that a window takes: whole vectors are read from each of them.
    length = max(column + W, column + offset + (Q - 1) * stride[1] + (taps - 1) * dilation[1]) + 2 * L
    # As many strips are filled before one is read: no load awaits a store.
    group = max(1, min(P, STRIPS // length))
    strips = np.full(group * length, fill, x.dtype)
    spans = _spans(H, kernel[0], stride[0], padding[0], dilation[0], P)
    for n in range(N * C):
        for i0 in range(0, P, group):
            i1 = min(P, i0 + group)
            for i in range(i0, i1):
                start, strip = (n * H + spans[i, 0]) * W, (i - i0) * length + column
                for c in range(0, W, L):
                    v = combine_taps(p, start + c, spans[i, 1], dilation[0] * W, W - c)
                    store_rest(pointer(strips), strip + c, v, W - c)
            for i in range(i0, i1):
                strip, row = (i - i0) * length + column + offset, (n * P + i) * Q
                if stride[1] > 2:
                    for j in range(Q):
                        first = strip + j * stride[1]
                        q[row + j] = combine_one(
                            pointer(strips), first, taps, dilation[1], rows, columns, i, j
                        )
                else:
                    for j in range(0, Q, L):
                        v = combine_taps(pointer(strips), strip + j * stride[1], taps, dilation[1], L)
                        # Windows of stride 1 fill two vectors, of which every second one counts.
                        if stride[1] == 2:
                            more = combine_taps(pointer(strips), strip + 2 * j + L, taps, dilation[1], L)
                            v = even(v, more)
                        store_rest(q, row + j, finish(v, rows, columns, i, j), Q - j)


@jit(inline=True)
def combine_each(combine, p, i, taps, step, n):
    """`combine` of the `taps` vectors at ``p[i + k * step]``, k < taps, of which `n` lanes exist."""
    v = load_rest(p, i, n)
    if taps == 2:  # the common sizes without a loop
        v = combine(v, load_rest(p, i + step, n))
    elif taps == 3:
        v = combine(combine(v, load_rest(p, i + step, n)), load_rest(p, i + 2 * step, n))
    else:
        for k in range(1, taps):
            v = combine(v, load_rest(p, i + k * step, n))
    return v
