"""RMSProp on slices."""

import numpy as np

from nbdl._jit import plain
from nbdl.kernels.lanes.twin import UpdateTwin
from nbdl.kernels.simd.registers import LANES, fma, larger, load, store
from nbdl.kernels.update import rmsprop as _kernel
from nbdl.kernels.update.rates import rates

mean_of_squares, scaled = _kernel.mean_of_squares, _kernel.scaled


def _factors(lr, step, alpha=0.99, eps=1e-8, eps_root=0.0, centered=False, momentum=0.0, weight_decay=0.0):
    lr, weight_decay = plain(rates)("rmsprop_update", lr, weight_decay)
    alpha, eps, eps_root, momentum = plain(_kernel.checked)(alpha, eps, eps_root, momentum)
    return lr, alpha, 1 - alpha, eps, eps_root, momentum, weight_decay, float(bool(centered))


def _leaf(dtype):
    L, zero, tiny, largest = LANES[dtype], np.dtype(dtype).type(0), np.finfo(dtype).tiny, np.finfo(dtype).max

    def leaf(w, dw, s, m, v, factors, size):
        rate, alpha, rest, eps, root = factors[0], factors[1], factors[2], factors[3], factors[4]
        momentum, decay, centered = factors[5], factors[6], factors[7] > 0
        for i in range(0, size, L):
            g = fma(decay, load(w, i), load(dw, i))
            square = mean_of_squares(g, load(s, i), alpha, rest, largest)
            store(s, i, square)
            if centered:
                mean = fma(rest, g, alpha * load(m, i))
                store(m, i, mean)
                square = larger(zero, fma(-mean, mean, square))
            velocity = scaled(g, square, eps, root, tiny)
            if momentum > 0:
                velocity = fma(momentum, load(v, i), velocity)
                store(v, i, velocity)
            store(w, i, fma(-rate, velocity, load(w, i)))

    return leaf


rmsprop_update = UpdateTwin(_factors, _leaf)
