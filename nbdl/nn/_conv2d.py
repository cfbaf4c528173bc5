"""Convolution layer."""

from nbdl.errors import ShapeError
from nbdl.kernels.door.options import pair
from nbdl.nn import _options
from nbdl.nn._options import by_name, positive
from nbdl.nn._parameter import Parameter, cast
from nbdl.tape import apply, as_tensor


class Conv2d:
    """Cross-correlation of images: x (N, C, H, W) to y (N, out_channels, P, Q). See `nbdl.kernels.conv2d`.

    Parameters
    ----------
    out_channels : int
    kernel : int or pair
    stride, dilation : int or pair
    padding : int, pair, (top, bottom, left, right) or "same"
        Zeros on each side; "same": so many that P is H / stride, rounded up, and Q alike (at stride 1 as in
        torch: an odd zero comes last).
    groups : int
    bias : bool
    init : str
        Initializer of w (out_channels, C / groups, KH, KW); C is read from the first input. b starts at zero.
    """

    @by_name("nbdl finds the channels of the input itself: nn.Conv2d(6, 5), nn.Conv2d(6, 5, stride=2)")
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
        self.out_channels = positive("Conv2d: `out_channels`", out_channels)
        self.kernel = tuple(positive("Conv2d: `kernel`", k) for k in pair("Conv2d: `kernel`", kernel))
        self.stride, self.dilation = pair("Conv2d: `stride`", stride), pair("Conv2d: `dilation`", dilation)
        self.padding = _options.padding("Conv2d: `padding`", padding)
        self.groups = _options.groups_of("Conv2d", groups, self.out_channels)
        self.bias, self.init = bias, init
        self.w = Parameter(init)
        self.b = Parameter("zeros") if bias else None

    def __call__(self, x, train=None):
        x = as_tensor(x)
        _options.check_channels(self, x, "NCHW")
        if not self.w.ready:
            channels = x.shape[1] // self.groups
            area = self.kernel[0] * self.kernel[1]
            self.w.fill(
                (self.out_channels, channels, *self.kernel),
                channels * area,
                self.out_channels // self.groups * area,
            )
        elif (self.w.shape[0], *self.w.shape[2:]) != (self.out_channels, *self.kernel):
            text = "Conv2d: `w` must be ({}, C, {}, {}), by `out_channels` and `kernel`, got shape {}: of"
            raise ShapeError(f"{text} another net?", self.out_channels, *self.kernel, self.w.shape)
        if self.bias and not self.b.ready:
            self.b.fill((self.out_channels,))
        return apply(
            "conv2d",
            cast(x, self.w),
            self.w,
            self.b,
            stride=self.stride,
            padding=_options.padding_of(self, x),
            dilation=self.dilation,
            groups=self.groups,
        )
