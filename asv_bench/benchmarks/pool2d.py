from . import kernel, normal

# x, and the options: window, stride, padding
CASES = {
    "lenet": ((256, 6, 28, 28), {"kernel": 2}),
    "lenet narrow": ((256, 16, 10, 10), {"kernel": 2}),
    "vgg": ((16, 64, 56, 56), {"kernel": 2}),
    "resnet": ((16, 64, 112, 112), {"kernel": 3, "stride": 2, "padding": 1}),
}


class _Pool2d:
    params = tuple(CASES)
    param_names = ("case",)

    def start(self, case, forward, gradient):
        shape, self.options = CASES[case]
        self.x, self.forward, self.gradient = normal(*shape), kernel(forward), kernel(gradient)


class MaxPool2d(_Pool2d):
    """N C P Q KH KW comparisons; reads x, writes y and, for the gradient, the int64 index (float32).

    MB without and with the index:
    lenet 6.0, 8.4; lenet narrow 2.0, 2.9; vgg 16.1, 22.5; resnet 64.2, 89.9.
    """

    def setup(self, case):
        self.start(case, "max_pool2d", "max_pool2d_dx")
        self.argmax = kernel("max_pool2d_argmax")
        self.dy, self.index = self.argmax(self.x, **self.options)
        self.time_forward(case)
        self.time_dx(case)

    def time_forward(self, case):
        self.forward(self.x, **self.options)

    def time_forward_argmax(self, case):
        self.argmax(self.x, **self.options)

    def time_dx(self, case):
        self.gradient(self.dy, self.index, self.x.shape)


class AvgPool2d(_Pool2d):
    """N C P Q KH KW additions forward, as many backward; reads x, writes y (float32).

    MFLOP: lenet 1.2, lenet narrow 0.4, vgg 3.2, resnet 28.9.
    MB: lenet 6.0, lenet narrow 2.0, vgg 16.1, resnet 64.2.
    """

    def setup(self, case):
        self.start(case, "avg_pool2d", "avg_pool2d_dx")
        self.dy = self.forward(self.x, **self.options)
        self.time_dx(case)

    def time_forward(self, case):
        self.forward(self.x, **self.options)

    def time_dx(self, case):
        self.gradient(self.dy, self.x.shape, **self.options)


class LpPool2d(_Pool2d):
    """N C P Q KH KW powers forward, as many backward; reads x, writes y (float32): as `AvgPool2d`."""

    def setup(self, case):
        self.start(case, "lp_pool2d", "lp_pool2d_dx")
        self.y = self.dy = self.forward(self.x, **self.options)
        self.time_dx(case)

    def time_forward(self, case):
        self.forward(self.x, **self.options)

    def time_dx(self, case):
        self.gradient(self.dy, self.x, self.y, **self.options)


class MaxUnpool2d(_Pool2d):
    """Writes zeros and puts N C P Q elements among them; reads x and the int64 index (float32).

    MB: lenet 7.2, lenet narrow 2.5, vgg 19.3, resnet 77.1.
    """

    def setup(self, case):
        self.start(case, "max_unpool2d", "max_unpool2d_dx")
        self.y, self.index = kernel("max_pool2d_argmax")(self.x, **self.options)
        self.time_forward(case)
        self.time_dx(case)

    def time_forward(self, case):
        self.forward(self.y, self.index, self.x.shape[2:])

    def time_dx(self, case):
        self.gradient(self.x, self.index, self.y.shape)


# x, and the size of the result; without one global pooling
ADAPTIVE = {
    "resnet global": ((32, 512, 7, 7), None),
    "inception global": ((32, 192, 28, 28), None),
    "vgg": ((16, 256, 14, 14), 7),
    "ragged": ((16, 64, 56, 56), (5, 9)),
}


class AdaptivePool2d:
    """Reads x and writes y (float32). MB: resnet global 3.2, inception global 19.3, vgg 3.2, ragged 12.8."""

    params = (list(ADAPTIVE), ["avg", "max"])
    param_names = ("case", "pool")

    def setup(self, case, pool):
        shape, size = ADAPTIVE[case]
        name, self.size = f"{'adaptive' if size else 'global'}_{pool}_pool2d", (size,) if size else ()
        self.x, self.forward, self.gradient = normal(*shape), kernel(name), kernel(f"{name}_dx")
        self.needed = ()
        self.dy = self.forward(self.x, *self.size)
        if pool == "max":
            self.needed = (kernel(f"{name}_argmax")(self.x, *self.size)[1],)
        self.time_dx(case, pool)

    def time_forward(self, case, pool):
        self.forward(self.x, *self.size)

    def time_dx(self, case, pool):
        self.gradient(self.dy, *self.needed, self.x.shape)


class Pool1d:
    """Windows of 4, side by side: reads x (32, 64, 1000), writes y and the int64 index (float32)."""

    def setup(self):
        self.x, self.max, self.avg = normal(32, 64, 1000), kernel("max_pool1d_argmax"), kernel("avg_pool1d")
        self.time_max()
        self.time_avg()

    def time_max(self):
        self.max(self.x, 4)

    def time_avg(self):
        self.avg(self.x, 4)
