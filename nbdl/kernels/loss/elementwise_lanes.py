"""Losses that are a mean over elements, on lanes: see `nbdl.kernels.loss.elementwise`."""

import inspect
import math

import numpy as np

from nbdl.kernels.lanes.elementwise import numbers
from nbdl.kernels.lanes.twin import LossTwin, Row, Unfit, pitch, planes
from nbdl.kernels.loss.elementwise import BLOCK
from nbdl.kernels.simd.registers import hsum, load, splat, store
from nbdl.kernels.simd.shuffle import first_lanes


def pair_shape(site, name="target"):
    """The shape of x; raises `Unfit` unless the target has it."""
    shape = site.shapes["x"]
    if site.shapes[name] != shape or not math.prod(shape):
        raise Unfit
    return shape


def pair_sizes(site):
    """How a block is walked: `count` planes, `pitch` apart, of which `plane` floats are used."""
    (C, H, W), L = planes(site.shapes["x"]), site.L
    return {"count": C, "plane": H * W * L, "pitch": pitch(site.shapes["x"]) * L}


def pair_total(site):
    """The row that says what the mean divides by."""

    def leaf(samples, total, size):
        total[0] = samples * size

    return [Row(leaf, size=math.prod(site.shapes["x"]))]


def forward_rows(site, f, **target):
    """The rows of ``f(x, target, *options)``; `target` may say where it stands, and its ``gap`` from plane to
    plane, if it is not the operand of this name."""
    L, zero, options = site.L, np.dtype(site.dtype).type(0), numbers(site, options_of(f))

    def leaf(x, target, loss, left, count, plane, pitch, gap):
        total = 0.0
        for c in range(count):
            p, q = x + c * pitch, target + c * gap
            for first in range(0, plane, BLOCK * L):
                part = splat(zero)
                for i in range(first, min(first + BLOCK * L, plane), L):
                    part = part + f(load(p, i), load(q, i), *options)
                total += hsum(first_lanes(part, left))
        loss[0] = total

    return [Row(leaf, **_given(site, target))]


def gradient_rows(site, df, name, **target):
    """The rows of the gradient with respect to input `name`, from its slope ``df(x, target, *options)``."""
    L, options = site.L, numbers(site, options_of(df))

    def leaf(x, target, scale, dx, left, count, plane, pitch, gap):
        for c in range(count):
            p, q, d = x + c * pitch, target + c * gap, dx + c * pitch
            for i in range(0, plane, L):
                slope = df(load(p, i), load(q, i), *options) * scale[0]
                store(d, i, first_lanes(slope, left))

    return [Row(leaf, dx=f"d{name}", **_given(site, target))]


def _given(site, target):
    sizes = pair_sizes(site)
    return {"gap": sizes["pitch"], **sizes, **target}


def options_of(f):
    return list(inspect.signature(f).parameters)[2:]


def pairs(forward, slope, slope_of_target):
    """The twin of a loss from its formula, and its slopes: functions of ``(x, target, *options)``."""

    def shape(site):
        numbers(site, options_of(forward))
        return pair_shape(site)

    return LossTwin(
        lambda site: forward_rows(site, forward),
        {
            "x": lambda site: gradient_rows(site, slope, "x"),
            "target": lambda site: gradient_rows(site, slope_of_target, "target"),
        },
        shape=shape,
        total=pair_total,
        packed=True,
    )
