"""Norms within a sample on lanes: where their rows lie, and the twin that all of them are (`rows.py`)."""

import math
from dataclasses import dataclass

import numpy as np

from nbdl.kernels.lanes.sums import sum_lanes
from nbdl.kernels.lanes.twin import Reduction, Row, Twin, Unfit, pitch
from nbdl.kernels.normalization.rows import (
    SMALL_FLOAT32,
    SMALL_FLOAT64,
    add_cotangents,
    add_products,
    gradient_row,
    gradient_sums,
    normalize_row,
    statistics,
)
from nbdl.kernels.simd.registers import load, store


@dataclass(frozen=True)
class Places:
    """`planes`, `plane` floats apart, of `rows` rows each, `row` apart: `parts`, `apart`, of `count` vectors.

    `own` is how many of the numbers of gamma belong to a plane alone, 0 where all rows share them.
    """

    planes: int
    plane: int
    rows: int
    row: int
    parts: int
    apart: int
    count: int
    own: int = 0
    by_part: bool = False

    def given(self):
        """What a leaf is told of it; `by_part` it knows."""
        return {n: v for n, v in vars(self).items() if n != "by_part"}


def of_last_axes(site):
    """The places of rows that are the last `axes` axes of a sample; gamma and beta have their elements."""
    shape, axes, L = site.shapes["x"], site["axes"], site.L
    if type(axes) is not int or not 1 <= axes <= len(shape):
        raise Unfit
    check(site, math.prod(shape[-axes:]))
    if len(shape) != 3:
        n = math.prod(shape[-axes:])
        return Places(1, 0, math.prod(shape[:-axes]), n * L, 1, 0, n)
    (C, H, W), plane = shape, pitch(shape) * L
    if axes == 3:
        return Places(1, 0, 1, 0, C, plane, H * W)
    return Places(C, plane, H, W * L, 1, 0, W) if axes == 1 else Places(C, plane, 1, 0, 1, 0, H * W)


def of_groups(site, groups):
    """The places of groups of channels; gamma and beta have a number for each channel."""
    shape, L = site.shapes["x"], site.L
    if type(groups) is not int or groups < 1 or not shape or shape[0] % groups:
        raise Unfit
    check(site, shape[0])
    own, places = shape[0] // groups, math.prod(shape[1:])
    if places == 1 and len(shape) != 3:  # a channel is an element of a row, not a part
        return Places(groups, own * L, 1, 0, 1, 0, own, own)
    apart = pitch(shape) * L if len(shape) == 3 else places * L
    return Places(groups, own * apart, 1, 0, own, apart, places, own, True)


def check(site, size):
    """Raise `Unfit` for what the kernel refuses."""
    eps, others = site["eps"], [s for name, s in site.shapes.items() if name in ("gamma", "beta")]
    if not math.prod(site.shapes["x"]) or any(s != (size,) for s in others):
        raise Unfit
    if not isinstance(eps, (int, float)) or not np.dtype(site.dtype).type(eps) > 0:
        raise Unfit


def norm(places, centred):
    """The twin of a norm whose rows ``places(site)`` says; one that is not centred has no beta."""

    def shape(site):
        places(site)
        return site.shapes["x"]

    def row_of(site, leaf, **given):
        return Row(leaf, **places(site).given(), **given)

    def sums(site, leaf, gradient):
        where = places(site)
        size = where.own * where.planes or where.parts * where.count
        finish = Row(sum_lanes(site.L), dw=gradient, size=size, items=1)
        return Reduction([row_of(site, leaf)], [finish], acc=size * site.L)

    def forward(site):
        given = {} if centred else {"beta": "gamma"}  # it is not read
        return [row_of(site, _forward(site, places(site).by_part, centred), **given)]

    def dx(site):
        return [row_of(site, _dx(site, places(site).by_part, centred))]

    def dgamma(site):
        return sums(site, _dgamma(site.L, places(site).by_part), "dgamma")

    def dbeta(site):
        return sums(site, _dbeta(site.L, places(site).by_part), "dbeta")

    def saves(site):
        where = places(site)
        return {"moments": 3 * where.planes * where.rows * site.L}

    def flops(site):
        return 6 * math.prod(site.shapes["x"])

    affine = {"gamma": dgamma, "beta": dbeta} if centred else {"gamma": dgamma}
    return Twin(forward, {"x": dx}, affine, shape=shape, saves=saves, flops=flops, packed=True)


def _forward(site, by_part, centred):
    L, eps, scaled, shifted = site.L, float(site["eps"]), "gamma" in site.shapes, "beta" in site.shapes
    small = SMALL_FLOAT32 if site.dtype == "float32" else SMALL_FLOAT64

    def leaf(x, gamma, beta, y, moments, planes, plane, rows, row, parts, apart, count, own):
        for i in range(planes):
            for j in range(rows):
                at, kept = i * plane + j * row, (i * rows + j) * 3 * L
                of_row = statistics(
                    x + at, parts, apart, count, L, 0, False, parts * count, eps, centred, small
                )
                store(moments, kept, of_row[0])
                store(moments, kept + L, of_row[1])
                store(moments, kept + 2 * L, of_row[2])
                normalize_row(
                    x + at, gamma + i * own, beta + i * own, y + at, parts, apart, count, L, 0, False,
                    by_part, scaled, shifted, of_row,
                )  # fmt: skip

    return leaf


def _dx(site, by_part, centred):
    L, scaled = site.L, "gamma" in site.shapes

    def leaf(dy, x, gamma, moments, dx, planes, plane, rows, row, parts, apart, count, own):
        for i in range(planes):
            for j in range(rows):
                at, kept = i * plane + j * row, (i * rows + j) * 3 * L
                of_row = load(moments, kept), load(moments, kept + L), load(moments, kept + 2 * L)
                of_g = gradient_sums(
                    dy + at, x + at, gamma + i * own, parts, apart, count, L, 0, False, by_part, scaled,
                    parts * count, centred, of_row,
                )  # fmt: skip
                gradient_row(
                    dy + at, x + at, gamma + i * own, dx + at, dx, dx, parts, apart, count, L, 0, False,
                    by_part, scaled, centred, False, False, of_row, of_g,
                )  # fmt: skip

    return leaf


def _dgamma(L, by_part):
    def leaf(dy, x, moments, acc, planes, plane, rows, row, parts, apart, count, own):
        for i in range(planes):
            for j in range(rows):
                at, kept = i * plane + j * row, (i * rows + j) * 3 * L
                of_row = load(moments, kept), load(moments, kept + L), load(moments, kept + 2 * L)
                add_products(dy + at, x + at, acc + i * own * L, parts, apart, count, L, 0, by_part, of_row)

    return leaf


def _dbeta(L, by_part):
    def leaf(dy, acc, planes, plane, rows, row, parts, apart, count, own):
        for i in range(planes):
            for j in range(rows):
                add_cotangents(
                    dy + i * plane + j * row, acc + i * own * L, parts, apart, count, L, 0, by_part
                )

    return leaf
