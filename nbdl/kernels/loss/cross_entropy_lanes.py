"""softmax_cross_entropy on lanes (`nbdl.kernels.softmax_cross_entropy` has the formula and the conventions).

What a lane knows of its sample is kept in vectors behind one another: label and cost of the label
(`to_lanes`), the maximum m of the logits, and the logarithm of the sum of exp(x - m).
"""

import numpy as np

from nbdl.kernels.lanes.twin import LossTwin, Row, Unfit
from nbdl.kernels.loss import labels_lanes as _labels
from nbdl.kernels.simd.registers import hsum, larger, load, load_part, splat, store, store_part, where
from nbdl.kernels.simd.vector_math import exp, log


def _shape(site):
    if not 0 <= site["label_smoothing"] <= 1:
        raise Unfit
    return _labels.check(site)


def _forward(site):
    weighted, smoothing, L = "weight" in site.shapes, float(site["label_smoothing"]), site.L
    zero, C = np.dtype(site.dtype).type(0), site.shapes["x"][0]
    each = zero.dtype.type(smoothing / C)

    def leaf(x, weight, lane, loss, classes):
        label, cost, own = load(lane, 0), load(lane, L), splat(zero)
        most, total = load(x, 0), splat(zero)
        for c in range(classes):
            most = larger(load(x, c * L), most)
        for c in range(classes):
            value = load(x, c * L)
            total = total + exp(value - most)
            own = where(label == c, value, own)
        log_total = log(total)
        store(lane, 2 * L, most)
        store(lane, 3 * L, log_total)
        losses = splat(zero)
        if smoothing < 1:
            losses = cost * (log_total + (most - own))
        if smoothing > 0:
            for c in range(classes):
                w = each * weight[c] if weighted else each
                if w != 0:
                    losses = losses + w * (log_total + (most - load(x, c * L)))
        loss[0] = hsum(where(label >= 0.0, losses, splat(zero)))

    return [_labels.to_lanes(site, 1 - smoothing), Row(leaf, classes=C)]


def _dx(site):
    weighted, smoothing, L = "weight" in site.shapes, float(site["label_smoothing"]), site.L
    zero, C = np.dtype(site.dtype).type(0), site.shapes["x"][0]
    each = zero.dtype.type(smoothing / C)

    def leaf(x, weight, lane, scale, dx, classes):
        label, cost, most, log_total = load(lane, 0), load(lane, L), load(lane, 2 * L), load(lane, 3 * L)
        mass = cost + splat(zero)  # the sum over c of weight times target
        if smoothing > 0:
            for c in range(classes):
                mass = mass + (each * weight[c] if weighted else each)
        for c in range(classes):
            target = where(label == c, cost, splat(zero))
            if smoothing > 0:
                target = target + (each * weight[c] if weighted else each)
            p = exp(load(x, c * L) - most - log_total)
            store(dx, c * L, where(label >= 0.0, (mass * p - target) * scale[0], splat(zero)))

    return [Row(leaf, classes=C)]


softmax_cross_entropy = LossTwin(
    _forward,
    {"x": _dx},
    shape=_shape,
    saves=lambda site: {"lane": 4 * site.L},
    total=_labels.total,
)


# --- soft targets -----------------------------------------------------------------------------------------


def _soft_shape(site):
    (C, *more), smoothing = site.shapes["x"], site["label_smoothing"]
    fits = site.shapes["target"] == (C,) == site.shapes.get("weight", (C,)) and 0 <= smoothing <= 1
    if more or C == 0 or not fits:
        raise Unfit
    return site.shapes["x"]


def _soft_constants(site):
    """Whether there are weights; 0, the part of the target that is kept, and what each class gets besides."""
    kind, smoothing = np.dtype(site.dtype).type, float(site["label_smoothing"])
    return "weight" in site.shapes, kind(0), kind(1 - smoothing), kind(smoothing / site.shapes["x"][0])


def _soft_forward(site):
    L, (weighted, zero, kept, each) = site.L, _soft_constants(site)

    def leaf(x, target, weight, lane, loss, left, classes):
        most, total, losses = load(x, 0), splat(zero), splat(zero)
        for c in range(classes):
            most = larger(load(x, c * L), most)
        for c in range(classes):
            total = total + exp(load(x, c * L) - most)
        log_total = log(total)
        for c in range(classes):
            cost = kept * load(target, c * L) + each
            if weighted:
                cost = cost * weight[c]
            losses = losses + where(cost != 0.0, cost * (log_total + (most - load(x, c * L))), splat(zero))
        store(lane, 0, most)
        store(lane, L, log_total)
        store(lane, 2 * L, losses)
        loss[0] = hsum(load_part(lane, 2 * L, min(left, L)))

    return [Row(leaf, classes=site.shapes["x"][0])]


def _soft_dx(site):
    L, (weighted, zero, kept, each) = site.L, _soft_constants(site)

    def leaf(x, target, weight, lane, scale, dx, left, classes):
        most, log_total, mass = load(lane, 0), load(lane, L), splat(zero)
        for c in range(classes):
            cost = kept * load(target, c * L) + each
            mass = mass + (cost * weight[c] if weighted else cost)
        for c in range(classes):
            cost = kept * load(target, c * L) + each
            if weighted:
                cost = cost * weight[c]
            p = exp(load(x, c * L) - most - log_total)
            store(dx, c * L, splat(zero))
            store_part(dx, c * L, (mass * p - cost) * scale[0], min(left, L))

    return [Row(leaf, classes=site.shapes["x"][0])]


def _soft_total(site):
    def leaf(samples, total):
        total[0] = samples

    return [Row(leaf)]


softmax_cross_entropy_soft = LossTwin(
    _soft_forward,
    {"x": _soft_dx, "target": None},
    shape=_soft_shape,
    saves=lambda site: {"lane": 3 * site.L},
    total=_soft_total,
)
