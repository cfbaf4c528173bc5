"""gaussian_noise on lanes: the numbers of `nbdl.kernels.gaussian_noise`, drawn for L samples at once."""

import numpy as np

from nbdl.kernels.augmentation.gaussian_noise import noisy
from nbdl.kernels.lanes.tails import drawn_tails, tails_size
from nbdl.kernels.lanes.twin import Row, Twin, Unfit, pitch, planes
from nbdl.kernels.simd.registers import load, store


def _shape(site):
    if not 0 <= site["std"] <= float(np.finfo(site.dtype).max) or not 0 <= site["op"] < 2**32:
        raise Unfit
    return site.shapes["x"]


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
    lambda site: [drawn_tails(site, site.shapes["x"]), _add(site)],
    {"x": _dx},
    shape=_shape,
    saves=lambda site: {"tails": tails_size(site, site.shapes["x"])},
    inplace=True,
)
