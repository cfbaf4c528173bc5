"""AMSGrad on slices."""

import numpy as np

from nbdl._jit import plain
from nbdl.kernels.lanes.twin import UpdateTwin
from nbdl.kernels.simd.registers import LANES, load, store
from nbdl.kernels.update import amsgrad as _kernel
from nbdl.kernels.update.adam import checked
from nbdl.kernels.update.rates import rates

step_of = _kernel.step_of


def _factors(lr, step, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    lr, weight_decay = plain(rates)("amsgrad_update", lr, weight_decay)
    step, beta1, beta2, eps = plain(checked)("amsgrad_update", step, beta1, beta2, eps)
    return plain(_kernel.factors)(lr, step, beta1, beta2, eps, weight_decay)


def _leaf(dtype):
    L, tiny, largest = LANES[dtype], np.finfo(dtype).tiny, np.finfo(dtype).max

    def leaf(w, dw, m, v, top, factors, size):
        f = (factors[0], factors[1], factors[2], factors[3], factors[4], factors[5], factors[6], factors[7])
        for i in range(0, size, L):
            mi, vi, topi = load(m, i), load(v, i), load(top, i)
            wi, mi, vi, topi = step_of(load(w, i), load(dw, i), mi, vi, topi, f, tiny, largest)
            store(m, i, mi)
            store(v, i, vi)
            store(top, i, topi)
            store(w, i, wi)

    return leaf


amsgrad_update = UpdateTwin(_factors, _leaf)
