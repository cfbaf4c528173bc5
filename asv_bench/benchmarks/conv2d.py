from . import kernel, normal

# x, w and the options
CASES = {
    "lenet_1": ((256, 1, 28, 28), (6, 1, 5, 5), {"padding": 2}),
    "lenet_2": ((256, 6, 14, 14), (16, 6, 5, 5), {}),
    "cifar": ((64, 3, 32, 32), (16, 3, 3, 3), {"padding": 1}),
    "wide_64": ((16, 64, 56, 56), (64, 64, 3, 3), {"padding": 1}),
    "wide_128": ((16, 128, 28, 28), (128, 128, 3, 3), {"padding": 1}),
    "pointwise": ((16, 256, 14, 14), (256, 256, 1, 1), {}),
    "stem": ((8, 3, 224, 224), (64, 3, 7, 7), {"padding": 3, "stride": 2}),
    "one_sample": ((1, 64, 56, 56), (64, 64, 3, 3), {"padding": 1}),
    "strided": ((16, 64, 28, 28), (128, 64, 1, 1), {"stride": 2}),
    "depthwise": ((16, 64, 28, 28), (64, 1, 3, 3), {"padding": 1, "groups": 64}),
}


class Conv2d:
    """2 N O P Q (C / groups) KH KW FLOPs forward, as many for dx and as many for dw.

    MFLOP each: lenet_1 60.2, lenet_2 122.9, cifar 56.6, wide_64 and wide_128 3699.4, pointwise 411.0,
    stem 1888.2, one_sample 231.2, strided 51.4, depthwise 14.5.
    """

    params = (list(CASES), ["float32", "float64"])
    param_names = ("case", "dtype")

    def setup(self, case, dtype):
        x_shape, w_shape, self.options = CASES[case]
        self.x, self.w = normal(*x_shape, dtype=dtype), normal(*w_shape, dtype=dtype)
        self.b = normal(w_shape[0], dtype=dtype)
        self.conv2d, self.dx, self.dw = kernel("conv2d"), kernel("conv2d_dx"), kernel("conv2d_dw")
        self.dy = self.conv2d(self.x, self.w, self.b, **self.options)
        self.time_dx(case, dtype)
        self.time_dw(case, dtype)

    def time_forward(self, case, dtype):
        self.conv2d(self.x, self.w, self.b, **self.options)

    def time_dx(self, case, dtype):
        self.dx(self.dy, self.w, self.x.shape, **self.options)

    def time_dw(self, case, dtype):
        self.dw(self.dy, self.x, self.w.shape, **self.options)
