"""conv_transpose2d on lanes: the leaves of conv2d with the names exchanged.

In the convolution whose gradient it is (`conv2d_lanes.Geometry`) the image is y and the result x.
"""

from dataclasses import replace

from nbdl._jit import plain
from nbdl.errors import NbdlError
from nbdl.kernels.convolution.conv2d_lanes import (
    Geometry,
    flops,
    row_of_dx,
    rows_of_y,
    sum_of_db,
    sum_of_dw,
)
from nbdl.kernels.convolution.conv_transpose2d import conv_transpose2d_shape
from nbdl.kernels.door.window import LIMIT
from nbdl.kernels.lanes.twin import Row, Twin, Unfit

OPTIONS = "stride", "padding", "dilation", "groups", "output_padding"


def _shape(site):
    x, w = site.shapes["x"], site.shapes["w"]
    try:
        shape = plain(conv_transpose2d_shape)((1, *x), w, *(site[name] for name in OPTIONS))[1:]
    except NbdlError:  # the kernel raises it
        raise Unfit from None
    O, P, Q = shape
    if min(O, x[0]) < 1 or O * P * Q >= LIMIT or site.shapes.get("b", (O,)) != (O,):
        raise Unfit
    return shape


def _geometry(site):
    """The convolution from y to x."""
    return Geometry(replace(site, shapes={"x": _shape(site), "w": site.shapes["w"]}))


def _called(rows, **given):
    return [Row(row.leaf, **{**row.given, **given}) for row in rows]


def _forward(site):
    return [row_of_dx(_geometry(site), "b" in site.shapes)]


def _dx(site):
    g = _geometry(site)
    return _called(rows_of_y(g), x="dy", y="dx", b=0, first=0, last=g.P)


def _dw(site):
    g = _geometry(site)
    found = sum_of_dw(g)
    return replace(found, collect=_called(found.collect, x="dy", dy="x", first=0, last=g.P))


def _db(site):
    g = _geometry(site)
    return sum_of_db(site, g.C, g.x_pitch, g.W * g.L)


conv_transpose2d = Twin(
    _forward,
    {"x": _dx},
    {"w": _dw, "b": _db},
    shape=_shape,
    flops=lambda site: flops(_geometry(site)),
)
