"""nll_loss on lanes (`nbdl.kernels.nll_loss` has the formula and the conventions)."""

import numpy as np

from nbdl.kernels.lanes.rows import rows
from nbdl.kernels.lanes.twin import LossTwin, Row
from nbdl.kernels.loss import labels_lanes as _labels
from nbdl.kernels.simd.registers import load, splat, store, where


def _places(site):
    places, (plane,) = rows(site, site.shapes["x"])
    return {**places, "plane": plane, "classes": site.shapes["x"][-1]}


def _forward(site):
    L = site.L

    def leaf(x, lane, loss, planes, count, plane, classes):
        total = 0.0
        for p in range(planes):
            for n in range(count):
                row, kept = x + (p * plane + n * classes * L), lane + (p * count + n) * 2 * L
                for i in range(L):
                    if kept[i] >= 0:
                        total -= kept[L + i] * row[int(kept[i]) * L + i]
        loss[0] = total

    return [_labels.to_lanes(site, 2), Row(leaf, **_places(site))]


def _dx(site):
    L, zero = site.L, np.dtype(site.dtype).type(0)

    def leaf(lane, scale, dx, planes, count, plane, classes):
        for p in range(planes):
            for n in range(count):
                start, kept = p * plane + n * classes * L, lane + (p * count + n) * 2 * L
                label, slope = load(kept, 0), load(kept, L) * -scale[0]
                for c in range(classes):
                    store(dx, start + c * L, where(label == c, slope, splat(zero)))

    return [Row(leaf, **_places(site))]


nll_loss = LossTwin(
    _forward,
    {"x": _dx},
    shape=_labels.check,
    saves=_labels.saved(2),
    total=_labels.total,
    packed=True,
)
