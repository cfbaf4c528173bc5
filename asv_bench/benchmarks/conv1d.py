from . import kernel, normal

# x, w and the options
CASES = {
    "text": ((64, 100, 500), (100, 100, 5), {"padding": 2}),
    "signal": ((32, 1, 16000), (16, 1, 80), {"stride": 4}),
    "dilated": ((16, 64, 1000), (64, 64, 3), {"padding": 8, "dilation": 8}),
}


class Conv1d:
    """2 N O Q (C / groups) K FLOPs forward, as many for dx and as many for dw.

    MFLOP each: text 3200.0, signal 326.2, dilated 393.2.
    """

    params = tuple(CASES)
    param_names = ("case",)

    def setup(self, case):
        x_shape, w_shape, self.options = CASES[case]
        self.x, self.w = normal(*x_shape), normal(*w_shape)
        self.forward, self.dx, self.dw = kernel("conv1d"), kernel("conv1d_dx"), kernel("conv1d_dw")
        self.dy = self.forward(self.x, self.w, **self.options)
        self.time_dx(case)
        self.time_dw(case)

    def time_forward(self, case):
        self.forward(self.x, self.w, **self.options)

    def time_dx(self, case):
        self.dx(self.dy, self.w, self.x.shape, **self.options)

    def time_dw(self, case):
        self.dw(self.dy, self.x, self.w.shape, **self.options)
