from . import integers, kernel, normal


class SoftmaxCrossEntropy:
    """N samples, C classes, float32: C exponentials a sample; x is read, and dx written backward.

    kB forward, backward: 256 x 10 10, 20; 256 x 1000 1024, 2048; 256 x 10000 10240, 20480; 4096 x 1000 16384,
    32768.
    """

    params = ([(256, 10), (256, 1000), (256, 10_000), (4096, 1000)],)
    param_names = ("size",)

    def setup(self, size):
        self.forward, self.gradient = kernel("softmax_cross_entropy"), kernel("softmax_cross_entropy_dx")
        self.x, self.labels = normal(*size), integers(*size)
        self.time_forward(size)
        self.time_dx(size)

    def time_forward(self, size):
        self.forward(self.x, self.labels)

    def time_dx(self, size):
        self.gradient(1.0, self.x, self.labels)


class SoftTargets:
    """The same with targets (256, C), which are read besides."""

    params = (10, 1000)
    param_names = ("classes",)

    def setup(self, classes):
        self.forward = kernel("softmax_cross_entropy_soft")
        self.gradient = kernel("softmax_cross_entropy_soft_dx")
        self.x = normal(256, classes)
        self.target = kernel("softmax")(self.x)
        self.time_forward(classes)
        self.time_dx(classes)

    def time_forward(self, classes):
        self.forward(self.x, self.target)

    def time_dx(self, classes):
        self.gradient(1.0, self.x, self.target)
