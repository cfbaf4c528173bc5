"""The cores of `conv2d` and its gradients: matrix products on the tile whose vectors lie in a padded image.

Forward, the rows of A are output channels, the steps of the sum are the taps (c, u, v) of the kernel, and the
vectors of B are L neighbouring pixels of the padded image, seen as one long row: for tap (u, v) all of them
lie (u columns + v) further on. Pixels between the rows of the result are computed and dropped.

Strides: the image is dealt out into *planes*, so that what neighbouring outputs see through one tap are
neighbours. Along an axis, outputs i and tap u meet at pixel ``i stride + u dilation``; taps that are `period`
apart share a plane, where they are `hop` places apart::

    plane u % period, place i + u // period * hop

The gradient for x is a correlation too, of dy with the transposed weights, one for each plane. In that for w
the steps of the sum are the pixels of dy, and the vectors are channels of x at one or several taps.
"""

import math

import numpy as np

from nbdl._jit import jit
from nbdl.kernels._simd import pointer
from nbdl.kernels._strided_tile import (
    CACHE,
    FEW,
    ROWS,
    VECTORS,
    aligned,
    copy,
    deliver,
    lanes,
    multiply,
    odd,
    pack,
    ramp,
    turn,
    whole,
    width,
    zeros,
)

BLOCK = 4 * VECTORS  # vectors of pixels that are computed for all channels before they are delivered


# --- images -----------------------------------------------------------------------------------------------


@jit
def axis(taps, stride, dilation, outputs):
    """(period, hop, planes, size of a plane) along one axis; see the head of this file."""
    period = min(taps, stride // math.gcd(stride, dilation))
    hop = period * dilation // stride
    size = outputs + (taps - 1) // period * hop
    if period * size > taps * outputs:  # taps so far apart that they share nothing
        return taps, 0, taps, outputs
    return period, hop, period, size


@jit
def place(x, start, C, H, W, first, stride, image, to, pitch, rows, columns):
    """image[to + c pitch + i columns + j] = x[c, first + (i, j) stride], where that lies in x (C, H, W)."""
    (y0, x0), (sy, sx) = first, stride
    if columns == W and (x0, sy, sx) == (0, 1, 1):  # whole rows: they are one
        H, W, rows, columns, y0, x0 = 1, H * W, 1, rows * W, 0, y0 * W
    i0, i1 = max(0, -(y0 // sy)), min(rows, (H - 1 - y0) // sy + 1)
    j0, j1 = max(0, -(x0 // sx)), min(columns, (W - 1 - x0) // sx + 1)
    for c in range(C):
        for i in range(i0, i1):
            p, q = start + (c * H + y0 + i * sy) * W + x0, to + c * pitch + i * columns
            if sx == 1:
                copy(x, p + j0, max(0, j1 - j0), image, q + j0)
            else:
                for j in range(j0, j1):
                    image[q + j] = x[p + j * sx]


@jit
def place_channels(x, start, C, H, W, first, stride, image, to, rows, columns):
    """image[to + (i columns + j) C + c] = x[c, first + (i, j) stride], where that lies in x (C, H, W)."""
    (y0, x0), (sy, sx) = first, stride
    i0, i1 = max(0, -(y0 // sy)), min(rows, (H - 1 - y0) // sy + 1)
    j0, j1 = max(0, -(x0 // sx)), min(columns, (W - 1 - x0) // sx + 1)
    p, q, L = pointer(x), pointer(image), lanes(x)
    for i in range(i0, i1):
        source, target = start + (y0 + i * sy) * W + x0, to + i * columns * C
        if sx == 1:
            turn(p + (source + j0), H * W, q + (target + j0 * C), C, C, j1 - j0, L)
        else:
            for c in range(C):
                for j in range(j0, j1):
                    image[target + j * C + c] = x[source + c * H * W + j * sx]


# --- correlation ------------------------------------------------------------------------------------------


@jit
def chunk(channels, taps, pixels, x):
    """How many steps of the sum fit the first cache, in whole channels of `taps` steps on `pixels` floats."""
    parts = channels * (taps * ROWS + pixels) * x.itemsize // CACHE + 1
    return taps * max(1, -(-channels // parts))


@jit
def correlate(panels, M, steps, part, image, columns, P, Q, out, to, strides, b, add):
    """out[to + (m, i, j) . strides] = b[m] + sum over k of A[k, m] image[steps[k] + i columns + j], or +=.

    `part` is how many steps of the sum are done at a time, b empty or one number for each of the M channels.
    """
    plane, row, column = strides
    if columns == Q and row == Q * column:  # no gaps between the rows: they are one
        P, Q, columns = 1, P * Q, P * Q
    K, L, last = steps.size, lanes(image), (P - 1) * columns + Q
    count = whole(last, L) // L
    block = -(-count // -(-count // BLOCK))
    pitch = max(2, block) * L
    places, sums = ramp(count + 1, L), aligned(whole(M, FEW) * pitch, image)
    for t0 in range(0, count, block):
        t1 = min(count, t0 + block)
        for k0 in range(0, max(K, 1), part):
            k1 = min(K, k0 + part)
            multiply(panels, M, K, k0, k1, image, steps, places, t0, t1, sums, pitch, k0 > 0)
        begin, end = t0 * L, min(t1 * L, last)
        for m in range(M):
            bias = b[m] if b.size else b.dtype.type(0)
            for i in range(begin // columns, (end - 1) // columns + 1):
                j0, j1 = max(0, begin - i * columns), min(Q, end - i * columns)
                source, target = m * pitch + i * columns + j0 - begin, to + m * plane + i * row + j0 * column
                deliver(sums, source, max(0, j1 - j0), out, target, column, bias, add)


@jit
def _conv2d(x, w, b, stride, padding, dilation, groups, y):
    if y.size == 0:
        return
    (N, O, P, Q), (_, C, KH, KW), (H, W) = y.shape, w.shape, x.shape[2:]
    M, K = O // groups, C * KH * KW
    ph, hop_h, nh, rows = axis(KH, stride[0], dilation[0], P)
    pw, hop_w, nw, columns = axis(KW, stride[1], dilation[1], Q)
    size, pitch = rows * columns, odd(nh * nw * rows * columns, lanes(x))
    image = zeros(C * pitch + VECTORS * lanes(x), x)
    steps = np.empty(K, np.int64)
    for k in range(K):
        c, u, v = k // (KH * KW), k // KW % KH, k % KW
        near = u // ph * hop_h * columns + v // pw * hop_w
        steps[k] = c * pitch + (u % ph * nw + v % pw) * size + near
    panels = aligned(whole(M, width(x)) * K, x)
    part = chunk(C, KH * KW, KH * (VECTORS * lanes(x) + KW), x)
    weights, source, out = w.reshape(w.size), x.reshape(x.size), y.reshape(y.size)
    for g in range(groups):
        pack(weights, g * M * K, K, 1, M, K, panels)
        bias = b[g * M : (g + 1) * M] if b.size else b
        for n in range(N):
            for i in range(nh):
                for j in range(nw):
                    first = i * dilation[0] - padding[0], j * dilation[1] - padding[2]
                    place(
                        source, (n * groups + g) * C * H * W, C, H, W, first, stride,
                        image, (i * nw + j) * size, pitch, rows, columns,
                    )  # fmt: skip
            to = (n * O + g * M) * P * Q
            correlate(panels, M, steps, part, image, columns, P, Q, out, to, (P * Q, Q, 1), bias, False)


# --- gradients --------------------------------------------------------------------------------------------


@jit
def reach(taps, stride, dilation, before, inputs, outputs):
    """(period, lowest, size): which rows of dy the rows of dx see along one axis, from `lowest` on.

    Row ``first + a stride`` of dx sees row ``a + shift`` of dy through tap u (`meet`).
    """
    period = stride // math.gcd(stride, dilation)
    low, high = 0, 0
    for u in range(taps):
        _, count, shift = meet(u, period, stride, dilation, before, inputs)
        if count and -count < shift < outputs:
            low, high = min(low, shift), max(high, shift + count)
    return period, low, high - low


@jit
def meet(u, period, stride, dilation, before, inputs):
    """(first, count, shift): the rows of dx of the plane of tap u, and how far off what they see of dy is."""
    first = (u % period * dilation - before) % stride
    return first, max(0, -((first - inputs) // stride)), (first + before - u * dilation) // stride


@jit
def _conv2d_dx(dy, w, stride, padding, dilation, groups, dx):
    if dy.size == 0 or dx.size == 0:
        return
    (N, O, P, Q), (_, C, KH, KW), (H, W) = dy.shape, w.shape, dx.shape[2:]
    M, wide = O // groups, width(dy)
    ph, top, rows = reach(KH, stride[0], dilation[0], padding[0], H, P)
    pw, left, columns = reach(KW, stride[1], dilation[1], padding[2], W, Q)
    pitch = odd(rows * columns, lanes(dy))
    image = zeros(M * pitch + VECTORS * lanes(dy), dy)
    panels, none = aligned(whole(C, width(dy)) * M * KH * KW, dy), np.empty(0, dy.dtype)
    weights, cotangent, out = w.reshape(w.size), dy.reshape(dy.size), dx.reshape(dx.size)
    taps, steps = np.empty(M * KH * KW, np.int64), np.empty(M * KH * KW, np.int64)
    for i in range(min(ph, KH)):
        y0, a, _ = meet(i, ph, stride[0], dilation[0], padding[0], H)
        for j in range(min(pw, KW)):
            x0, e, _ = meet(j, pw, stride[1], dilation[1], padding[2], W)
            K = 0
            for o in range(M):
                for u in range(i, KH, ph):
                    up = meet(u, ph, stride[0], dilation[0], padding[0], H)[2]
                    for v in range(j, KW, pw):
                        by = meet(v, pw, stride[1], dilation[1], padding[2], W)[2]
                        if -a < up < P and -e < by < Q:
                            taps[K] = (o * C * KH + u) * KW + v
                            steps[K] = o * pitch + (up - top) * columns + by - left
                            K += 1
            if K * a * e == 0:
                continue
            part = chunk(M, K // M, KH * (VECTORS * lanes(dy) + KW), dy)
            strides = H * W, stride[0] * W, stride[1]
            for g in range(groups):
                start = g * M * C * KH * KW
                to = 0
                for c in range(0, C, wide):
                    for k in range(K):
                        tap, more = start + taps[k] + c * KH * KW, C - c
                        for m in range(wide):
                            panels[to + m] = weights[tap + m * KH * KW] if m < more else 0
                        to += wide
                for n in range(N):
                    place(
                        cotangent, (n * O + g * M) * P * Q, M, P, Q, (top, left), (1, 1),
                        image, 0, pitch, rows, columns,
                    )  # fmt: skip
                    to = ((n * groups + g) * C * H + y0) * W + x0
                    correlate(panels, C, steps[:K], part, image, columns, a, e, out, to, strides, none, True)


@jit
def _conv2d_dw(dy, x, stride, padding, dilation, groups, dw):
    if dy.size == 0 or dw.size == 0:
        return
    (N, O, P, Q), (_, C, KH, KW), (H, W) = dy.shape, dw.shape, x.shape[2:]
    M, L = O // groups, lanes(x)
    ph, hop_h, nh, rows = axis(KH, stride[0], dilation[0], P)
    pw, hop_w, nw, columns = axis(KW, stride[1], dilation[1], Q)
    size = rows * columns * C
    image = zeros(nh * nw * size + VECTORS * L, x)
    steps = np.empty(P * Q, np.int64)
    for k in range(P * Q):
        steps[k] = (k // Q * columns + k % Q) * C
    # Neighbouring taps of a row make one run of channels, cut into vectors; `lane` is where a tap's begin.
    places, lane, t = np.empty(KH * KW * (C // L + 2) + 1, np.int64), np.empty((KH, KW), np.int64), 0
    for u in range(KH):
        for j in range(nw):
            start = (u % ph * nw + j) * size + u // ph * hop_h * columns * C
            run = 0
            for v in range(j, KW, pw):
                lane[u, v] = t * L + run
                run += C
                if hop_w != 1 or v + pw >= KW:
                    for p in range(0, run, L):
                        places[t] = start + p
                        t += 1
                    start += run - C + hop_w * C
                    run = 0
    pitch = max(2, t) * L
    places[t] = 0
    sums, panels = zeros(whole(M, FEW) * pitch, x), aligned(whole(M, width(x)) * P * Q, x)
    part = chunk(P * Q, 1, VECTORS * L, x)
    source, cotangent = x.reshape(x.size), dy.reshape(dy.size)
    for g in range(groups):
        for n in range(N):
            for i in range(nh):
                for j in range(nw):
                    first = i * dilation[0] - padding[0], j * dilation[1] - padding[2]
                    place_channels(
                        source, (n * groups + g) * C * H * W, C, H, W, first, stride,
                        image, (i * nw + j) * size, rows, columns,
                    )  # fmt: skip
            pack(cotangent, (n * O + g * M) * P * Q, P * Q, 1, M, P * Q, panels)
            for k0 in range(0, P * Q, part):
                k1 = min(P * Q, k0 + part)
                multiply(panels, M, P * Q, k0, k1, image, steps, places, 0, t, sums, pitch, n > 0 or k0 > 0)
        for o in range(M):
            for c in range(C):
                for u in range(KH):
                    for v in range(KW):
                        dw[g * M + o, c, u, v] += sums[o * pitch + lane[u, v] + c]
