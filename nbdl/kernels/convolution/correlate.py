"""The cores of `conv2d` and its gradients: matrix products on the tile whose vectors lie in a padded image.

Forward, the rows of A are output channels, the steps of the sum are the taps (c, u, v) of the kernel, and the
vectors of B are L neighbouring pixels of the padded image, seen as one long row: for tap (u, v) all of them
lie (u columns + v) further on. Pixels between the rows of the result are computed and dropped.

Strides: the image is dealt out into *planes*, so that what neighbouring outputs see through one tap are
neighbours. Along an axis, outputs i and tap u meet at pixel ``i stride + u dilation``; taps that are `period`
apart share a plane, where they are `hop` places apart::

    plane u % period, place i + u // period * hop

With a stride of 1 the zeros right of a row are those left of the next, and lie there once (`share`).

Of small images L samples are done at a time, side by side in the lanes: they are one image whose pixels are
L floats wide, and nothing else changes.

The gradient for x is a correlation too, of dy with the transposed weights, one for each plane. In that for w
the steps of the sum are the pixels of dy, and the vectors are channels of x at one or several taps; or, of
small images with few channels, samples.

Numba compiles a function once more for each literal that it is called with: ``np.int64(1)`` is none.
"""

import math

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.door.compact import compact
from nbdl.kernels.door.views import flat
from nbdl.kernels.simd.registers import hsum, load, load_part, pointer, store, store_part
from nbdl.kernels.simd.shuffle import lanes
from nbdl.kernels.simd.strided_tile import (
    CACHE,
    ROWS,
    VECTORS,
    aligned,
    copy,
    deliver,
    multiply,
    multiply_lanes,
    odd,
    pack,
    pack_taps,
    turn,
    whole,
    zeros,
)

SMALL = 1_500_000  # bytes of images that stay in the second cache
BLOCK = 8 * VECTORS  # vectors of pixels that are computed for all channels before they are delivered


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
def share(wide, spare, outputs, L):
    """(columns, shared): `wide` without the `spare` zeros right of a row, where that leaves fewer vectors."""
    if wide - spare >= whole(outputs, L):
        return wide, 0
    return max(outputs, wide - spare), spare


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
    compact()
    (y0, x0), (sy, sx) = first, stride
    i0, i1 = max(0, -(y0 // sy)), min(rows, (H - 1 - y0) // sy + 1)
    j0, j1 = max(0, -(x0 // sx)), min(columns, (W - 1 - x0) // sx + 1)
    p, q = pointer(x), pointer(image)
    for i in range(i0, i1):
        source, target = start + (y0 + i * sy) * W + x0, to + i * columns * C
        if sx == 1:
            turn(p + (source + j0), H * W, q + (target + j0 * C), C, C, j1 - j0)
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
def correlate(panels, M, steps, part, image, columns, P, Q, out, to, room, strides, first, add):
    """out[to + (m, i, j) . strides] = first[m] + sum over k of A[k, m] image[steps[k] + i columns + j].

    Or += the sum, if `add`. `part` is how many steps of the sum are done at a time; `first` has
    ``whole(M, ROWS)`` numbers, `out` room for `room` channels.
    """
    compact()
    plane, row, column = strides
    if columns == Q and row == Q * column:  # no gaps between the rows: they are one
        P, Q, columns = 1, P * Q, P * Q
    K, L = steps.size, lanes(pointer(image))
    wide = min(columns, whole(Q, L))  # a row of the sums: with the pixels between rows, or in whole vectors
    last = (P - 1) * wide + Q
    count = whole(last, L) // L
    # Where vectors of sums are vectors of the result, and rows too, they need no scratch.
    ready = last // L if wide == Q and row == Q and room >= whole(M, ROWS) else 0
    block = -(-count // -(-count // BLOCK))  # of equal size, so that no tile is left with one vector
    pitch = max(2, block) * L
    places, scratch = np.empty(count + 1, np.int64), aligned(whole(M, ROWS) * pitch, image)
    for t in range(count):
        places[t] = t * L // wide * columns + t * L % wide
    places[count] = places[count - 1]  # a tile of two may have one vector too many: it is read, not delivered
    t0 = 0
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
            deliver_block(
                scratch, pitch, t0 * L, min(t1 * L, last), wide, M, Q, out, to, plane, row, column, add
            )  # fmt: skip
        t0 = t1


@jit
def deliver_block(scratch, pitch, begin, end, wide, M, Q, out, to, plane, row, column, add):
    """out[to + m plane + i row + j column] = sum i wide + j of channel m, for those from `begin` to `end`.

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
            if column != 1:
                at = m * pitch + i * wide - begin + j0
                deliver(
                    scratch, at, max(0, j1 - j0), out, to + m * plane + i * row + j0 * column, column, add
                )
            elif j0 < j1:
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


@jit
def side_by_side(N, floats, stride, x):
    """How many samples are done at a time: L as lanes where the images are small, else one."""
    L = lanes(pointer(x))
    return L if N >= L and stride == (1, 1) and L * floats * x.itemsize <= SMALL else 1


@jit
def _conv2d(x, w, b, stride, padding, dilation, groups, y):
    compact()
    if y.size == 0:
        return
    (N, O, P, Q), (_, C, KH, KW), (_, _, H, W) = y.shape, w.shape, x.shape
    images, weights, results, L = flat(x), flat(w), flat(y), lanes(pointer(x))
    M, K = O // groups, C * KH * KW
    room = whole(M, ROWS)
    panels, bias, taps, steps = (
        aligned(room * K, images),
        zeros(room, images),
        np.empty(K, np.int64),
        np.empty(K, np.int64),
    )
    part = chunk(C, KH * KW, KH * (VECTORS * L + KW), images)
    ph, hop_h, nh, rows = axis(KH, stride[0], dilation[0], P)
    pw, hop_w, nw, wide = axis(KW, stride[1], dilation[1], Q)
    spare = min(padding[2], padding[3]) if stride[1] == 1 and wide == W + padding[2] + padding[3] else 0
    side = side_by_side(N, 2 * C * (P + KH) * (Q + KW) + M * P * Q, stride, images)
    for n0, n1, S in ((0, N - N % side, side), (N - N % side, N, 1)):
        if n0 == n1:
            continue
        columns, shared = share(wide, spare if S == 1 else 0, Q, L)
        columns *= S
        size, pitch = rows * columns, odd(nh * nw * rows * columns, L)
        image = zeros(C * pitch + shared + VECTORS * L, images)
        for k in range(K):
            c, u, v = k // (KH * KW), k // KW % KH, k % KW
            near = u // ph * hop_h * columns + v // pw * hop_w * S
            taps[k], steps[k] = k, c * pitch + (u % ph * nw + v % pw) * size + near
        source, out = images, results
        if S > 1:
            source, out = aligned(C * H * W * S, images), aligned(room * P * Q * S, images)
        px, py, ps, po = pointer(images), pointer(results), pointer(source), pointer(out)
        for g in range(groups):
            pack_taps(weights, g * M * K, K, taps, M, panels)
            for m in range(M if b.size else 0):
                bias[m] = b[g * M + m]
            for n in range(n0, n1, S):
                start, to = (n * groups + g) * C * H * W, (n * O + g * M) * P * Q
                if S > 1:
                    turn(px + start, groups * C * H * W, ps, L, L, C * H * W)
                for i in range(nh):
                    for j in range(nw):
                        first = i * dilation[0] - padding[0], (j * dilation[1] - padding[2]) * S
                        place(
                            source, 0 if S > 1 else start, C, H, W * S, first, stride,
                            image, (i * nw + j) * size, pitch, rows, columns,
                        )  # fmt: skip
                correlate(
                    panels, M, steps, part, image, columns, P, Q * S,
                    out, 0 if S > 1 else to, M if S == 1 else room, (P * Q * S, Q * S, 1), bias, False,
                )  # fmt: skip
                if S > 1:
                    turn(po, L, py + to, O * P * Q, M * P * Q, L)


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
    compact()
    if dy.size == 0 or dx.size == 0:
        return
    (N, O, P, Q), (_, C, KH, KW), (_, _, H, W) = dy.shape, w.shape, dx.shape
    cotangents, weights, results, L = flat(dy), flat(w), flat(dx), lanes(pointer(dy))
    M, room = O // groups, whole(C, ROWS)
    panels, none = aligned(room * M * KH * KW, cotangents), zeros(room, cotangents)
    taps, steps = np.empty(M * KH * KW, np.int64), np.empty(M * KH * KW, np.int64)
    ph, top, rows = reach(KH, stride[0], dilation[0], padding[0], H, P)
    pw, left, wide = reach(KW, stride[1], dilation[1], padding[2], W, Q)
    spare = min(-left, max(0, left + wide - Q)) if stride[1] == 1 else 0
    side = side_by_side(N, M * (P * Q + (H + KH) * (W + KW)) + C * H * W, stride, cotangents)
    for n0, n1, S in ((0, N - N % side, side), (N - N % side, N, 1)):
        if n0 == n1:
            continue
        columns, shared = share(wide, spare if S == 1 else 0, W, L)
        columns *= S
        pitch = odd(rows * columns, L)
        image = zeros(M * pitch + shared + VECTORS * L, cotangents)
        source, out = cotangents, results
        if S > 1:
            source, out = aligned(M * P * Q * S, cotangents), zeros(room * H * W * S, cotangents)
        p_dy, p_dx, ps, po = pointer(cotangents), pointer(results), pointer(source), pointer(out)
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
                                steps[K] = o * pitch + (up - top) * columns + (by - left) * S
                                K += 1
                if K * a * e == 0:
                    continue
                part = chunk(M, K // M, KH * (VECTORS * L + KW), cotangents)
                for g in range(groups):
                    pack_taps(weights, g * M * C * KH * KW, KH * KW, taps[:K], C, panels)
                    for n in range(n0, n1, S):
                        start, to = (n * O + g * M) * P * Q, (n * groups + g) * C * H * W
                        if S > 1:
                            turn(p_dy + start, O * P * Q, ps, L, L, M * P * Q)
                            turn(p_dx + to, groups * C * H * W, po, L, L, C * H * W)
                        place(
                            source, 0 if S > 1 else start, M, P, Q * S, (top, left * S), (1, 1),
                            image, 0, pitch, rows, columns,
                        )  # fmt: skip
                        first = 0 if S > 1 else to + y0 * W + x0
                        correlate(
                            panels, C, steps[:K], part, image, columns, a, e * S, out, first,
                            C if S == 1 else room, (H * W * S, stride[0] * W * S, stride[1]), none, True,
                        )  # fmt: skip
                        if S > 1:
                            turn(po, L, p_dx + to, groups * C * H * W, C * H * W, L)


@jit
def _conv2d_dw_of_lanes(dy, x, stride, padding, dilation, groups, dw):
    """Of small images with few channels: L samples at a time, whose sums stay apart up to the end.

    Returns how many samples are done: none, or whole lanes of them.
    """
    compact()
    (N, O, P, Q), (_, C, KH, KW), (_, _, H, W) = dy.shape, dw.shape, x.shape
    images, cotangents, L = flat(x), flat(dy), lanes(pointer(x))
    M, K = O // groups, C * KH * KW
    room = whole(M, ROWS)
    if dw.size == 0 or C >= L or side_by_side(N, C * (P + KH) * (Q + KW) + M * P * Q, stride, images) == 1:
        return 0
    N -= N % L
    ph, hop_h, nh, rows = axis(KH, stride[0], dilation[0], P)
    pw, hop_w, nw, columns = axis(KW, stride[1], dilation[1], Q)
    columns *= L
    size, pitch = rows * columns, nh * nw * rows * columns
    places, steps = np.empty(whole(K, VECTORS), np.int64), np.empty(P * Q, np.int64)
    for k in range(K):
        c, u, v = k // (KH * KW), k // KW % KH, k % KW
        near = u // ph * hop_h * columns + v // pw * hop_w * L
        places[k] = c * pitch + (u % ph * nw + v % pw) * size + near
    for k in range(K, places.size):
        places[k] = 0
    for k in range(P * Q):
        steps[k] = k // Q * columns + k % Q * L
    image, source = zeros(C * pitch, images), aligned(C * H * W * L, images)
    panels, none = zeros(room * P * Q * L, images), zeros(room, images)
    row = whole(K, VECTORS) * L
    part = max(1, CACHE // ((ROWS + C) * L * images.itemsize))
    px, p_dy, ps, pp = pointer(images), pointer(cotangents), pointer(source), pointer(panels)
    for g in range(groups):
        sums = zeros(room * row, images)
        for n in range(0, N, L):
            turn(px + (n * groups + g) * C * H * W, groups * C * H * W, ps, L, L, C * H * W)
            for i in range(nh):
                for j in range(nw):
                    first = i * dilation[0] - padding[0], (j * dilation[1] - padding[2]) * L
                    place(
                        source, np.int64(0), C, H, W * L, first, stride,
                        image, (i * nw + j) * size, pitch, rows, columns,
                    )  # fmt: skip
            for m in range(M):
                start, to = (n * O + g * M + m) * P * Q, (m // ROWS * ROWS * P * Q + m % ROWS) * L
                turn(p_dy + start, O * P * Q, pp + to, ROWS * L, L, P * Q)
            for k in range(0, P * Q, part):
                multiply_lanes(
                    panels, M, P * Q, k, min(P * Q, k + part), image, steps, places, K, none, sums, row
                )
        p = pointer(sums)
        for o in range(M):
            for c in range(C):
                for u in range(KH):
                    for v in range(KW):
                        dw[g * M + o, c, u, v] += hsum(load(p, o * row + ((c * KH + u) * KW + v) * L))
    return N


@jit
def _conv2d_dw(dy, x, stride, padding, dilation, groups, n0, dw):
    """Adds the share of the samples from `n0` on."""
    compact()
    (N, O, P, Q), (_, C, KH, KW), (_, _, H, W) = dy.shape, dw.shape, x.shape
    if n0 == N or dy.size == 0 or dw.size == 0:
        return
    source, cotangent, L = flat(x), flat(dy), lanes(pointer(x))
    M = O // groups
    room = whole(M, ROWS)
    ph, hop_h, nh, rows = axis(KH, stride[0], dilation[0], P)
    pw, hop_w, nw, columns = axis(KW, stride[1], dilation[1], Q)
    size = rows * columns * C
    image = zeros(nh * nw * size + VECTORS * L, source)
    steps = np.empty(P * Q, np.int64)
    for k in range(P * Q):
        steps[k] = (k // Q * columns + k % Q) * C
    # Neighbouring taps of a row make one run of channels, cut into vectors; `lane` is where a tap's begin.
    places, lane = np.empty(KH * KW * (C // L + 2) + 1, np.int64), np.empty((KH, KW), np.int64)
    t = np.int64(0)
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
    sums, panels = aligned(room * pitch, source), aligned(room * P * Q, source)
    none = zeros(room, source)
    part = chunk(P * Q, np.int64(1), VECTORS * L, source)
    for g in range(groups):
        for n in range(n0, N):
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
                multiply(
                    panels, M, P * Q, k0, k1, image, steps, places, t, none, sums, pitch, n > n0 or k0 > 0
                )
        for o in range(M):
            for c in range(C):
                for u in range(KH):
                    for v in range(KW):
                        dw[g * M + o, c, u, v] += sums[o * pitch + lane[u, v] + c]
