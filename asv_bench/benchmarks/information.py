import numpy as np

from . import kernel


class Divergence:
    """10,000 distributions of 1000 float64 weights, along either axis: 80 MB a table."""

    params = (
        [
            "entropy",
            "cross_entropy",
            "kl_divergence",
            "jeffreys_divergence",
            "js_distance",
            "hellinger_distance",
        ],
        [0, 1],
    )  # fmt: skip
    param_names = ("name", "axis")

    def setup(self, name, axis):
        self.measure = kernel(name)
        tables = np.random.default_rng(0).random((2, *((1000, 10000) if axis == 0 else (10000, 1000))))
        self.tables = tables[:1] if name == "entropy" else tables
        self.time_normalize(name, axis)

    def time_normalize(self, name, axis):
        self.measure(*self.tables, axis, normalize=True)


class Joint:
    """1000 joint tables of 30 x 30 float64 counts."""

    params = ("mutual_information", "conditional_entropy", "pointwise_mutual_information")
    param_names = ("name",)

    def setup(self, name):
        self.measure = kernel(name)
        self.tables = np.random.default_rng(0).random((1000, 30, 30))
        self.time_normalize(name)

    def time_normalize(self, name):
        self.measure(self.tables, normalize=True)


class InfoNCE:
    """256 pairs of 64 float32 numbers."""

    def setup(self):
        self.loss, self.dx = kernel("info_nce"), kernel("info_nce_dx")
        self.x, self.y = np.random.default_rng(0).standard_normal((2, 256, 64), np.float32)
        self.time_forward()
        self.time_dx()

    def time_forward(self):
        self.loss(self.x, self.y, 0.1)

    def time_dx(self):
        self.dx(1.0, self.x, self.y, 0.1)
