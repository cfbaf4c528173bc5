"""LARS on whole parameters."""

import numpy as np

from nbdl._jit import plain
from nbdl.kernels.lanes.twin import UpdateTwin
from nbdl.kernels.update import lars as _kernel
from nbdl.kernels.update.rates import rates

scale_of, walk = _kernel.scale_of, _kernel.walk


def _factors(lr, step, momentum=0.9, trust=0.001, weight_decay=0.0):
    lr, weight_decay = plain(rates)("lars_update", lr, weight_decay)
    return lr, *plain(_kernel.checked)(momentum, trust), weight_decay


def _leaf(dtype):
    kind, largest = np.dtype(dtype).type, np.finfo(dtype).max

    def leaf(w, dw, v, factors, size):
        rate, beta, trust, decay = factors[0], factors[1], factors[2], factors[3]
        scale = kind(min(scale_of(w, dw, size, trust, decay), largest))
        walk(w, dw, v, size, rate, beta, scale, decay)

    return leaf


lars_update = UpdateTwin(_factors, _leaf)
