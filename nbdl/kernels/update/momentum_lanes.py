"""Gradient descent with momentum on slices."""

from nbdl._jit import plain
from nbdl.kernels.lanes.twin import UpdateTwin
from nbdl.kernels.simd.registers import LANES, load, store
from nbdl.kernels.update import momentum as _kernel
from nbdl.kernels.update.rates import rates

step = _kernel.step


def _factors(lr, step, momentum=0.9, nesterov=False, weight_decay=0.0):
    lr, weight_decay = plain(rates)("momentum_update", lr, weight_decay)
    return lr, plain(_kernel.checked)(momentum), weight_decay, float(nesterov)


def _leaf(dtype):
    L = LANES[dtype]

    def leaf(w, dw, v, factors, size):
        rate, beta, decay, nesterov = factors[0], factors[1], factors[2], factors[3] > 0
        for i in range(0, size, L):
            after, velocity = step(load(w, i), load(dw, i), load(v, i), rate, beta, decay, nesterov)
            store(v, i, velocity)
            store(w, i, after)

    return leaf


momentum_update = UpdateTwin(_factors, _leaf)
