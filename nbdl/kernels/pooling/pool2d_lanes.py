r"""What max and average pooling on lanes share: the windows over an image (`nbdl.kernels.pool2d_shape`).

Where windows neither overlap nor stick out they tile the image: a row of y has rows of x of its own, and the
leaf knows all taps when it is compiled. Elsewhere the taps of each row and column stand in tables.

Where they leave no row and no column of the image out, an activation before them is done in the same pass
(`after`): each element is computed, stored and pooled; going back it gets its share of dy times its slope.
"""

import numpy as np

from nbdl._jit import plain
from nbdl.errors import NbdlError
from nbdl.kernels.lanes.twin import Row, Twin, Unfit, floats, pitch
from nbdl.kernels.pooling import pool2d

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
