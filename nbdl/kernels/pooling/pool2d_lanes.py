r"""What max and average pooling on lanes share: the windows over an image (`nbdl.kernels.pool2d_shape`).

Where windows neither overlap nor stick out they tile the image: a row of y has rows of x of its own, and the
leaf knows all taps when it is compiled. Elsewhere the taps of each row and column stand in tables.

Where they leave no row and no column of the image out, an activation before them is done in the same pass
(`after`): each element is computed, stored and pooled; going back it gets its share of dy times its slope.
"""

import numpy as np

from nbdl.kernels.lanes.twin import Row, Twin, Unfit, floats, pitch
from nbdl.kernels.lanes.window import pair, sides


class Windows:
    """The sizes of a pooling; `rows` and `columns` list (first element, number of taps) of each window."""

    def __init__(self, site):
        if len(site.shapes["x"]) != 3:
            raise Unfit
        self.C, self.H, self.W = site.shapes["x"]
        self.kernel = pair(site["kernel"])
        self.stride = self.kernel if site["stride"] is None else pair(site["stride"])
        self.dilation, padding = pair(site["dilation"]), sides(site["padding"])
        self.padding, ceil_mode = (padding[:2], padding[2:]), bool(site["ceil_mode"])
        self.rows = self._spans(0, self.H, ceil_mode)
        self.columns = self._spans(1, self.W, ceil_mode)
        self.shape = self.C, len(self.rows), len(self.columns)
        if not all(self.shape) or (np.concatenate([self.rows, self.columns])[:, 1] < 1).any():
            raise Unfit
        self.tiled = self.dilation == (1, 1) and self._tile(0, self.H) and self._tile(1, self.W)

    def _spans(self, axis, size, ceil_mode=False, count=None):
        """Of each window along an axis: its first tap that lies in [0, size), and how many do."""
        taps, stride, dilation = self.kernel[axis], self.stride[axis], self.dilation[axis]
        before, after = self.padding[axis]
        if count is None:
            room = size + before + after - (taps - 1) * dilation - 1
            count = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
            if ceil_mode and (count - 1) * stride >= size + before:
                count -= 1
            if before > (taps - 1) * dilation or (count - 1) * stride - before >= size:
                raise Unfit  # the first window or the last sees padding alone
        else:
            before = 0
        starts = np.arange(max(0, count)) * stride - before
        first = np.maximum(0, -(starts // dilation))
        last = np.minimum(taps, (size - 1 - starts) // dilation + 1)
        return np.stack([starts + first * dilation, last - first], axis=1)

    def _tile(self, axis, size):
        taps, count = self.kernel[axis], self.shape[axis + 1]
        return self.stride[axis] == taps and self.padding[axis] == (0, 0) and count * taps <= size

    def shares(self, axis, count_include_pad):
        """By how many elements along an axis each window divides: with those of the padding, or without."""
        own = (self.rows, self.columns)[axis]
        if not count_include_pad:
            return own[:, 1]
        size = (self.H, self.W)[axis] + sum(self.padding[axis])
        return self._spans(axis, size, count=len(own))[:, 1]

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
