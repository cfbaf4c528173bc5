"""dropout on lanes: the mask of `nbdl.kernels.dropout`, as factors that are kept for the gradient."""

import numpy as np

from nbdl.kernels.lanes.factors import draw, fours_of
from nbdl.kernels.lanes.twin import Row, Twin, Unfit, pitch, planes
from nbdl.kernels.simd.registers import load, splat, store, where


def _shape(site):
    if not 0 <= site["p"] <= 1 or not 0 <= site["op"] < 2**32:
        raise Unfit
    return site.shapes["x"]


def _scale(site, **given):
    """The row that multiplies by the factors; a dropped element is 0 also where x is infinite or NaN."""
    L, zero, (C, H, W) = site.L, np.dtype(site.dtype).type(0), planes(site.shapes["x"])

    def leaf(x, factor, y, count, plane, pitch):
        for c in range(count):
            for i in range(0, plane, L):
                f = load(factor, c * plane + i)
                store(y, c * pitch + i, where(f > 0.0, load(x, c * pitch + i) * f, splat(zero)))

    return Row(leaf, count=C, plane=H * W * L, pitch=pitch(site.shapes["x"]) * L, **given)


dropout = Twin(
    lambda site: [draw(site, site.shapes["x"]), _scale(site)],
    {"x": lambda site: [_scale(site, x="dy", y="dx")]},
    shape=_shape,
    saves=lambda site: {"factor": 4 * fours_of(site.shapes["x"]) * site.L},
    inplace=True,
    packed=True,
)
