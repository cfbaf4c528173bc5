from . import kernel, normal


class MSE:
    """2**20 float32 numbers and their targets: 3 FLOPs each; 8 MiB forward, 12 MiB for dx."""

    def setup(self):
        self.forward, self.gradient = kernel("mse"), kernel("mse_dx")
        self.x, self.target = normal(256, 4096), normal(4096, 256).reshape(256, 4096) + 1
        self.time_forward()
        self.time_dx()

    def time_forward(self):
        self.forward(self.x, self.target)

    def time_dx(self):
        self.gradient(1.0, self.x, self.target)
