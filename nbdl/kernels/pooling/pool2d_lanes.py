r"""What max and average pooling on lanes share: the windows over an image (`nbdl.kernels.pool2d_shape`).

Where windows neither overlap nor stick out they tile the image: a row of y has rows of x of its own, and the
leaf knows all taps when it is compiled. Elsewhere the taps of each row and column stand in tables.

Where they leave no row and no column of the image out, an activation before them is done in the same pass
(`after`): each element is computed, stored and pooled; going back it gets its share of dy times its slope.

A pooling is three things: the value ``start`` that its combination of taps begins with, ``combine(v, tap)``,
and ``finish(v, share)``, what y is of the combination. `share` is 1 / K for a window of K elements.
"""

import numpy as np

from nbdl._jit import jit, plain
from nbdl.errors import NbdlError
from nbdl.kernels.lanes.twin import Row, Twin, Unfit, floats, pitch
from nbdl.kernels.pooling import pool2d
from nbdl.kernels.simd.registers import load, splat, store

_windows, _spans = plain(pool2d._windows), plain(pool2d._spans)


class Windows:
    """The sizes of a pooling; `rows` and `columns` list (first element, number of taps) of each window."""

    def __init__(self, site):
        if len(site.shapes["x"]) != 3:
            raise Unfit
        self.C, self.H, self.W = site.shapes["x"]
        options = (site[name] for name in ("kernel", "stride", "padding", "dilation", "ceil_mode"))
        try:
            shape, self.kernel, self.stride, sides, self.dilation = _windows((1, *site.shapes["x"]), *options)
        except NbdlError:  # the kernel raises it
            raise Unfit from None
        self.shape, self.padding = shape[1:], (sides[:2], sides[2:])
        if not self.C:
            raise Unfit
        self.rows, self.columns = (_spans(*self.axis(axis)) for axis in (0, 1))
        self.tiled = self.dilation == (1, 1) and self._tile(0, self.H) and self._tile(1, self.W)

    def axis(self, axis):
        """(size, taps, stride, before, dilation, count) of the rows or the columns."""
        size, before = (self.H, self.W)[axis], self.padding[axis][0]
        taps, stride, dilation = self.kernel[axis], self.stride[axis], self.dilation[axis]
        return size, taps, stride, before, dilation, self.shape[axis + 1]

    def _tile(self, axis, size):
        taps, count = self.kernel[axis], self.shape[axis + 1]
        return self.stride[axis] == taps and self.padding[axis] == (0, 0) and count * taps <= size

    def row(self, leaf, L, **given):
        """The `Row` of a leaf that asks for the sizes."""
        C, P, Q = self.shape
        sizes = {"count": C, "P": P, "Q": Q, "H": self.H, "W": self.W}
        pitches = {"x_pitch": pitch((C, self.H, self.W)), "y_pitch": pitch(self.shape)}
        return Row(leaf, **sizes, **pitches, **given)


def strip_rows(site):
    """Rows of x for one row of y, where the windows tile x."""
    windows = Windows(site)
    return windows.kernel[0] if windows.tiled else 0


# --- forward --------------------------------------------------------------------------------------------


def tiled(KH, KW, L, start, combine, finish):
    """The leaf for windows that tile the image."""
    share = start.dtype.type(1 / (KH * KW))

    def leaf(x, y, first, last, count, Q, W, x_pitch, y_pitch):
        for c in range(count):
            for i in range(first, last):
                for j in range(Q):
                    corner, v = (c * x_pitch + i * KH * W + j * KW) * L, splat(start)
                    for u in range(KH):
                        for k in range(KW):
                            v = combine(v, load(x, corner + (u * W + k) * L))
                    store(y, (c * y_pitch + i * Q + j) * L, finish(v, share))

    return leaf


def anywhere(windows, shares, L, start, combine, finish):
    """The leaf for all other windows; `shares`: factors of 1 / K by row and by column."""
    rows, columns, (dh, dw), (of_rows, of_columns) = windows.rows, windows.columns, windows.dilation, shares

    def leaf(x, y, first, last, count, Q, W, x_pitch, y_pitch):
        for c in range(count):
            for i in range(first, last):
                for j in range(Q):
                    corner, v = (c * x_pitch + rows[i, 0] * W + columns[j, 0]) * L, splat(start)
                    for u in range(rows[i, 1]):
                        for k in range(columns[j, 1]):
                            v = combine(v, load(x, corner + (u * dh * W + k * dw) * L))
                    store(y, (c * y_pitch + i * Q + j) * L, finish(v, of_rows[i] * of_columns[j]))

    return leaf


def activated(KH, KW, L, start, combine, finish, f):
    """`tiled` of ``a = f(x)``, which is written too."""
    share = start.dtype.type(1 / (KH * KW))

    def leaf(x, a, y, first, last, count, Q, W, x_pitch, y_pitch):
        for c in range(count):
            for i in range(first, last):
                for j in range(Q):
                    corner, v = (c * x_pitch + i * KH * W + j * KW) * L, splat(start)
                    for u in range(KH):
                        for k in range(KW):
                            value = f(load(x, corner + (u * W + k) * L))
                            store(a, corner + (u * W + k) * L, value)
                            v = combine(v, value)
                    store(y, (c * y_pitch + i * Q + j) * L, finish(v, share))

    return leaf


# --- backward -------------------------------------------------------------------------------------------


@jit(inline=True)
def clear(dx, start, count, L, zero):
    """Write zeros to `count` elements, `L` lanes each, from element `start` on."""
    for i in range(start, start + count):
        store(dx, i * L, splat(zero))


@jit(inline=True)
def clear_uncovered(dx, plane, first, last, P, Q, KH, KW, H, W, L, zero):
    """Write zeros to the columns, and after the last row of windows to the rows, that no window covers."""
    for i in range(first * KH, last * KH):
        clear(dx, plane + i * W + Q * KW, W - Q * KW, L, zero)
    if last == P:
        clear(dx, plane + P * KH * W, (H - P * KH) * W, L, zero)


# --- of an activation -------------------------------------------------------------------------------------


def after(forward, backward):
    """The function that makes, of the `Twin.each` of an activation, its twin in one pass with a pooling.

    The activation is ``a = f(x)`` and ``dx = df(da, known)``, where `known` is x or a. Of the pooling,
    ``forward(KH, KW, L, zero, f)`` is the leaf ``(x, a, y, ...)`` that writes a and what the windows make of
    it, and ``backward(KH, KW, L, zero, df)`` the leaf ``(a, y, dy, known, dx, ...)``.
    """

    def make(f, df, needs):
        known = "a" if needs == "y" else "x"
        return Twin(
            lambda site: [_row(site, forward, f)],
            {"x": lambda site: [_row(site, backward, df, known=known)]},
            shape=_covered,
            saves=lambda site: {"a": floats(site.shapes["x"], site.L)},
            rows=strip_rows,
            overwrites="a",
        )

    return make


def _row(site, leaf, function, **given):
    windows = Windows(site)
    return windows.row(leaf(*windows.kernel, site.L, np.dtype(site.dtype).type(0), function), site.L, **given)


def _covered(site):
    """The shape of y, where windows without gaps or overlap cover all of x."""
    windows = Windows(site)
    (_, P, Q), (KH, KW) = windows.shape, windows.kernel
    if not windows.tiled or (P * KH, Q * KW) != (windows.H, windows.W):
        raise Unfit
    return windows.shape
