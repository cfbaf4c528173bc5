"""Gradient descent on slices."""

from nbdl._jit import plain
from nbdl.kernels.lanes.twin import UpdateTwin
from nbdl.kernels.simd.registers import LANES, load, store
from nbdl.kernels.update import sgd
from nbdl.kernels.update.rates import rates

step = sgd.step


def _factors(lr, step, weight_decay=0.0):
    return plain(sgd.factors)(*plain(rates)("sgd_update", lr, weight_decay))


def _leaf(dtype):
    L = LANES[dtype]

    def leaf(w, dw, factors, size):
        rate, keep = factors[0], factors[1]
        for i in range(0, size, L):
            store(w, i, step(load(w, i), load(dw, i), rate, keep))

    return leaf


sgd_update = UpdateTwin(_factors, _leaf)
