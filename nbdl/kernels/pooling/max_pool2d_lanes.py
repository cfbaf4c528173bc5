r"""max_pool2d on lanes, and its gradient (`nbdl.kernels.max_pool2d` has the formula and the options).

No index is kept: going back, the first element of a window that equals y (or is NaN) is the one that y came
from. What is left of dy is handed from tap to tap, and that element takes it all.
"""

import numpy as np

from nbdl.kernels.lanes.twin import Twin
from nbdl.kernels.pooling.pool2d_lanes import Windows, after, strip_rows
from nbdl.kernels.simd.registers import load, maximum, splat, store, where


def _forward(site):
    windows, L = Windows(site), site.L
    return [windows.row(_tiled(*windows.kernel, L) if windows.tiled else _any(windows, L), L)]


def _tiled(KH, KW, L):
    def leaf(x, y, first, last, count, Q, W, x_pitch, y_pitch):
        for c in range(count):
            for i in range(first, last):
                for j in range(Q):
                    corner = (c * x_pitch + i * KH * W + j * KW) * L
                    best = load(x, corner)
                    for u in range(KH):
                        for v in range(KW):
                            best = maximum(load(x, corner + (u * W + v) * L), best)
                    store(y, (c * y_pitch + i * Q + j) * L, best)

    return leaf


def _any(windows, L):
    rows, columns, (dh, dw) = windows.rows, windows.columns, windows.dilation

    def leaf(x, y, first, last, count, Q, W, x_pitch, y_pitch):
        for c in range(count):
            for i in range(first, last):
                for j in range(Q):
                    corner = (c * x_pitch + rows[i, 0] * W + columns[j, 0]) * L
                    best = load(x, corner)
                    for u in range(rows[i, 1]):
                        for v in range(columns[j, 1]):
                            best = maximum(load(x, corner + (u * dh * W + v * dw) * L), best)
                    store(y, (c * y_pitch + i * Q + j) * L, best)

    return leaf


def _dx(site):
    windows, L, zero = Windows(site), site.L, np.dtype(site.dtype).type(0)
    leaf = _tiled_dx(*windows.kernel, L, zero) if windows.tiled else _any_dx(windows, L, zero)
    return [windows.row(leaf, L)]


def _tiled_dx(KH, KW, L, zero):
    def leaf(x, y, dy, dx, first, last, count, P, Q, H, W, x_pitch, y_pitch):
        for c in range(count):
            for i in range(first, last):
                for j in range(Q):
                    corner, place = (c * x_pitch + i * KH * W + j * KW) * L, (c * y_pitch + i * Q + j) * L
                    best, rest = load(y, place), load(dy, place)
                    for u in range(KH):
                        for v in range(KW):
                            here = corner + (u * W + v) * L
                            value = load(x, here)
                            won = (value == best) | (value != value)
                            store(dx, here, where(won, rest, splat(zero)))
                            rest = where(won, splat(zero), rest)
            for i in range(first * KH, last * KH):
                for j in range(Q * KW, W):
                    store(dx, (c * x_pitch + i * W + j) * L, splat(zero))
            if last == P:
                for i in range(P * KH * W, H * W):
                    store(dx, (c * x_pitch + i) * L, splat(zero))

    return leaf


def _any_dx(windows, L, zero):
    rows, columns, (dh, dw) = windows.rows, windows.columns, windows.dilation

    def leaf(x, y, dy, dx, count, P, Q, H, W, x_pitch, y_pitch):
        for c in range(count):
            for i in range(H * W):
                store(dx, (c * x_pitch + i) * L, splat(zero))
            for i in range(P):
                for j in range(Q):
                    corner = (c * x_pitch + rows[i, 0] * W + columns[j, 0]) * L
                    place = (c * y_pitch + i * Q + j) * L
                    best, rest = load(y, place), load(dy, place)
                    for u in range(rows[i, 1]):
                        for v in range(columns[j, 1]):
                            here = corner + (u * dh * W + v * dw) * L
                            value = load(x, here)
                            won = (value == best) | (value != value)
                            store(dx, here, load(dx, here) + where(won, rest, splat(zero)))
                            rest = where(won, splat(zero), rest)

    return leaf


# --- of an activation -----------------------------------------------------------------------------------


def _activated(KH, KW, L, zero, f):
    least = zero.dtype.type(-np.inf)

    def leaf(x, a, y, first, last, count, Q, W, x_pitch, y_pitch):
        for c in range(count):
            for i in range(first, last):
                for j in range(Q):
                    corner, best = (c * x_pitch + i * KH * W + j * KW) * L, splat(least)
                    for u in range(KH):
                        for v in range(KW):
                            value = f(load(x, corner + (u * W + v) * L))
                            store(a, corner + (u * W + v) * L, value)
                            best = maximum(value, best)
                    store(y, (c * y_pitch + i * Q + j) * L, best)

    return leaf


def _activated_dx(KH, KW, L, zero, df):
    def leaf(a, y, dy, known, dx, first, last, count, Q, W, x_pitch, y_pitch):
        for c in range(count):
            for i in range(first, last):
                for j in range(Q):
                    corner, place = (c * x_pitch + i * KH * W + j * KW) * L, (c * y_pitch + i * Q + j) * L
                    best, rest = load(y, place), load(dy, place)
                    for u in range(KH):
                        for v in range(KW):
                            here = corner + (u * W + v) * L
                            value = load(a, here)
                            won = (value == best) | (value != value)
                            store(dx, here, df(where(won, rest, splat(zero)), load(known, here)))
                            rest = where(won, splat(zero), rest)

    return leaf


max_pool2d = Twin(
    _forward,
    {"x": _dx},
    shape=lambda site: Windows(site).shape,
    rows=strip_rows,
    after=after(_activated, _activated_dx),
)
