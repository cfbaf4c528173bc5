from . import kernel, normal


class Softmax:
    """256 rows (or, along axis 0, columns) of n float32 numbers: an exponential and 8 bytes each."""

    params = (["softmax", "log_softmax"], [10, 1000], [0, -1])
    param_names = ("name", "n", "axis")

    def setup(self, name, n, axis):
        self.forward, self.gradient = kernel(name), kernel(f"{name}_dx")
        self.x = normal(n, 256) if axis == 0 else normal(256, n)
        self.y, self.dy = self.forward(self.x, axis), self.x
        self.time_dx(name, n, axis)

    def time_forward(self, name, n, axis):
        self.forward(self.x, axis)

    def time_dx(self, name, n, axis):
        self.gradient(self.dy, self.y, axis)
