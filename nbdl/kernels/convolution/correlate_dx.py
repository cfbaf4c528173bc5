"""The core of the gradient of `conv2d` for x, which is `conv_transpose2d` forward.

It is a correlation too, of dy with the transposed weights. A stride deals the pixels of dx out: row
``first + a stride`` sees row ``a + shift`` of dy through every `period`-th tap, so that the rows and columns
of one remainder make a *plane*, a dense correlation of its own with the taps that belong to it.

With a stride along the rows, the planes of the same rows are made side by side, and are put into rows of dx
in turns (`interleave`).
"""

import math

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.convolution.correlate import correlate
from nbdl.kernels.convolution.image_planes import (
    copy_to_plane,
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
    pack_taps,
    round_up,
    round_up_odd,
    store_strided,
    transpose_blocks,
    zeros,
)
from nbdl.kernels.simd.registers import load, pointer
from nbdl.kernels.simd.shuffle import high_pairs, lanes, load_rest, low_pairs, store_rest


@jit
def tap_rows(u, period, stride, dilation, before, inputs):
    """(first, count, shift): the rows of dx of the plane of tap u, and how far off what they see of dy is."""
    first = (u % period * dilation - before) % stride
    return first, max(0, -((first - inputs) // stride)), (first + before - u * dilation) // stride


@jit
def cotangent_rows(taps, stride, dilation, before, inputs, outputs):
    """(period, lowest, size): which rows of dy the rows of dx see along one axis, from `lowest` on."""
    compact()
    period = stride // math.gcd(stride, dilation)
    low, high = 0, 0
    for u in range(taps):
        _, count, shift = tap_rows(u, period, stride, dilation, before, inputs)
        if count and -count < shift < outputs:
            low, high = min(low, shift), max(high, shift + count)
    return period, low, high - low


@jit
def all_in_planes(taps, stride, dilation, before, inputs):
    """Whether each row of dx belongs to a plane: to one of some tap, whether it sees a row of dy or not."""
    compact()
    rows, period = np.int64(0), stride // math.gcd(stride, dilation)
    for u in range(min(taps, period)):
        rows += tap_rows(u, period, stride, dilation, before, inputs)[1]
    return rows == inputs


@jit
def begin(b, size, y):
    """Fills the channels of y, of `size` elements, with the numbers of `b`, or with zeros if it is empty."""
    for k in range(y.size // size):
        start = b[k % b.size] if b.size else y.dtype.type(0)
        for i in range(k * size, (k + 1) * size):
            y[i] = start


@jit
def interleave(planes, size, row, firsts, channels, rows, out, to, strides, step, W, add):
    """out[to + (c, i) . strides + firsts[j] + k step] = planes[c, j, i, k], below W; or += if `add`.

    Plane (c, j) begins at ``(c J + j) size``, its row i at ``i row``, with J elements in `firsts`. For a
    step of 2 there are both planes, in order.
    """
    compact()
    p, q, J = pointer(planes), pointer(out), firsts.size
    L = lanes(p)
    for c in range(channels):
        for i in range(rows):
            target = to + c * strides[0] + i * strides[1]
            if step == 2:
                a, b = p + (2 * c * size + i * row), p + ((2 * c + 1) * size + i * row)
                for k in range(0, W, 2 * L):
                    one, two, left = load(a, k // 2), load(b, k // 2), W - k
                    low, high = low_pairs(one, two), high_pairs(one, two)
                    if add:
                        low = low + load_rest(q, target + k, left)
                        high = high + load_rest(q, target + k + L, left - L)
                    store_rest(q, target + k, low, left)
                    store_rest(q, target + k + L, high, left - L)
            else:
                for j in range(J):
                    n = max(0, -((firsts[j] - W) // step))
                    store_strided(
                        planes, (c * J + j) * size + i * row, n, out, target + firsts[j], step, add
                    )  # fmt: skip


@jit(apart=True)
def _conv2d_dx(dy, w, b, stride, padding, dilation, groups, add, dx):
    """dx = b + the sums, or += the sums if `add`; `b` has a number for each channel of dx, or none."""
    compact()
    if dx.size == 0:
        return
    (N, O, P, Q), (_, C, KH, KW), (_, _, H, W) = dy.shape, w.shape, dx.shape
    cotangents, weights, results, L = flat(dy), flat(w), flat(dx), lanes(pointer(dy))
    everywhere = (
        dy.size > 0
        and all_in_planes(KH, stride[0], dilation[0], padding[0], H)
        and all_in_planes(KW, stride[1], dilation[1], padding[2], W)
    )
    if not everywhere and not add:
        begin(b, H * W, results)
    if dy.size == 0:
        return
    adds = add != 0 or not everywhere
    M, room = O // groups, round_up(C, ROWS)
    panels, bias = aligned(room * M * KH * KW, cotangents), zeros(room, cotangents)
    taps, steps = np.empty(M * KH * KW, np.int64), np.empty(M * KH * KW, np.int64)
    ph, top, rows = cotangent_rows(KH, stride[0], dilation[0], padding[0], H, P)
    pw, left, wide = cotangent_rows(KW, stride[1], dilation[1], padding[2], W, Q)
    nh, nw = min(ph, KH), min(pw, KW)
    down, across = -(-H // stride[0]), -(-W // stride[1])  # rows and columns of the largest plane
    begins = np.zeros(nh * nw + 1, np.int64)  # where the taps of a plane begin
    spare = min(-left, max(0, left + wide - Q)) if stride[1] == 1 else 0
    side = samples_at_a_time(N, M * (P * Q + (H + KH) * (W + KW)) + C * H * W, stride, cotangents)
    for n0, n1, S in ((0, N - N % side, side), (N - N % side, N, 1)):
        if n0 == n1:
            continue
        columns, shared = trim_zeros(wide, spare if S == 1 else 0, across, L)
        columns *= S
        pitch = round_up_odd(rows * columns, L)
        image = zeros(M * pitch + shared + 2 * columns + (VECTORS + 1) * L, cotangents)
        source, out = cotangents, results
        if S > 1:
            source, out = aligned(M * P * Q * S, cotangents), zeros(room * H * W * S, cotangents)
        # Rows of sums of several planes, up to the next row or in whole vectors: all of them are stored.
        J = np.int64(2) if stride[1] == 2 else nw
        row = min(columns, round_up(across, L))
        size = round_up(down * row, L)
        firsts = np.zeros(J, np.int64)
        planes = zeros(room * J * size + L if stride[1] > 1 else 0, cotangents)
        p_dy, p_dx, ps, po = pointer(cotangents), pointer(results), pointer(source), pointer(out)
        K = 0
        for t in range(nh * nw):
            i, j = t // nw, t % nw
            a = tap_rows(i, ph, stride[0], dilation[0], padding[0], H)[1]
            e = tap_rows(j, pw, stride[1], dilation[1], padding[2], W)[1]
            for o in range(M):
                for u in range(i, KH, ph):
                    up = tap_rows(u, ph, stride[0], dilation[0], padding[0], H)[2]
                    for v in range(j, KW, pw):
                        by = tap_rows(v, pw, stride[1], dilation[1], padding[2], W)[2]
                        if -a < up < P and -e < by < Q:
                            taps[K] = (o * C * KH + u) * KW + v
                            steps[K] = o * pitch + (up - top) * columns + (by - left) * S
                            K += 1
            begins[t + 1] = K
        for g in range(groups):
            for t in range(nh * nw):
                k0, k1 = begins[t], begins[t + 1]
                pack_taps(weights, g * M * C * KH * KW, KH * KW, taps[k0:k1], C, panels[k0 * room :])
            for c in range(0 if adds or not b.size else C):
                bias[c] = b[g * C + c]
            for n in range(n0, n1, S):
                start, to = (n * O + g * M) * P * Q, (n * groups + g) * C * H * W
                if S > 1:
                    transpose_blocks(p_dy + start, O * P * Q, ps, L, L, M * P * Q)
                    if adds:
                        transpose_blocks(p_dx + to, groups * C * H * W, po, L, L, C * H * W)
                copy_to_plane(
                    source, 0 if S > 1 else start, M, P, Q * S, (top, left * S), (1, 1),
                    image, 0, pitch, rows, columns,
                )  # fmt: skip
                for t in range(nh * nw):
                    i, j = t // nw, t % nw
                    y0, a, _ = tap_rows(i, ph, stride[0], dilation[0], padding[0], H)
                    x0, e, _ = tap_rows(j, pw, stride[1], dilation[1], padding[2], W)
                    k0, k1 = begins[t], begins[t + 1]
                    part = steps_at_a_time(M, max(1, (k1 - k0) // M), KH * (VECTORS * L + KW), cotangents)
                    sums, first, add_to, channels = out, 0 if S > 1 else to + y0 * W + x0, adds, room
                    pixels = a, e * S, columns
                    strides = H * W * S, stride[0] * W * S
                    if S == 1:
                        channels = C
                    if stride[1] > 1:
                        slot = x0 if stride[1] == 2 else j
                        firsts[slot] = x0
                        sums, first, add_to, channels = planes, slot * size, False, room
                        pixels = (np.int64(1), size, size) if row == columns else (a, row, columns)
                        strides = J * size, pixels[1]
                    if a * e:
                        correlate(
                            panels[k0 * room :], C, steps[k0:k1], part, image, pixels[2], pixels[0],
                            pixels[1], sums, first, channels, strides, bias, add_to,
                        )  # fmt: skip
                    if stride[1] > 1 and j == nw - 1:
                        interleave(
                            planes, size, row, firsts, C, a, results, to + y0 * W,
                            (H * W, stride[0] * W), stride[1], W, adds,
                        )  # fmt: skip
                if S > 1:
                    transpose_blocks(po, L, p_dx + to, groups * C * H * W, C * H * W, L)
