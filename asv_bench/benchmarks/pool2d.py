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
