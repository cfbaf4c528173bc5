import numpy as np

from . import kernel, normal

SIZES = {"words": (128, 32, 10_000, 64), "characters": (128, 256, 64, 32)}  # N, T, V, D


class Embedding:
    """N T rows of D floats, read and written; backward rows of dw are read and written besides.

    kB of y: words 1049, characters 4194.
    """

    params = (list(SIZES),)
    param_names = ("case",)

    def setup(self, case):
        N, T, V, D = SIZES[case]
        self.forward, self.gradient = kernel("embedding"), kernel("embedding_dw")
        self.w, self.dw = normal(V, D), np.zeros((V, D), np.float32)
        self.ids = np.random.default_rng(1).integers(0, V, (N, T))
        self.dy = self.forward(self.ids, self.w)
        self.time_dw(case)

    def time_forward(self, case):
        self.forward(self.ids, self.w)

    def time_dw(self, case):
        self.gradient(self.dy, self.ids, self.dw)


class OneHot:
    """Writes zeros and N T ones (float32): 8.4 MB."""

    params = (["characters"],)
    param_names = ("case",)

    def setup(self, case):
        N, T, V, _ = SIZES[case]
        self.one_hot, self.labels = kernel("one_hot"), np.random.default_rng(1).integers(0, V, (N, T))
        self.time_one_hot(case)

    def time_one_hot(self, case):
        self.one_hot(self.labels, SIZES[case][2], np.float32)
