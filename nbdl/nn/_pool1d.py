"""Pooling layers over the windows of series."""

from nbdl.kernels.door.options import integer
from nbdl.nn import _options
from nbdl.nn._options import by_name
from nbdl.tape import apply, as_tensor


class MaxPool1d:
    """Maximum over windows: x (N, C, W) to y (N, C, Q). See `nbdl.kernels.max_pool1d`.

    Parameters
    ----------
    kernel : int
    stride : int, optional
        The kernel's size if not given: windows side by side.
    padding : int, (left, right) or "same"
        On each side; "same": so much that Q is W / stride, rounded up.
    dilation : int
    ceil_mode : bool
        Keep a last window that reaches beyond the end.
    """

    @by_name("For example nn.MaxPool1d(3, 2, 1, dilation=2)")
    def __init__(self, kernel, stride=None, padding=0, *, dilation=1, ceil_mode=False):
        self.kernel = integer("MaxPool1d: `kernel`", kernel)
        self.stride = self.kernel if stride is None else integer("MaxPool1d: `stride`", stride)
        self.padding = _options.series_padding("MaxPool1d: `padding`", padding)
        self.dilation, self.ceil_mode = integer("MaxPool1d: `dilation`", dilation), ceil_mode

    def __call__(self, x, train=None):
        x = as_tensor(x)
        return apply(
            "max_pool1d",
            x,
            kernel=self.kernel,
            stride=self.stride,
            padding=_options.series_padding_of(self, x),
            dilation=self.dilation,
            ceil_mode=self.ceil_mode,
        )


class AvgPool1d:
    """Mean over windows: x (N, C, W) to y (N, C, Q). See `nbdl.kernels.avg_pool1d`.

    Parameters
    ----------
    kernel, stride, padding, dilation, ceil_mode
        As for `MaxPool1d`.
    count_include_pad : bool
        Whether the zeros of the padding count in the mean.
    """

    @by_name("For example nn.AvgPool1d(3, 2, 1, ceil_mode=True)")
    def __init__(
        self, kernel, stride=None, padding=0, *, dilation=1, ceil_mode=False, count_include_pad=True
    ):
        self.kernel = integer("AvgPool1d: `kernel`", kernel)
        self.stride = self.kernel if stride is None else integer("AvgPool1d: `stride`", stride)
        self.padding = _options.series_padding("AvgPool1d: `padding`", padding)
        self.dilation = integer("AvgPool1d: `dilation`", dilation)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def __call__(self, x, train=None):
        x = as_tensor(x)
        return apply(
            "avg_pool1d",
            x,
            kernel=self.kernel,
            stride=self.stride,
            padding=_options.series_padding_of(self, x),
            dilation=self.dilation,
            ceil_mode=self.ceil_mode,
            count_include_pad=self.count_include_pad,
        )
