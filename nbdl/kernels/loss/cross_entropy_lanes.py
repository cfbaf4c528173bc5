"""softmax_cross_entropy on lanes (`nbdl.kernels.softmax_cross_entropy` has the formula and the conventions).

What a lane knows of a row of its sample is kept in `KEPT` vectors behind one another: label and cost of the
label (`to_lanes`), the maximum m of the logits, and the logarithm of the sum of exp(x - m).
"""

import math

import numpy as np

from nbdl.kernels.lanes.rows import rows
from nbdl.kernels.lanes.twin import LossTwin, Row, Unfit
from nbdl.kernels.loss import labels_lanes as _labels
from nbdl.kernels.simd.registers import hsum, larger, load, load_part, splat, store, store_part, where
from nbdl.kernels.simd.vector_math import exp, log

KEPT, KEPT_SOFT = 4, 3  # of soft targets: m, the logarithm, the loss


def _shape(site):
    if not 0 <= site["label_smoothing"] <= 1:
        raise Unfit
    return _labels.check(site)


def _places(site, kept):
    """What a leaf is told of where the rows of x, and what is kept of them, lie."""
    places, (plane,) = rows(site, site.shapes["x"])
    return {**places, "plane": plane, "classes": site.shapes["x"][-1], "step": kept * site.L}


def _forward(site):
    weighted, smoothing, L = "weight" in site.shapes, float(site["label_smoothing"]), site.L
    zero = np.dtype(site.dtype).type(0)
    each = zero.dtype.type(smoothing / site.shapes["x"][-1])

    def leaf(x, weight, lane, loss, planes, count, plane, classes, step):
        sum_of_losses = 0.0
        for p in range(planes):
            for n in range(count):
                row, kept = x + (p * plane + n * classes * L), lane + (p * count + n) * step
                label, cost, own = load(kept, 0), load(kept, L), splat(zero)
                most, total = load(row, 0), splat(zero)
                for c in range(classes):
                    most = larger(load(row, c * L), most)
                for c in range(classes):
                    value = load(row, c * L)
                    total = total + exp(value - most)
                    own = where(label == c, value, own)
                log_total = log(total)
                store(kept, 2 * L, most)
                store(kept, 3 * L, log_total)
                losses = splat(zero)
                if smoothing < 1:
                    losses = cost * (log_total + (most - own))
                if smoothing > 0:
                    for c in range(classes):
                        w = each * weight[c] if weighted else each
                        if w != 0:
                            losses = losses + w * (log_total + (most - load(row, c * L)))
                sum_of_losses += hsum(where(label >= 0.0, losses, splat(zero)))
        loss[0] = sum_of_losses

    return [_labels.to_lanes(site, KEPT, 1 - smoothing), Row(leaf, **_places(site, KEPT))]


def _dx(site):
    weighted, smoothing, L = "weight" in site.shapes, float(site["label_smoothing"]), site.L
    zero = np.dtype(site.dtype).type(0)
    each = zero.dtype.type(smoothing / site.shapes["x"][-1])

    def leaf(x, weight, lane, scale, dx, planes, count, plane, classes, step):
        for p in range(planes):
            for n in range(count):
                start, kept = p * plane + n * classes * L, lane + (p * count + n) * step
                label, cost = load(kept, 0), load(kept, L)
                most, log_total = load(kept, 2 * L), load(kept, 3 * L)
                mass = cost + splat(zero)  # the sum over c of weight times target
                if smoothing > 0:
                    for c in range(classes):
                        mass = mass + (each * weight[c] if weighted else each)
                for c in range(classes):
                    target = where(label == c, cost, splat(zero))
                    if smoothing > 0:
                        target = target + (each * weight[c] if weighted else each)
                    q = exp(load(x, start + c * L) - most - log_total)
                    gradient = where(label >= 0.0, (mass * q - target) * scale[0], splat(zero))
                    store(dx, start + c * L, gradient)

    return [Row(leaf, **_places(site, KEPT))]


softmax_cross_entropy = LossTwin(
    _forward, {"x": _dx}, shape=_shape, saves=_labels.saved(KEPT), total=_labels.total, packed=True
)


# --- soft targets -----------------------------------------------------------------------------------------


def _soft_shape(site):
    x, smoothing = site.shapes["x"], site["label_smoothing"]
    fits = x == site.shapes["target"] and x[-1:] == site.shapes.get("weight", x[-1:]) and 0 <= smoothing <= 1
    if not (fits and x and all(x)):
        raise Unfit
    return x


def _soft_constants(site):
    """Whether there are weights; 0, the part of the target that is kept, and what each class gets besides."""
    kind, smoothing = np.dtype(site.dtype).type, float(site["label_smoothing"])
    return "weight" in site.shapes, kind(0), kind(1 - smoothing), kind(smoothing / site.shapes["x"][-1])


def _soft_forward(site):
    L, (weighted, zero, part, each) = site.L, _soft_constants(site)

    def leaf(x, target, weight, lane, loss, left, planes, count, plane, classes, step):
        sum_of_losses = 0.0
        for p in range(planes):
            for n in range(count):
                start, kept = p * plane + n * classes * L, lane + (p * count + n) * step
                row, wanted = x + start, target + start
                most, total, losses = load(row, 0), splat(zero), splat(zero)
                for c in range(classes):
                    most = larger(load(row, c * L), most)
                for c in range(classes):
                    total = total + exp(load(row, c * L) - most)
                log_total = log(total)
                for c in range(classes):
                    cost = part * load(wanted, c * L) + each
                    if weighted:
                        cost = cost * weight[c]
                    surprise = log_total + (most - load(row, c * L))
                    losses = losses + where(cost != 0.0, cost * surprise, splat(zero))
                store(kept, 0, most)
                store(kept, L, log_total)
                store(kept, 2 * L, losses)
                sum_of_losses += hsum(load_part(kept, 2 * L, min(left, L)))
        loss[0] = sum_of_losses

    return [Row(leaf, **_places(site, KEPT_SOFT))]


def _soft_dx(site):
    L, (weighted, zero, part, each) = site.L, _soft_constants(site)

    def leaf(x, target, weight, lane, scale, dx, left, planes, count, plane, classes, step):
        for p in range(planes):
            for n in range(count):
                start, kept = p * plane + n * classes * L, lane + (p * count + n) * step
                most, log_total, mass = load(kept, 0), load(kept, L), splat(zero)
                for c in range(classes):
                    cost = part * load(target, start + c * L) + each
                    mass = mass + (cost * weight[c] if weighted else cost)
                for c in range(classes):
                    cost = part * load(target, start + c * L) + each
                    if weighted:
                        cost = cost * weight[c]
                    q = exp(load(x, start + c * L) - most - log_total)
                    store(dx, start + c * L, splat(zero))
                    store_part(dx, start + c * L, (mass * q - cost) * scale[0], min(left, L))

    return [Row(leaf, **_places(site, KEPT_SOFT))]


def _soft_total(site):
    def leaf(samples, total, size):
        total[0] = samples * size

    return [Row(leaf, size=math.prod(site.shapes["x"][:-1]))]


softmax_cross_entropy_soft = LossTwin(
    _soft_forward,
    {"x": _soft_dx, "target": None},
    shape=_soft_shape,
    saves=_labels.saved(KEPT_SOFT),
    total=_soft_total,
)
