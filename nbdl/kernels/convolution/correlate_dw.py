"""The cores of the gradient of `conv2d` for w: matrix products that sum over the pixels of dy.

The steps of the sum are the pixels of dy, and the vectors are channels of x at one or several taps
(`_conv2d_dw`); or, of small images with few channels, samples (`_conv2d_dw_of_lanes`).
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.convolution.image_planes import (
    copy_channels_last,
    copy_to_plane,
    plane_layout,
    samples_at_a_time,
    steps_at_a_time,
)
from nbdl.kernels.door.compact import compact
from nbdl.kernels.door.views import flat
from nbdl.kernels.simd.panels import ROWS, VECTORS, aligned, pack_rows, round_up, transpose_blocks, zeros
from nbdl.kernels.simd.registers import hsum, load, pointer
from nbdl.kernels.simd.shuffle import lanes
from nbdl.kernels.simd.strided_tile import CACHE, multiply, multiply_lanes


@jit(apart=True)
def _conv2d_dw_of_lanes(dy, x, stride, padding, dilation, groups, dw):
    """Of small images with few channels: L samples at a time, whose sums stay apart up to the end.

    Returns how many samples are done: none, or whole lanes of them.
    """
    compact()
    (N, O, P, Q), (_, C, KH, KW), (_, _, H, W) = dy.shape, dw.shape, x.shape
    images, cotangents, result, L = flat(x), flat(dy), flat(dw), lanes(pointer(x))
    M, K = O // groups, C * KH * KW
    room = round_up(M, ROWS)
    floats = C * (P + KH) * (Q + KW) + M * P * Q
    # From L channels on, channels fill vectors well: samples need not be transposed into lanes.
    if dw.size == 0 or C >= L or samples_at_a_time(N, floats, stride, images) == 1:
        return 0
    N -= N % L
    ph, hop_h, nh, rows = plane_layout(KH, stride[0], dilation[0], P)
    pw, hop_w, nw, columns = plane_layout(KW, stride[1], dilation[1], Q)
    columns *= L
    size, pitch = rows * columns, nh * nw * rows * columns
    places, steps = np.empty(round_up(K, VECTORS), np.int64), np.empty(P * Q, np.int64)
    for k in range(K):
        c, u, v = k // (KH * KW), k // KW % KH, k % KW
        near = u // ph * hop_h * columns + v // pw * hop_w * L
        places[k] = c * pitch + (u % ph * nw + v % pw) * size + near
    # Vectors up to a whole tile: they are computed from valid memory and dropped.
    for k in range(K, places.size):
        places[k] = 0
    for k in range(P * Q):
        steps[k] = k // Q * columns + k % Q * L
    image, source = zeros(C * pitch, images), aligned(C * H * W * L, images)
    panels, none = zeros(room * P * Q * L, images), zeros(room, images)
    row = round_up(K, VECTORS) * L
    # Floats of one step: ROWS vectors of dy and C of x.
    part = max(1, CACHE // ((ROWS + C) * L * images.itemsize))
    px, p_dy, ps, pp = pointer(images), pointer(cotangents), pointer(source), pointer(panels)
    for g in range(groups):
        sums = zeros(room * row, images)
        for n in range(0, N, L):
            transpose_blocks(px + (n * groups + g) * C * H * W, groups * C * H * W, ps, L, L, C * H * W)
            for i in range(nh):
                for j in range(nw):
                    first = i * dilation[0] - padding[0], (j * dilation[1] - padding[2]) * L
                    copy_to_plane(
                        source, np.int64(0), C, H, W * L, first, stride,
                        image, (i * nw + j) * size, pitch, rows, columns,
                    )  # fmt: skip
            for m in range(M):
                start, to = (n * O + g * M + m) * P * Q, (m // ROWS * ROWS * P * Q + m % ROWS) * L
                transpose_blocks(p_dy + start, O * P * Q, pp + to, ROWS * L, L, P * Q)
            for k in range(0, P * Q, part):
                multiply_lanes(
                    panels, M, P * Q, k, min(P * Q, k + part), image, steps, places, K, none, sums, row
                )
        p = pointer(sums)
        for o in range(M):
            for k in range(K):
                result[(g * M + o) * K + k] += hsum(load(p, o * row + k * L))
    return N


@jit(apart=True)
def _conv2d_dw(dy, x, stride, padding, dilation, groups, n0, dw):
    """Adds the share of the samples from `n0` on."""
    compact()
    (N, O, P, Q), (_, C, KH, KW), (_, _, H, W) = dy.shape, dw.shape, x.shape
    if n0 == N or dy.size == 0 or dw.size == 0:
        return
    source, cotangent, result, L = flat(x), flat(dy), flat(dw), lanes(pointer(x))
    M = O // groups
    room = round_up(M, ROWS)
    ph, hop_h, nh, rows = plane_layout(KH, stride[0], dilation[0], P)
    pw, hop_w, nw, columns = plane_layout(KW, stride[1], dilation[1], Q)
    size = rows * columns * C
    image = zeros(nh * nw * size + VECTORS * L, source)
    steps = np.empty(P * Q, np.int64)
    for k in range(P * Q):
        steps[k] = (k // Q * columns + k % Q) * C
    # Neighbouring taps of a row make one run of channels, cut into vectors; `lane` is where a tap's begin.
    places, lane = np.empty(KH * KW * (C // L + 2) + 1, np.int64), np.empty(KH * KW, np.int64)
    t = np.int64(0)
    for u in range(KH):
        for j in range(nw):
            start = (u % ph * nw + j) * size + u // ph * hop_h * columns * C
            run = 0
            for v in range(j, KW, pw):
                lane[u * KW + v] = t * L + run
                run += C
                if hop_w != 1 or v + pw >= KW:
                    for p in range(0, run, L):
                        places[t] = start + p
                        t += 1
                    start += run - C + hop_w * C
                    run = 0
    pitch = max(2, t) * L
    places[t] = 0
    sums, panels = aligned(room * pitch, source), aligned(room * P * Q, source)
    none = zeros(room, source)
    part = steps_at_a_time(P * Q, np.int64(1), VECTORS * L, source)
    for g in range(groups):
        for n in range(n0, N):
            for i in range(nh):
                for j in range(nw):
                    first = i * dilation[0] - padding[0], j * dilation[1] - padding[2]
                    copy_channels_last(
                        source, (n * groups + g) * C * H * W, C, H, W, first, stride,
                        image, (i * nw + j) * size, rows, columns,
                    )  # fmt: skip
            # dy (M, P Q) as panels: its pixels are the steps of the sum.
            pack_rows(cotangent, (n * O + g * M) * P * Q, P * Q, M, P * Q, panels)
            for k0 in range(0, P * Q, part):
                k1 = min(P * Q, k0 + part)
                # `sums` is scratch with any values: the first product of a group writes it, the others add.
                multiply(
                    panels, M, P * Q, k0, k1, image, steps, places, t, none, sums, pitch, n > n0 or k0 > 0
                )
        for o in range(M):
            for c in range(C):
                to = ((g * M + o) * C + c) * KH * KW
                for tap in range(KH * KW):
                    result[to + tap] += sums[o * pitch + lane[tap] + c]
