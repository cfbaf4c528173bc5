"""The core of `conv2d`: a matrix product whose vectors lie in a padded image.

The rows of A are output channels, the steps of the sum are the taps (c, u, v) of the kernel, and the
vectors of B are L neighbouring pixels of the padded image (`image_planes.py`), seen as one long row: for tap
(u, v) all of them lie (u columns + v) further on. Pixels between the rows of the result are computed and
dropped.

Of small images L samples are done at a time, side by side in the lanes: they are one image whose pixels are
L floats wide, and nothing else changes.

Numba compiles a function once more for each literal that it is called with: ``np.int64(1)`` is none.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.convolution.correlate_few import MANY, correlate_few
from nbdl.kernels.convolution.image_planes import (
    copy_to_plane,
    plane_layout,
    samples_at_a_time,
    steps_at_a_time,
    trim_zeros,
)
from nbdl.kernels.door.compact import compact
from nbdl.kernels.door.views import flat
from nbdl.kernels.simd.panels import (
    ROWS,
    VECTORS,
    aligned,
    pack_rows,
    round_up,
    round_up_odd,
    transpose_blocks,
    zeros,
)
from nbdl.kernels.simd.registers import load, load_part, pointer, store, store_part
from nbdl.kernels.simd.shuffle import lanes
from nbdl.kernels.simd.strided_tile import multiply

SLAB = 32  # rows of the weights, whole panels
BLOCK = 8 * VECTORS  # vectors of pixels that are computed for all channels before they are delivered


@jit
def correlate(panels, M, steps, part, image, columns, P, Q, out, to, room, strides, first, add):
    """out[to + (m, i) . strides + j] = first[m] + sum over k of A[k, m] image[steps[k] + i columns + j].

    Or += the sum, if `add`. `part` is how many steps of the sum are done at a time; `first` has
    ``round_up(M, ROWS)`` numbers, `out` room for `room` channels.
    """
    compact()
    plane, row = strides
    if columns == Q and row == Q:  # no gaps between the rows: they are one
        P, Q, columns = 1, P * Q, P * Q
    K, L = steps.size, lanes(pointer(image))
    wide = min(columns, round_up(Q, L))  # of a row of sums: whole vectors, or all up to the next row
    last = (P - 1) * wide + Q
    count = round_up(last, L) // L
    # Where vectors of sums are vectors of the result, and rows too, they need no scratch.
    ready = last // L if wide == Q and row == Q and room >= round_up(M, ROWS) else 0
    block = -(-count // -(-count // BLOCK))  # of equal size, so that no tile is left with one vector
    pitch = max(2, block) * L
    places, scratch = np.empty(count + 1, np.int64), aligned(round_up(M, ROWS) * pitch, image)
    for t in range(count):
        places[t] = t * L // wide * columns + t * L % wide
    places[count] = places[count - 1]  # a tile of two may have one vector too many: it is read, not delivered
    t0 = 0
    # Blocks of vectors, all channels of one before the next: a block of the image stays in the cache.
    while t0 < count:
        t1 = min(t0 + block, count)
        direct = t0 + 2 <= t1 <= ready  # a tile writes two vectors at least
        sums, row_of_sums = (out[to + t0 * L :], plane) if direct else (scratch, pitch)
        for k0 in range(0, max(K, 1), part):
            multiply(
                panels, M, K, k0, min(K, k0 + part), image, steps, places[t0:], t1 - t0, first,
                sums, row_of_sums, k0 > 0 or (direct and add),
            )  # fmt: skip
        if not direct:
            store_block(
                scratch, pitch, t0 * L, min(t1 * L, last), wide, M, Q, out, to, plane, row, add
            )  # fmt: skip
        t0 = t1


@jit
def store_block(scratch, pitch, begin, end, wide, M, Q, out, to, plane, row, add):
    """out[to + m plane + i row + j] = sum i wide + j of channel m, for those from `begin` to `end`.

    Or += the sum, if `add`. Channel m of `scratch` begins at ``m pitch`` with the sum `begin`; what lies
    between rows of Q sums is left out.
    """
    compact()
    p, q = pointer(scratch), pointer(out)
    L = lanes(p)
    for m in range(M):
        for i in range(begin // wide, (end - 1) // wide + 1):
            j0, j1 = max(0, begin - i * wide), min(Q, end - i * wide)
            source, target = p + (m * pitch + i * wide - begin), q + (to + m * plane + i * row)
            if j0 < j1:
                final = j1 - 1 - (j1 - 1 - j0) % L  # where the last vector begins, whole or not
                if add:
                    for j in range(j0, final, L):
                        store(target, j, load(source, j) + load(target, j))
                    value = load_part(source, final, j1 - final) + load_part(target, final, j1 - final)
                else:
                    for j in range(j0, final, L):
                        store(target, j, load(source, j))
                    value = load_part(source, final, j1 - final)
                store_part(target, final, value, j1 - final)


@jit(apart=True)
def _conv2d(x, w, b, stride, padding, dilation, groups, add, y):
    """y = b + the sums, or += the sums if `add`; without a bias `b` is empty."""
    compact()
    if y.size == 0:
        return
    (N, O, P, Q), (_, C, KH, KW), (_, _, H, W) = y.shape, w.shape, x.shape
    images, weights, results, L = flat(x), flat(w), flat(y), lanes(pointer(x))
    M, K = O // groups, C * KH * KW
    room = round_up(M, ROWS)
    direct = add == 0 and N == 1 and P * Q <= L and M * K >= MANY and K % L == 0
    # For one image panels are used once: of few rows they are still in the second cache.
    slab = min(M, SLAB) if N == 1 else M
    panels, bias = aligned(round_up(slab, ROWS) * K, images), zeros(room, images)
    steps = np.empty(K, np.int64)
    part = steps_at_a_time(C, KH * KW, KH * (VECTORS * L + KW), images)
    ph, hop_h, nh, rows = plane_layout(KH, stride[0], dilation[0], P)
    pw, hop_w, nw, wide = plane_layout(KW, stride[1], dilation[1], Q)
    # Zeros that end a row and begin the next one; wider strides keep them apart.
    spare = min(padding[2], padding[3]) if stride[1] == 1 and wide == W + padding[2] + padding[3] else 0
    # The floats of a sample: its padded image twice (source and planes), and its result.
    side = samples_at_a_time(N, 2 * C * (P + KH) * (Q + KW) + M * P * Q, stride, images)
    for n0, n1, S in ((0, N - N % side, side), (N - N % side, N, 1)):
        if n0 == n1:
            continue
        columns, shared = trim_zeros(wide, spare if S == 1 else 0, Q, L)
        columns *= S
        size, pitch = rows * columns, round_up_odd(nh * nw * rows * columns, L)
        image = zeros(C * pitch + shared + VECTORS * L, images)
        for u in range(KH):
            for v in range(KW):
                near = u // ph * hop_h * columns + v // pw * hop_w * S
                near += (u % ph * nw + v % pw) * size
                for c in range(C):
                    steps[(c * KH + u) * KW + v] = c * pitch + near
        source, out = images, results
        if S > 1:
            source, out = aligned(C * H * W * S, images), aligned(room * P * Q * S, images)
        px, py, ps, po = pointer(images), pointer(results), pointer(source), pointer(out)
        for g in range(groups):
            for m in range(0 if add or not b.size else M):
                bias[m] = b[g * M + m]
            for m in range(0, M, M if direct else slab):
                few = min(slab, M - m)
                if not direct:
                    pack_rows(weights, (g * M + m) * K, K, few, K, panels)
                for n in range(n0, n1, S):
                    start, to = (n * groups + g) * C * H * W, (n * O + g * M) * P * Q
                    if S > 1 and m == 0:
                        transpose_blocks(px + start, groups * C * H * W, ps, L, L, C * H * W)
                        if add:
                            transpose_blocks(py + to, O * P * Q, po, L, L, M * P * Q)
                    for i in range(nh if m == 0 else 0):
                        for j in range(nw):
                            first = i * dilation[0] - padding[0], (j * dilation[1] - padding[2]) * S
                            copy_to_plane(
                                source, 0 if S > 1 else start, C, H, W * S, first, stride,
                                image, (i * nw + j) * size, pitch, rows, columns,
                            )  # fmt: skip
                    if direct:
                        correlate_few(weights, g * M * K, M, image, steps, columns, P, Q, bias, results, to)
                        continue
                    target = (0 if S > 1 else to) + m * P * Q * S
                    correlate(
                        panels, few, steps, part, image, columns, P, Q * S, out, target,
                        (M if S == 1 else room) - m, (P * Q * S, Q * S), bias[m:], add != 0,
                    )  # fmt: skip
                    if S > 1 and m + few == M:
                        transpose_blocks(po, L, py + to, O * P * Q, M * P * Q, L)
