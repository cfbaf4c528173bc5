"""LAMB on whole parameters."""

import numpy as np

from nbdl._jit import plain
from nbdl.kernels.lanes.twin import UpdateTwin
from nbdl.kernels.update import lamb as _kernel
from nbdl.kernels.update.adam import checked, corrected, read
from nbdl.kernels.update.rates import rates

advance, walk = _kernel.advance, _kernel.walk


def _factors(lr, step, beta1=0.9, beta2=0.999, eps=1e-6, weight_decay=0.0):
    lr, weight_decay = plain(rates)("lamb_update", lr, weight_decay)
    step, beta1, beta2, eps = plain(checked)("lamb_update", step, beta1, beta2, eps)
    first = plain(corrected)(1.0, step, beta1, beta2)
    return *first, beta1, 1 - beta1, beta2, 1 - beta2, weight_decay, 1.0, eps, lr


def _leaf(dtype):
    kind, largest = np.dtype(dtype).type, np.finfo(dtype).max
    top, smallest = np.sqrt(largest), np.finfo(dtype).smallest_subnormal

    def leaf(w, dw, m, v, factors, size):
        f = read(factors, smallest, top, largest)
        trust = advance(w, dw, m, v, size, f)
        walk(w, m, v, size, kind(min(factors[10] * trust, np.float64(largest))), f)

    return leaf


lamb_update = UpdateTwin(_factors, _leaf)
