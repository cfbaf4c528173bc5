"""Pooling layers over the windows of images."""

import math

from nbdl.errors import OptionError
from nbdl.kernels.door.options import pair
from nbdl.nn import _options
from nbdl.nn._options import by_name
from nbdl.tape import apply, as_tensor


class MaxPool2d:
    """Maximum over windows: x (N, C, H, W) to y (N, C, P, Q). See `nbdl.kernels.max_pool2d`.

    Parameters
    ----------
    kernel : int or pair
    stride : int or pair, optional
        The kernel's size if not given: windows side by side.
    padding : int, pair, (top, bottom, left, right) or "same"
        On each side; "same": so much that P is H / stride, rounded up, and Q alike.
    dilation : int or pair
    ceil_mode : bool
        Keep a last window that reaches beyond the end.
    """

    @by_name("For example nn.MaxPool2d(3, 2, 1, dilation=2)")
    def __init__(self, kernel, stride=None, padding=0, *, dilation=1, ceil_mode=False):
        self.kernel = pair("MaxPool2d: `kernel`", kernel)
        self.stride = self.kernel if stride is None else pair("MaxPool2d: `stride`", stride)
        self.padding = _options.padding("MaxPool2d: `padding`", padding)
        self.dilation = pair("MaxPool2d: `dilation`", dilation)
        self.ceil_mode = ceil_mode

    def __call__(self, x, train=None):
        x = as_tensor(x)
        return apply(
            "max_pool2d",
            x,
            kernel=self.kernel,
            stride=self.stride,
            padding=_options.padding_of(self, x),
            dilation=self.dilation,
            ceil_mode=self.ceil_mode,
        )


class AvgPool2d:
    """Mean over windows: x (N, C, H, W) to y (N, C, P, Q). See `nbdl.kernels.avg_pool2d`.

    Parameters
    ----------
    kernel, stride, padding, dilation, ceil_mode
        As for `MaxPool2d`.
    count_include_pad : bool
        Whether the zeros of the padding count in the mean.
    """

    @by_name("For example nn.AvgPool2d(3, 2, 1, ceil_mode=True)")
    def __init__(
        self, kernel, stride=None, padding=0, *, dilation=1, ceil_mode=False, count_include_pad=True
    ):
        self.kernel = pair("AvgPool2d: `kernel`", kernel)
        self.stride = self.kernel if stride is None else pair("AvgPool2d: `stride`", stride)
        self.padding = _options.padding("AvgPool2d: `padding`", padding)
        self.dilation = pair("AvgPool2d: `dilation`", dilation)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def __call__(self, x, train=None):
        x = as_tensor(x)
        return apply(
            "avg_pool2d",
            x,
            kernel=self.kernel,
            stride=self.stride,
            padding=_options.padding_of(self, x),
            dilation=self.dilation,
            ceil_mode=self.ceil_mode,
            count_include_pad=self.count_include_pad,
        )


class LpPool2d:
    """Norm of windows: x (N, C, H, W) to y (N, C, P, Q). See `nbdl.kernels.lp_pool2d`.

    Parameters
    ----------
    kernel, stride, padding, dilation, ceil_mode
        As for `MaxPool2d`.
    p : float
        The power, at least 1: with 1 sums of magnitudes, with 2 the root of sums of squares.
    """

    @by_name("For example nn.LpPool2d(3, 2, 1, p=3.0)")
    def __init__(self, kernel, stride=None, padding=0, *, p=2.0, dilation=1, ceil_mode=False):
        self.kernel = pair("LpPool2d: `kernel`", kernel)
        self.stride = self.kernel if stride is None else pair("LpPool2d: `stride`", stride)
        self.padding = _options.padding("LpPool2d: `padding`", padding)
        self.dilation = pair("LpPool2d: `dilation`", dilation)
        if not 1 <= p < math.inf:
            raise OptionError("LpPool2d: `p` must be at least 1 and finite, got {}", p)
        self.p, self.ceil_mode = float(p), ceil_mode

    def __call__(self, x, train=None):
        x = as_tensor(x)
        return apply(
            "lp_pool2d",
            x,
            kernel=self.kernel,
            stride=self.stride,
            padding=_options.padding_of(self, x),
            dilation=self.dilation,
            ceil_mode=self.ceil_mode,
            p=self.p,
        )
