"""The truth of `conv_transpose2d`."""

import numpy as np

from nbdl.cases import Bad, Case, half
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels.door.window_truth import pair, sides


def conv_transpose2d(x, w, b=None, stride=1, padding=0, dilation=1, groups=1, output_padding=0):
    (sh, sw), (dh, dw), (eh, ew) = pair(stride), pair(dilation), pair(output_padding)
    (top, bottom, left, right), (N, C, H, W), (_, M, KH, KW) = sides(padding), x.shape, w.shape
    whole = np.zeros(
        (N, M * groups, (H - 1) * sh + (KH - 1) * dh + 1 + eh, (W - 1) * sw + (KW - 1) * dw + 1 + ew)
    )
    for c, i, j in np.ndindex(C, H, W):
        g = c // (C // groups)
        window = whole[
            :, g * M : (g + 1) * M,
            i * sh : i * sh + (KH - 1) * dh + 1 : dh, j * sw : j * sw + (KW - 1) * dw + 1 : dw,
        ]  # fmt: skip
        window += w[c] * x[:, c, i, j][:, None, None, None]
    y = whole[:, :, top : whole.shape[2] - bottom, left : whole.shape[3] - right]
    return y if b is None else y + b[:, None, None]


def conv_transpose2d_cases(rng):
    def xwb(n=2, c=3, h=4, k=5, o=4, kh=3, kw=2, groups=1):
        shapes = (n, c, h, k), (c, o // groups, kh, kw), o
        return tuple(map(rng.standard_normal, shapes))

    def options(stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=1, output_padding=(0, 0)):
        return {
            "stride": stride, "padding": padding, "dilation": dilation, "groups": groups,
            "output_padding": output_padding,
        }  # fmt: skip

    x, w, b = xwb()
    return [
        Case("3x2 kernel", (x, w, b)),
        Case("no bias", (x, w, None)),
        Case("plain integers", xwb(), {"stride": 2, "padding": 1, "dilation": 2, "output_padding": 1}),
        Case("pairs", xwb(kh=4), {"stride": (2, 3), "padding": (2, 1), "output_padding": (0, 2)}),
        Case("twice the size", xwb(kh=4, kw=4), {"stride": 2, "padding": 1}),
        Case("four paddings", xwb(), options(padding=(0, 2, 1, 0))),
        Case("gaps between the windows", xwb(kh=1), {"stride": (3, 4)}),
        Case("gaps within the windows", xwb(), options((2, 1), dilation=(3, 2))),
        Case("groups", xwb(c=4, o=6, groups=2), {"groups": 2}),
        Case("depthwise", xwb(c=3, o=3, groups=3), {"groups": 3, "stride": 2}),
        Case("everything", xwb(c=4, o=6, groups=2), options((3, 2), (1, 0, 2, 3), (1, 2), 2, (2, 1))),
        Case("many channels", xwb(c=5, o=18, kh=2), {"stride": 2}),
        Case("1x1 kernel", xwb(kh=1, kw=1)),
        Case("1x1 images", xwb(h=1, k=1)),
        Case("one of all", xwb(1, 1, 1, 1, 1, 1, 1)),
        Case("no samples", xwb(n=0)),
        Bad("rows of w", (x, w[:2].copy(), b), {}, ShapeError, "w"),
        Bad("empty kernel", (x, w[:, :, :0].copy(), b), {}, ShapeError, "w"),
        Bad("empty images", (x[:, :, :0].copy(), w, b), {}, ShapeError, "x"),
        Bad("b without elements", (x, w, np.zeros(0)), {}, ShapeError, "b"),
        Bad("b too long", (x, w, np.zeros(5)), {}, ShapeError, "b"),
        Bad("x of 3 dimensions", (x[0], w, b), {}, ShapeError, "x"),
        Bad("w of another dtype", (x, half(w), b), {}, DtypeError, "w"),
        Bad("stride 0", (x, w, b), {"stride": 0}, OptionError, "stride"),
        Bad("dilation 0", (x, w, b), options(dilation=(1, 0)), OptionError, "dilation"),
        Bad("negative padding", (x, w, b), options(padding=(0, 0, -1, 0)), OptionError, "padding"),
        Bad("padding takes all", (x, w, b), {"padding": 3}, OptionError, "padding"),
        *(
            Bad(f"output_padding {v}", (x, w, b), {"stride": 2, "output_padding": v}, error, "output_padding")
            for v, error in ((2, OptionError), (-1, OptionError), ((0, 2), OptionError), (0.5, DtypeError))
        ),
        Bad("groups that do not divide", (x, w, b), {"groups": 2}, OptionError, "groups"),
        Bad("groups 0", (x, w, b), {"groups": 0}, OptionError, "groups"),
        Bad("stride of 32 bits", (x, w, b), options(stride=(1, 2**31)), OptionError, "stride"),
        Bad("result too large", (x, w, b), options(stride=(2**31 - 1,) * 2), ShapeError, "x"),
    ]  # fmt: skip
