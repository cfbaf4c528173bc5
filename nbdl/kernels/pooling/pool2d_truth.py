"""What the truth of all pooling has in common: windows, and cases."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels.door.window_truth import pair, sides


def windows(x_shape, kernel, stride, padding, dilation, ceil_mode):
    stride, around = pair(kernel if stride is None else stride), sides(padding)
    axes = zip(x_shape[2:], pair(kernel), stride, around[::2], around[1::2], pair(dilation))
    return [_axis(*axis, ceil_mode) for axis in axes]


def _axis(size, taps, stride, before, after, dilation, ceil_mode):
    """The windows along one axis: the positions of x in each, and their number with those of the padding."""
    span, starts = (taps - 1) * dilation + 1, [-before]
    while True:
        last, following = starts[-1], starts[-1] + stride
        if ceil_mode:  # one more while something is left over, unless it would start behind x
            more = last + span < size + after and following < size
        else:
            more = following + span <= size + after
        if not more:
            break
        starts.append(following)
    windows = []
    for start in starts:
        positions = [start + u * dilation for u in range(taps)]
        windows.append(([p for p in positions if 0 <= p < size], sum(p < size + after for p in positions)))
    return windows


def pool_cases(rng):
    def x(n=2, c=3, h=6, w=7):
        size = n * c * h * w
        return (rng.permutation(size).reshape(n, c, h, w) / max(1, size),)  # all different: no ties

    ends = np.array([[-np.inf, 1e30, -0.0], [0.0, -1e30, 1.0], [-np.inf, -np.inf, 1e-30]])[None, None]
    return [
        Case("2x2", x(), {"kernel": 2}),
        Case("plain integers", x(), {"kernel": 3, "stride": 2, "padding": 1}),
        Case("overlapping windows", x(), options((3, 2), (1, 1))),
        Case("gaps between windows", x(), options((2, 2), (3, 4))),
        Case("pairs", x(h=8), {"kernel": (3, 4), "stride": (1, 2), "padding": (1, 2), "dilation": (1, 1)}),
        Case("four paddings", x(), options((3, 3), (2, 2), (1, 0, 0, 2))),
        Case("SAME_UPPER", x(h=7), options((2, 2), (1, 1), (0, 1, 0, 1))),
        Case("dilation", x(h=8, w=9), options((3, 3), (2, 2), (1, 1, 2, 2), (2, 3))),
        Case("ceil_mode", x(h=7, w=6), options((3, 3), (2, 2), ceil_mode=True)),
        Case("ceil_mode drops a window", x(h=2, w=5), options((1, 1), (2, 2), ceil_mode=True)),
        Case("ceil_mode with padding", x(h=7, w=8), options((2, 3), (2, 3), (1, 1, 1, 1), ceil_mode=True)),
        Case("global", x(), options((6, 7), (6, 7))),
        Case("1x1", x(1, 1, 1, 1), {"kernel": 1}),
        Case("no samples", x(n=0), {"kernel": 2}),
        Case("infinite", (ends,), options((2, 2), (1, 1)), grad=False),
        Bad("kernel 0", x(), {"kernel": 0}, OptionError, "kernel"),
        Bad("kernel of 3", x(), {"kernel": (2, 2, 2)}, DtypeError, "kernel"),
        Bad("kernel too large", x(), {"kernel": 8}, ShapeError, "kernel"),
        Bad("stride 0", x(), {"kernel": 2, "stride": 0}, OptionError, "stride"),
        Bad("dilation 0", x(), {"kernel": 2, "dilation": 0}, OptionError, "dilation"),
        Bad("negative padding", x(), {"kernel": 2, "padding": -1}, OptionError, "padding"),
        Bad("kernel of 34 bits", x(), {"kernel": 2**33, "padding": 2**33 - 2}, OptionError, "kernel"),
        Bad("dilation of 63 bits", x(), {"kernel": 5, "dilation": 2**62}, OptionError, "dilation"),
        Bad("window of padding alone", x(), {"kernel": 2, "padding": 2}, OptionError, "padding"),
        Bad("window about x", x(h=1), options((2, 2), (1, 1), (1, 1, 0, 0), (2, 1)), OptionError, "padding"),
        Bad("x of 3 dimensions", (x()[0][0],), {"kernel": 2}, ShapeError, "x"),
        Bad("x of integers", (np.zeros((1, 1, 4, 4), int),), {"kernel": 2}, DtypeError, "x"),
    ]


def options(kernel, stride, padding=(0, 0, 0, 0), dilation=(1, 1), **more):
    return {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation, **more}
