"""nll_loss on lanes (`nbdl.kernels.nll_loss` has the formula and the conventions)."""

import numpy as np

from nbdl.kernels.lanes.twin import LossTwin, Row
from nbdl.kernels.loss import labels_lanes as _labels
from nbdl.kernels.simd.registers import load, splat, store, where


def _forward(site):
    L = site.L

    def leaf(x, lane, loss):
        total = 0.0
        for i in range(L):
            if lane[i] >= 0:
                total -= lane[L + i] * x[int(lane[i]) * L + i]
        loss[0] = total

    return [_labels.to_lanes(site), Row(leaf)]


def _dx(site):
    L, zero, C = site.L, np.dtype(site.dtype).type(0), site.shapes["x"][0]

    def leaf(lane, scale, dx, classes):
        label, slope = load(lane, 0), load(lane, L) * -scale[0]
        for c in range(classes):
            store(dx, c * L, where(label == c, slope, splat(zero)))

    return [Row(leaf, classes=C)]


nll_loss = LossTwin(
    _forward, {"x": _dx}, shape=_labels.check, saves=lambda site: {"lane": 2 * site.L}, total=_labels.total
)
