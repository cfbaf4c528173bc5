from . import kernel, normal

# x, w (C, O / groups, KH, KW) and the options
CASES = {
    "generator_4": ((64, 256, 4, 4), (256, 128, 4, 4), {"stride": 2, "padding": 1}),
    "generator_16": ((64, 64, 16, 16), (64, 3, 4, 4), {"stride": 2, "padding": 1}),
    "segmentation": ((4, 21, 10, 15), (21, 21, 64, 64), {"stride": 32, "padding": 16}),
    "same_size": ((16, 64, 28, 28), (64, 64, 3, 3), {"padding": 1}),
}


class ConvTranspose2d:
    """2 N C H W (O / groups) KH KW FLOPs forward, as many for dx and as many for dw.

    MFLOP each: generator_4 1073.7, generator_16 100.7, segmentation 2167.6, same_size 924.8.
    """

    params = tuple(CASES)
    param_names = ("case",)

    def setup(self, case):
        x_shape, w_shape, self.options = CASES[case]
        self.x, self.w, self.b = normal(*x_shape), normal(*w_shape), normal(w_shape[1])
        names = ("conv_transpose2d", "conv_transpose2d_dx", "conv_transpose2d_dw")
        self.forward, self.dx, self.dw = (kernel(name) for name in names)
        self.dy = self.forward(self.x, self.w, self.b, **self.options)
        self.time_dx(case)
        self.time_dw(case)

    def time_forward(self, case):
        self.forward(self.x, self.w, self.b, **self.options)

    def time_dx(self, case):
        self.dx(self.dy, self.w, self.x.shape, **self.options)

    def time_dw(self, case):
        self.dw(self.dy, self.x, self.w.shape, **self.options)
