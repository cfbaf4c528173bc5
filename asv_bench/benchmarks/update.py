import numpy as np

from . import kernel, normal

# kernel and number of state arrays
CASES = {"sgd": 0, "momentum": 1, "adam": 2, "adamw": 2}


class Update:
    """2**22 float32 parameters: reads w, dw and the state, writes w and the state.

    MiB: sgd 48, momentum 80, adam and adamw 112.
    """

    params = tuple(CASES)
    param_names = ("optimizer",)

    def setup(self, optimizer):
        self.update = kernel(f"{optimizer}_update")
        self.arrays = [normal(2048, 2048), normal(2048, 2048)]
        self.arrays += [np.zeros((2048, 2048), np.float32) for _ in range(CASES[optimizer])]
        self.options = {"lr": 1e-6} | ({"step": 1} if "adam" in optimizer else {})
        self.time_update(optimizer)

    def time_update(self, optimizer):
        self.update(*self.arrays, **self.options)
