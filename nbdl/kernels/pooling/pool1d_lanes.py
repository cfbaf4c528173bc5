"""max_pool1d and avg_pool1d on lanes: the leaves of images, on images of one row.

A series of C channels is one plane in lanes: its channels lie side by side, without the gaps of images.
"""

from dataclasses import replace

import numpy as np

from nbdl._jit import plain
from nbdl.errors import NbdlError
from nbdl.kernels.door.options import integer, pair
from nbdl.kernels.lanes.twin import Row, Twin, Unfit
from nbdl.kernels.pooling import avg_pool2d_lanes as average
from nbdl.kernels.pooling import max_pool2d_lanes as maximum
from nbdl.kernels.pooling import pool1d
from nbdl.kernels.pooling.pool2d_lanes import Windows

_windows1d = plain(pool1d._windows1d)


class Series(Windows):
    """The sizes of a pooling of series."""

    def __init__(self, site):
        if len(site.shapes["x"]) != 2:
            raise Unfit
        (C, W), names = site.shapes["x"], ("kernel", "stride", "padding", "dilation", "ceil_mode")
        try:
            kernel, stride, padding, dilation, ceil_mode = (site[name] for name in names)
            size, gap = integer("`kernel`", kernel), integer("`dilation`", dilation)
            step = size if stride is None else integer("`stride`", stride)
            pad = pair("`padding`", padding)
            _, *options = _windows1d("pooling", (1, C, W), size, step, pad, gap, bool(ceil_mode))
        except NbdlError:  # the kernel raises it
            raise Unfit from None
        images = dict(zip(names, options))
        super().__init__(replace(site, shapes={"x": (C, 1, W)}, constants={**site.constants, **images}))

    def row(self, leaf, L):
        """The `Row` of a leaf that asks for the sizes."""
        row = super().row(leaf, L)
        return Row(leaf, **{**row.given, "x_pitch": self.W, "y_pitch": self.shape[2]})


def _shape(site):
    C, _, Q = Series(site).shape
    return C, Q


def _maximum(site, tiled, tabled):
    """The rows of a leaf for windows side by side, or of one for windows in tables."""
    windows, L, zero = Series(site), site.L, np.dtype(site.dtype).type(0)
    return [windows.row(tiled(*windows.kernel, L, zero) if windows.tiled else tabled(windows, L, zero), L)]


def _average(site, tiled, tabled):
    windows, L, zero = Series(site), site.L, np.dtype(site.dtype).type(0)
    if windows.tiled:
        return [windows.row(tiled(*windows.kernel, L, zero), L)]
    return [windows.row(tabled(windows, average.shares(windows, site), L, zero), L)]


max_pool1d = Twin(
    lambda site: _maximum(site, maximum._tiled, maximum._any),
    {"x": lambda site: _maximum(site, maximum._tiled_dx, maximum._any_dx)},
    shape=_shape,
)
avg_pool1d = Twin(
    lambda site: _average(site, average._tiled, average._any),
    {"x": lambda site: _average(site, average._tiled_dx, average._any_dx)},
    shape=_shape,
)
