"""Convolution layer for series."""

from nbdl.kernels.door.options import integer
from nbdl.nn import _options
from nbdl.nn._options import by_name, positive
from nbdl.nn._parameter import Parameter, cast
from nbdl.tape import apply, as_tensor


class Conv1d:
    """Cross-correlation of series: x (N, C, W) to y (N, out_channels, Q). See `nbdl.kernels.conv1d`.

    Parameters
    ----------
    out_channels, kernel : int
    stride, dilation : int
    padding : int, (left, right) or "same"
        Zeros on each side; "same": so many that Q is W / stride, rounded up (an odd zero comes last).
    groups : int
    bias : bool
    init : str
        Initializer of w (out_channels, C / groups, kernel); C is read from the first input. b starts at zero.
    """

    @by_name("nbdl finds the channels of the input itself: nn.Conv1d(6, 5), nn.Conv1d(6, 5, stride=2)")
    def __init__(
        self,
        out_channels,
        kernel,
        *,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        bias=True,
        init="xavier_uniform",
    ):
        self.out_channels = positive("Conv1d: `out_channels`", out_channels)
        self.kernel = positive("Conv1d: `kernel`", kernel)
        self.stride, self.dilation = (
            integer("Conv1d: `stride`", stride),
            integer("Conv1d: `dilation`", dilation),
        )
        self.padding = _options.series_padding("Conv1d: `padding`", padding)
        self.groups = _options.groups_of("Conv1d", groups, self.out_channels)
        self.bias, self.init = bias, init
        self.w = Parameter(init)
        self.b = Parameter("zeros") if bias else None

    def __call__(self, x, train=None):
        x = as_tensor(x)
        _options.check_channels(self, x, "NCW")
        if not self.w.ready:
            channels, out = x.shape[1] // self.groups, self.out_channels // self.groups
            shape = self.out_channels, channels, self.kernel
            self.w.fill(shape, channels * self.kernel, out * self.kernel)
        if self.bias and not self.b.ready:
            self.b.fill((self.out_channels,))
        return apply(
            "conv1d",
            cast(x, self.w),
            self.w,
            self.b,
            stride=self.stride,
            padding=_options.series_padding_of(self, x),
            dilation=self.dilation,
            groups=self.groups,
        )
