"""The updates of `nbdl.kernels.update.update` on slices, where formulas and options are explained."""

import math

import numpy as np

from nbdl.kernels.lanes.twin import UpdateTwin
from nbdl.kernels.simd.registers import LANES, fma, load, splat, sqrt, store
from nbdl.kernels.update import update as _update
from nbdl.kernels.update.update import _moments


def _python(function):
    """The checks of a kernel, without compiling them."""
    return getattr(function, "py_func", function)


_rates, _momentum_option, _adam_options, _corrected = map(
    _python, (_update._rates, _update._momentum_option, _update._adam_options, _update._adam_factors)
)


# --- gradient descent ---------------------------------------------------------------------------------------


def _sgd_factors(lr, step, weight_decay=0.0):
    lr, weight_decay = _rates("sgd_update", lr, weight_decay)
    return lr, 1 - lr * weight_decay


def _sgd(dtype):
    L = LANES[dtype]

    def leaf(w, dw, factors, size):
        rate, keep = factors[0], factors[1]
        for i in range(0, size, L):
            store(w, i, fma(keep, load(w, i), -rate * load(dw, i)))

    return leaf


sgd_update = UpdateTwin(_sgd_factors, _sgd)


def _momentum_factors(lr, step, momentum=0.9, nesterov=False, weight_decay=0.0):
    lr, weight_decay = _rates("momentum_update", lr, weight_decay)
    return lr, _momentum_option(momentum), weight_decay, float(nesterov)


def _momentum(dtype):
    L = LANES[dtype]

    def leaf(w, dw, v, factors, size):
        rate, beta, decay, nesterov = factors[0], factors[1], factors[2], factors[3]
        for i in range(0, size, L):
            g = fma(decay, load(w, i), load(dw, i))
            velocity = fma(beta, load(v, i), g)
            store(v, i, velocity)
            if nesterov > 0:
                velocity = fma(beta, velocity, g)
            store(w, i, fma(-rate, velocity, load(w, i)))

    return leaf


momentum_update = UpdateTwin(_momentum_factors, _momentum)


# --- Adam ---------------------------------------------------------------------------------------------------


def _adam_factors(kernel, lr, step, beta1, beta2, eps, penalty, shrink):
    step, beta1, beta2, eps = _adam_options(kernel, step, beta1, beta2, eps)
    rates = _corrected(lr, step, beta1, beta2)
    return *rates, beta1, 1 - beta1, beta2, 1 - beta2, eps, penalty, shrink


def _adam(dtype):
    L, largest = LANES[dtype], np.finfo(dtype).max
    top, smallest = np.sqrt(largest), np.finfo(dtype).smallest_subnormal

    def leaf(w, dw, m, v, factors, size):
        rate, root, fade, decay, keep = factors[0], factors[1], factors[2], factors[8], factors[9]
        b1, c1, b2, c2 = factors[3], factors[4], factors[5], factors[6]
        limit, epsilon = root * top, max(factors[7], math.sqrt(smallest / c2))
        for i in range(0, size, L):
            g = fma(decay, load(w, i), load(dw, i))
            mean, square = _moments(g, load(m, i), load(v, i), c1, b1, c2, b2, fade, limit, largest)
            store(m, i, mean)
            store(v, i, square)
            store(w, i, fma(keep, load(w, i), -(rate * mean / fma(root, sqrt(square), splat(epsilon)))))

    return leaf


def _l2_factors(lr, step, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    lr, weight_decay = _rates("adam_update", lr, weight_decay)
    return _adam_factors("adam_update", lr, step, beta1, beta2, eps, weight_decay, 1.0)


def _decoupled_factors(lr, step, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    lr, weight_decay = _rates("adamw_update", lr, weight_decay)
    return _adam_factors("adamw_update", lr, step, beta1, beta2, eps, 0.0, 1 - lr * weight_decay)


adam_update = UpdateTwin(_l2_factors, _adam)
adamw_update = UpdateTwin(_decoupled_factors, _adam)
