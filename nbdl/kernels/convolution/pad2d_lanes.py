"""pad2d on lanes, and its gradient (`nbdl.kernels.pad2d` has the modes)."""

import numpy as np

from nbdl._jit import plain
from nbdl.errors import NbdlError
from nbdl.kernels.convolution import pad2d as _kernel
from nbdl.kernels.door.options import sides
from nbdl.kernels.lanes.twin import Row, Twin, Unfit, pitch
from nbdl.kernels.simd.registers import load, splat, store

_sources = plain(_kernel._sources)


def _shape(site):
    if len(site.shapes["x"]) != 3 or 0 in site.shapes["x"]:
        raise Unfit
    try:
        return plain(_kernel.pad2d_shape)((1, *site.shapes["x"]), site["padding"], site["mode"])[1:]
    except NbdlError:  # the kernel raises it
        raise Unfit from None


def _tables(site):
    """Which row and column of x each one of y is, and what leaves are told of the sizes."""
    (C, H, W), (_, P, Q), mode = site.shapes["x"], _shape(site), _kernel.MODES.index(site["mode"])
    top, bottom, left, right = sides("padding", site["padding"])
    pitches = {"x_pitch": pitch((C, H, W)), "y_pitch": pitch((C, P, Q))}
    sizes = {"count": C, "P": P, "Q": Q, "H": H, "W": W, **pitches}
    return _sources(H, top, bottom, mode), _sources(W, left, right, mode), sizes


def _forward(site):
    (rows, columns, sizes), L = _tables(site), site.L
    value = np.dtype(site.dtype).type(site["value"])

    def leaf(x, y, first, last, count, Q, W, x_pitch, y_pitch):
        for c in range(count):
            for i in range(first, last):
                for j in range(Q):
                    element = splat(value)
                    if rows[i] >= 0 and columns[j] >= 0:
                        element = load(x, (c * x_pitch + rows[i] * W + columns[j]) * L)
                    store(y, (c * y_pitch + i * Q + j) * L, element)

    return [Row(leaf, **sizes)]


def _dx(site):
    (rows, columns, sizes), L, zero = _tables(site), site.L, np.dtype(site.dtype).type(0)

    def leaf(dy, dx, count, P, Q, H, W, x_pitch, y_pitch):
        for c in range(count):
            for i in range(H * W):
                store(dx, (c * x_pitch + i) * L, splat(zero))
            for i in range(P):
                for j in range(Q):
                    if rows[i] >= 0 and columns[j] >= 0:
                        here = (c * x_pitch + rows[i] * W + columns[j]) * L
                        store(dx, here, load(dx, here) + load(dy, (c * y_pitch + i * Q + j) * L))

    return [Row(leaf, **sizes)]


pad2d = Twin(_forward, {"x": _dx}, shape=_shape)
