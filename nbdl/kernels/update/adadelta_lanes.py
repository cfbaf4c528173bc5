"""Adadelta on slices."""

import numpy as np

from nbdl._jit import plain
from nbdl.kernels.lanes.twin import UpdateTwin
from nbdl.kernels.simd.registers import LANES, load, store
from nbdl.kernels.update import adadelta as _kernel
from nbdl.kernels.update.rates import rates

step = _kernel.step


def _factors(lr, step, rho=0.9, eps_root=1e-6, weight_decay=0.0):
    lr, weight_decay = plain(rates)("adadelta_update", lr, weight_decay)
    rho, eps_root = plain(_kernel.checked)(rho, eps_root)
    return lr, rho, 1 - rho, eps_root, weight_decay


def _leaf(dtype):
    L, tiny, largest = LANES[dtype], np.finfo(dtype).tiny, np.finfo(dtype).max

    def leaf(w, dw, s, u, factors, size):
        rate, rho, rest, root, decay = factors[0], factors[1], factors[2], factors[3], factors[4]
        for i in range(0, size, L):
            wi, di, si, ui = load(w, i), load(dw, i), load(s, i), load(u, i)
            wi, si, ui = step(wi, di, si, ui, rate, rho, rest, root, decay, tiny, largest)
            store(s, i, si)
            store(u, i, ui)
            store(w, i, wi)

    return leaf


adadelta_update = UpdateTwin(_factors, _leaf)
