"""The truth of `conv1d`."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, OptionError, ShapeError


def conv1d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    sides = (padding, padding) if isinstance(padding, int) else padding
    x, (O, C, K) = np.pad(x, ((0, 0), (0, 0), sides)), w.shape
    span = (K - 1) * dilation + 1
    y = np.zeros((len(x), O, (x.shape[2] - span) // stride + 1))
    for n, o, j in np.ndindex(y.shape):
        g = o // (O // groups)
        window = x[n, g * C : (g + 1) * C, j * stride : j * stride + span : dilation]
        y[n, o, j] = np.sum(window * w[o]) + (0 if b is None else b[o])
    return y


def conv1d_cases(rng):
    def xwb(n=2, c=3, w=9, o=4, k=3, groups=1):
        shapes = (n, c, w), (o, c // groups, k), o
        return tuple(map(rng.standard_normal, shapes))

    x, w, b = xwb()
    return [
        Case("3 taps", (x, w, b)),
        Case("no bias", (x, w, None)),
        Case("whole planes of lanes", xwb(w=16, k=1)),
        Case("all options", xwb(w=16), {"stride": 2, "padding": 2, "dilation": 2}),
        Case("two paddings", xwb(), {"padding": (0, 3), "dilation": 3}),
        Case("groups", xwb(c=4, o=6, groups=2), {"groups": 2, "stride": 2, "padding": 1}),
        Case("depthwise", xwb(groups=3, o=3), {"groups": 3}),
        Case("many channels", xwb(c=18, o=5, k=2)),
        Case("kernel as long as x", xwb(k=9)),
        Case("one of all", xwb(1, 1, 1, 1, 1)),
        Case("no samples", xwb(n=0)),
        Bad("channels of w", (x, w[:, :2].copy(), b), {}, ShapeError, "w"),
        Bad("kernel too long", (x[:, :, :2].copy(), w, b), {}, ShapeError, "x"),
        Bad("empty kernel", (x, w[:, :, :0].copy(), b), {}, ShapeError, "w"),
        Bad("b without elements", (x, w, np.zeros(0)), {}, ShapeError, "b"),
        Bad("b too long", (x, w, np.zeros(5)), {}, ShapeError, "b"),
        Bad("x of 2 dimensions", (x[0], w, b), {}, ShapeError, "x"),
        Bad("w of another dtype", (x, half(w), b), {}, DtypeError, "w"),
        Bad("stride 0", (x, w, b), {"stride": 0}, OptionError, "stride"),
        Bad("stride of a pair", (x, w, b), {"stride": (1, 1)}, DtypeError, "stride"),
        Bad("dilation 0", (x, w, b), {"dilation": 0}, OptionError, "dilation"),
        Bad("negative padding", (x, w, b), {"padding": (0, -1)}, OptionError, "padding"),
        Bad("padding of four", (x, w, b), {"padding": (0, 0, 1, 1)}, DtypeError, "padding"),
        Bad("groups that do not divide", (x, w, b), {"groups": 2}, OptionError, "groups"),
        Bad("groups 0", (x, w, b), {"groups": 0}, OptionError, "groups"),
        Bad("dilation of 63 bits", (x, w, b), {"dilation": 2**63 - 1}, OptionError, "dilation"),
    ]
