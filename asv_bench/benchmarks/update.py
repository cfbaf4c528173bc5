import numpy as np

from . import kernel, normal

# kernel and number of state arrays
CASES = {
    "sgd": 0, "momentum": 1, "adagrad": 1, "rmsprop": 3, "adadelta": 2, "adam": 2, "adamw": 2, "adamax": 2,
    "nadam": 2, "yogi": 2, "amsgrad": 3, "lars": 1, "lamb": 2,
}  # fmt: skip
COUNTED = {"adam", "adamw", "adamax", "nadam", "yogi", "amsgrad", "lamb"}  # those that take `step`


class Update:
    """2**22 float32 parameters: reads w, dw and the state, writes w and the state.

    MiB: 48 without state, and 32 more for each array of it (rmsprop, not centered, uses one of three). Norms
    of whole parameters, of lars and lamb, read w and dw, or w, m and v, once more.
    """

    params = tuple(CASES)
    param_names = ("optimizer",)

    def setup(self, optimizer):
        self.update = kernel(f"{optimizer}_update")
        self.arrays = [normal(2048, 2048), normal(2048, 2048)]
        self.arrays += [np.zeros((2048, 2048), np.float32) for _ in range(CASES[optimizer])]
        self.options = {"lr": 1e-6} | ({"step": 1} if optimizer in COUNTED else {})
        self.time_update(optimizer)

    def time_update(self, optimizer):
        self.update(*self.arrays, **self.options)
