"""Transposed convolution layer."""

from nbdl.kernels.door.options import pair, sides
from nbdl.nn import _options
from nbdl.nn._options import by_name, positive
from nbdl.nn._parameter import Parameter, cast
from nbdl.tape import apply, as_tensor


class ConvTranspose2d:
    """Images made larger: x (N, C, H, W) to y (N, out_channels, P, Q). See `nbdl.kernels.conv_transpose2d`.

    Parameters
    ----------
    out_channels : int
    kernel : int or pair
    stride, dilation : int or pair
        The stride is about how many times larger y is.
    padding : int, pair or (top, bottom, left, right)
        What is taken away from the sides of y. A kernel of twice the stride and half a stride of padding
        make y just as many times larger as the stride says.
    output_padding : int or pair
        Rows and columns more at the bottom and at the right of y; below the stride.
    groups : int
    bias : bool
    init : str
        Initializer of w (C, out_channels / groups, KH, KW); C is read from the first input. b starts at zero.
    """

    @by_name("nbdl finds the channels of the input itself: nn.ConvTranspose2d(6, 4, stride=2, padding=1)")
    def __init__(
        self,
        out_channels,
        kernel,
        *,
        stride=1,
        padding=0,
        output_padding=0,
        dilation=1,
        groups=1,
        bias=True,
        init="xavier_uniform",
    ):
        self.out_channels = positive("ConvTranspose2d: `out_channels`", out_channels)
        self.kernel = tuple(
            positive("ConvTranspose2d: `kernel`", k) for k in pair("ConvTranspose2d: `kernel`", kernel)
        )
        self.stride = pair("ConvTranspose2d: `stride`", stride)
        self.dilation = pair("ConvTranspose2d: `dilation`", dilation)
        self.padding = sides("ConvTranspose2d: `padding`", padding)
        self.output_padding = pair("ConvTranspose2d: `output_padding`", output_padding)
        self.groups = _options.groups_of("ConvTranspose2d", groups, self.out_channels)
        self.bias, self.init = bias, init
        self.w = Parameter(init)
        self.b = Parameter("zeros") if bias else None

    def __call__(self, x, train=None):
        x = as_tensor(x)
        _options.check_channels(self, x, "NCHW")
        if not self.w.ready:
            out, area = self.out_channels // self.groups, self.kernel[0] * self.kernel[1]
            shape = x.shape[1], out, *self.kernel
            self.w.fill(shape, x.shape[1] // self.groups * area, out * area)
        if self.bias and not self.b.ready:
            self.b.fill((self.out_channels,))
        return apply(
            "conv_transpose2d",
            cast(x, self.w),
            self.w,
            self.b,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
            output_padding=self.output_padding,
        )
