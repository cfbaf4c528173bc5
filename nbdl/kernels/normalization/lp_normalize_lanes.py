"""lp_normalize on lanes, for p of 1 and 2 along an axis of a sample: the formulas are those of the kernel."""

import math

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.lanes.twin import Row, Twin, Unfit, pitch
from nbdl.kernels.simd.registers import load, maximum, sqrt, store, where

PART = 64  # terms that are summed before their sum is added to the total


def _shape(site):
    shape, axis, p, eps = site.shapes["x"], site["axis"], site["p"], site["eps"]
    if type(axis) is not int or not -len(shape) <= axis <= len(shape) or axis == 0 or not math.prod(shape):
        raise Unfit
    if p not in (1, 2) or not np.finfo(site.dtype).tiny < eps < math.inf:
        raise Unfit
    return shape


def _places(site):
    """In floats: vectors of n elements, `step` apart; `inner` lie side by side, `outer` behind each other in
    each of `count` planes."""
    shape, axis, L = site.shapes["x"], site["axis"], site.L
    axis = axis - 1 if axis > 0 else axis + len(shape)
    n, inner, planes = shape[axis], math.prod(shape[axis + 1 :]) * L, len(shape) == 3
    places = {"n": n, "inner": inner, "step": inner, "count": 1, "plane": 0, "outer": 1}
    if planes and axis == 0:
        return {**places, "step": pitch(shape) * L}
    if planes:
        return {**places, "count": shape[0], "plane": pitch(shape) * L, "outer": shape[1] if axis == 2 else 1}
    return {**places, "outer": math.prod(shape[:axis])}


@jit(inline=True)
def _norm(x, n, step, one):
    """The largest magnitude of a vector, or 1 of zeros; and the norm of the vector over that."""
    largest = load(x, 0) * 0.0
    for k in range(n):
        value = load(x, k * step)
        largest = maximum(largest, maximum(value, 0.0 - value))
    largest = where(largest == 0.0, 1.0, largest)
    total = largest * 0.0
    for first in range(0, n, PART):
        part = largest * 0.0
        for k in range(first, min(n, first + PART)):
            share = load(x, k * step) / largest
            part = part + (maximum(share, 0.0 - share) if one else share * share)
        total = total + part
    return largest, total if one else sqrt(total)


def _forward(site):
    L, one, eps = site.L, site["p"] == 1, np.dtype(site.dtype).type(site["eps"])

    def leaf(x, y, n, inner, step, count, plane, outer):
        for c in range(count):
            for o in range(outer):
                for i in range(0, inner, L):
                    at = c * plane + o * n * inner + i
                    largest, root = _norm(x + at, n, step, one)
                    small = largest * root < eps
                    for k in range(n):
                        value = load(x, at + k * step)
                        store(y, at + k * step, where(small, value / eps, value / largest / root))

    return [Row(leaf, **_places(site))]


def _dx(site):
    L, one, eps = site.L, site["p"] == 1, np.dtype(site.dtype).type(site["eps"])

    def leaf(dy, x, y, dx, n, inner, step, count, plane, outer):
        for c in range(count):
            for o in range(outer):
                for i in range(0, inner, L):
                    at = c * plane + o * n * inner + i
                    largest, root = _norm(x + at, n, step, one)
                    small, along = largest * root < eps, largest * 0.0
                    for k in range(n):
                        along = along + load(dy, at + k * step) * load(y, at + k * step)
                    for k in range(n):
                        j = at + k * step
                        slope = load(y, j)
                        if one:
                            slope = where(slope > 0.0, 1.0, where(slope < 0.0, -1.0, slope))
                        left = load(dy, j) - along * slope
                        store(dx, j, where(small, load(dy, j) / eps, left / largest / root))

    return [Row(leaf, **_places(site))]


lp_normalize = Twin(_forward, {"x": _dx}, shape=_shape, flops=lambda site: 6 * math.prod(site.shapes["x"]))
