"""Optimizers: one update of several arrays, by kernels that work in place."""

import numpy as np

from nbdl import kernels


def _groups(arrays, count):
    """Copies of X1, X2, ..., G1, G2, ... and so on, as (X1, G1, ...), (X2, G2, ...)."""
    n = len(arrays) // count
    return list(zip(*([np.array(a) for a in arrays[i : i + n]] for i in range(0, len(arrays), n))))


def momentum(rate, step, *arrays, alpha, beta, norm_coefficient, mode):
    """The gradient counts `beta` times, but not in the first step."""
    found = []
    for x, g, v in _groups(arrays, 3):
        g = (norm_coefficient * x + g) * (beta if step > 0 else 1.0)
        kernels.momentum_update(x, g.astype(x.dtype), v, float(rate), alpha, mode == "nesterov")
        found.append((x, v))
    return tuple(a for column in zip(*found) for a in column)


def adagrad(rate, step, *arrays, decay_factor=0.0, epsilon=0.0, norm_coefficient=0.0):
    """The rate falls with the number of the step."""
    rate, found = float(rate) / (1 + float(step) * decay_factor), []
    for x, g, s in _groups(arrays, 3):
        kernels.adagrad_update(x, (norm_coefficient * x + g).astype(x.dtype), s, rate, epsilon)
        found.append((x, s))
    return tuple(a for column in zip(*found) for a in column)


def adam(
    rate, step, *arrays, alpha=0.9, beta=0.999, epsilon=0.0, norm_coefficient=0.0, norm_coefficient_post=0.0
):
    """Epsilon is added to the root of the average that is not corrected; step 0 corrects nothing."""
    rate, first, second = float(rate), 1 - alpha ** max(int(step), 1), 1 - beta ** max(int(step), 1)
    if step == 0:
        rate *= first / np.sqrt(second)
    found = []
    for x, g, m, v in _groups(arrays, 4):
        options = {"beta1": alpha, "beta2": beta, "eps": epsilon / np.sqrt(second)}
        g = (norm_coefficient * x + g).astype(x.dtype)
        kernels.adam_update(x, g, m, v, rate, max(int(step), 1), **options)
        found.append((np.asarray((1 - norm_coefficient_post) * x, x.dtype), m, v))
    return tuple(a for column in zip(*found) for a in column)


OPERATORS = {"Adagrad": adagrad, "Adam": adam, "Momentum": momentum}
