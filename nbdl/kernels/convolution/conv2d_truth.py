"""The truth of `conv2d`."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels.door.window_truth import pair, sides


def conv2d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), (dh, dw), (top, bottom, left, right) = pair(stride), pair(dilation), sides(padding)
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    (O, C, KH, KW), M = w.shape, w.shape[0] // groups
    rows, columns = (KH - 1) * dh + 1, (KW - 1) * dw + 1
    y = np.zeros((x.shape[0], O, (x.shape[2] - rows) // sh + 1, (x.shape[3] - columns) // sw + 1))
    for n, o, i, j in np.ndindex(y.shape):
        channels = x[n, o // M * C : (o // M + 1) * C]
        patch = channels[:, i * sh : i * sh + rows : dh, j * sw : j * sw + columns : dw]
        y[n, o, i, j] = np.sum(patch * w[o]) + (0 if b is None else b[o])
    return y


def conv2d_cases(rng):
    def xwb(n=2, c=3, h=6, k=7, o=4, kh=3, kw=2, groups=1):
        shapes = (n, c, h, k), (o, c // groups, kh, kw), o
        return tuple(map(rng.standard_normal, shapes))

    def options(stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=1):
        return {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}

    x, w, b = xwb()
    return [
        Case("3x2 kernel", (x, w, b)),
        Case("no bias", (x, w, None)),
        Case("plain integers", xwb(h=9), {"stride": 2, "padding": 1, "dilation": 2}),
        Case("pairs", xwb(h=8), {"stride": (2, 3), "padding": (2, 1), "dilation": (1, 1)}),
        Case("four paddings", xwb(), options(padding=(0, 3, 1, 2))),
        Case("dilation", xwb(h=9), options(dilation=(2, 3))),
        Case("groups", xwb(c=4, o=6, groups=2), {"groups": 2}),
        Case("depthwise", xwb(c=3, o=3, groups=3), {"groups": 3, "stride": 2, "padding": 1}),
        Case("everything", xwb(c=4, h=11, k=9, groups=2), options((3, 2), (1, 0, 2, 3), (1, 2), 2)),
        Case("1x1 kernel", xwb(kh=1, kw=1)),
        Case("kernel as large as x", xwb(kh=6, kw=7)),
        Case("kernel in the padding", xwb(h=1, k=1), {"padding": 2}),
        Case("padding larger than the result", xwb(k=1), options(padding=(0, 0, 3, 0), dilation=(1, 3))),
        Case("one of all", xwb(1, 1, 1, 1, 1, 1, 1)),
        Case("no samples", xwb(n=0)),
        Bad("channels of w", (x, w[:, :2].copy(), b), {}, ShapeError, "w"),
        Bad("kernel too large", (x[:, :, :2].copy(), w, b), {}, ShapeError, "x"),
        Bad("empty kernel", (x, w[:, :, :0].copy(), b), {}, ShapeError, "w"),
        Bad("b without elements", (x, w, np.zeros(0)), {}, ShapeError, "b"),
        Bad("b too long", (x, w, np.zeros(5)), {}, ShapeError, "b"),
        Bad("x of 3 dimensions", (x[0], w, b), {}, ShapeError, "x"),
        Bad("w of another dtype", (x, half(w), b), {}, DtypeError, "w"),
        Bad("stride 0", (x, w, b), {"stride": 0}, OptionError, "stride"),
        Bad("stride of 3", (x, w, b), {"stride": (1, 1, 1)}, DtypeError, "stride"),
        Bad("dilation 0", (x, w, b), options(dilation=(1, 0)), OptionError, "dilation"),
        Bad("negative padding", (x, w, b), options(padding=(0, 0, -1, 0)), OptionError, "padding"),
        Bad("groups that do not divide", (x, w, b), {"groups": 2}, OptionError, "groups"),
        Bad("groups 0", (x, w, b), {"groups": 0}, OptionError, "groups"),
        Bad("groups of a fraction", (x, w, b), {"groups": 1.7}, DtypeError, "groups"),
        Bad("stride of 32 bits", (x, w, b), options(stride=(1, 2**31)), OptionError, "stride"),
        Bad("dilation of 63 bits", (x, w, b), options(dilation=(2**63 - 1, 1)), OptionError, "dilation"),
        Bad("padding of 32 bits", (x, w, b), options(padding=(0, 2**31, 0, 0)), OptionError, "padding"),
        Bad("result too large", (x, w, b), options(padding=(2**31 - 1,) * 4), ShapeError, "padding"),
    ]  # fmt: skip
