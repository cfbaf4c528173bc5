"""Adagrad on slices."""

import numpy as np

from nbdl._jit import plain
from nbdl.kernels.lanes.twin import UpdateTwin
from nbdl.kernels.simd.registers import LANES, load, store
from nbdl.kernels.update import adagrad as _kernel
from nbdl.kernels.update.rates import rates

step = _kernel.step


def _factors(lr, step, eps=1e-10, eps_root=0.0, weight_decay=0.0):
    lr, weight_decay = plain(rates)("adagrad_update", lr, weight_decay)
    return lr, *plain(_kernel.checked)(eps, eps_root), weight_decay


def _leaf(dtype):
    L, tiny, largest = LANES[dtype], np.finfo(dtype).tiny, np.finfo(dtype).max

    def leaf(w, dw, s, factors, size):
        rate, eps, root, decay = factors[0], factors[1], factors[2], factors[3]
        for i in range(0, size, L):
            after, squares = step(load(w, i), load(dw, i), load(s, i), rate, eps, root, decay, tiny, largest)
            store(s, i, squares)
            store(w, i, after)

    return leaf


adagrad_update = UpdateTwin(_factors, _leaf)
