from . import kernel, normal


class Activation:
    """2**20 float32 numbers: 8 MiB read and written forward; 16 MiB backward, for dy, y and dx (twice)."""

    params = ("relu", "sigmoid", "tanh")
    param_names = ("name",)

    def setup(self, name):
        self.forward, self.gradient = kernel(name), kernel(f"{name}_dx")
        self.x = normal(256, 4096)
        self.y, self.dy = self.forward(self.x), self.x
        self.time_dx(name)

    def time_forward(self, name):
        self.forward(self.x)

    def time_dx(self, name):
        self.gradient(self.dy, self.y)
