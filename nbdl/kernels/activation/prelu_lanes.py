"""PReLU on lanes: the formulas are those of `leaky_relu.py`, with a slope for each channel."""

import math

import numpy as np

from nbdl.kernels.activation.leaky_relu import leaky_relu_of, leaky_relu_slope
from nbdl.kernels.lanes.sums import sum_lanes
from nbdl.kernels.lanes.twin import Reduction, Row, Twin, Unfit, pitch, planes
from nbdl.kernels.simd.registers import fma, load, splat, store, store_part, where


def _shape(site):
    x, w = site.shapes["x"], site.shapes["w"]
    if not math.prod(x) or w not in ((1,), x[:1]):
        raise Unfit
    return x


def _sizes(site):
    """How a block is walked: `count` channels, `pitch` apart, of rows of `width`, in floats; `each` is 1 if a
    channel has a slope of its own, else 0."""
    x, L = site.shapes["x"], site.L
    each = int(site.shapes["w"] != (1,))
    if len(x) == 3:
        C, _, W = planes(x)
        return {"count": C, "pitch": pitch(x) * L, "width": W * L, "each": each}
    count = x[0] if each else 1
    places = math.prod(x) // count * L
    return {"count": count, "pitch": places, "width": places, "each": each}


def _forward(site):
    L = site.L

    def leaf(x, w, y, first, last, count, pitch, width, each):
        for c in range(count):
            slope = w[c * each]
            for i in range(c * pitch + first * width, c * pitch + last * width, L):
                store(y, i, leaky_relu_of(load(x, i), slope))

    return [Row(leaf, **_sizes(site))]


def _dx(site):
    L = site.L

    def leaf(dy, x, w, dx, first, last, count, pitch, width, each):
        for c in range(count):
            slope = w[c * each]
            for i in range(c * pitch + first * width, c * pitch + last * width, L):
                store(dx, i, leaky_relu_slope(load(dy, i), load(x, i), slope))

    return [Row(leaf, **_sizes(site))]


def _dw(site):
    L, zero, size = site.L, np.dtype(site.dtype).type(0), site.shapes["w"][0]

    def leaf(dy, x, acc, left, first, last, count, pitch, width, each):
        for c in range(count):
            total = splat(zero)
            for i in range(c * pitch + first * width, c * pitch + last * width, L):
                v = load(x, i)
                total = where(v > 0.0, total, fma(load(dy, i), v, total))
            at = c * each * L
            store_part(acc, at, load(acc, at) + total, min(left, L))

    return Reduction([Row(leaf, **_sizes(site))], [Row(sum_lanes(L), size=size, items=1)], acc=size * L)


prelu = Twin(_forward, {"x": _dx}, {"w": _dw}, shape=_shape, rows=lambda site: 1)
