"""The truth of `max_pool1d` and `avg_pool1d`: windows over images of one row."""

import numpy as np

from nbdl.cases import Bad, Case
from nbdl.errors import DtypeError, OptionError, ShapeError
from nbdl.kernels.pooling import avg_pool2d_truth, max_pool2d_truth


def _as_images(x, kernel, stride=None, padding=0, dilation=1, ceil_mode=False):
    left, right = (padding, padding) if isinstance(padding, int) else padding
    stride = kernel if stride is None else stride
    return x[:, :, None], (1, kernel), (1, stride), (0, 0, left, right), (1, dilation), ceil_mode


def max_pool1d(x, *options, **named):
    y, index = max_pool2d_truth.max_pool2d(*_as_images(x, *options, **named))
    return y[:, :, 0], index[:, :, 0]


def avg_pool1d(x, *options, count_include_pad=True, **named):
    arguments = _as_images(x, *options, **named)
    return avg_pool2d_truth.avg_pool2d(*arguments, count_include_pad=count_include_pad)[:, :, 0]


def pool1d_cases(rng):
    def x(n=2, c=3, w=9):
        size = n * c * w
        return (rng.permutation(size).reshape(n, c, w) / max(1, size),)  # all different: no ties

    ends = np.array([[-np.inf, 1e30, -0.0, -np.inf, -np.inf]])[None]
    return [
        Case("side by side", x(), {"kernel": 2}),
        Case("whole planes of lanes", x(w=16), {"kernel": 2}),
        Case("overlapping windows", x(), {"kernel": 3, "stride": 2, "padding": 1}),
        Case("gaps between windows", x(), {"kernel": 2, "stride": 3}),
        Case("two paddings", x(w=16), {"kernel": 4, "stride": 1, "padding": (1, 2)}),
        Case("dilation", x(), {"kernel": 3, "stride": 1, "padding": 2, "dilation": 2}),
        Case("ceil_mode", x(), {"kernel": 3, "stride": 2, "padding": (0, 1), "ceil_mode": True}),
        Case("global", x(), {"kernel": 9}),
        Case("one of all", x(1, 1, 1), {"kernel": 1}),
        Case("no samples", x(n=0), {"kernel": 2}),
        Case("infinite", (ends,), {"kernel": 2, "stride": 1}, grad=False),
        Bad("kernel 0", x(), {"kernel": 0}, OptionError, "kernel"),
        Bad("kernel of a pair", x(), {"kernel": (1, 2)}, DtypeError, "kernel"),
        Bad("kernel too large", x(), {"kernel": 10}, ShapeError, "kernel"),
        Bad("stride 0", x(), {"kernel": 2, "stride": 0}, OptionError, "stride"),
        Bad("dilation 0", x(), {"kernel": 2, "dilation": 0}, OptionError, "dilation"),
        Bad("negative padding", x(), {"kernel": 2, "padding": (0, -1)}, OptionError, "padding"),
        Bad("padding of three", x(), {"kernel": 2, "padding": (0, 1, 1)}, DtypeError, "padding"),
        Bad("window of padding alone", x(), {"kernel": 2, "padding": 2}, OptionError, "padding"),
        Bad("kernel of 34 bits", x(), {"kernel": 2**33, "padding": 2**33 - 2}, OptionError, "kernel"),
        Bad("dilation of 63 bits", x(), {"kernel": 5, "dilation": 2**62}, OptionError, "dilation"),
        Bad("x of 2 dimensions", (x()[0][0],), {"kernel": 2}, ShapeError, "x"),
        Bad("x of integers", (np.zeros((1, 1, 4), int),), {"kernel": 2}, DtypeError, "x"),
    ]


def max_pool1d_cases(rng):
    special = np.array([[2.0, 2.0, np.nan, 1.0, 0.0, np.nan, np.nan]])[None]
    ties = Case("ties and NaN", (special,), {"kernel": 2, "stride": 1}, grad=False)
    return [*pool1d_cases(rng), ties]


def avg_pool1d_cases(rng):
    x, options = rng.standard_normal((2, 3, 9)), {"kernel": 3, "stride": 2, "padding": (1, 1)}
    return [*pool1d_cases(rng), Case("without the padding", (x,), {**options, "count_include_pad": False})]
