r"""max_pool2d on lanes, and its gradient (`nbdl.kernels.max_pool2d` has the formula and the options).

No index is kept: going back, the first element of a window that equals y (or is NaN) is the one that y came
from. What is left of dy is handed from tap to tap, and that element takes it all.
"""

import numpy as np

from nbdl._jit import jit
from nbdl.kernels.lanes.twin import Twin
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
from nbdl.kernels.simd.registers import load, maximum, splat, store, where


@jit
def _larger(best, tap):
    return maximum(tap, best)


@jit
def _largest(best, share):
    return best


def _forward(site):
    windows, L, zero = Windows(site), site.L, np.dtype(site.dtype).type(0)
    return [windows.row(_tiled(*windows.kernel, L, zero) if windows.tiled else _any(windows, L, zero), L)]


def _tiled(KH, KW, L, zero):
    return tiled(KH, KW, L, zero.dtype.type(-np.inf), _larger, _largest)


def _any(windows, L, zero):
    factors = np.ones(len(windows.rows)), np.ones(len(windows.columns))  # a maximum has no share
    return anywhere(windows, factors, L, zero.dtype.type(-np.inf), _larger, _largest)


@jit
def _is_winner(value, best):
    """Where a tap is the maximum of its window, if none before it was: NaN is, and equals nothing."""
    return (value == best) | (value != value)


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
                            won = _is_winner(value, best)
                            store(dx, here, where(won, rest, splat(zero)))
                            rest = where(won, splat(zero), rest)
            clear_uncovered(dx, c * x_pitch, first, last, P, Q, KH, KW, H, W, L, zero)

    return leaf


def _any_dx(windows, L, zero):
    rows, columns, (dh, dw) = windows.rows, windows.columns, windows.dilation

    def leaf(x, y, dy, dx, count, P, Q, H, W, x_pitch, y_pitch):
        for c in range(count):
            clear(dx, c * x_pitch, H * W, L, zero)
            for i in range(P):
                for j in range(Q):
                    corner = (c * x_pitch + rows[i, 0] * W + columns[j, 0]) * L
                    place = (c * y_pitch + i * Q + j) * L
                    best, rest = load(y, place), load(dy, place)
                    for u in range(rows[i, 1]):
                        for v in range(columns[j, 1]):
                            here = corner + (u * dh * W + v * dw) * L
                            value = load(x, here)
                            won = _is_winner(value, best)
                            store(dx, here, load(dx, here) + where(won, rest, splat(zero)))
                            rest = where(won, splat(zero), rest)

    return leaf


def _activated(KH, KW, L, zero, f):
    return activated(KH, KW, L, zero.dtype.type(-np.inf), _larger, _largest, f)


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
                            won = _is_winner(value, best)
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
