r"""avg_pool2d on lanes, and its gradient (`nbdl.kernels.avg_pool2d` has the formula and the options)."""

import numpy as np

from nbdl._jit import jit, plain
from nbdl.kernels.lanes.twin import Twin
from nbdl.kernels.pooling import avg_pool2d as _kernel
from nbdl.kernels.pooling.pool2d_lanes import (
    Windows,
    activated,
    after,
    anywhere,
    clear,
    clear_uncovered,
    strip_rows,
    tiled,
)
from nbdl.kernels.simd.registers import load, store

_divisor = plain(_kernel._divisor)


@jit
def _sum(total, tap):
    return total + tap


@jit
def _average(total, share):
    return total * share


def _forward(site):
    windows, L, zero = Windows(site), site.L, np.dtype(site.dtype).type(0)
    leaf = (
        _tiled(*windows.kernel, L, zero) if windows.tiled else _any(windows, shares(windows, site), L, zero)
    )
    return [windows.row(leaf, L)]


def shares(windows, site):
    """1 / K as a product: a factor for each row of windows, one for each column."""
    padding, found = bool(site["count_include_pad"]), []
    for axis in (0, 1):
        size, taps, stride, before, dilation, count = windows.axis(axis)
        options = size, taps, stride, before, windows.padding[axis][1], dilation, padding
        found.append(np.dtype(site.dtype).type([1 / _divisor(i, *options) for i in range(count)]))
    return found


def _tiled(KH, KW, L, zero):
    return tiled(KH, KW, L, zero, _sum, _average)


def _any(windows, factors, L, zero):
    return anywhere(windows, factors, L, zero, _sum, _average)


def _dx(site):
    windows, L, zero = Windows(site), site.L, np.dtype(site.dtype).type(0)
    if windows.tiled:
        return [windows.row(_tiled_dx(*windows.kernel, L, zero), L)]
    return [windows.row(_any_dx(windows, shares(windows, site), L, zero), L)]


def _tiled_dx(KH, KW, L, zero):
    share = zero.dtype.type(1 / (KH * KW))

    def leaf(dy, dx, first, last, count, P, Q, H, W, x_pitch, y_pitch):
        for c in range(count):
            for i in range(first, last):
                for j in range(Q):
                    corner = (c * x_pitch + i * KH * W + j * KW) * L
                    part = load(dy, (c * y_pitch + i * Q + j) * L) * share
                    for u in range(KH):
                        for v in range(KW):
                            store(dx, corner + (u * W + v) * L, part)
            clear_uncovered(dx, c * x_pitch, first, last, P, Q, KH, KW, H, W, L, zero)

    return leaf


def _any_dx(windows, factors, L, zero):
    rows, columns, (dh, dw), (of_rows, of_columns) = windows.rows, windows.columns, windows.dilation, factors

    def leaf(dy, dx, count, P, Q, H, W, x_pitch, y_pitch):
        for c in range(count):
            clear(dx, c * x_pitch, H * W, L, zero)
            for i in range(P):
                for j in range(Q):
                    corner = (c * x_pitch + rows[i, 0] * W + columns[j, 0]) * L
                    part = load(dy, (c * y_pitch + i * Q + j) * L) * (of_rows[i] * of_columns[j])
                    for u in range(rows[i, 1]):
                        for v in range(columns[j, 1]):
                            here = corner + (u * dh * W + v * dw) * L
                            store(dx, here, load(dx, here) + part)

    return leaf


def _activated(KH, KW, L, zero, f):
    return activated(KH, KW, L, zero, _sum, _average, f)


def _activated_dx(KH, KW, L, zero, df):
    share = zero.dtype.type(1 / (KH * KW))

    def leaf(dy, known, dx, first, last, count, Q, W, x_pitch, y_pitch):
        for c in range(count):
            for i in range(first, last):
                for j in range(Q):
                    corner = (c * x_pitch + i * KH * W + j * KW) * L
                    part = load(dy, (c * y_pitch + i * Q + j) * L) * share
                    for u in range(KH):
                        for v in range(KW):
                            here = corner + (u * W + v) * L
                            store(dx, here, df(part, load(known, here)))

    return leaf


avg_pool2d = Twin(
    _forward,
    {"x": _dx},
    shape=lambda site: Windows(site).shape,
    rows=strip_rows,
    after=after(_activated, _activated_dx),
)
