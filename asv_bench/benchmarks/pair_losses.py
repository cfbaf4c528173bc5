from . import kernel, normal


class PairLoss:
    """2**20 float32 numbers and their targets: 8 MiB forward, 12 MiB for dx."""

    params = ("huber", "l1", "binary_cross_entropy_with_logits", "hinge")
    param_names = ("name",)

    def setup(self, name):
        self.forward, self.gradient = kernel(name), kernel(f"{name}_dx")
        self.x, target = normal(256, 4096), normal(4096, 256).reshape(256, 4096)
        self.target = (target > 0).astype("int64") if name == "hinge" else target
        self.time_forward(name)
        self.time_dx(name)

    def time_forward(self, name):
        self.forward(self.x, self.target)

    def time_dx(self, name):
        self.gradient(1.0, self.x, self.target)
