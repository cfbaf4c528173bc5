"""convolve2d on lanes, and its gradients (`nbdl.kernels.convolve2d` has the formula and the modes).

Element (i, j) of y meets element (i + top - u, j + left - v) of x through tap (u, v), where `top` and `left`
are how many rows and columns of the full convolution the mode leaves out before it.
"""

import math

import numpy as np

from nbdl._jit import plain
from nbdl.errors import NbdlError
from nbdl.kernels.convolution import convolve2d as _kernel
from nbdl.kernels.lanes.sums import sum_lanes
from nbdl.kernels.lanes.twin import Reduction, Row, Twin, Unfit, pitch
from nbdl.kernels.simd.registers import load, splat, store


def _sides(site):
    """The zeros that the mode puts around x: (top, bottom, left, right)."""
    mode = _kernel.MODES.index(site["mode"])
    return [int(n) for n in plain(_kernel._convolve2d_sides)(site.shapes["x"], site.shapes["w"], mode)]


def _shape(site):
    x, w = site.shapes["x"], site.shapes["w"]
    if len(x) < 2 or 0 in x or len(w) != 2:
        raise Unfit
    try:
        top, bottom, left, right = _sides(site)
    except (NbdlError, ValueError):  # the kernel raises it
        raise Unfit from None
    return (*x[:-2], x[-2] + top + bottom - w[0] + 1, x[-1] + left + right - w[1] + 1)


def _sizes(site):
    """What leaves are told: images, their sizes, how far apart they are, and what the mode leaves out."""
    x, (KH, KW), y = site.shapes["x"], site.shapes["w"], _shape(site)
    top, _, left, _ = _sides(site)
    return {
        "count": math.prod(x[:-2]), "H": x[-2], "W": x[-1], "P": y[-2], "Q": y[-1], "KH": KH, "KW": KW,
        "top": KH - 1 - top, "left": KW - 1 - left, "x_pitch": _apart(x), "y_pitch": _apart(y),
    }  # fmt: skip


def _apart(shape):
    return pitch(shape) if len(shape) == 3 else shape[-2] * shape[-1]


def _forward(site):
    L, zero = site.L, np.dtype(site.dtype).type(0)

    def leaf(x, w, y, count, H, W, P, Q, KH, KW, top, left, x_pitch, y_pitch):
        for c in range(count):
            for i in range(P):
                for j in range(Q):
                    total = splat(zero)
                    for u in range(max(0, i + top - H + 1), min(KH, i + top + 1)):
                        row = c * x_pitch + (i + top - u) * W
                        for v in range(max(0, j + left - W + 1), min(KW, j + left + 1)):
                            total = total + load(x, (row + j + left - v) * L) * w[u * KW + v]
                    store(y, (c * y_pitch + i * Q + j) * L, total)

    return [Row(leaf, **_sizes(site))]


def _dx(site):
    L, zero = site.L, np.dtype(site.dtype).type(0)

    def leaf(dy, w, dx, count, H, W, P, Q, KH, KW, top, left, x_pitch, y_pitch):
        for c in range(count):
            for i in range(H):
                for j in range(W):
                    total = splat(zero)
                    for u in range(max(0, top - i), min(KH, P + top - i)):
                        row = c * y_pitch + (i + u - top) * Q
                        for v in range(max(0, left - j), min(KW, Q + left - j)):
                            total = total + load(dy, (row + j + v - left) * L) * w[u * KW + v]
                    store(dx, (c * x_pitch + i * W + j) * L, total)

    return [Row(leaf, **_sizes(site))]


def _dw(site):
    L, size = site.L, math.prod(site.shapes["w"])

    def leaf(dy, x, acc, count, H, W, P, Q, KH, KW, top, left, x_pitch, y_pitch):
        for c in range(count):
            for u in range(KH):
                for v in range(KW):
                    total = load(acc, (u * KW + v) * L)
                    for i in range(max(0, u - top), min(P, H + u - top)):
                        row, other = c * y_pitch + i * Q, c * x_pitch + (i + top - u) * W + left - v
                        for j in range(max(0, v - left), min(Q, W + v - left)):
                            total = total + load(dy, (row + j) * L) * load(x, (other + j) * L)
                    store(acc, (u * KW + v) * L, total)

    collect = [Row(leaf, **_sizes(site))]
    return Reduction(collect, [Row(sum_lanes(L), size=size, items=1)], acc=size * L)


def _flops(site):
    P, Q = _shape(site)[-2:]
    return 2 * P * Q * math.prod(site.shapes["x"][:-2]) * math.prod(site.shapes["w"])


convolve2d = Twin(_forward, {"x": _dx}, {"w": _dw}, shape=_shape, flops=_flops)
