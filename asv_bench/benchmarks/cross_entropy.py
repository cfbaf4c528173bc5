from . import integers, kernel, normal


class SoftmaxCrossEntropy:
    """256 samples, C classes, float32: C exponentials a sample; x is read, and dx written backward.

    kB forward, backward: C = 10 10, 20; C = 1000 1024, 2048; C = 10000 10240, 20480.
    """

    params = (10, 1000, 10_000)
    param_names = ("classes",)

    def setup(self, classes):
        self.forward, self.gradient = kernel("softmax_cross_entropy"), kernel("softmax_cross_entropy_dx")
        self.x, self.labels = normal(256, classes), integers(256, classes)
        self.time_forward(classes)
        self.time_dx(classes)

    def time_forward(self, classes):
        self.forward(self.x, self.labels)

    def time_dx(self, classes):
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
