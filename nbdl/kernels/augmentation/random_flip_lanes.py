"""random_flip on lanes: of two elements each lane takes the one or the other."""

import math

import numpy as np

from nbdl.kernels.lanes.twin import Row, Twin, Unfit, pitch, planes
from nbdl.kernels.simd.philox import words
from nbdl.kernels.simd.registers import load, store, where


def _shape(site):
    shape = site.shapes["x"]
    if not shape or 0 in shape or not 0 <= site["p"] <= 1 or not 0 <= site["op"] < 2**32:
        raise Unfit
    return shape


def _draw(site):
    """The row that writes which lanes are flipped: 1, else 0."""
    L, kind = site.L, np.dtype(site.dtype).type
    one, zero = kind(1), kind(0)

    def leaf(flipped, sample, seed, step, op, below):
        for i in range(L):
            flipped[i] = one if words(seed, op, step, sample + i, 0)[0] < np.uint64(below) else zero

    return Row(leaf, op=int(site["op"]), below=math.ceil(float(site["p"]) * 2**32))


def _move(site, **given):
    shape, L = site.shapes["x"], site.L
    C, W = planes(shape)[0], shape[-1]

    def leaf(x, flipped, y, count, rows, W, pitch):
        mask = load(flipped, 0) > 0.0
        for c in range(count):
            for r in range(rows):
                row = c * pitch + r * W
                for j in range(W):
                    turned, straight = load(x, (row + W - 1 - j) * L), load(x, (row + j) * L)
                    store(y, (row + j) * L, where(mask, turned, straight))

    return Row(leaf, count=C, rows=math.prod(shape) // (C * W), W=W, pitch=pitch(shape), **given)


random_flip = Twin(
    lambda site: [_draw(site), _move(site)],
    {"x": lambda site: [_move(site, x="dy", y="dx")]},
    shape=_shape,
    saves=lambda site: {"flipped": site.L},
)
