from . import kernel, normal


class Dropout:
    """2**20 float32 numbers: each one random 32-bit word and 8 bytes read and written."""

    params = (0.0, 0.5)
    param_names = ("p",)

    def setup(self, p):
        self.forward, self.gradient = kernel("dropout"), kernel("dropout_dx")
        self.x = normal(256, 4096)
        self.time_forward(p)
        self.time_dx(p)

    def time_forward(self, p):
        self.forward(self.x, p, 0, 0, 0)

    def time_dx(self, p):
        self.gradient(self.x, p, 0, 0, 0)
