"""conv1d on lanes: the leaves of conv2d, on images of one row.

A series of C channels is one plane in lanes: its channels lie side by side, without the gaps of images.
"""

from dataclasses import replace

from nbdl._jit import plain
from nbdl.errors import NbdlError
from nbdl.kernels.convolution.conv1d import conv1d_shape
from nbdl.kernels.convolution.conv2d_lanes import (
    Geometry,
    flops,
    rows_of_dx,
    rows_of_y,
    sum_of_db,
    sum_of_dw,
)
from nbdl.kernels.door.options import pair
from nbdl.kernels.door.window import LIMIT
from nbdl.kernels.lanes.twin import Twin, Unfit

OPTIONS = "stride", "padding", "dilation", "groups"


def _shape(site):
    x, w = site.shapes["x"], site.shapes["w"]
    try:
        _, O, Q = plain(conv1d_shape)((1, *x), w, *(site[name] for name in OPTIONS))
    except NbdlError:  # the kernel raises it
        raise Unfit from None
    if min(x[0], O) < 1 or O * Q >= LIMIT or site.shapes.get("b", (O,)) != (O,):
        raise Unfit
    return O, Q


def _geometry(site):
    (C, W), (O, M, K) = site.shapes["x"], site.shapes["w"]
    images = {
        "stride": (1, site["stride"]), "padding": (0, 0, *pair("padding", site["padding"])),
        "dilation": (1, site["dilation"]), "groups": site["groups"],
    }  # fmt: skip
    g = Geometry(replace(site, shapes={**site.shapes, "x": (C, 1, W), "w": (O, M, 1, K)}, constants=images))
    g.x_pitch, g.y_pitch = g.W * g.L, g.Q * g.L
    return g


def _db(site):
    g = _geometry(site)
    return sum_of_db(site, g.O, g.y_pitch, g.Q * g.L)


conv1d = Twin(
    lambda site: rows_of_y(_geometry(site)),
    {"x": lambda site: rows_of_dx(_geometry(site))},
    {"w": lambda site: sum_of_dw(_geometry(site)), "b": _db},
    shape=_shape,
    flops=lambda site: flops(_geometry(site)),
)
