"""Adam and AdamW on slices."""

import numpy as np

from nbdl._jit import plain
from nbdl.kernels.lanes.twin import UpdateTwin
from nbdl.kernels.simd.registers import LANES, load, store
from nbdl.kernels.update import adam as _kernel
from nbdl.kernels.update.rates import rates

read, adam_step = _kernel.read, _kernel.adam_step


def _factors(kernel, lr, step, beta1, beta2, eps, penalty, shrink):
    step, beta1, beta2, eps = plain(_kernel.checked)(kernel, step, beta1, beta2, eps)
    first = plain(_kernel.corrected)(lr, step, beta1, beta2)
    return *first, beta1, 1 - beta1, beta2, 1 - beta2, penalty, shrink, eps


def _leaf(dtype):
    L, largest = LANES[dtype], np.finfo(dtype).max
    top, smallest = np.sqrt(largest), np.finfo(dtype).smallest_subnormal

    def leaf(w, dw, m, v, factors, size):
        f = read(factors, smallest, top, largest)
        for i in range(0, size, L):
            after, mean, square = adam_step(load(w, i), load(dw, i), load(m, i), load(v, i), f)
            store(m, i, mean)
            store(v, i, square)
            store(w, i, after)

    return leaf


def _l2_factors(lr, step, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    lr, weight_decay = plain(rates)("adam_update", lr, weight_decay)
    return _factors("adam_update", lr, step, beta1, beta2, eps, weight_decay, 1.0)


def _decoupled_factors(lr, step, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    lr, weight_decay = plain(rates)("adamw_update", lr, weight_decay)
    return _factors("adamw_update", lr, step, beta1, beta2, eps, 0.0, 1 - lr * weight_decay)


adam_update = UpdateTwin(_l2_factors, _leaf)
adamw_update = UpdateTwin(_decoupled_factors, _leaf)
