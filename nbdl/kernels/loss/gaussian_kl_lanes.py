"""gaussian_kl on lanes: the formulas are those of its kernel."""

import math

from nbdl.kernels.lanes.twin import LossTwin, Row, Unfit, pitch, planes
from nbdl.kernels.loss.gaussian_kl import kl_of, slope_of_log_var, slope_of_mean
from nbdl.kernels.simd.registers import hsum, load, store
from nbdl.kernels.simd.shuffle import first_lanes


def _shape(site):
    shape = site.shapes["mean"]
    if site.shapes["log_var"] != shape or not math.prod(shape):
        raise Unfit
    return shape


def _sizes(site):
    """How a block is walked: `count` planes, `pitch` apart, of which `plane` floats are used."""
    (C, H, W), L = planes(site.shapes["mean"]), site.L
    return {"count": C, "plane": H * W * L, "pitch": pitch(site.shapes["mean"]) * L}


def _total(site):
    """The row that says what the mean divides by."""

    def leaf(samples, total):
        total[0] = samples

    return [Row(leaf)]


def _forward(site):
    L = site.L

    def leaf(mean, log_var, loss, left, count, plane, pitch):
        total = 0.0
        for c in range(count):
            for i in range(c * pitch, c * pitch + plane, L):
                total += hsum(first_lanes(kl_of(load(mean, i), load(log_var, i)), left))
        loss[0] = total

    return [Row(leaf, **_sizes(site))]


def _gradient(slope_of, name):
    """The rows of the gradient with respect to input `name`, from its slope."""

    def rows(site):
        L = site.L

        def leaf(mean, log_var, scale, dx, left, count, plane, pitch):
            for c in range(count):
                for i in range(c * pitch, c * pitch + plane, L):
                    slope = slope_of(load(mean, i), load(log_var, i)) * scale[0]
                    store(dx, i, first_lanes(slope, left))

        return [Row(leaf, dx=f"d{name}", **_sizes(site))]

    return rows


gaussian_kl = LossTwin(
    _forward,
    {"mean": _gradient(slope_of_mean, "mean"), "log_var": _gradient(slope_of_log_var, "log_var")},
    shape=_shape,
    total=_total,
    packed=True,
)
