import numba
import numpy as np

from . import part


@numba.njit
def valley(x):
    return 0.1 * x[0] ** 2 + 2 * x[1] ** 2


class Minimize:
    """10,000 steps on a compiled function of two variables, gradients by differences, the trace kept."""

    params = ("gd", "momentum", "adam")
    param_names = ("method",)

    def setup(self, method):
        self.minimize, self.x0 = part("optim", "minimize"), np.array([-5.0, -2.0])
        self.time_minimize(method)

    def time_minimize(self, method):
        self.minimize(valley, self.x0, method, steps=10_000, lr=0.1)
