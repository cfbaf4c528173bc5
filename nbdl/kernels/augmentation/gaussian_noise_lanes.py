"""gaussian_noise on lanes: the numbers of `nbdl.kernels.gaussian_noise`, drawn for L samples at once."""

import math

import numpy as np

from nbdl.kernels.augmentation.gaussian_noise import noisy
from nbdl.kernels.lanes.twin import Row, Twin, Unfit, pitch, planes
from nbdl.kernels.simd.normal import tail_of
from nbdl.kernels.simd.philox import words
from nbdl.kernels.simd.registers import load, store


def _shape(site):
    if not 0 <= site["std"] <= float(np.finfo(site.dtype).max) or not 0 <= site["op"] < 2**32:
        raise Unfit
    return site.shapes["x"]


def _fours(site):
    return -(-math.prod(site.shapes["x"]) // 4)


def _draw(site):
    """The row that writes the tails, [elements][L]; elements in fours, as the generator gives them."""
    L, kind = site.L, np.dtype(site.dtype).type

    def leaf(tails, sample, seed, step, op, fours):
        for n in range(fours):
            place = 4 * n * L
            for i in range(L):
                a, b, c, d = words(seed, op, step, sample + i, n)
                tails[place + i] = kind(tail_of(np.int64(a)))
                tails[place + L + i] = kind(tail_of(np.int64(b)))
                tails[place + 2 * L + i] = kind(tail_of(np.int64(c)))
                tails[place + 3 * L + i] = kind(tail_of(np.int64(d)))

    return Row(leaf, op=int(site["op"]), fours=_fours(site))


def _add(site):
    L, (C, H, W), std = site.L, planes(site.shapes["x"]), np.dtype(site.dtype).type(site["std"])

    def leaf(x, tails, y, count, plane, pitch):
        for c in range(count):
            for i in range(0, plane, L):
                store(y, c * pitch + i, noisy(load(x, c * pitch + i), load(tails, c * plane + i), std))

    return Row(leaf, count=C, plane=H * W * L, pitch=pitch(site.shapes["x"]) * L)


def _dx(site):
    L, (C, H, W) = site.L, planes(site.shapes["x"])

    def leaf(dy, dx, count, plane, pitch):
        for c in range(count):
            for i in range(c * pitch, c * pitch + plane, L):
                store(dx, i, load(dy, i))

    return [Row(leaf, count=C, plane=H * W * L, pitch=pitch(site.shapes["x"]) * L)]


gaussian_noise = Twin(
    lambda site: [_draw(site), _add(site)],
    {"x": _dx},
    shape=_shape,
    saves=lambda site: {"tails": 4 * _fours(site) * site.L},
    inplace=True,
)
